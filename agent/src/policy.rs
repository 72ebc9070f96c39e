//! Who may do what: one pure function, total and default-deny.

use jarvis_tools::risk::{Effect, Risk, Trust};
use serde::Serialize;

/// On whose behalf a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Person(Trust),
    /// A specialist whom the model of a person of this trust asks.
    Specialist(Trust),
    /// A written procedure that runs without a person.
    Playbook {
        auto_destructive: bool,
        attempts_left: u32,
        in_window: bool,
    },
}

/// Where the call is made from, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The most trust that anybody has in this room.
    pub ceiling: Trust,
    /// Strangers can read along.
    pub public: bool,
    /// The tool is in this room's list.
    pub lists_tool: bool,
}

/// Facts about the run and the call. Each names itself, so they are not folded into enums.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each named where it is set"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Somebody froze all acts, or those of this tool.
    pub frozen: bool,
    /// Text by somebody below Operator, or a tool's outside text, is in the context.
    pub tainted: bool,
    /// A private reading is in the context.
    pub saw_private: bool,
    /// The call goes to a place whose host nobody of the house named and no search found, and could tell it what was said
    /// in a room of the house.
    pub own_words: bool,
    /// An operator or owner asked for this in this very run, in words: see `asked_for`.
    pub grounded: bool,
    /// What the call would keep was asked to be kept, in these words, by the one who asks: see `asked_for`.
    pub their_words: bool,
    /// A person allowed calls like this one for a while.
    pub granted: bool,
    /// The run was made to look, and not to act with this tool.
    pub reads_only: bool,
}

/// The decision and the rule that made it. The rule goes to the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", content = "rule", rename_all = "lowercase")]
pub enum Decision {
    Allow(&'static str),
    /// A person has to approve first.
    Ask(&'static str),
    Deny(&'static str),
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Ask(_) => "ask",
            Self::Deny(_) => "deny",
        }
    }

    pub fn rule(self) -> &'static str {
        match self {
            Self::Allow(rule) | Self::Ask(rule) | Self::Deny(rule) => rule,
        }
    }
}

/// Decides one call. The first rule that fits wins:
///
/// 1. `frozen`: nothing acts. `reads_only`: nothing acts that the run was not made for.
/// 2. `not_in_this_room`: a tool the room does not list does not exist there.
/// 3. `budget`: spending more than the budget has left is asked for.
/// 4. For a specialist: `specialist_reads` for every act; else as for the person, and what that one would be asked for is
///    refused, because a specialist raises no cards.
/// 5. For a person:
///    1. `trust`: below the tool's least trust, no card is raised for an act that the person could not own.
///    2. `private_in_public`: private readings stay out of public rooms.
///    3. `room_ceiling`: above the room's ceiling, reads are refused and acts are asked for.
///    4. `carries_out`: outside text in the context, with private data or the owner's own words, and a read whose
///       arguments reach somebody outside, need a person, unless one named the target.
///    5. `not_their_words`: with outside text in the context, what later turns read is kept in the words of the one who asks
///       alone. A card would show a sentence that looks harmless, so none is raised. With them it was asked for.
///    6. `read`: other reads are free.
///    7. `rule_of_two`: outside text, private data and an act together need a person, unless one asked for it in words,
///       or granted acts of this kind on this target for a while, and they can be undone and reach nobody outside.
///    8. `destructive`: always a card.
///    9. `reversible`: free without outside text, when asked for in words, or for tools open to members;
///       `granted` with a grant; otherwise `tainted`. Trust does not free it: it is the text's idea as much for the owner as for anybody.
/// 6. For a playbook: reads are free, acts need attempts left, destructive ones also their own permission and window.
pub fn decide(caller: Caller, room: Room, flags: Flags, risk: Risk) -> Decision {
    let acts = risk.effect > Effect::Read;
    if let Caller::Specialist(trust) = caller {
        return match decide(Caller::Person(trust), room, flags, risk) {
            _ if acts => Decision::Deny("specialist_reads"),
            Decision::Ask(rule) => Decision::Deny(rule),
            decided => decided,
        };
    }
    if flags.frozen && acts {
        return Decision::Deny("frozen");
    }
    if flags.reads_only && acts {
        return Decision::Deny("reads_only");
    }
    if !room.lists_tool {
        return Decision::Deny("not_in_this_room");
    }
    if risk.over_budget {
        return Decision::Ask("budget");
    }
    match caller {
        Caller::Person(trust) | Caller::Specialist(trust) => decide_person(trust, room, flags, risk),
        Caller::Playbook {
            auto_destructive,
            attempts_left,
            in_window,
        } => {
            if !acts {
                return Decision::Allow("tier1_diagnose");
            }
            if attempts_left == 0 {
                return Decision::Ask("attempts_spent");
            }
            match risk.effect {
                Effect::Destructive if auto_destructive && in_window => Decision::Allow("tier3_in_window"),
                Effect::Destructive => Decision::Ask("tier3_outside_window"),
                Effect::Read | Effect::Reversible => Decision::Allow("tier2_remediate"),
            }
        }
    }
}

fn decide_person(trust: Trust, room: Room, flags: Flags, risk: Risk) -> Decision {
    let acts = risk.effect > Effect::Read;
    if trust < risk.min_trust {
        return Decision::Deny("trust");
    }
    if room.public && risk.reads_private {
        return Decision::Deny("private_in_public");
    }
    if trust.min(room.ceiling) < risk.min_trust {
        return if acts {
            Decision::Ask("room_ceiling")
        } else {
            Decision::Deny("room_ceiling")
        };
    }
    if risk.keeps && flags.tainted && !flags.their_words {
        return Decision::Deny("not_their_words");
    }
    let grounded = flags.grounded || (risk.keeps && flags.their_words);
    if !acts {
        let has_private = flags.saw_private || risk.reads_private || flags.own_words;
        let carries = risk.egress && flags.tainted && has_private && !grounded;
        return if carries {
            Decision::Ask("carries_out")
        } else {
            Decision::Allow("read")
        };
    }
    let granted = flags.granted && risk.effect == Effect::Reversible && !risk.egress;
    if flags.tainted && (flags.saw_private || risk.reads_private) && !grounded && !granted {
        return Decision::Ask("rule_of_two");
    }
    if risk.effect == Effect::Destructive {
        return Decision::Ask("destructive");
    }
    let free = !flags.tainted || grounded || risk.min_trust <= Trust::Member;
    if free {
        Decision::Allow("reversible")
    } else if granted {
        Decision::Allow("granted")
    } else {
        Decision::Ask("tainted")
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
