//! Wrong keys by address: whoever tries many is kept waiting, so that guessing does not become work for the database.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::error::Error;
use crate::clock::{Clock, Millis};

const MINUTE: Duration = Duration::from_mins(1);
/// A person who pastes the wrong key, or a program that tries again, stays far below.
const A_MINUTE: u32 = 30;
/// Addresses that are remembered at once.
const MOST_ADDRESSES: usize = 4096;

/// Keys that were valid a moment ago are not asked about here, so that a guesser behind the same address does not keep
/// those out who use theirs. Programs of this machine are not counted: a proxy on it makes everybody one of them.
pub(super) struct Guesses {
    clock: Arc<dyn Clock>,
    wrong: Mutex<HashMap<IpAddr, (Millis, u32)>>,
}

impl Guesses {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            wrong: Mutex::default(),
        }
    }

    /// Refuses when too many keys from `peer` were wrong in this minute.
    pub(super) fn check(&self, peer: Option<IpAddr>) -> Result<(), Error> {
        let Some(address) = peer.and_then(counted) else {
            return Ok(());
        };
        let Some((since, count)) = self.wrong().get(&address).copied() else {
            return Ok(());
        };
        let passed = self.clock.now().since(since);
        if count < A_MINUTE || passed >= MINUTE {
            return Ok(());
        }
        let message = "too many wrong keys came from this address; wait a minute, then check the key";
        Err(Error {
            retry_after: Some(MINUTE.saturating_sub(passed)),
            ..Error::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_keys", message)
        })
    }

    /// A key from `peer` was wrong.
    pub(super) fn note(&self, peer: Option<IpAddr>) {
        let Some(address) = peer.and_then(counted) else {
            return;
        };
        let now = self.clock.now();
        let mut wrong = self.wrong();
        if wrong.len() >= MOST_ADDRESSES && !wrong.contains_key(&address) {
            wrong.retain(|_, (since, _)| now.since(*since) < MINUTE);
            if wrong.len() >= MOST_ADDRESSES {
                wrong.clear();
            }
        }
        let entry = wrong.entry(address).or_insert((now, 0));
        if now.since(entry.0) >= MINUTE {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    fn wrong(&self) -> MutexGuard<'_, HashMap<IpAddr, (Millis, u32)>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address by which somebody is counted. Whoever has one IPv6 address has all of its network.
fn counted(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Some(Ipv6Addr::from_bits(network).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Fixed;

    #[test]
    fn whoever_guesses_is_kept_waiting_for_a_minute() {
        let clock = Fixed::at(Millis(1_795_169_100_000));
        let guesses = Guesses::new(Arc::new(clock.clone()));
        let peer = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let check = |text: &str, expect: Option<u64>| {
            let refused = guesses.check(peer(text)).err();
            let wait = refused.and_then(|error| error.retry_after).map(|wait| wait.as_secs());
            assert_eq!(wait, expect, "{text}");
        };
        for _ in 0..A_MINUTE - 1 {
            guesses.note(peer("192.0.2.1"));
            guesses.note(peer("2001:db8::1"));
        }
        check("192.0.2.1", None);
        clock.advance(Duration::from_secs(10));
        for address in ["::ffff:192.0.2.1", "2001:db8::2"] {
            guesses.note(peer(address));
        }
        check("192.0.2.1", Some(50));
        check("2001:db8::3", Some(50));
        check("2001:db8:0:1::3", None);
        check("192.0.2.2", None);
        for _ in 0..2 * A_MINUTE {
            guesses.note(peer("127.0.0.1"));
            guesses.note(None);
        }
        check("127.0.0.1", None);
        clock.advance(Duration::from_secs(50));
        check("192.0.2.1", None);
        guesses.note(peer("192.0.2.1"));
        check("192.0.2.1", None);
    }

    #[test]
    fn many_addresses_fill_no_memory() {
        let guesses = Guesses::new(Arc::new(Fixed::at(Millis(1))));
        for number in 0..3 * u32::try_from(MOST_ADDRESSES).unwrap() {
            guesses.note(Some(IpAddr::from((0x0a00_0000 + number).to_be_bytes())));
        }
        assert!(guesses.wrong().len() <= MOST_ADDRESSES);
    }
}
