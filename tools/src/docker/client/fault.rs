//! What went wrong between here and the engine, as a sentence with a next step.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error as Fault;

use crate::Error;
use crate::docker::config::Host;
use crate::outside_text::{clean_line, mask};
use crate::words;

/// How much of an engine's own message is passed on.
const MESSAGE_LIMIT: usize = 400;

/// Text of the engine, fit to be shown.
pub(super) fn outside(text: &str) -> String {
    let one_line = text.replace('\n', " ");
    mask(&clean_line(&one_line, MESSAGE_LIMIT))
}

pub(super) fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::unavailable(message).with_hint(hint)
}

pub(super) fn too_slow(host: &Host, what: &str, limit: Duration) -> Error {
    unavailable(
        format!("Docker at {host} did not answer within {}: {what}", words::span(limit)),
        "the engine hangs or the machine is overloaded; look at `docker info` and the engine's log on the server",
    )
}

pub(super) fn not_docker(host: &Host, why: &str) -> Error {
    unavailable(
        format!("what answers at {host} does not speak Docker's protocol: {why}"),
        "set tools.docker.host to the socket or address of a Docker engine",
    )
}

/// Whether the engine has certainly not begun to act: it said no, or it was never reached.
pub(super) fn is_settled(fault: &Fault) -> bool {
    match fault {
        Fault::DockerResponseServerError { .. } | Fault::SocketNotFoundError(_) => true,
        other => matches!(
            io_kind(other),
            Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound)
        ),
    }
}

/// `what` says what was tried: `list the containers`.
pub(super) fn explain(host: &Host, what: &str, fault: Fault) -> Error {
    match fault {
        Fault::DockerResponseServerError { status_code, message } => refused(host, what, status_code, &message),
        Fault::SocketNotFoundError(_) => away(host, io::ErrorKind::NotFound),
        Fault::RequestTimeoutError => too_slow(host, what, Duration::from_mins(10)),
        Fault::JsonDataError { message, .. } => not_docker(host, &format!("{what}: {}", outside(&message))),
        Fault::JsonSerdeError { err } => not_docker(host, &format!("{what}: {}", outside(&err.to_string()))),
        Fault::DockerStreamError { error } => {
            unavailable(format!("{what}: {}", outside(&error)), "try again in a moment")
        }
        other => match io_kind(&other) {
            Some(kind) => away(host, kind),
            None if is_parse(&other) => not_docker(host, &format!("{what}: it is not HTTP")),
            None => unavailable(
                format!("the connection to Docker at {host} broke: {what}"),
                "try again; when it stays, look at the engine's log on the server",
            ),
        },
    }
}

fn refused(host: &Host, what: &str, status: u16, message: &str) -> Error {
    let message = outside(message);
    if message.starts_with('<') {
        return not_docker(host, &format!("{what}: status {status} with a web page"));
    }
    match status {
        400 if message.contains("client version") => unavailable(
            format!("Docker at {host} refuses this version of its API: {message}"),
            "update whichever of Docker and Jarvis is older",
        ),
        401 | 403 => unavailable(
            format!("what guards Docker at {host} does not allow this: {what} (status {status})"),
            "a socket proxy in front of Docker must allow reading containers, and start, stop and restart for acts",
        ),
        404 => Error::refused(format!("{what}: {message}")).with_hint("it may just have been removed; list again"),
        500..=599 if message.is_empty() => unavailable(
            format!("Docker failed with status {status}: {what}"),
            "look at the engine's log",
        ),
        _ => Error::refused(format!("{what}: Docker says: {message}")),
    }
}

fn away(host: &Host, kind: io::ErrorKind) -> Error {
    match kind {
        io::ErrorKind::NotFound => unavailable(
            format!("there is no Docker socket at {host}"),
            "install or start Docker (`systemctl start docker`), or set tools.docker.host (DOCKER_HOST)",
        ),
        io::ErrorKind::ConnectionRefused => unavailable(
            format!("nothing answers at {host}: the Docker engine is not running"),
            "start it: `systemctl start docker`",
        ),
        io::ErrorKind::PermissionDenied => unavailable(
            format!("Jarvis may not use the Docker socket {host}: permission denied"),
            "add the user that runs Jarvis to the group `docker` and start Jarvis again, or point tools.docker.host \
             at a socket proxy",
        ),
        other => unavailable(
            format!("Docker at {host} cannot be reached: {other}"),
            "check tools.docker.host and that the engine runs",
        ),
    }
}

/// The input/output error at the bottom of a fault, when there is one.
fn io_kind(fault: &Fault) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = match fault {
        // bollard hands this one through, so that its source is the one below it.
        Fault::IOError { err } => Some(err),
        other => Some(other),
    };
    let mut deepest = None;
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            deepest = Some(io.kind());
        }
        cause = error.source();
    }
    // A closed connection is reported as an unexpected end, which says nothing about reaching the engine.
    deepest.filter(|kind| {
        !matches!(
            kind,
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::Other
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
        )
    })
}

fn is_parse(fault: &Fault) -> bool {
    let mut cause = fault.source();
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        cause = error.source();
    }
    matches!(fault, Fault::HyperResponseError { err } if err.is_parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_fault(kind: io::ErrorKind) -> Fault {
        Fault::IOError { err: kind.into() }
    }

    fn server(status_code: u16, message: &str) -> Fault {
        Fault::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        }
    }

    #[test]
    fn every_fault_is_a_sentence_with_a_next_step() {
        let host = Host::default();
        let check = |fault: Fault, is_refused: bool, part: &str| {
            let error = explain(&host, "list the containers", fault);
            assert_eq!(matches!(error, Error::Refused { .. }), is_refused, "{error:?}");
            assert!(error.to_string().contains(part), "{error}");
        };
        check(
            io_fault(io::ErrorKind::PermissionDenied),
            false,
            "may not use the Docker socket",
        );
        check(io_fault(io::ErrorKind::ConnectionRefused), false, "is not running");
        check(io_fault(io::ErrorKind::NotFound), false, "no Docker socket");
        check(io_fault(io::ErrorKind::ConnectionReset), false, "broke");
        check(server(403, ""), false, "does not allow this");
        check(
            server(502, "<html>Bad gateway</html>"),
            false,
            "does not speak Docker's protocol",
        );
        check(
            server(
                400,
                "client version 1.53 is too new. Maximum supported API version is 1.41",
            ),
            false,
            "refuses this version",
        );
        check(server(404, "No such container: x"), true, "No such container");
        check(
            server(500, "port is already allocated"),
            true,
            "port is already allocated",
        );
        check(server(500, "token=abc \u{1b}[31m"), true, "token=[masked]");
        check(server(500, ""), false, "status 500");
    }

    #[test]
    fn an_act_is_settled_when_the_engine_said_no_or_was_never_reached() {
        let check = |fault: Fault, expect: bool| assert_eq!(is_settled(&fault), expect, "{fault:?}");
        check(server(500, "no"), true);
        check(Fault::SocketNotFoundError("/x".into()), true);
        check(io_fault(io::ErrorKind::ConnectionRefused), true);
        check(io_fault(io::ErrorKind::ConnectionReset), false);
        check(Fault::RequestTimeoutError, false);
    }
}
