//! Accounts of persons, and making two persons one.

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::jobs::Job;
use jarvis_memory::people::{Identity, LinkCode, Linked, Redeemed, Target};
use jarvis_memory::records::{Conversation, Message, Room};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "an account is met once, and keeps its person under another name",
        run: |store| Box::pin(met_once(store)),
    },
    Case {
        name: "a room is written down anew, and has one conversation for each person at most",
        run: |store| Box::pin(rooms(store)),
    },
    Case {
        name: "a merge moves everything, and one person has one vote",
        run: |store| Box::pin(merge(store)),
    },
    Case {
        name: "of many who redeem or confirm a code at once, one does",
        run: |store| Box::pin(races(store)),
    },
    Case {
        name: "a code is void after its time, and so is one whose account went elsewhere",
        run: |store| Box::pin(void(store)),
    },
    Case {
        name: "a vote counts with the trust of the account that votes",
        run: |store| Box::pin(votes(store)),
    },
];

pub(super) fn account(id: &str) -> Identity {
    Identity {
        platform: "discord".into(),
        account: id.into(),
        handle: format!("Name_{id}"),
        linked_at: make::NOW,
    }
}

pub(super) async fn meet(store: &Store, id: &str) -> String {
    let person = make::person(&format!("p{id}"), 0);
    store.meet(&account(id), &person).await.unwrap();
    let known = store.person_of_account("discord", id).await.unwrap();
    known.expect("met").person_id
}

async fn met_once(store: Store) {
    assert_eq!(store.person_of_account("discord", "1").await.unwrap(), None);
    let people = (0..10).map(|number| make::person(&format!("p{number}"), 0));
    let people: Vec<_> = people.collect();
    let first = account("1");
    join_all(people.iter().map(|person| store.meet(&first, person))).await;
    let known = store.person_of_account("discord", "1").await.unwrap().expect("met");
    assert_eq!(known.identities, [account("1")]);
    let everybody = store.known_people(10).await.unwrap();
    assert_eq!(everybody, std::slice::from_ref(&known));
    store.set_handle("discord", "1", "Other").await.unwrap();
    let again = store.person_of_account("discord", "1").await.unwrap().expect("met");
    assert_eq!(
        (again.person_id.clone(), again.identities[0].handle.as_str()),
        (known.person_id, "Other")
    );
    let called = store.accounts_called("discord", "oTHER", 5).await.unwrap();
    assert_eq!(called, again.identities);
    // Letters beyond ASCII are not folded: one engine would, and the other not.
    store.set_handle("discord", "1", "Öther").await.unwrap();
    let mut found = Vec::new();
    for handle in ["ÖtHER", "öTHER"] {
        found.push(store.accounts_called("discord", handle, 5).await.unwrap().len());
    }
    assert_eq!(found, [1, 0]);
    assert!(store.grant_trust(&again.person_id, 3).await.unwrap());
    assert!(!store.grant_trust("nobody", 3).await.unwrap());
    assert!(
        store.grant_trust(&again.person_id, 4).await.is_err(),
        "nobody is granted the owner's"
    );
}

fn channel(external_id: &str) -> Room {
    Room {
        platform: "discord".into(),
        ceiling: 2,
        public: true,
        server_id: Some("s".into()),
        ..make::room(external_id)
    }
}

async fn rooms(store: Store) {
    let first = store.placed_room(&channel("general")).await.unwrap();
    let changed = Room {
        ceiling: 3,
        public: false,
        ..channel("general")
    };
    let second = store.placed_room(&changed).await.unwrap();
    let expect = Room {
        id: first.id.clone(),
        ..changed
    };
    assert_eq!(&second, &expect);
    assert_eq!(store.room_by_id(&first.id).await.unwrap(), Some(expect));
    let other = store.another().await.unwrap();
    let makers = (0..10).map(|number| {
        let (store, first) = (if number % 2 == 0 { &store } else { &other }, &first);
        async move {
            store
                .conversation_of_room(None, &make::conversation(first))
                .await
                .unwrap()
        }
    });
    let made: Vec<Conversation> = join_all(makers).await;
    assert!(made.windows(2).all(|pair| pair[0] == pair[1]), "{made:?}");
    let own = store
        .conversation_of_room(Some("p1"), &make::conversation(&first))
        .await
        .unwrap();
    assert_ne!(own, made[0]);

    let settled = async |person: Option<&str>, room: &Room| store.settled(person, room).await.unwrap();
    assert_eq!(settled(None, &second).await.as_ref(), Some(&made[0]));
    assert_eq!(settled(Some("p1"), &second).await, Some(own));
    assert_eq!(settled(Some("p2"), &second).await, None, "nothing was said yet");
    assert_eq!(settled(None, &first).await, None, "the room is another by now");
    let nowhere = Room {
        server_id: None,
        ..second
    };
    assert_eq!(settled(None, &nowhere).await, None);
}

/// A code of the person of account 1 for `target`, given out in a room of its own.
pub(super) async fn issue(store: &Store, issuer: &str, hash: &str, target: Target) -> (String, String) {
    let room = store.placed_room(&channel(&format!("dm-{issuer}"))).await.unwrap();
    let talk = store
        .conversation_of_room(Some(issuer), &make::conversation(&room))
        .await
        .unwrap();
    let code = LinkCode {
        hash: hash.into(),
        issuer_id: issuer.into(),
        conversation_id: talk.id.clone(),
        platform: "discord".into(),
        target,
        expires_at: Millis(make::NOW.0 + 1_000),
    };
    store.issue_link(&code, make::NOW).await.unwrap();
    (room.id, talk.id)
}

async fn remind(store: &Store, person: &str) {
    let reminder = Job {
        person_id: person.to_owned(),
        ..super::jobs::job(store).await
    };
    store.create_job(&reminder, 10).await.unwrap();
}

async fn merge(store: Store) {
    let (one, two) = (meet(&store, "1").await, meet(&store, "2").await);
    let (room, talk) = issue(&store, &one, "h", Target::Handle("name_2".into())).await;
    let theirs = store.placed_room(&channel("dm-2")).await.unwrap();
    let their_talk = store
        .conversation_of_room(Some(&two), &make::conversation(&theirs))
        .await
        .unwrap();
    let said = Message {
        person_id: Some(two.clone()),
        ..make::message(&their_talk.id, "hello")
    };
    store.add_message(&said).await.unwrap();
    for person in [&one, &two] {
        store.put_person(&make::person(person, 4)).await.unwrap();
    }
    remind(&store, &two).await;
    let card = jarvis_memory::records::Approval {
        requester_id: Some(two.clone()),
        need: 3,
        ..make::approval("K7QX")
    };
    store.create_approval(&card, &[], &make::event("card")).await.unwrap();
    for person in [&one, &two] {
        store
            .vote(&make::vote("K7QX", person, true), &make::event("vote"), None, make::NOW)
            .await
            .unwrap();
    }
    let redeemed = store.redeem_link("h", &account("2"), &two, make::NOW).await.unwrap();
    let waits = Redeemed::Waits {
        issuer_id: one.clone(),
        conversation_id: talk,
    };
    assert_eq!(redeemed, waits);
    let who = store.redeemer_of(&one, &room, make::NOW).await.unwrap();
    assert_eq!(who, Some((two.clone(), "2".to_owned())));
    let linked = store.confirm_link(&one, &room, &two, 0, make::NOW).await.unwrap();
    assert_eq!(linked, Linked::Done { from: two.clone() });
    let known = store.known_person(&one).await.unwrap().expect("there");
    let accounts: Vec<&str> = known
        .identities
        .iter()
        .map(|identity| identity.account.as_str())
        .collect();
    assert_eq!(accounts, ["1", "2"]);
    assert_eq!(store.person(&two).await.unwrap(), None);
    let messages = store.messages(&their_talk.id, None, 10).await.unwrap();
    assert_eq!(messages[0].person_id.as_ref(), Some(&one));
    let moved = store
        .conversation_of_room(Some(&one), &make::conversation(&theirs))
        .await
        .unwrap();
    assert_eq!(moved.id, their_talk.id);
    assert_eq!(
        store.approval("K7QX").await.unwrap().expect("there").requester_id,
        Some(one.clone())
    );
    let jobs = store.open_jobs(Some(&one), 10).await.unwrap();
    assert_eq!(jobs.len(), 1, "what somebody asked for is not lost by a link");
    // Two of the three votes that it takes were one person's.
    store.put_person(&make::person("third", 4)).await.unwrap();
    let outcome = store
        .vote(
            &make::vote("K7QX", "third", true),
            &make::event("vote"),
            None,
            make::NOW,
        )
        .await
        .unwrap();
    assert_eq!(outcome, jarvis_memory::records::VoteOutcome::Waiting);

    let alone = account("2");
    assert!(!store.unlink("nobody", &alone, "fresh").await.unwrap());
    assert_eq!(store.person("fresh").await.unwrap(), None);
    assert!(store.unlink(&one, &alone, "fresh").await.unwrap());
    let known = store.person_of_account("discord", "2").await.unwrap().expect("there");
    assert_eq!((known.person_id.as_str(), known.granted), ("fresh", 0));
}

async fn races(store: Store) {
    let (one, two) = (meet(&store, "1").await, meet(&store, "2").await);
    let (room, _) = issue(&store, &one, "h", Target::Account("2".into())).await;
    let other = store.another().await.unwrap();
    let by = account("2");
    let stores = [&store, &other, &store, &other];
    let redeemed = join_all(stores.map(|store| store.redeem_link("h", &by, &two, make::NOW))).await;
    let took = redeemed
        .iter()
        .filter(|one| matches!(one, Ok(Redeemed::Waits { .. })))
        .count();
    assert_eq!(took, 1, "{redeemed:?}");
    let linked = join_all(stores.map(|store| store.confirm_link(&one, &room, &two, 0, make::NOW))).await;
    let done = linked
        .iter()
        .filter(|one| matches!(one, Ok(Linked::Done { .. })))
        .count();
    let none = linked.iter().filter(|one| matches!(one, Ok(Linked::NoCode))).count();
    assert_eq!((done, none), (1, 3), "{linked:?}");
}

async fn void(store: Store) {
    let (one, two, three) = (
        meet(&store, "1").await,
        meet(&store, "2").await,
        meet(&store, "3").await,
    );
    let late = Millis(make::NOW.0 + 1_000);
    let (room, _) = issue(&store, &one, "h", Target::Account("2".into())).await;
    assert_eq!(
        store.confirm_link(&one, &room, &two, 0, make::NOW).await.unwrap(),
        Linked::NotRedeemed
    );
    assert_eq!(
        store.redeem_link("h", &account("2"), &two, late).await.unwrap(),
        Redeemed::No
    );
    assert_eq!(
        store.redeem_link("h", &account("3"), &three, make::NOW).await.unwrap(),
        Redeemed::No
    );
    assert_eq!(
        store.redeem_link("h", &account("2"), &one, make::NOW).await.unwrap(),
        Redeemed::No,
        "one's own"
    );
    store.redeem_link("h", &account("2"), &two, make::NOW).await.unwrap();
    assert_eq!(
        store.confirm_link(&one, "elsewhere", &two, 0, make::NOW).await.unwrap(),
        Linked::NoCode
    );
    assert_eq!(
        store.confirm_link(&one, &room, &two, 0, late).await.unwrap(),
        Linked::NoCode
    );
    store.grant_trust(&two, 3).await.unwrap();
    assert_eq!(
        store.confirm_link(&one, &room, &two, 0, make::NOW).await.unwrap(),
        Linked::MoreTrusted
    );
    store.grant_trust(&two, 0).await.unwrap();
    assert!(store.unlink(&two, &account("2"), "fresh").await.unwrap());
    assert_eq!(
        store.confirm_link(&one, &room, &two, 0, make::NOW).await.unwrap(),
        Linked::Changed
    );
    for _ in 0..2 {
        store.redeem_link("x", &account("2"), "fresh", make::NOW).await.unwrap();
    }
    assert_eq!(
        store.redeem_link("x", &account("2"), "fresh", make::NOW).await.unwrap(),
        Redeemed::TooOften
    );
    let after = Millis(late.0 + 10 * 60 * 1_000);
    assert_eq!(
        store.redeem_link("x", &account("2"), "fresh", after).await.unwrap(),
        Redeemed::No
    );
}

async fn votes(store: Store) {
    store.put_person(&make::person("owner", 4)).await.unwrap();
    store
        .create_approval(&make::approval("K7QX"), &[], &make::event("card"))
        .await
        .unwrap();
    let weak = jarvis_memory::records::Vote {
        trust: 2,
        ..make::vote("K7QX", "owner", true)
    };
    let outcome = store.vote(&weak, &make::event("vote"), None, make::NOW).await.unwrap();
    assert_eq!(outcome, jarvis_memory::records::VoteOutcome::NotAllowed);
}
