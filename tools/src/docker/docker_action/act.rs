//! Acts, reads the state back until it is what was asked or time is up, and tells the truth about it.

use std::time::Duration;

use jarvis_gateway::clock::Clock;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::tool::{Action, Subject};
use crate::docker::client::{Details, HealthStatus, LogQuery, Source, State, Unsettled};
use crate::docker::state_words::{exit_words, state_words};
use crate::outside_text::fenced;
use crate::words::span;
use crate::{Error, Output};

/// How long a started container is watched: most that cannot start end within the first second.
pub(super) const WATCHED: Duration = Duration::from_secs(3);
/// When nothing has held for [`WATCHED`] by then, nothing will.
const WATCHED_IN_ALL: Duration = Duration::from_secs(15);
/// How long a state that was asked for may take to show after the engine said yes.
const SETTLES: Duration = Duration::from_secs(6);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const LAST_LINES: u32 = 12;

/// How the container was found after the act.
enum Seen {
    /// It is what was asked.
    AsAsked(Details),
    /// It ended again, or its policy is restarting it.
    EndedAgain(Details),
    /// Time is up, and it is still something else.
    Otherwise(Details),
}

pub(super) async fn run(subject: &Subject, clock: &dyn Clock) -> Result<Output, Error> {
    if let Some(words) = already(subject) {
        let summary = format!("**{}** {words}; nothing was done.", subject.found.name());
        return Ok(output(subject, summary, &subject.before, false));
    }
    let (engine, id) = (&subject.engine, &subject.found.id);
    let answered = match subject.action {
        Action::Start => engine.start(id).await,
        Action::Stop => engine.stop(id, subject.grace).await,
        Action::Restart => engine.restart(id, subject.grace).await,
    };
    let unclear = match answered {
        Ok(()) => None,
        Err(Unsettled::Refused(error)) => return Err(about(subject, error)),
        Err(Unsettled::Unclear(why)) => Some(why),
    };
    let seen = match subject.action {
        Action::Start | Action::Restart => watch(subject).await,
        Action::Stop => settle(subject).await,
    };
    match seen {
        Ok(seen) => told(subject, seen, unclear, clock).await,
        Err(error) => Err(Error::OutcomeUnknown {
            message: format!(
                "{} and its state could not be read back: {error}",
                sent(subject, unclear.as_deref())
            ),
        }),
    }
}

/// Says so when the container is already what is asked.
pub(super) fn already(subject: &Subject) -> Option<String> {
    match (subject.action, subject.before.state) {
        (Action::Start, State::Running) => Some("is already running".to_owned()),
        (Action::Stop, State::Exited | State::Dead | State::Created) => Some("is not running anyway".to_owned()),
        _ => None,
    }
}

/// Follows a started container until it has stayed up for [`WATCHED`], is healthy, or has ended.
///
/// One whose policy starts it anew is watched from there: some wait for others in this way. Between two runs the engine
/// shows that it restarts, with the code of the last end.
async fn watch(subject: &Subject) -> Result<Seen, Error> {
    let began = Instant::now();
    let mut run = None;
    loop {
        let now = subject.engine.inspect(&subject.found.id).await?;
        let is_new_run = now.started_at != subject.before.started_at;
        match now.state {
            State::Restarting => return Ok(Seen::EndedAgain(now)),
            State::Exited | State::Dead if is_new_run => return Ok(Seen::EndedAgain(now)),
            State::Running if is_new_run => {
                let since = match run {
                    Some((started_at, since)) if started_at == now.started_at => since,
                    _ => Instant::now(),
                };
                run = Some((now.started_at, since));
                let health = now.health.as_ref().map(|health| health.status);
                if health == Some(HealthStatus::Healthy) || since.elapsed() >= WATCHED {
                    return Ok(Seen::AsAsked(now));
                }
            }
            _ if began.elapsed() >= SETTLES => return Ok(Seen::Otherwise(now)),
            _ => {}
        }
        if began.elapsed() >= WATCHED_IN_ALL {
            return Ok(Seen::EndedAgain(now));
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Waits until a stopped container is down.
async fn settle(subject: &Subject) -> Result<Seen, Error> {
    let give_up = Instant::now() + SETTLES;
    loop {
        let now = subject.engine.inspect(&subject.found.id).await?;
        match now.state {
            State::Exited | State::Dead | State::Created => return Ok(Seen::AsAsked(now)),
            _ if Instant::now() >= give_up => return Ok(Seen::Otherwise(now)),
            _ => sleep(BETWEEN_LOOKS).await,
        }
    }
}

async fn told(subject: &Subject, seen: Seen, unclear: Option<String>, clock: &dyn Clock) -> Result<Output, Error> {
    let name = subject.found.name();
    let done = match subject.action {
        Action::Start => "Started",
        Action::Stop => "Stopped",
        Action::Restart => "Restarted",
    };
    match seen {
        Seen::AsAsked(now) => {
            let mut summary = format!("{done} **{name}**: {}.", state_words(&now, clock.now()));
            if subject.action != Action::Stop && now.restart_count > 0 {
                let times = count_words(now.restart_count);
                summary = format!("{summary} It ended at first, and its restart policy started it again {times}.");
            }
            if subject.action == Action::Stop && now.exit_code == 137 && !now.out_of_memory {
                let grace = span(subject.grace);
                summary = format!("{done} **{name}**: it did not end by itself within {grace} and was killed.");
            }
            if let Some(why) = unclear {
                summary = format!("{summary} Docker did not confirm it ({why}); this is what was read back.");
            }
            Ok(output(subject, summary, &now, true))
        }
        Seen::EndedAgain(now) if now.state == State::Exited && now.exit_code == 0 && now.restart_policy == "no" => {
            let summary = format!("{done} **{name}**: it ran and has already ended, with code 0 (without an error).");
            Ok(output(subject, summary, &now, true))
        }
        Seen::EndedAgain(now) => Err(ended_again(subject, done, &now).await),
        Seen::Otherwise(now) => {
            let state = state_words(&now, clock.now());
            let sent = sent(subject, unclear.as_deref());
            let message = format!("{sent} but `{name}` is still {state} {} later", span(SETTLES));
            // Without the engine's yes the act may still be under way.
            match unclear {
                Some(_) => Err(Error::OutcomeUnknown { message }),
                None => Err(Error::refused(message).with_hint("look again in a moment with inspect_container")),
            }
        }
    }
}

fn count_words(times: i64) -> String {
    match times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}

/// `stop of `web` was accepted,` or `Docker did not answer …,`: how a sentence about an open end begins.
fn sent(subject: &Subject, unclear: Option<&str>) -> String {
    let (action, name) = (subject.action.as_str(), subject.found.name());
    match unclear {
        Some(why) => format!("{action} of `{name}` was sent, {why},"),
        None => format!("{action} of `{name}` was accepted,"),
    }
}

async fn ended_again(subject: &Subject, done: &str, now: &Details) -> Error {
    let name = subject.found.name();
    let (code, policy) = (
        format!("code {} ({})", now.exit_code, exit_words(now)),
        &now.restart_policy,
    );
    let ended = match now.state {
        State::Restarting => format!("it ended again at once with {code}; its restart policy `{policy}` keeps trying"),
        // The code of a container that runs says nothing about its last run.
        State::Running => format!("it keeps ending, and its restart policy `{policy}` keeps trying"),
        _ => format!("it ended again at once with {code}"),
    };
    let query = LogQuery {
        lines: LAST_LINES,
        since: None,
        source: Source::Both,
    };
    // The log only explains; without it the failure is told all the same.
    let lines = subject.engine.logs(&subject.found.id, &query).await.unwrap_or_default();
    let log = if lines.is_empty() {
        "Its log is empty.".to_owned()
    } else {
        let block = fenced(lines.iter().map(|line| line.text.as_str()));
        format!("The last lines of its log:\n{block}")
    };
    Error::refused(format!("{done} `{name}`, but {ended}. {log}"))
        .with_hint("starting it again will not help; find the cause first")
}

fn about(subject: &Subject, error: Error) -> Error {
    let tried = format!("{} container `{}`", subject.action.as_str(), subject.found.name());
    match error {
        Error::Refused { message, hint } => Error::Refused {
            message: format!("{tried}: {message}"),
            hint,
        },
        Error::Unavailable { message, hint } => Error::Unavailable {
            message: format!("{tried}: {message}"),
            hint,
        },
        Error::OutcomeUnknown { message } => Error::OutcomeUnknown {
            message: format!("{tried}: {message}"),
        },
    }
}

fn output(subject: &Subject, summary: String, now: &Details, changed: bool) -> Output {
    Output {
        summary,
        data: json!({
            "container": subject.found.name(),
            "action": subject.action.as_str(),
            "changed": changed,
            "state": now.state.as_str(),
            "health": now.health.as_ref().map(|health| health.status.as_str()),
        }),
    }
}
