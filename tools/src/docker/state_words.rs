//! The state of a container in words.

use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jiff::Timestamp;

use super::client::{Details, State};
use crate::words::span;

/// `running for 3 h 2 min, health healthy`, `exited with code 1 (the program reported an error) 8 min ago`.
pub(super) fn state_words(details: &Details, now: Millis) -> String {
    let since_start = details.started_at.map(|at| span(elapsed(at, now)));
    let since_end = details.finished_at.map(|at| span(elapsed(at, now)));
    let code = details.exit_code;
    let running = match &since_start {
        Some(time) => format!("running for {time}"),
        None => "running".to_owned(),
    };
    match details.state {
        State::Running => match &details.health {
            Some(health) => format!("{running}, health {}", health.status.as_str()),
            None => running,
        },
        State::Paused => format!("paused, {running}"),
        State::Created => match &details.error {
            Some(_) => "created, and it could not be started".to_owned(),
            None => "created, but never started".to_owned(),
        },
        State::Restarting => {
            format!(
                "in a restart loop: it last ended with code {code} ({})",
                exit_words(details)
            )
        }
        State::Exited | State::Dead => {
            let when = since_end.map(|time| format!(" {time} ago")).unwrap_or_default();
            format!(
                "{} with code {code}{when} ({})",
                details.state.as_str(),
                exit_words(details)
            )
        }
        State::Stopping | State::Removing | State::Unknown => details.state.as_str().to_owned(),
    }
}

/// How long it ran before it ended. An engine can note the start of a short run after its end: that is no time at all.
pub(super) fn ran_for(details: &Details) -> Option<Duration> {
    let ran = details.finished_at?.duration_since(details.started_at?);
    Some(Duration::try_from(ran).unwrap_or_default())
}

/// What an exit code means. Codes above 128 are 128 plus the number of the signal, by the shell's convention.
pub(super) fn exit_words(details: &Details) -> String {
    match details.exit_code {
        137 if details.out_of_memory => "killed because it ran out of memory".to_owned(),
        _ if details.out_of_memory => "after a process in it was killed for lack of memory".to_owned(),
        0 => "without an error".to_owned(),
        126 => "its command cannot be executed".to_owned(),
        127 => "its command was not found".to_owned(),
        130 => "interrupted".to_owned(),
        134 => "aborted itself".to_owned(),
        137 => "killed: by hand, by a stop that took too long, or by the kernel for memory".to_owned(),
        139 => "crashed with a memory fault".to_owned(),
        143 => "ended as asked by a stop".to_owned(),
        signal @ 129..=192 => format!("ended by signal {}", signal - 128),
        _ => "the program reported an error".to_owned(),
    }
}

fn elapsed(at: Timestamp, now: Millis) -> Duration {
    now.since(Millis(at.as_millisecond()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::docker::client::{Health, HealthStatus};

    pub(in crate::docker) fn details(state: State) -> Details {
        Details {
            image: "nginx:1.27".into(),
            state,
            exit_code: 0,
            out_of_memory: false,
            error: None,
            started_at: Some(Timestamp::from_second(1000).unwrap()),
            finished_at: None,
            restart_count: 0,
            restart_policy: "no".into(),
            health: None,
            ports: vec![],
            mounts: vec![],
            memory_limit: None,
        }
    }

    #[test]
    fn a_run_that_ended_before_its_start_was_noted_took_no_time() {
        let check = |finished_at: i64, expect: u64| {
            let given = Details {
                finished_at: Some(Timestamp::from_second(finished_at).unwrap()),
                ..details(State::Exited)
            };
            assert_eq!(ran_for(&given), Some(Duration::from_secs(expect)));
        };
        check(1190, 190);
        check(999, 0);
    }

    #[test]
    fn states_read_as_a_person_would_say_them() {
        let check = |given: Details, expect: &str| assert_eq!(state_words(&given, Millis(1_200_000)), expect);
        let ended = |state, exit_code| Details {
            finished_at: Some(Timestamp::from_second(1190).unwrap()),
            exit_code,
            ..details(state)
        };
        check(details(State::Running), "running for 3 min 20 s");
        check(
            Details {
                health: Some(Health {
                    status: HealthStatus::Starting,
                    failing_streak: 0,
                    checks: vec![],
                }),
                ..details(State::Running)
            },
            "running for 3 min 20 s, health starting",
        );
        check(details(State::Paused), "paused, running for 3 min 20 s");
        check(details(State::Created), "created, but never started");
        check(
            ended(State::Exited, 0),
            "exited with code 0 10 s ago (without an error)",
        );
        check(
            ended(State::Exited, 3),
            "exited with code 3 10 s ago (the program reported an error)",
        );
        check(
            ended(State::Exited, 136),
            "exited with code 136 10 s ago (ended by signal 8)",
        );
        check(
            Details {
                out_of_memory: true,
                ..ended(State::Exited, 137)
            },
            "exited with code 137 10 s ago (killed because it ran out of memory)",
        );
        check(
            Details {
                out_of_memory: true,
                ..ended(State::Exited, 9)
            },
            "exited with code 9 10 s ago (after a process in it was killed for lack of memory)",
        );
        check(
            ended(State::Restarting, 127),
            "in a restart loop: it last ended with code 127 (its command was not found)",
        );
    }
}
