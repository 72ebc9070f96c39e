use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use tower::BoxError;

use super::connect::TooSlow;
use super::http1::Failure;
use crate::provider::{Class, Error};

/// What a server came to that no connection could be made to.
pub(super) fn of_connecting(error: &BoxError, connect_timeout: Duration) -> Error {
    Error::new(Class::HostDown, connect_reason(&**error, connect_timeout))
}

/// What a request that got no answer came to.
pub(super) fn of_request(failure: Failure) -> Error {
    match failure {
        Failure::Garbled => Error::new(Class::Decode, "the server does not speak HTTP"),
        Failure::Closed | Failure::Broken => {
            Error::new(Class::Transport, "the connection broke before the answer began")
        }
    }
}

/// What an answer that broke off in its body came to; `began` says whether any of the body came.
pub(super) fn of_body(began: bool) -> Error {
    if began {
        Error::new(Class::Truncated, "the connection broke in the middle of the answer")
    } else {
        Error::new(Class::Transport, "the connection broke before the answer began")
    }
}

/// `200 ms`, `2 s`.
pub(super) fn spoken(time: Duration) -> String {
    match time.as_millis() {
        millis if millis.is_multiple_of(1000) => format!("{} s", time.as_secs()),
        millis => format!("{millis} ms"),
    }
}

fn connect_reason(error: &(dyn StdError + 'static), connect_timeout: Duration) -> String {
    for cause in causes(error) {
        let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        if cause.is::<TooSlow>() || cause.downcast_ref().is_some_and(timed_out) {
            return format!("no connection within {}", spoken(connect_timeout));
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return format!("TLS failed: {tls}");
        }
        // The connector's own error type is private; its text is all there is to tell it by.
        if cause.to_string() == "dns error" {
            return "no such host".into();
        }
        if let Some(reason) = cause.downcast_ref::<io::Error>().and_then(io_reason) {
            return reason.into();
        }
    }
    "no connection".into()
}

fn io_reason(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::HostUnreachable => Some("host unreachable"),
        io::ErrorKind::NetworkUnreachable => Some("network unreachable"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => {
            Some("the server closed the connection at once")
        }
        _ => None,
    }
}

/// `error` and everything under it. `io::Error::source` skips what it wraps, so that is unwrapped here.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => {
                let wrapped: &'a (dyn StdError + 'static) = wrapped;
                Some(wrapped)
            }
            None => error.source(),
        }
    })
}
