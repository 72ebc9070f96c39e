//! Many at once, over connections of several instances, where what is decided depends on what is there.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::people::{LinkCode, Target};
use jarvis_memory::recall::{Audience, Memory, Question, Scope};
use jarvis_memory::records::{
    Approval, ApprovalStatus, AuditCheck, Grant, GrantedCall, KeptResult, Message, RunStatus,
};
use serde_json::json;

use super::{Case, links, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "of cards for one act that are asked for at once, one is made",
        run: |store| Box::pin(one_card(store)),
    },
    Case {
        name: "a person has no more jobs than are allowed, however they are made",
        run: |store| Box::pin(jobs_in_bounds(store)),
    },
    Case {
        name: "of two grants each is used as often as it says, and never after it was taken back",
        run: |store| Box::pin(two_grants(store)),
    },
    Case {
        name: "of link codes that a person asks for at once, one is good",
        run: |store| Box::pin(one_code(store)),
    },
    Case {
        name: "what somebody says while they become another person is kept",
        run: |store| Box::pin(said_while_merged(store)),
    },
    Case {
        name: "what is remembered and indexed by several at once is found",
        run: |store| Box::pin(remembered_at_once(store)),
    },
    Case {
        name: "spending is summed up by writers in any order",
        run: |store| Box::pin(spending(store)),
    },
    Case {
        name: "everything at once goes on, and the audit is one chain",
        run: |store| Box::pin(everything(store)),
    },
];

/// As many instances have.
async fn instances(store: &Store) -> Vec<Store> {
    let mut stores = vec![store.clone()];
    for _ in 0..3 {
        stores.push(store.another().await.unwrap());
    }
    stores
}

/// Runs `work` so many times, all at once, spread over instances.
async fn at_once<T>(stores: &[Store], times: usize, work: impl AsyncFn(&Store, usize) -> T) -> Vec<T> {
    join_all((0..times).map(|number| work(&stores[number % stores.len()], number))).await
}

async fn close(stores: Vec<Store>) {
    for other in stores.into_iter().skip(1) {
        other.close().await;
    }
}

fn count(all: &[bool]) -> usize {
    all.iter().filter(|one| **one).count()
}

async fn one_card(store: Store) {
    let stores = instances(&store).await;
    for round in 0..10 {
        let conversation = make::stored_conversation(&store).await;
        let made = at_once(&stores, 16, async |store, number| {
            let card = Approval {
                conversation_id: Some(conversation.id.clone()),
                ..make::approval(&format!("C{round}N{number}"))
            };
            store.create_approval(&card, &[], &make::event("card")).await.unwrap()
        })
        .await;
        assert_eq!(count(&made), 1, "round {round}");
    }
    close(stores).await;
}

async fn jobs_in_bounds(store: Store) {
    let stores = instances(&store).await;
    let job = super::jobs::job(&store).await;
    let made = at_once(&stores, 30, async |store, number| {
        let job = jarvis_memory::jobs::Job {
            id: format!("J{number}"),
            ..job.clone()
        };
        store.create_job(&job, 5).await.unwrap()
    })
    .await;
    assert_eq!(count(&made), 5);
    close(stores).await;
}

async fn two_grants(store: Store) {
    let stores = instances(&store).await;
    let conversation = make::stored_conversation(&store).await;
    store.put_person(&make::person("ann", 3)).await.unwrap();
    let grant = |id: &str, uses_left: i64| Grant {
        id: id.into(),
        person_id: "ann".into(),
        room_id: conversation.room_id.clone(),
        tool: "docker_action".into(),
        target: "plex".into(),
        uses_left,
        created_at: make::NOW,
        expires_at: Millis(make::NOW.0 + 1000),
        granted_by: "Anna".into(),
        approval_id: id.into(),
    };
    let call = GrantedCall {
        person_id: "ann",
        conversation_id: &conversation.id,
        tool: "docker_action",
        target: "plex",
    };
    for (id, uses) in [("A", 3), ("B", 5)] {
        assert!(store.create_grant(&grant(id, uses)).await.unwrap());
    }
    let used = at_once(&stores, 20, async |store, _| {
        store.use_grant(call, make::NOW).await.unwrap()
    })
    .await;
    assert_eq!(count(&used), 8);

    assert!(store.create_grant(&grant("C", 100)).await.unwrap());
    let used = at_once(&stores, 40, async |store, number| {
        if number == 20 {
            assert!(store.revoke_grant("C", make::NOW).await.unwrap());
        }
        store.use_grant(call, make::NOW).await.unwrap()
    })
    .await;
    let left = store
        .texts_raw("SELECT CAST(uses_left AS TEXT) FROM grants WHERE id = 'C'")
        .await
        .unwrap();
    assert_eq!(left, [(100 - count(&used)).to_string()]);
    assert!(!store.use_grant(call, make::NOW).await.unwrap());
    close(stores).await;
}

async fn one_code(store: Store) {
    let stores = instances(&store).await;
    let conversation = make::stored_conversation(&store).await;
    store.put_person(&make::person("ann", 1)).await.unwrap();
    at_once(&stores, 16, async |store, number| {
        let code = LinkCode {
            hash: format!("h{number}"),
            issuer_id: "ann".into(),
            conversation_id: conversation.id.clone(),
            platform: "discord".into(),
            target: Target::Account(number.to_string()),
            expires_at: Millis(make::NOW.0 + 1000),
        };
        store.issue_link(&code, make::NOW).await.unwrap();
    })
    .await;
    let open = store.texts_raw("SELECT hash FROM link_codes").await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    close(stores).await;
}

async fn said_while_merged(store: Store) {
    let stores = instances(&store).await;
    for round in 0..5 {
        let (one, two) = (format!("{round}1"), format!("{round}2"));
        let (issuer, from) = (links::meet(&store, &one).await, links::meet(&store, &two).await);
        let (room, _) = links::issue(&store, &issuer, &two, Target::Account(two.clone())).await;
        let redeemed = store.redeem_link(&two, &links::account(&two), &from, make::NOW).await;
        redeemed.unwrap();
        let conversation = make::stored_conversation(&store).await;
        at_once(&stores, 20, async |store, number| {
            if number == 7 {
                store.confirm_link(&issuer, &room, &from, 0, make::NOW).await.unwrap();
                return;
            }
            let said = Message {
                person_id: Some(from.clone()),
                ..make::message(&conversation.id, "hello")
            };
            assert!(store.take_message(&make::person(&from, 0), None, &said).await.unwrap());
        })
        .await;
        let kept = store.messages(&conversation.id, None, 100).await.unwrap();
        assert_eq!(kept.len(), 19, "round {round}");
    }
    close(stores).await;
}

async fn remembered_at_once(store: Store) {
    let stores = instances(&store).await;
    let mut rooms = Vec::new();
    for _ in 0..6 {
        let room = store.room(&make::room(&make::id())).await.unwrap();
        let conversation = make::conversation(&room);
        store.create_conversation(&conversation).await.unwrap();
        for _ in 0..5 {
            let message = make::message(&conversation.id, "a disk was said");
            store.add_message(&message).await.unwrap();
        }
        rooms.push(room);
    }
    at_once(&stores, 40, async |store, number| {
        if number % 4 == 0 {
            let mut after = None;
            while let Some(next) = store.index_messages(after.as_deref(), 3).await.unwrap() {
                after = Some(next);
            }
            return;
        }
        let memory = Memory {
            id: make::id(),
            subject_id: None,
            author_id: None,
            audience: Audience::Room,
            whose: rooms[number % 3].id.clone(),
            text: format!("the disk of fact {number}"),
            source_message: None,
            author_trust: 1,
            at: make::NOW,
        };
        store.remember(&memory).await.unwrap();
    })
    .await;
    let everything = "SELECT e.words FROM recall_entries e";
    assert_eq!(store.texts_raw(everything).await.unwrap().len(), 30 + 30);
    let numbers = "SELECT audience || ' ' || whose FROM recall_audiences";
    let numbers = store.texts_raw(numbers).await.unwrap();
    assert_eq!(
        numbers.len(),
        numbers.iter().collect::<BTreeSet<_>>().len(),
        "{numbers:?}"
    );
    let mut found = 0;
    for room in &rooms[..3] {
        let scope = Scope::of(room, "nobody", false);
        let recalled = store.recall(&Question::new("disk"), &scope, None, 100).await.unwrap();
        found += recalled.len();
    }
    assert_eq!(found, 30, "facts; what was said at home is the owner's");
    close(stores).await;
}

async fn spending(store: Store) {
    let stores = instances(&store).await;
    at_once(&stores, 24, async |store, number| {
        let mut entries: Vec<_> = (0..20)
            .map(|day| {
                let mut entry = super::usage::entry("cloud/m", Some(7), jarvis_gateway::usage::Outcome::Answered);
                entry.at = Millis(make::NOW.0 + day * 24 * 60 * 60 * 1000);
                entry
            })
            .collect();
        if number % 2 == 0 {
            entries.reverse();
        }
        store.append_usage(&entries).await.unwrap();
    })
    .await;
    let spent = store.spending(0).await.unwrap();
    assert_eq!(spent.len(), 20);
    assert!(spent.iter().all(|spent| spent.cost.0 == 24 * 7), "{spent:?}");
    close(stores).await;
}

/// What a busy evening does, in the orders in which the agent does it.
async fn everything(store: Store) {
    let stores = instances(&store).await;
    let mut conversations = Vec::new();
    for _ in 0..4 {
        conversations.push(make::stored_conversation(&store).await);
    }
    for person in ["p0", "p1", "p2"] {
        store.put_person(&make::person(person, 4)).await.unwrap();
    }
    at_once(&stores, 60, async |store, number| {
        let conversation = &conversations[number % 4].id;
        let author = make::person(&format!("p{}", number % 3), 3 + i64::try_from(number % 2).unwrap());
        let mut run = make::run(conversation);
        run.person_id = Some(author.id.clone());
        let mut question = make::message(conversation, "stop web");
        question.run_id = Some(run.id.clone());
        question.person_id = Some(author.id.clone());
        assert!(store.take_message(&author, Some(&run), &question).await.unwrap());
        let call = make::tool_call(&run.id, "c");
        store
            .start_tool_call(&call, Some(&make::event("intent")))
            .await
            .unwrap();
        let card = Approval {
            conversation_id: Some(conversation.clone()),
            run_id: Some(run.id.clone()),
            requester_id: Some(author.id.clone()),
            args_hash: number.to_string(),
            ..make::approval(&format!("E{number}"))
        };
        assert!(store.create_approval(&card, &[], &make::event("card")).await.unwrap());
        let kept = KeptResult {
            id: make::id(),
            conversation_id: conversation.clone(),
            tool: "t".into(),
            text: "x".into(),
            min_trust: 0,
            tainted: false,
            private: false,
            expires_at: Millis(make::NOW.0 + i64::try_from(number % 2).unwrap()),
        };
        store.keep_result(&kept, make::NOW).await.unwrap();
        let vote = make::vote(&card.id, "p0", true);
        store.vote(&vote, &make::event("vote"), None, make::NOW).await.unwrap();
        if store
            .claim_approval(&card.id, &card.args_hash, make::NOW)
            .await
            .unwrap()
            .is_some()
        {
            let end = (ApprovalStatus::Done, &json!({}));
            store
                .finish_approval(&card.id, end, &make::event("done"), make::NOW)
                .await
                .unwrap();
            let told = Message {
                role: jarvis_memory::records::MessageRole::Event,
                ..make::message(conversation, "done")
            };
            assert!(store.tell_approval(&card.id, &told, None).await.unwrap());
        }
        store
            .expire_approvals(make::NOW, |_| make::event("expired"))
            .await
            .unwrap();
        let answer = Message {
            run_id: Some(run.id.clone()),
            role: jarvis_memory::records::MessageRole::Assistant,
            ..make::message(conversation, "stopped")
        };
        run.status = RunStatus::Done;
        store.end_runs(&[run], &answer).await.unwrap();
    })
    .await;
    // The intent, the card, the vote and the end of each.
    assert_eq!(store.check_audit().await.unwrap(), AuditCheck::Intact { entries: 240 });
    close(stores).await;
}
