//! Where a card is shown, that every copy ends as one line, and how many have to say yes.

use std::time::Duration;

use jarvis_agent::people::{Directory, People, PlatformId, RoomRules, ToolList};
use jarvis_agent::platform::{Author, Incoming, RoomId};
use jarvis_agent::view::CardStatus;
use jarvis_agent::{ApprovalsConfig, Error, Principal, Surface};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::providers::scripted::{calls, says};

use crate::approvals::STOP_WEB;
use crate::support::house::NOW;
use crate::support::wall::{Takes, Wall};
use crate::support::{House, key, until};

fn in_room() -> ApprovalsConfig {
    ApprovalsConfig {
        room: Some("wall:ops".to_owned().try_into().expect("a room")),
        ..ApprovalsConfig::default()
    }
}

fn by_two() -> ApprovalsConfig {
    ApprovalsConfig {
        two: vec!["act:stop".into()],
        ..ApprovalsConfig::default()
    }
}

async fn asked(approvals: ApprovalsConfig) -> House {
    let turns = [calls("c1", "act", STOP_WEB), says("It waits for approval.")];
    let house = House::with_approvals(approvals, turns).await;
    house.ask("stop web").await;
    house
}

async fn shows(wall: &Wall, what: &str, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    until(what, async {
        loop {
            let shows = wall.shows();
            if fits(&shows) {
                return shows;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_card_is_shown_in_the_approvals_room_and_ends_as_one_line() {
    let (house, wall) = (asked(in_room()).await, Wall::new());
    house.agent.connect(wall.adapter());
    let shown = shows(&wall, "the card", |shows| shows.len() == 1).await;
    let id = house.card().await.id;
    let expect = format!(
        "ops: **Approval {id}: stop web**\n- web will be stopped\nNow: running. Afterwards: stopped.\nTool: act \
         (`{{\"action\":\"stop\",\"name\":\"web\"}}`, destructive)\nAsked for by: owner\nSay `approve {id}` or `deny {id}` \
         until 2026-11-20T"
    );
    assert!(shown[0].starts_with(&expect), "{}", shown[0]);
    assert_eq!(
        wall.buttons(),
        [format!("Approve: approve {id}"), format!("Deny: deny {id}")]
    );
    house.approve(&id).await;
    let done = format!("ops: **{id}** stop web: approved by owner; done.");
    shows(&wall, "the end of the card", |shows| shows == [done.clone()]).await;
    assert_eq!(wall.buttons(), Vec::<String>::new());
    let late = house.decide(&id, false).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        format!("approval {id} was already decided by owner; it is done")
    );
}

#[tokio::test]
async fn a_card_that_expired_says_so_everywhere_and_can_be_asked_for_again() {
    let (house, wall) = (asked(in_room()).await, Wall::new());
    house.agent.connect(wall.adapter());
    shows(&wall, "the card", |shows| shows.len() == 1).await;
    let id = house.card().await.id;
    house.clock.advance(Duration::from_mins(31));
    let expired = house.decide(&id, true).await;
    assert!(matches!(expired, Err(Error::ApprovalExpired(_))), "{expired:?}");
    let line = format!("ops: **{id}** stop web: expired.");
    shows(&wall, "the end of the card", |shows| shows == [line.clone()]).await;
    assert_eq!(wall.buttons(), [format!("Ask again: again {id}")]);
    house.say(&format!("again {id}")).await.unwrap();
    shows(&wall, "the new card", |shows| shows.len() == 2).await;
}

/// The decision comes while the platform is away, and the process ends: the copy is right all the same in the end.
#[tokio::test]
async fn a_copy_is_changed_after_a_restart_too_and_a_late_one_is_not_shown() {
    let (house, wall) = (asked(in_room()).await, Wall::new());
    house.agent.connect(wall.adapter());
    shows(&wall, "the card", |shows| shows.len() == 1).await;
    let id = house.card().await.id;
    let house = house.restarted([]).await;
    let mut seen = house.watch();
    house.decide(&id, false).await.unwrap();
    seen.closed(&id).await;
    assert!(wall.shows()[0].contains("Approval"));
    house.agent.connect(wall.adapter());
    let line = format!("ops: **{id}** stop web: denied by owner.");
    shows(&wall, "the end of the card", |shows| shows == [line.clone()]).await;

    let house = asked(in_room()).await;
    let id = house.card().await.id;
    house.decide(&id, false).await.unwrap();
    let late = Wall::new();
    house.agent.connect(late.adapter());
    until("the copy is dropped", async {
        while house.store.copies_of_card(&id).await.unwrap()[0].state.as_str() != "dropped" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(late.shows(), Vec::<String>::new());
}

#[tokio::test]
async fn a_card_in_doubt_is_not_shown_twice() {
    let (house, wall) = (asked(in_room()).await, Wall::new());
    wall.next([Takes::BreaksAfter]);
    house.agent.connect(wall.adapter());
    let id = house.card().await.id;
    until("the end of the try", async {
        while house.store.copies_of_card(&id).await.unwrap()[0].state.as_str() != "unknown" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(wall.sends(), 1);
    assert_eq!(house.approve(&id).await.status, CardStatus::Done);
}

fn operator(number: u32) -> Principal {
    Principal::of(&key(&format!("op{number}"), &[Scope::Approve]), Surface::Api)
}

#[tokio::test]
async fn two_persons_are_two_and_one_no_is_enough() {
    let house = asked(by_two()).await;
    let card = house.card().await;
    assert_eq!(card.need, 2);
    assert_eq!(house.decide(&card.id, true).await.unwrap().status, CardStatus::Pending);
    let again = house.decide(&card.id, true).await;
    assert!(
        matches!(
            again,
            Err(Error::AlreadyDecided {
                status: CardStatus::Pending,
                ..
            })
        ),
        "{again:?}"
    );
    let granted = house.agent.approve_for_an_hour(&operator(1), &card.id, None).await;
    assert!(matches!(granted, Err(Error::NotGrantable { .. })), "{granted:?}");
    let mut seen = house.watch();
    house.agent.decide(&operator(1), &card.id, true, None).await.unwrap();
    let closed = seen.closed(&card.id).await;
    assert_eq!(
        (closed.status, closed.decided_by.as_deref()),
        (CardStatus::Done, Some("op1, owner"))
    );
    assert_eq!(house.world.done(), ["stop web"]);

    let house = asked(by_two()).await;
    let card = house.card().await;
    house.say(&format!("approve {}", card.id)).await.unwrap();
    let last = house.talk().await.pop().unwrap();
    assert_eq!(
        last,
        format!("event: **{}** has your yes; it takes 2 different persons.", card.id)
    );
    let denied = house.agent.decide(&operator(1), &card.id, false, None).await.unwrap();
    assert_eq!(denied.status, CardStatus::Denied);
    let late = house.agent.decide(&operator(2), &card.id, true, None).await;
    assert!(matches!(late, Err(Error::AlreadyDecided { .. })), "{late:?}");
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn of_twenty_who_approve_at_once_two_count_and_it_is_done_once() {
    let house = asked(by_two()).await;
    let card = house.card().await;
    let mut seen = house.watch();
    let votes = (0..20).map(|number| {
        let (agent, id) = (house.agent.clone(), card.id.clone());
        async move { agent.decide(&operator(number), &id, true, None).await.map(|_| ()) }
    });
    let (sent, mut outcomes) = tokio::sync::mpsc::channel(20);
    for vote in votes {
        let sent = sent.clone();
        house.tasks.spawn(
            "vote",
            async move { sent.send(vote.await).await.expect("somebody counts") },
        );
    }
    drop(sent);
    let mut counted = 0;
    while let Some(outcome) = outcomes.recv().await {
        match outcome {
            Ok(()) => counted += 1,
            Err(Error::AlreadyDecided { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(counted, 2);
    assert_eq!(seen.closed(&card.id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

fn platform_id(id: &str) -> PlatformId {
    PlatformId {
        platform: "wall".into(),
        id: id.into(),
    }
}

/// The owner asks in a room where strangers read along: the card goes to their direct conversation, and the room is told
/// that it waits, and how it ended, and nothing else.
#[tokio::test]
async fn without_an_approvals_room_the_card_is_in_the_direct_conversation_and_strangers_see_no_plan() {
    let turns = [calls("c1", "act", STOP_WEB), says("It waits.")];
    let (house, wall) = (House::new(turns).await, Wall::new());
    let rules = RoomRules {
        public: Some(true),
        tools: Some(ToolList::Word("all".into())),
        ..RoomRules::default()
    };
    house.agent.set_directory(Directory {
        people: People {
            owners: [platform_id("boss")].into(),
        },
        rooms: [(platform_id("town"), rules)].into(),
        ..Directory::default()
    });
    house.agent.connect(wall.adapter());
    let incoming = Incoming {
        room: RoomId {
            platform: "wall".into(),
            room: "town".into(),
            server: None,
            direct: false,
        },
        author: Author {
            account: "boss".into(),
            handle: "Boss".into(),
            roles: Vec::new(),
            is_bot: false,
        },
        id: "1".into(),
        text: "stop web".into(),
        addressed: true,
        at: NOW,
    };
    house.agent.hear(incoming).await.expect("the owner is heard");
    let shown = shows(&wall, "the card and the answer", |shows| shows.len() == 2).await;
    let id = house.card().await.id;
    let card = shown.iter().find(|line| line.starts_with("dm-boss: ")).expect("a card");
    assert!(card.contains(&format!("**Approval {id}: stop web**")), "{card}");
    let told = house.model.calls()[1]
        .request
        .messages
        .last()
        .expect("a result")
        .joined_text();
    assert!(
        told.contains(&format!("NOT done yet: this needs approval **{id}** from an operator.")),
        "{told}"
    );
    assert!(!told.contains("running"), "{told}");
    house.approve(&id).await;
    let end = format!("town: **{id}** is done.");
    let shown = shows(&wall, "the end", |shows| shows.contains(&end)).await;
    assert!(
        !shown
            .iter()
            .any(|line| line.starts_with("town") && line.contains("stop web")),
        "{shown:?}"
    );
}
