//! Lines for people. A closed pipe (`jarvis audit | head`) is no error.

use std::io::Write;

use jarvis_memory::shared::Standing;

const WITHOUT_REDIS: &str =
    "each replica goes by what it knows itself until it does. Start it there, or correct [redis]";

pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// What a person should read beside the result of a command.
pub(crate) fn note(text: &str) {
    error(text);
}

pub(crate) fn error(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// `Docker   Engine 20.10.24, 3 containers`.
pub(crate) fn found(what: &str, ok: bool, says: &str) {
    let mark = if ok { "found  " } else { "missing" };
    line(&format!("  {what:<10} {mark}  {says}"));
}

/// `2026-11-20 10:05:00` in UTC.
pub(crate) fn when(at: jarvis_gateway::clock::Millis) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Logs go to the error stream, so that what commands print stays clean.
pub(crate) fn start_log(log: &crate::config::Log, filter: Option<&str>) {
    use crate::config::LogFormat;
    // The client of MCP logs what strangers' servers say, without a bound.
    let filter = filter.or(log.filter.as_deref()).unwrap_or("info,rmcp=off");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    // A subscriber that is set already (a second server in a test) stays.
    match log.format {
        LogFormat::Text => drop(
            builder
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .try_init(),
        ),
        LogFormat::Json => drop(builder.json().try_init()),
    }
}

/// How it is with Redis, and what to do about it.
pub(crate) fn of_redis(place: &str, standing: Standing) -> Result<String, String> {
    match standing {
        Standing::Here => Ok(format!("{place}: answers, and replicas share by it")),
        Standing::Unknown => Err(format!("{place}: does not answer; {WITHOUT_REDIS}")),
        Standing::Away(says) => Err(format!("{place}: {says}; {WITHOUT_REDIS}")),
    }
}
