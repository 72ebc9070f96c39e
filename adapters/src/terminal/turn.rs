//! What the last message is still waiting for. Pure.

use super::wire::{Happening, Message, Role};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the end of a turn; of any turn of the conversation when the server did not tell which.
    Turn(Option<String>),
    /// For the server's word on a command that starts no turn.
    Word,
}

impl Waiting {
    /// What to wait for after the server took `message`.
    pub(super) fn of(message: &Message, is_new: bool) -> Self {
        match &message.run_id {
            None => Self::Word,
            Some(run) if is_new => Self::Turn(Some(run.clone())),
            Some(_) => Self::Turn(None),
        }
    }

    /// Why the wait is over, when `happening` ends it. Messages are of the conversation on the screen, and new.
    pub(super) fn ended_by(&self, happening: &Happening) -> Option<String> {
        match (self, happening) {
            (Self::Word, Happening::Message { message }) if message.role == Role::Event => Some("answered".to_owned()),
            (Self::Turn(run), Happening::Message { message }) => ended_by_message(run.as_deref(), message),
            (Self::Turn(Some(run)), Happening::Run(ended)) if ended.run_id == *run && ended.state == "finished" => {
                Some(ended.why.clone().unwrap_or_else(|| "unknown".to_owned()))
            }
            _ => None,
        }
    }
}

fn ended_by_message(run: Option<&str>, message: &Message) -> Option<String> {
    let is_ours = run.is_none() || message.run_id.as_deref() == run;
    match message.role {
        Role::Assistant if is_ours => Some(message.why().unwrap_or("answered").to_owned()),
        // A turn that a restart broke off has an event in the place of its answer. An event about a card of the turn
        // has no `why`.
        Role::Event if is_ours => message.why().map(str::to_owned),
        Role::Assistant | Role::Event | Role::User => None,
    }
}

/// Whether a turn that ended so did not do what it was for.
pub(super) fn is_failure(why: &str) -> bool {
    matches!(why, "failed" | "shutdown" | "restarted" | "unknown")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Detail, RunChange};
    use super::*;

    fn message(role: Role, run: Option<&str>, why: Option<&str>) -> Message {
        let detail = Detail {
            why: why.map(Into::into),
            approval: None,
        };
        Message {
            role,
            run_id: run.map(Into::into),
            detail: Some(detail),
            ..Message::default()
        }
    }

    #[test]
    fn the_kind_of_message_decides_what_is_waited_for() {
        let check = |run, is_new, expect| assert_eq!(Waiting::of(&message(Role::User, run, None), is_new), expect);
        check(Some("r1"), true, Waiting::Turn(Some("r1".into())));
        check(Some("r1"), false, Waiting::Turn(None));
        check(None, true, Waiting::Word);
        check(None, false, Waiting::Word);
    }

    #[test]
    fn a_wait_ends_with_what_it_was_for() {
        let said = |role, run, why| Happening::Message {
            message: message(role, run, why),
        };
        let run = |run_id: &str, state: &str| {
            Happening::Run(RunChange {
                conversation_id: "c".into(),
                run_id: run_id.into(),
                state: state.into(),
                why: Some("failed".into()),
            })
        };
        let r1 = || Waiting::Turn(Some("r1".into()));
        let check = |waiting: Waiting, happening: Happening, expect: Option<&str>| {
            assert_eq!(
                waiting.ended_by(&happening).as_deref(),
                expect,
                "{waiting:?} {happening:?}"
            );
        };
        check(
            r1(),
            said(Role::Assistant, Some("r1"), Some("cancelled")),
            Some("cancelled"),
        );
        check(r1(), said(Role::Assistant, Some("r1"), None), Some("answered"));
        check(r1(), said(Role::Assistant, Some("r2"), Some("answered")), None);
        check(r1(), said(Role::User, Some("r1"), None), None);
        check(r1(), said(Role::Event, Some("r1"), None), None);
        check(
            r1(),
            said(Role::Event, Some("r1"), Some("restarted")),
            Some("restarted"),
        );
        check(r1(), run("r1", "started"), None);
        check(r1(), run("r1", "finished"), Some("failed"));
        check(r1(), run("r2", "finished"), None);
        check(
            Waiting::Turn(None),
            said(Role::Assistant, Some("r9"), Some("answered")),
            Some("answered"),
        );
        check(Waiting::Turn(None), said(Role::Event, None, None), None);
        check(Waiting::Word, said(Role::Event, None, None), Some("answered"));
        check(Waiting::Word, said(Role::Assistant, Some("r1"), None), None);
        check(Waiting::Word, Happening::Reload, None);
    }
}
