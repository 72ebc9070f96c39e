//! Approvals: who may decide, once, about exactly these arguments, in time.

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{Approval, ApprovalStatus, VoteOutcome};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a card goes from vote to claim to done",
        run: |store| Box::pin(whole_way(store)),
    },
    Case {
        name: "20 approvers at once: one decides, one claims",
        run: |store| Box::pin(twenty_at_once(store)),
    },
    Case {
        name: "what a vote is answered",
        run: |store| Box::pin(vote_answers(store)),
    },
    Case {
        name: "two yes votes of different persons make a quorum of two",
        run: |store| Box::pin(quorum(store)),
    },
    Case {
        name: "two voters of a quorum of two at once decide it",
        run: |store| Box::pin(quorum_at_once(store)),
    },
    Case {
        name: "one no denies, even after a yes",
        run: |store| Box::pin(one_no_denies(store)),
    },
    Case {
        name: "what does not qualify is not claimed",
        run: |store| Box::pin(claims(store)),
    },
    Case {
        name: "only an executing card is finished, and only to an end",
        run: |store| Box::pin(finishing(store)),
    },
    Case {
        name: "cards whose time is over expire once",
        run: |store| Box::pin(expiry(store)),
    },
    Case {
        name: "the open card for the same act is found",
        run: |store| Box::pin(open_card(store)),
    },
    Case {
        name: "20 ask for the same act at once: it is one card",
        run: |store| Box::pin(one_card_an_act(store)),
    },
    Case {
        name: "cards are listed newest first, by status",
        run: |store| Box::pin(listing(store)),
    },
];

pub(crate) const AFTER: Millis = Millis(make::NOW.0 + 1000);

/// Two operators, one moderator.
pub(crate) async fn with_people(store: &Store) {
    for (id, trust) in [("ann", 3), ("bob", 4), ("mod", 2)] {
        store.put_person(&make::person(id, trust)).await.unwrap();
    }
}

pub(crate) async fn create(store: &Store, approval: Approval) -> Approval {
    let created = store.create_approval(&approval, &[], &make::event("card")).await;
    assert!(created.unwrap());
    approval
}

/// A card stands for its act in its conversation: of many who ask at once, one makes it.
async fn one_card_an_act(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let card = |id: &str, hash: &str| Approval {
        args_hash: hash.to_owned(),
        conversation_id: Some(conversation.id.clone()),
        ..make::approval(id)
    };
    let event = make::event("card");
    let cards: Vec<Approval> = (0..20).map(|n| card(&format!("C{n:03}"), "same")).collect();
    let made = join_all(cards.iter().map(|card| store.create_approval(card, &[], &event))).await;
    assert_eq!(made.into_iter().filter(|made| *made.as_ref().unwrap()).count(), 1);
    assert_eq!(store.approvals(None, 99).await.unwrap().len(), 1);
    assert!(
        store
            .create_approval(&card("OTHR", "other"), &[], &event)
            .await
            .unwrap()
    );
    let over = Approval {
        created_at: Millis(make::NOW.0 + 3_600_000),
        ..card("LATE", "same")
    };
    assert!(
        store.create_approval(&over, &[], &event).await.unwrap(),
        "the first is over"
    );
}

async fn whole_way(store: Store) {
    with_people(&store).await;
    let conversation = make::stored_conversation(&store).await;
    let card = Approval {
        requester_id: Some("mod".into()),
        conversation_id: Some(conversation.id),
        ..make::approval("K7QX")
    };
    store.create_approval(&card, &[], &make::event("card")).await.unwrap();
    let again = store
        .create_approval(
            &Approval {
                id: "k7qx".into(),
                args_hash: "of another act".into(),
                ..card.clone()
            },
            &[],
            &make::event("card"),
        )
        .await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    assert_eq!(store.approval("k7Qx").await.unwrap(), Some(card.clone()));

    let at = Millis(make::NOW.0 + 10);
    let outcome = store
        .vote(&make::vote("k7qx", "ann", true), &make::event("vote"), None, at)
        .await
        .unwrap();
    assert_eq!(outcome, VoteOutcome::Decided(ApprovalStatus::Approved));
    let approved = Approval {
        status: ApprovalStatus::Approved,
        decided_at: Some(at),
        decided_by: Some("ann the person".into()),
        ..card
    };
    assert_eq!(store.approval("K7QX").await.unwrap(), Some(approved.clone()));

    let at = Millis(make::NOW.0 + 20);
    let executing = Approval {
        status: ApprovalStatus::Executing,
        executed_at: Some(at),
        ..approved
    };
    assert_eq!(
        store.claim_approval("k7qx", "a1", at).await.unwrap(),
        Some(executing.clone())
    );

    let result = json!({"status": "ok", "summary": "stopped"});
    // An act that began in time may end after it.
    assert!(
        store
            .finish_approval("k7qx", (ApprovalStatus::Done, &result), &make::event("end"), AFTER)
            .await
            .unwrap()
    );
    let done = Approval {
        status: ApprovalStatus::Done,
        result: Some(result),
        ..executing
    };
    assert_eq!(store.approval("K7QX").await.unwrap(), Some(done));
}

async fn twenty_at_once(store: Store) {
    let stores = [
        store.clone(),
        store.another().await.unwrap(),
        store.another().await.unwrap(),
    ];
    create(&store, make::approval("K7QX")).await;
    for index in 0..20 {
        store.put_person(&make::person(&format!("p{index}"), 3)).await.unwrap();
    }
    let approvers = (0..20).map(|index| {
        let store = &stores[index % stores.len()];
        async move {
            let vote = make::vote("K7QX", &format!("p{index}"), true);
            let outcome = store.vote(&vote, &make::event("vote"), None, make::NOW).await.unwrap();
            let claimed = store.claim_approval("K7QX", "a1", make::NOW).await.unwrap();
            (outcome, claimed.is_some())
        }
    });
    let answers = join_all(approvers).await;
    let decided = answers
        .iter()
        .filter(|(outcome, _)| matches!(outcome, VoteOutcome::Decided(_)));
    let claimed = answers.iter().filter(|(_, claimed)| *claimed);
    assert_eq!((decided.count(), claimed.count()), (1, 1), "{answers:?}");
    let others_came_late = answers.iter().all(|(outcome, _)| {
        matches!(
            outcome,
            VoteOutcome::Decided(ApprovalStatus::Approved)
                | VoteOutcome::Already(ApprovalStatus::Approved | ApprovalStatus::Executing)
        )
    });
    assert!(others_came_late, "{answers:?}");
}

async fn vote_answers(store: Store) {
    with_people(&store).await;
    create(&store, make::approval("OPEN")).await;
    create(
        &store,
        Approval {
            need: 2,
            ..make::approval("TWO2")
        },
    )
    .await;
    store
        .vote(&make::vote("TWO2", "ann", true), &make::event("vote"), None, make::NOW)
        .await
        .unwrap();
    for status in ApprovalStatus::ALL {
        create(
            &store,
            Approval {
                status,
                ..make::approval(status.as_str())
            },
        )
        .await;
    }
    let check = async |id: &str, person: &str, at: Millis, expect: VoteOutcome| {
        let before = store.approval(id).await.unwrap();
        let outcome = store
            .vote(&make::vote(id, person, true), &make::event("vote"), None, at)
            .await
            .unwrap();
        assert_eq!(outcome, expect, "{person} votes on {id} at {at:?}");
        assert_eq!(
            store.approval(id).await.unwrap(),
            before,
            "{person} votes on {id} at {at:?}"
        );
    };
    check("NONE", "ann", make::NOW, VoteOutcome::Unknown).await;
    check("", "ann", make::NOW, VoteOutcome::Unknown).await;
    check("OPEN", "mod", make::NOW, VoteOutcome::NotAllowed).await;
    check("OPEN", "nobody", make::NOW, VoteOutcome::NotAllowed).await;
    check("OPEN", "ann", AFTER, VoteOutcome::Expired).await;
    check("TWO2", "ann", make::NOW, VoteOutcome::Already(ApprovalStatus::Pending)).await;
    check("expired", "ann", make::NOW, VoteOutcome::Expired).await;
    for status in ApprovalStatus::ALL {
        if !matches!(status, ApprovalStatus::Pending | ApprovalStatus::Expired) {
            check(status.as_str(), "ann", make::NOW, VoteOutcome::Already(status)).await;
        }
    }
    // None of these votes was kept: a vote that is allowed still decides alone.
    let last = store
        .vote(
            &make::vote("OPEN", "ann", true),
            &make::event("vote"),
            None,
            Millis(AFTER.0 - 1),
        )
        .await
        .unwrap();
    assert_eq!(last, VoteOutcome::Decided(ApprovalStatus::Approved));
}

async fn quorum(store: Store) {
    with_people(&store).await;
    create(
        &store,
        Approval {
            need: 2,
            ..make::approval("K7QX")
        },
    )
    .await;
    let vote = async |person: &str, after: i64| {
        let vote = make::vote("K7QX", person, true);
        store
            .vote(&vote, &make::event("vote"), None, Millis(make::NOW.0 + after))
            .await
            .unwrap()
    };
    assert_eq!(vote("ann", 1).await, VoteOutcome::Waiting);
    assert_eq!(vote("ann", 2).await, VoteOutcome::Already(ApprovalStatus::Pending));
    assert_eq!(vote("mod", 3).await, VoteOutcome::NotAllowed);
    assert_eq!(store.claim_approval("K7QX", "a1", make::NOW).await.unwrap(), None);
    assert_eq!(vote("bob", 4).await, VoteOutcome::Decided(ApprovalStatus::Approved));
    let decided = store.approval("K7QX").await.unwrap().unwrap();
    assert_eq!(decided.decided_by.as_deref(), Some("ann the person, bob the person"));
    assert_eq!(decided.decided_at, Some(Millis(make::NOW.0 + 4)));
}

async fn quorum_at_once(store: Store) {
    with_people(&store).await;
    let other = store.another().await.unwrap();
    for round in 0..20 {
        let id = format!("R{round}");
        create(
            &store,
            Approval {
                need: 2,
                ..make::approval(&id)
            },
        )
        .await;
        let (ann, bob) = (make::vote(&id, "ann", true), make::vote(&id, "bob", true));
        let event = make::event("vote");
        let votes = [
            store.vote(&ann, &event, None, make::NOW),
            other.vote(&bob, &event, None, make::NOW),
        ];
        let mut outcomes: Vec<VoteOutcome> = join_all(votes).await.into_iter().map(Result::unwrap).collect();
        outcomes.sort_by_key(|outcome| *outcome == VoteOutcome::Waiting);
        let expect = [VoteOutcome::Decided(ApprovalStatus::Approved), VoteOutcome::Waiting];
        assert_eq!(outcomes, expect, "round {round}");
    }
}

async fn one_no_denies(store: Store) {
    with_people(&store).await;
    create(
        &store,
        Approval {
            need: 2,
            ..make::approval("K7QX")
        },
    )
    .await;
    let yes = store
        .vote(&make::vote("K7QX", "ann", true), &make::event("vote"), None, make::NOW)
        .await
        .unwrap();
    assert_eq!(yes, VoteOutcome::Waiting);
    let no = store
        .vote(&make::vote("K7QX", "bob", false), &make::event("vote"), None, make::NOW)
        .await
        .unwrap();
    assert_eq!(no, VoteOutcome::Decided(ApprovalStatus::Denied));
    let denied = store.approval("K7QX").await.unwrap().unwrap();
    assert_eq!(denied.decided_by.as_deref(), Some("bob the person"));
    assert_eq!(store.claim_approval("K7QX", "a1", make::NOW).await.unwrap(), None);
}

async fn claims(store: Store) {
    for status in ApprovalStatus::ALL {
        create(
            &store,
            Approval {
                status,
                ..make::approval(status.as_str())
            },
        )
        .await;
    }
    let check = async |id: &str, args_hash: &str, at: Millis, expect: bool| {
        let claimed = store.claim_approval(id, args_hash, at).await.unwrap();
        assert_eq!(claimed.is_some(), expect, "claim {id} with {args_hash} at {at:?}");
    };
    for status in ApprovalStatus::ALL {
        if status != ApprovalStatus::Approved {
            check(status.as_str(), "a1", make::NOW, false).await;
        }
    }
    check("none", "a1", make::NOW, false).await;
    check("approved", "other arguments", make::NOW, false).await;
    check("approved", "A1", make::NOW, false).await;
    check("approved", "a1", AFTER, false).await;
    check("approved", "a1", Millis(AFTER.0 - 1), true).await;
    check("approved", "a1", Millis(AFTER.0 - 1), false).await;
}

async fn finishing(store: Store) {
    let result = json!({"status": "error"});
    for from in ApprovalStatus::ALL {
        for to in ApprovalStatus::ALL {
            let id = format!("{}-{}", from.as_str(), to.as_str());
            create(
                &store,
                Approval {
                    status: from,
                    ..make::approval(&id)
                },
            )
            .await;
            let finished = store
                .finish_approval(&id, (to, &result), &make::event("end"), make::NOW)
                .await
                .unwrap();
            let ends = matches!(
                to,
                ApprovalStatus::Done | ApprovalStatus::Failed | ApprovalStatus::Stale
            );
            assert_eq!(finished, from == ApprovalStatus::Executing && ends, "{id}");
            let stored = store.approval(&id).await.unwrap().unwrap();
            let expect = if finished {
                (to, Some(result.clone()))
            } else {
                (from, None)
            };
            assert_eq!((stored.status, stored.result), expect, "{id}");
        }
    }
    assert!(
        !store
            .finish_approval("none", (ApprovalStatus::Done, &result), &make::event("end"), make::NOW)
            .await
            .unwrap()
    );
}

async fn expiry(store: Store) {
    let later = Approval {
        expires_at: Millis(AFTER.0 + 1),
        ..make::approval("LATE")
    };
    create(&store, later.clone()).await;
    for status in ApprovalStatus::ALL {
        create(
            &store,
            Approval {
                status,
                ..make::approval(status.as_str())
            },
        )
        .await;
    }
    assert_eq!(
        store
            .expire_approvals(Millis(AFTER.0 - 1), |_| make::event("expired"))
            .await
            .unwrap(),
        []
    );
    let mut expired = store.expire_approvals(AFTER, |_| make::event("expired")).await.unwrap();
    expired.sort_by(|a, b| a.id.cmp(&b.id));
    let expect = ["APPROVED", "PENDING"].map(|id| Approval {
        status: ApprovalStatus::Expired,
        ..make::approval(id)
    });
    assert_eq!(expired, expect);
    assert_eq!(
        store.expire_approvals(AFTER, |_| make::event("expired")).await.unwrap(),
        []
    );
    assert_eq!(store.approval("LATE").await.unwrap(), Some(later));
}

async fn open_card(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let there = |status: ApprovalStatus| Approval {
        status,
        args_hash: status.as_str().into(),
        conversation_id: Some(conversation.id.clone()),
        ..make::approval(status.as_str())
    };
    for status in ApprovalStatus::ALL {
        create(&store, there(status)).await;
    }
    let check = async |conversation: &str, tool: &str, args_hash: &str, now: Millis, expect: bool| {
        let found = store.open_approval(conversation, tool, args_hash, now).await.unwrap();
        assert_eq!(found.is_some(), expect, "{conversation} {tool} {args_hash} {now:?}");
    };
    for status in ApprovalStatus::ALL {
        let open = matches!(status, ApprovalStatus::Pending | ApprovalStatus::Approved);
        check(&conversation.id, "docker_action", status.as_str(), make::NOW, open).await;
    }
    check(&conversation.id, "docker_action", "pending", AFTER, false).await;
    check(&conversation.id, "other_tool", "pending", make::NOW, false).await;
    check("elsewhere", "docker_action", "pending", make::NOW, false).await;
}

async fn listing(store: Store) {
    let mut expect = Vec::new();
    for (after, id, status) in [
        (3, "C", ApprovalStatus::Pending),
        (1, "A", ApprovalStatus::Pending),
        (2, "B", ApprovalStatus::Done),
    ] {
        let card = Approval {
            status,
            created_at: Millis(make::NOW.0 + after),
            ..make::approval(id)
        };
        expect.push(create(&store, card).await);
    }
    let check = async |status: Option<ApprovalStatus>, limit: i64, expect: &str| {
        let found = store.approvals(status, limit).await.unwrap();
        let ids: String = found.into_iter().map(|card| card.id).collect();
        assert_eq!(ids, expect, "{status:?}, limit {limit}");
    };
    check(None, 10, "CBA").await;
    check(None, 1, "C").await;
    check(None, -5, "").await;
    check(Some(ApprovalStatus::Pending), 10, "CA").await;
    check(Some(ApprovalStatus::Pending), 1, "C").await;
    check(Some(ApprovalStatus::Denied), 10, "").await;
}
