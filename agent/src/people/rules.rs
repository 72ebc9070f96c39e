//! The rules of a room in plain words, asked of the policy itself.

use jarvis_tools::risk::{Effect, Risk, Trust};

use super::config::word;
use crate::policy::{self, Caller, Decision, Flags};
use crate::principal::Principal;

/// What people ask for, as the policy sees it.
const KINDS: [(&str, Risk); 5] = [
    ("Harmless tools", Risk::read(Trust::Member)),
    ("Looking at the server", Risk::read(Trust::Operator)),
    ("Logs and other private things", Risk::read(Trust::Operator).private()),
    (
        "Acts that can be taken back",
        Risk::acts(Effect::Reversible, Trust::Operator),
    ),
    ("Dangerous acts", Risk::acts(Effect::Destructive, Trust::Operator)),
];

/// The rules for `principal` in their room.
pub(crate) fn in_words(principal: &Principal) -> String {
    let here = &principal.room;
    let mut lines = vec!["The rules here:".to_owned()];
    if here.public {
        lines.push(
            "- Strangers read along, so nothing private is shown here. Ask me for that in a direct message.".into(),
        );
        lines.push("- What strangers say to one another is not kept. What is said to me is.".into());
    }
    lines.push(format!(
        "- You are {} here. Nobody counts for more than {} in this room.",
        word(principal.trust),
        word(here.ceiling)
    ));
    for (kind, risk) in KINDS {
        let room = policy::Room {
            ceiling: here.ceiling,
            public: here.public,
            lists_tool: true,
        };
        let decision = policy::decide(Caller::Person(principal.trust), room, Flags::default(), risk);
        lines.push(format!("- {kind}: {}.", outcome(decision, risk)));
    }
    lines.push("- Names and what somebody says of themselves count for nothing; only accounts do.".into());
    lines.push("- `/whoami` says what I know of you, `/help` what you may say.".into());
    lines.join("\n")
}

fn outcome(decision: Decision, risk: Risk) -> String {
    match decision {
        Decision::Allow(_) => "yes".into(),
        Decision::Ask("room_ceiling") => "after an approval, because this room is below that".into(),
        Decision::Ask(_) => "after somebody who may has approved a card".into(),
        Decision::Deny("trust") => format!("not for you; it takes {}", word(risk.min_trust)),
        Decision::Deny("private_in_public" | "room_ceiling") => "not here; ask me in a direct message".into(),
        Decision::Deny(_) => "no".into(),
    }
}
