//! What an action would do, from the real state.

use bytes::Bytes;
use jarvis_gateway::clock::Millis;
use sha2::{Digest, Sha256};

use super::act::{WATCHED, already};
use super::tool::{Action, Subject};
use crate::docker::client::Details;
use crate::docker::state_words::state_words;
use crate::outside_text::code;
use crate::words::span;
use crate::{Error, Plan};

/// Refused when there is nothing to do: nobody should have to approve that.
pub(super) fn plan(subject: &Subject, now: Millis) -> Result<Plan, Error> {
    let name = subject.found.name();
    let action = subject.action.as_str();
    let before = state_words(&subject.before, now);
    if let Some(words) = already(subject) {
        return Err(Error::refused(format!(
            "`{name}` {words} ({before}), so there is nothing to {action}"
        )));
    }
    Ok(Plan {
        title: format!("{action} container {name}"),
        says: steps(subject),
        before,
        after: match subject.action {
            Action::Start | Action::Restart => "running".to_owned(),
            Action::Stop => "exited".to_owned(),
        },
        state_hash: state_hash(subject.found.id.as_str(), &subject.before),
        undo: match subject.action {
            Action::Start => Some(format!("stop {name}")),
            Action::Stop => Some(format!("start {name}")),
            Action::Restart => None,
        },
    })
}

fn steps(subject: &Subject) -> Vec<String> {
    let name = code(subject.found.name());
    let image = format!("it is made from image {}", code(&subject.before.image));
    let grace = span(subject.grace);
    let watched = format!("Jarvis watches it for {} and says whether it stays up", span(WATCHED));
    let ports = match subject.before.ports.as_slice() {
        [] => "whatever uses it gets no answer meanwhile".to_owned(),
        ports => format!("its ports ({}) do not answer meanwhile", ports.join(", ")),
    };
    match subject.action {
        Action::Start => vec![format!("Docker starts {name}"), image, watched],
        Action::Stop => vec![
            format!("{name} is asked to end, gets {grace} for it, and is killed after that"),
            image,
            "it stays down until somebody starts it again".to_owned(),
            ports,
        ],
        Action::Restart => vec![
            format!("{name} is asked to end, gets {grace} for it, is killed after that, and is started again"),
            image,
            ports,
            watched,
        ],
    }
}

/// Over what an approval rests on: this very container, in this run, in this state.
fn state_hash(id: &str, details: &Details) -> String {
    let started_at = details.started_at.map(|at| at.to_string()).unwrap_or_default();
    let state = details.state.as_str();
    let hash = Sha256::digest(format!("{id}\n{started_at}\n{state}"));
    format!("{:x}", Bytes::copy_from_slice(&hash))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::docker::client::State;
    use crate::docker::state_words::tests::details;

    #[test]
    fn the_hash_changes_with_the_container_its_run_and_its_state() {
        let id = "a".repeat(64);
        let base = state_hash(&id, &details(State::Running));
        assert_eq!(base.len(), 64);
        let check = |other: String, same: bool| assert_eq!(other == base, same);
        check(state_hash(&id, &details(State::Running)), true);
        check(state_hash(&"b".repeat(64), &details(State::Running)), false);
        check(state_hash(&id, &details(State::Exited)), false);
        let later = Details {
            started_at: Some(Timestamp::from_second(1001).unwrap()),
            ..details(State::Running)
        };
        check(state_hash(&id, &later), false);
        // What changes all the time is left out.
        let counted = Details {
            restart_count: 3,
            ..details(State::Running)
        };
        check(state_hash(&id, &counted), true);
    }
}
