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
///    5. `read`: other reads are free.
///    6. `rule_of_two`: outside text, private data and an act together need a person, unless one asked for it in words,
///       or granted acts of this kind on this target for a while, and they can be undone and reach nobody outside.
///    7. `destructive`: always a card.
///    8. `reversible`: free without outside text, when asked for in words, or for tools open to members;
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
    if !acts {
        let has_private = flags.saw_private || risk.reads_private || flags.own_words;
        let carries = risk.egress && flags.tainted && has_private && !flags.grounded;
        return if carries {
            Decision::Ask("carries_out")
        } else {
            Decision::Allow("read")
        };
    }
    let granted = flags.granted && risk.effect == Effect::Reversible && !risk.egress;
    if flags.tainted && (flags.saw_private || risk.reads_private) && !flags.grounded && !granted {
        return Decision::Ask("rule_of_two");
    }
    if risk.effect == Effect::Destructive {
        return Decision::Ask("destructive");
    }
    let free = !flags.tainted || flags.grounded || risk.min_trust <= Trust::Member;
    if free {
        Decision::Allow("reversible")
    } else if granted {
        Decision::Allow("granted")
    } else {
        Decision::Ask("tainted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOLS: [bool; 2] = [false, true];

    fn callers() -> Vec<Caller> {
        let mut all: Vec<Caller> = Trust::ALL.into_iter().map(Caller::Person).collect();
        all.extend(Trust::ALL.into_iter().map(Caller::Specialist));
        for auto_destructive in BOOLS {
            for in_window in BOOLS {
                for attempts_left in [0, 1, 3] {
                    all.push(Caller::Playbook {
                        auto_destructive,
                        attempts_left,
                        in_window,
                    });
                }
            }
        }
        all
    }

    fn rooms() -> Vec<Room> {
        let mut all = Vec::new();
        for ceiling in Trust::ALL {
            for public in BOOLS {
                for lists_tool in BOOLS {
                    all.push(Room {
                        ceiling,
                        public,
                        lists_tool,
                    });
                }
            }
        }
        all
    }

    fn flags() -> Vec<Flags> {
        (0_u8..128)
            .map(|bits| Flags {
                frozen: bits & 1 != 0,
                tainted: bits & 2 != 0,
                saw_private: bits & 4 != 0,
                grounded: bits & 8 != 0,
                granted: bits & 16 != 0,
                reads_only: bits & 32 != 0,
                own_words: bits & 64 != 0,
            })
            .collect()
    }

    fn risks() -> Vec<Risk> {
        let mut all = Vec::new();
        for effect in Effect::ALL {
            for min_trust in Trust::ALL {
                for reads_private in BOOLS {
                    for over_budget in BOOLS {
                        for egress in BOOLS {
                            all.push(Risk {
                                effect,
                                min_trust,
                                reads_private,
                                over_budget,
                                egress,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    /// A specialist never acts, raises no card, and reads nothing that the person may not.
    fn reads_as_the_person_may(trust: Trust, room: Room, flags: Flags, risk: Risk) -> bool {
        match decide(Caller::Specialist(trust), room, flags, risk) {
            Decision::Allow(rule) => {
                risk.effect == Effect::Read && decide(Caller::Person(trust), room, flags, risk) == Decision::Allow(rule)
            }
            Decision::Ask(_) => false,
            Decision::Deny(_) => true,
        }
    }

    /// What must hold for every combination, whatever the rules above say.
    fn invariants(caller: Caller, room: Room, flags: Flags, risk: Risk) {
        let decision = decide(caller, room, flags, risk);
        let acts = risk.effect > Effect::Read;
        let allowed = matches!(decision, Decision::Allow(_));
        let at = || format!("{caller:?} {room:?} {flags:?} {risk:?} -> {decision:?}");
        assert!(
            !((flags.frozen || flags.reads_only) && acts)
                || matches!(decision, Decision::Deny("frozen" | "reads_only" | "specialist_reads")),
            "frozen, or made to look, means no act: {}",
            at()
        );
        assert!(
            room.lists_tool || matches!(decision, Decision::Deny(_)),
            "unlisted means never: {}",
            at()
        );
        assert!(
            !(risk.over_budget && allowed),
            "over budget never runs by itself: {}",
            at()
        );
        if let Caller::Person(trust) = caller {
            let destructive = risk.effect == Effect::Destructive;
            assert!(
                !(destructive && allowed),
                "a person's destructive call needs a card: {}",
                at()
            );
            if trust < risk.min_trust && !risk.over_budget {
                assert!(
                    matches!(decision, Decision::Deny(_)),
                    "no card for an act one could not own: {}",
                    at()
                );
            }
            assert!(!(trust < risk.min_trust && allowed), "trust: {}", at());
            assert!(!(room.ceiling < risk.min_trust && allowed), "ceiling: {}", at());
            assert!(
                !(room.public && risk.reads_private && allowed),
                "private stays out of public rooms: {}",
                at()
            );
            let three = flags.tainted && (flags.saw_private || risk.reads_private) && acts;
            let granted = flags.granted && risk.effect == Effect::Reversible && !risk.egress;
            assert!(!three || flags.grounded || granted || !allowed, "rule of two: {}", at());
            let carries = risk.egress && flags.tainted && (flags.saw_private || flags.own_words);
            // What an act carries out is what its own rules are for.
            let carries = carries && (flags.saw_private || !acts);
            assert!(
                !(carries && !flags.grounded && allowed),
                "private text leaves by no call that outside text asked for: {}",
                at()
            );
            let own_idea = flags.tainted && acts && risk.min_trust > Trust::Member;
            assert!(
                !own_idea || flags.grounded || flags.granted || !allowed,
                "outside text acts for nobody: {}",
                at()
            );
            if !acts && allowed {
                assert_eq!(decision, Decision::Allow("read"));
            }
        }
        if let Caller::Playbook {
            auto_destructive,
            attempts_left,
            in_window,
        } = caller
        {
            assert!(!(acts && attempts_left == 0 && allowed), "attempts: {}", at());
            let may = auto_destructive && in_window;
            assert!(
                !(risk.effect == Effect::Destructive && !may && allowed),
                "window: {}",
                at()
            );
        }
    }

    #[test]
    fn invariants_hold_for_every_combination() {
        let mut count = 0_u64;
        for caller in callers() {
            for room in rooms() {
                for flags in flags() {
                    for risk in risks() {
                        invariants(caller, room, flags, risk);
                        if let Caller::Specialist(trust) = caller {
                            let holds = reads_as_the_person_may(trust, room, flags, risk);
                            assert!(holds, "a specialist: {trust:?} {room:?} {flags:?} {risk:?}");
                        }
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 22 * 20 * 128 * 120);
    }

    /// Taking trust, privacy or grounding away never turns a card or a refusal into a permission.
    #[test]
    fn less_trust_or_more_taint_never_allows_more() {
        let weight = |decision: Decision| match decision {
            Decision::Allow(_) => 0,
            Decision::Ask(_) => 1,
            Decision::Deny(_) => 2,
        };
        for room in rooms() {
            for flags in flags() {
                for risk in risks().into_iter().filter(|risk| !risk.over_budget) {
                    let owner = weight(decide(Caller::Person(Trust::Owner), room, flags, risk));
                    for trust in Trust::ALL {
                        assert!(weight(decide(Caller::Person(trust), room, flags, risk)) >= owner);
                    }
                    let caller = Caller::Person(Trust::Operator);
                    let now = weight(decide(caller, room, flags, risk));
                    assert!(weight(decide(caller, room, Flags { tainted: true, ..flags }, risk)) >= now);
                    assert!(
                        weight(decide(
                            caller,
                            room,
                            Flags {
                                grounded: false,
                                ..flags
                            },
                            risk
                        )) >= now
                    );
                }
            }
        }
    }

    #[test]
    fn the_ordinary_cases() {
        let home = Room {
            ceiling: Trust::Owner,
            public: false,
            lists_tool: true,
        };
        let stop = Risk::acts(Effect::Destructive, Trust::Operator);
        let restart = Risk::acts(Effect::Reversible, Trust::Operator);
        let logs = Risk::read(Trust::Operator).private();
        let after_logs = Flags {
            tainted: true,
            saw_private: true,
            ..Flags::default()
        };
        let check =
            |trust, room, flags, risk, expect| assert_eq!(decide(Caller::Person(trust), room, flags, risk), expect);
        check(Trust::Owner, home, Flags::default(), logs, Decision::Allow("read"));
        check(
            Trust::Owner,
            home,
            Flags::default(),
            restart,
            Decision::Allow("reversible"),
        );
        check(Trust::Owner, home, Flags::default(), stop, Decision::Ask("destructive"));
        check(Trust::Owner, home, after_logs, restart, Decision::Ask("rule_of_two"));
        check(
            Trust::Owner,
            home,
            Flags {
                grounded: true,
                ..after_logs
            },
            restart,
            Decision::Allow("reversible"),
        );
        check(Trust::Member, home, Flags::default(), restart, Decision::Deny("trust"));
        let look_up = Risk::read(Trust::Member).egress();
        check(Trust::Owner, home, Flags::default(), look_up, Decision::Allow("read"));
        check(Trust::Owner, home, after_logs, look_up, Decision::Ask("carries_out"));
        let after_page = Flags {
            tainted: true,
            ..Flags::default()
        };
        check(Trust::Owner, home, after_page, look_up, Decision::Allow("read"));
        let to_its_place = Flags {
            own_words: true,
            ..after_page
        };
        check(Trust::Owner, home, to_its_place, look_up, Decision::Ask("carries_out"));
        check(Trust::Owner, home, after_page, restart, Decision::Ask("tainted"));
        let guild = Room {
            ceiling: Trust::Moderator,
            public: true,
            lists_tool: true,
        };
        check(
            Trust::Owner,
            guild,
            Flags::default(),
            restart,
            Decision::Ask("room_ceiling"),
        );
        check(
            Trust::Owner,
            guild,
            Flags::default(),
            logs,
            Decision::Deny("private_in_public"),
        );
    }
}
