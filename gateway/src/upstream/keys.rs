//! The keys of one server: which one a request is sent with, and which ones the server does not take for now.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::client::SetupError;

/// How long a key rests that is wrong, or whose account has no money.
const REFUSED_FOR: Duration = Duration::from_mins(30);
/// How long one rests that was used too much, when the server does not say, and at most.
const LIMITED_FOR: Duration = Duration::from_secs(30);
const LIMITED_AT_LEAST: Duration = Duration::from_secs(1);
const LIMITED_AT_MOST: Duration = Duration::from_hours(1);

/// Mostly one, or none. They are never shown.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    /// Until when each one rests.
    resting: Mutex<Vec<Option<Instant>>>,
}

struct Key {
    secret: SecretString,
    /// The line of a request's head.
    field: Bytes,
}

impl Keys {
    /// In the order in which they are used.
    pub(super) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, SetupError> {
        let keys = secrets.into_iter().map(|secret| {
            let bearer = format!("Bearer {}", secret.expose_secret().trim());
            let bearer = http::HeaderValue::try_from(bearer).map_err(|_| SetupError::Credential)?;
            let field = [b"authorization: ", bearer.as_bytes(), b"\r\n"].concat().into();
            Ok(Key { secret, field })
        });
        let keys: Vec<Key> = keys.collect::<Result<_, SetupError>>()?;
        Ok(Self {
            resting: Mutex::new(vec![None; keys.len()]),
            keys,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// The line of the head for the key in this place.
    pub(super) fn field(&self, at: usize) -> &[u8] {
        self.keys.get(at).map_or(&[], |key| &key.field)
    }

    /// Where to begin: the first key that does not rest, else the one that has rested soonest.
    pub(super) fn first(&self) -> usize {
        if self.keys.len() < 2 {
            return 0;
        }
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let until = |at: &usize| resting.get(*at).copied().flatten().filter(|until| *until > now);
        (0..self.keys.len()).min_by_key(until).unwrap_or(0)
    }

    /// Has the key rest when the answer is about it, and tells which one to use instead, if any is left.
    pub(super) fn next(&self, at: usize, status: StatusCode, retry_after: Option<Duration>) -> Option<usize> {
        let rests = match status.as_u16() {
            401..=403 => REFUSED_FOR,
            429 => retry_after
                .unwrap_or(LIMITED_FOR)
                .clamp(LIMITED_AT_LEAST, LIMITED_AT_MOST),
            _ => return None,
        };
        if self.keys.len() < 2 {
            return None;
        }
        let now = Instant::now();
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = resting.get_mut(at) {
            *until = Some(now + rests);
        }
        let next = resting.iter().position(|until| until.is_none_or(|until| until <= now));
        tracing::warn!(
            key.number = at + 1,
            key.count = self.keys.len(),
            http.status = status.as_u16(),
            "a key of a model server is refused; {}",
            if next.is_some() {
                "another one is used"
            } else {
                "all of them rest"
            }
        );
        next
    }

    /// The text without any of them.
    pub(super) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for key in &self.keys {
            let secret = key.secret.expose_secret().trim();
            if !secret.is_empty() && text.contains(secret) {
                text = text.replace(secret, "[redacted]").into();
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::new(secrets.iter().map(|secret| SecretString::from(*secret))).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_refused_rests_while_others_are_used() {
        let (wrong, busy, down) = (
            StatusCode::UNAUTHORIZED,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
        );
        let keys = keys(&["a", "b", "c"]);
        assert_eq!(keys.first(), 0);
        assert_eq!(keys.next(0, down, None), None);
        assert_eq!(keys.first(), 0);
        assert_eq!(keys.next(0, wrong, None), Some(1));
        assert_eq!(keys.first(), 1);
        assert_eq!(keys.next(1, busy, Some(Duration::from_secs(5))), Some(2));
        assert_eq!(keys.next(2, busy, None), None);
        // All rest: the one that comes back soonest.
        assert_eq!(keys.first(), 1);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(keys.first(), 1);
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(keys.first(), 0);
    }

    #[test]
    fn one_key_never_rests_and_none_is_fine() {
        for keys in [keys(&["a"]), keys(&[])] {
            assert_eq!(keys.next(0, StatusCode::UNAUTHORIZED, None), None);
            assert_eq!(keys.first(), 0);
        }
    }

    #[test]
    fn no_key_is_told() {
        let keys = keys(&["sk-1", "sk-2"]);
        assert_eq!(keys.redact("sk-1 and sk-2"), "[redacted] and [redacted]");
        assert_eq!(keys.field(1), b"authorization: Bearer sk-2\r\n");
    }
}
