//! Which approved acts are still to come, so that nobody leaves before their outcome.

use std::collections::BTreeMap;

use super::wire::{Card, Message};

/// The cards that were approved here and are not over. Pure.
#[derive(Debug, Default)]
pub(super) struct Acts {
    waiting: BTreeMap<String, Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Approval was asked for.
    Asked,
    /// The server took it; the act runs.
    Approved,
}

impl Acts {
    /// Takes note when `text` is the command to approve a card. The server has the last word on what a command is; here
    /// it is only decided what to wait for.
    pub(super) fn asked(&mut self, text: &str) {
        let mut words = text.trim().trim_start_matches('/').split_whitespace();
        let (Some(command), Some(id), None) = (words.next(), words.next(), words.next()) else {
            return;
        };
        if command.eq_ignore_ascii_case("approve") {
            let id = id.trim_end_matches(['.', '!']).trim_matches('`').to_ascii_uppercase();
            self.waiting.insert(id, Stage::Asked);
        }
    }

    /// A card has changed. Returns whether it was awaited and is over now.
    pub(super) fn on_card(&mut self, card: &Card) -> bool {
        let Some(stage) = self.waiting.get_mut(&card.id) else {
            return false;
        };
        if card.is_over() {
            self.waiting.remove(&card.id);
            return true;
        }
        if matches!(card.status.as_str(), "approved" | "executing") {
            *stage = Stage::Approved;
        }
        false
    }

    /// The server's answer to the command comes after the card's change; when the card did not change, it was refused.
    pub(super) fn on_event(&mut self, message: &Message) {
        let id = message.detail.as_ref().and_then(|detail| detail.approval.as_ref());
        if let Some(id) = id
            && self.waiting.get(id) == Some(&Stage::Asked)
        {
            self.waiting.remove(id);
        }
    }

    /// There is no such card, or it still waits for a decision.
    pub(super) fn forget(&mut self, id: &str) {
        self.waiting.remove(id);
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.waiting.keys().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Detail;
    use super::*;

    fn card(status: &str) -> Card {
        Card {
            id: "K7QX".into(),
            status: status.into(),
            ..Card::default()
        }
    }

    fn told(id: &str) -> Message {
        let detail = Detail {
            approval: Some(id.into()),
            why: None,
        };
        Message {
            detail: Some(detail),
            ..Message::default()
        }
    }

    #[test]
    fn only_the_command_is_waited_for() {
        let check = |text: &str, expect: &[&str]| {
            let mut acts = Acts::default();
            acts.asked(text);
            assert_eq!(acts.ids(), expect, "{text:?}");
        };
        check("approve K7QX", &["K7QX"]);
        check(" /Approve `k7qx`. ", &["K7QX"]);
        check("deny K7QX", &[]);
        check("approve", &[]);
        check("approve K7QX please", &[]);
    }

    #[test]
    fn an_act_is_waited_for_until_its_card_is_over() {
        let mut acts = Acts::default();
        acts.asked("approve K7QX");
        assert!(!acts.on_card(&card("approved")));
        acts.on_event(&told("K7QX"));
        assert!(!acts.on_card(&card("executing")));
        assert_eq!(acts.ids(), ["K7QX"]);
        assert!(acts.on_card(&card("done")));
        assert!(acts.is_empty());
        assert!(!acts.on_card(&card("done")));
    }

    #[test]
    fn a_refused_approval_is_not_waited_for() {
        let mut acts = Acts::default();
        acts.asked("approve K7QX");
        acts.on_event(&told("OTHR"));
        assert_eq!(acts.ids(), ["K7QX"]);
        acts.on_event(&told("K7QX"));
        assert!(acts.is_empty());
    }
}
