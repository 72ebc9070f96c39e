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
    (0_u8..=255)
        .map(|bits| Flags {
            frozen: bits & 1 != 0,
            tainted: bits & 2 != 0,
            saw_private: bits & 4 != 0,
            grounded: bits & 8 != 0,
            granted: bits & 16 != 0,
            reads_only: bits & 32 != 0,
            own_words: bits & 64 != 0,
            their_words: bits & 128 != 0,
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
                        let risk = Risk {
                            effect,
                            min_trust,
                            reads_private,
                            over_budget,
                            egress,
                            keeps: false,
                        };
                        all.push(risk);
                        all.extend((effect == Effect::Reversible).then(|| risk.keeps()));
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

/// What later turns read would be worded by somebody else.
fn keeps_others(flags: Flags, risk: Risk) -> bool {
    risk.keeps && flags.tainted && !flags.their_words
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
    assert!(!(risk.over_budget && allowed), "over budget never runs: {}", at());
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
        let grounded = flags.grounded || (risk.keeps && flags.their_words);
        assert!(!three || grounded || granted || !allowed, "rule of two: {}", at());
        assert!(
            !keeps_others(flags, risk) || !allowed,
            "outside text words no memory: {}",
            at()
        );
        let carries = risk.egress && flags.tainted && (flags.saw_private || flags.own_words);
        // What an act carries out is what its own rules are for.
        let carries = carries && (flags.saw_private || !acts);
        assert!(
            !(carries && !grounded && allowed),
            "private text leaves by no call that outside text asked for: {}",
            at()
        );
        let own_idea = flags.tainted && acts && risk.min_trust > Trust::Member;
        assert!(
            !own_idea || grounded || flags.granted || !allowed,
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
    assert_eq!(count, 22 * 20 * 256 * 160);
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
                let in_others = Flags {
                    their_words: false,
                    ..flags
                };
                assert!(weight(decide(caller, room, in_others, risk)) >= weight(decide(caller, room, flags, risk)));
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
    let check = |trust, room, flags, risk, expect| assert_eq!(decide(Caller::Person(trust), room, flags, risk), expect);
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

#[test]
fn others_have_no_say_in_what_is_kept() {
    let home = Room {
        ceiling: Trust::Owner,
        public: false,
        lists_tool: true,
    };
    let remember = Risk::acts(Effect::Reversible, Trust::Member).keeps();
    let after_page = Flags {
        tainted: true,
        ..Flags::default()
    };
    let after_logs = Flags {
        saw_private: true,
        ..after_page
    };
    let check = |trust, flags, expect| assert_eq!(decide(Caller::Person(trust), home, flags, remember), expect);
    let allowed = Decision::Allow("reversible");
    check(Trust::Owner, Flags::default(), allowed);
    for (trust, flags) in [
        (Trust::Owner, after_page),
        (Trust::Owner, after_logs),
        (Trust::Member, after_page),
    ] {
        check(trust, flags, Decision::Deny("not_their_words"));
        let in_their_words = Flags {
            their_words: true,
            ..flags
        };
        check(trust, in_their_words, allowed);
    }
    check(Trust::Public, Flags::default(), Decision::Deny("trust"));
}
