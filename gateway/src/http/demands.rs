//! What the headers of a request allow and demand, read in the same way for every endpoint.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::error::Error;
use super::traced::TRACEPARENT;
use crate::demands::{Cold, Demands, Endpoint, Hops, Origin, Surface};
use crate::progress::Progress;
use crate::trace;

const LONGEST_CONVERSATION: usize = 200;
const LONGEST_ID: usize = 200;
/// Nobody waits for longer; targets have limits of their own too.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);

const CONVERSATION: HeaderName = HeaderName::from_static("x-jarvis-conversation");
const SURFACE: HeaderName = HeaderName::from_static("x-jarvis-surface");
const TIMEOUT: HeaderName = HeaderName::from_static("x-jarvis-timeout");
const LOCAL_ONLY: HeaderName = HeaderName::from_static("x-jarvis-local-only");
const CONTINUE: HeaderName = HeaderName::from_static("x-jarvis-continue");
const PROGRESS: HeaderName = HeaderName::from_static("x-jarvis-progress");
const HOPS: HeaderName = HeaderName::from_static("x-jarvis-hops");
const COLD: HeaderName = HeaderName::from_static("x-jarvis-cold");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request to `model` came in, and what it demands. A header that cannot be understood is refused by name,
/// because whoever sent it relies on it.
pub(super) fn read(headers: &HeaderMap, endpoint: Endpoint, model: &str) -> Result<(Origin, Demands), Error> {
    let surface = match text(headers, &SURFACE)? {
        None | Some("api") => Surface::Api,
        Some("chat" | "console" | "terminal") => Surface::Chat,
        Some("voice") => Surface::Voice,
        Some(_) => return Err(wrong(&SURFACE, "is `api`, `chat` or `voice`")),
    };
    let cold = match text(headers, &COLD)? {
        None => None,
        Some("skip_and_warm") => Some(Cold::SkipAndWarm),
        Some("race") => Some(Cold::Race),
        Some("wait") => Some(Cold::Wait),
        Some(_) => return Err(wrong(&COLD, "is `skip_and_warm`, `race` or `wait`")),
    };
    let origin = Origin {
        id: request_id(headers).to_str().unwrap_or_default().to_owned(),
        endpoint,
        surface,
        model: model.to_owned(),
        conversation: conversation(headers)?,
        arrived: Some(Instant::now()),
        bound: None,
        trace: headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(trace::Context::parse),
        hops: hops(headers)?,
    };
    let progress = match text(headers, &PROGRESS)? {
        None | Some("0" | "false") => None,
        Some("1" | "true") => Some(Progress::new(false)),
        Some("thinking") => Some(Progress::new(true)),
        Some(_) => return Err(wrong(&PROGRESS, "is `1`, `thinking` or `0`")),
    };
    let demands = Demands {
        progress,
        local_only: switch(headers, &LOCAL_ONLY)?.unwrap_or(false),
        cold,
        goes_on: switch(headers, &CONTINUE)?,
        deadline: timeout(headers)?,
        shortens: None,
    };
    Ok((origin, demands))
}

/// The conversation that the caller named, for models that keep history.
pub(super) fn conversation(headers: &HeaderMap) -> Result<Option<String>, Error> {
    match text(headers, &CONVERSATION)? {
        Some(name) if name.is_empty() || name.len() > LONGEST_CONVERSATION => Err(wrong(
            &CONVERSATION,
            &format!("is 1 to {LONGEST_CONVERSATION} ASCII characters"),
        )),
        name => Ok(name.map(str::to_owned)),
    }
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(text) = text(headers, &TIMEOUT)? else {
        return Ok(None);
    };
    let seconds: Option<f64> = text.parse().ok();
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let time = time.filter(|time| !time.is_zero() && *time <= LONGEST_TIMEOUT);
    let longest = LONGEST_TIMEOUT.as_secs();
    time.map(Some)
        .ok_or_else(|| wrong(&TIMEOUT, &format!("is a number of seconds up to {longest}")))
}

/// How many Jarvises it came through. Each of them adds one, so that two which name each other come to an end.
fn hops(headers: &HeaderMap) -> Result<Hops, Error> {
    let Some(text) = text(headers, &HOPS)? else {
        return Ok(Hops::NONE);
    };
    let count = text.parse().map_err(|_| wrong(&HOPS, "is a number"))?;
    Hops::new(count).ok_or_else(|| {
        let message = format!(
            "this request came through {count} Jarvises, so that they ask one another in a circle; a `base_url` of one of \
             them names another that asks it again"
        );
        Error {
            exhausted: true,
            ..Error::new(StatusCode::LOOP_DETECTED, "loop_detected", message)
        }
    })
}

/// The caller's own name for the request, or a new one. The door puts it into the request and onto the answer.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|given| {
        let is_plain = given.to_str().is_ok_and(|id| !id.trim().is_empty());
        is_plain && given.len() <= LONGEST_ID
    });
    let made = || {
        let mut text = uuid::Uuid::encode_buffer();
        let text = uuid::Uuid::now_v7().hyphenated().encode_lower(&mut text);
        // A UUID is ASCII.
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unnamed"))
    };
    given.cloned().unwrap_or_else(made)
}

fn switch(headers: &HeaderMap, name: &HeaderName) -> Result<Option<bool>, Error> {
    match text(headers, name)? {
        None => Ok(None),
        Some("0" | "false") => Ok(Some(false)),
        Some("1" | "true") => Ok(Some(true)),
        Some(_) => Err(wrong(name, "is `1` or `0`")),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| wrong(name, "is ASCII text"))?;
    Ok(Some(text.trim()))
}

fn wrong(name: &HeaderName, what: &str) -> Error {
    Error::invalid(Some(name.as_str()), "invalid_request", format!("{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(given: &[(&'static str, &str)]) -> Result<(Surface, Demands, Option<String>), String> {
        let named = given.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let (origin, demands) = read(&named.collect(), Endpoint::Chat, "m").map_err(|error| error.message)?;
        assert_eq!((origin.model.as_str(), origin.endpoint), ("m", Endpoint::Chat));
        assert!(origin.arrived.is_some() && !origin.id.is_empty());
        Ok((origin.surface, demands, origin.conversation))
    }

    #[test]
    fn headers_are_demands() {
        let check = |given: &[(&'static str, &str)], surface, demands: Demands, conversation: Option<&str>| {
            let expect = Ok((surface, demands, conversation.map(str::to_owned)));
            assert_eq!(asked(given), expect, "given {given:?}");
        };
        check(&[], Surface::Api, Demands::default(), None);
        let demands = Demands {
            local_only: true,
            cold: Some(Cold::Race),
            goes_on: Some(true),
            progress: Some(Progress::new(true)),
            deadline: Some(Duration::from_millis(2_500)),
            ..Demands::default()
        };
        let given = [
            ("x-jarvis-surface", "voice"),
            ("x-jarvis-local-only", "1"),
            ("x-jarvis-cold", "race"),
            ("x-jarvis-continue", "1"),
            ("x-jarvis-progress", "thinking"),
            ("x-jarvis-timeout", " 2.5 "),
            ("x-jarvis-conversation", "kitchen"),
        ];
        check(&given, Surface::Voice, demands, Some("kitchen"));
        check(&[("x-jarvis-local-only", "0")], Surface::Api, Demands::default(), None);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let check = |name, value: &str, expect: &str| {
            assert_eq!(
                asked(&[(name, value)]),
                Err(format!("{name} {expect}")),
                "given {value}"
            );
        };
        check("x-jarvis-surface", "tv", "is `api`, `chat` or `voice`");
        check("x-jarvis-cold", "", "is `skip_and_warm`, `race` or `wait`");
        check("x-jarvis-local-only", "yes", "is `1` or `0`");
        check("x-jarvis-continue", "yes", "is `1` or `0`");
        check("x-jarvis-progress", "yes", "is `1`, `thinking` or `0`");
        let seconds = "is a number of seconds up to 900";
        for value in ["0", "-1", "901", "soon", "NaN", "inf", "1e99"] {
            check("x-jarvis-timeout", value, seconds);
        }
        check("x-jarvis-hops", "many", "is a number");
        check("x-jarvis-hops", "256", "is a number");
        check("x-jarvis-conversation", "", "is 1 to 200 ASCII characters");
        check("x-jarvis-conversation", "é", "is ASCII text");
    }

    #[test]
    fn a_request_keeps_the_name_that_its_caller_gave_it() {
        let headers: HeaderMap = [(REQUEST_ID, HeaderValue::from_static("abc"))].into_iter().collect();
        assert_eq!(read(&headers, Endpoint::Chat, "m").unwrap().0.id, "abc");
        let long = HeaderValue::try_from("a".repeat(LONGEST_ID + 1)).unwrap();
        for unfit in [HeaderValue::from_static(" "), long] {
            let headers: HeaderMap = [(REQUEST_ID, unfit)].into_iter().collect();
            assert_eq!(request_id(&headers).len(), 36);
        }
    }
}
