//! Who may decide a card, when, and how often it counts.

use jarvis_agent::view::CardStatus;
use jarvis_agent::{Error, Principal, Surface};
use jarvis_gateway::caller::Scope;
use std::time::Duration;

use crate::approvals::asked_to_stop_web;
use crate::support::{key, owner, until};

#[tokio::test]
async fn somebody_without_the_right_is_refused_and_written_down() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    for (name, scopes) in [("chat", &[Scope::Chat][..]), ("ops", &[Scope::Chat, Scope::Ops])] {
        let principal = Principal::of(&key(name, scopes), Surface::Api);
        let refused = house.agent.decide(&principal, &id, true, None).await;
        assert!(matches!(refused, Err(Error::MayNotApprove)), "{name}: {refused:?}");
        // The same for a card that is not there.
        let refused = house.agent.decide(&principal, "ZZZZ", true, None).await;
        assert!(matches!(refused, Err(Error::MayNotApprove)), "{name}: {refused:?}");
    }
    assert_eq!(house.card().await.status, CardStatus::Pending);
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(
        house.audit().await[1..],
        [
            "approval.vote key:id-chat/api act refused",
            "approval.vote key:id-ops/api act refused",
        ]
    );
}

#[tokio::test]
async fn the_second_click_counts_for_nothing() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    house.approve(&id).await;
    for yes in [true, false] {
        let again = house.decide(&id, yes).await;
        assert!(
            matches!(
                &again,
                Err(Error::AlreadyDecided {
                    status: CardStatus::Done,
                    ..
                })
            ),
            "{again:?}"
        );
    }
    assert_eq!(house.world.done(), ["stop web"]);
    let unknown = house.decide("ZZZZ", true).await;
    assert!(
        matches!(&unknown, Err(Error::NoApproval(id)) if id == "ZZZZ"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_decide_at_once_one_counts() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let mut seen = house.watch();
    let votes = (0..20).map(|number| {
        let principal = Principal::of(&key(&format!("phone-{number}"), &[Scope::Approve]), Surface::Api);
        let (agent, id) = (house.agent.clone(), id.clone());
        async move { agent.decide(&principal, &id, true, None).await }
    });
    // In tasks of their own, so that they really meet.
    let (sent, mut outcomes) = tokio::sync::mpsc::channel(20);
    for vote in votes {
        let sent = sent.clone();
        house.tasks.spawn("vote", async move {
            sent.send(vote.await).await.expect("somebody counts");
        });
    }
    drop(sent);
    let (mut counted, mut late) = (0, 0);
    while let Some(outcome) = until("all votes", outcomes.recv()).await {
        match outcome {
            Ok(_) => counted += 1,
            Err(Error::AlreadyDecided { .. }) => late += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((counted, late), (1, 19));
    assert_eq!(seen.closed(&id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
    let intents = house
        .audit()
        .await
        .into_iter()
        .filter(|line| line.starts_with("tool.intent"));
    assert_eq!(intents.count(), 1);
}

#[tokio::test]
async fn a_click_after_the_time_expires_the_card() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    house.clock.advance(Duration::from_mins(30));
    for _ in 0..2 {
        let late = house.decide(&id, true).await;
        assert!(
            matches!(&late, Err(Error::ApprovalExpired(of)) if *of == id),
            "{late:?}"
        );
    }
    assert_eq!(house.card().await.status, CardStatus::Expired);
    assert_eq!(
        house.talk().await[2..],
        [format!(
            "event: **{id}** expired without a decision: stop web. Say `again {id}` if it is still wanted."
        )]
    );
    assert_eq!(house.audit().await[1..], ["approval.expired -/jarvis act"]);
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_card_expires_without_a_click() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let mut seen = house.watch();
    house.clock.advance(Duration::from_mins(30));
    // Only the sweeper's own wait is skipped: with time standing still, the database's limits would pass at once.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(21)).await;
    tokio::time::resume();
    assert_eq!(seen.closed(&id).await.status, CardStatus::Expired);
    assert_eq!(
        seen.lines(),
        [
            format!(
                "message event: **{id}** expired without a decision: stop web. Say `again {id}` if it is still wanted."
            ),
            "approval stop web expired".to_owned(),
        ]
    );
}

/// An act whose card came to nothing is asked for again by its id; one that was done, or still waits, is not.
#[tokio::test]
async fn what_came_to_nothing_is_asked_for_again() {
    let house = asked_to_stop_web().await;
    let old = house.card().await.id;
    let early = house.agent.ask_again(&owner(), &old).await;
    assert!(
        matches!(
            early,
            Err(Error::AlreadyDecided {
                status: CardStatus::Pending,
                ..
            })
        ),
        "{early:?}"
    );
    house.decide(&old, false).await.expect("it is denied");
    let stranger = Principal::of(&key("chat", &[Scope::Chat]), Surface::Api);
    for id in [old.as_str(), "ZZZZ"] {
        assert!(matches!(
            house.agent.ask_again(&stranger, id).await,
            Err(Error::Forbidden)
        ));
    }

    house.world.set("web", "paused");
    let new = house.agent.ask_again(&owner(), &old).await.expect("a new card");
    assert_ne!(new.id, old);
    assert_eq!((new.status, new.rule.as_str()), (CardStatus::Pending, "asked_again"));
    let same = house.agent.ask_again(&owner(), &old).await.expect("the open card");
    assert_eq!(same.id, new.id);
    assert!(house.talk().await.contains(&format!(
        "event: **{old}** was asked for again as **{}**: stop web.",
        new.id
    )));
    assert_eq!(house.world.done(), Vec::<String>::new());

    house.approve(&new.id).await;
    assert_eq!(house.world.done(), ["stop web"]);
    let done = house.agent.ask_again(&owner(), &new.id).await;
    assert!(
        matches!(
            done,
            Err(Error::AlreadyDecided {
                status: CardStatus::Done,
                ..
            })
        ),
        "{done:?}"
    );
    house.audit().await;
}

/// A key that never spoke here may ask again, and what somebody changed in the table is not asked for in their place.
#[tokio::test]
async fn asking_again_asks_for_the_same_act() {
    let house = asked_to_stop_web().await;
    let old = house.card().await.id;
    house.decide(&old, false).await.expect("it is denied");
    let laptop = Principal::of(&key("laptop", &[Scope::Ops]), Surface::Api);
    let new = house.agent.ask_again(&laptop, &old).await.expect("a new card");
    assert_eq!(
        (new.requested_by.as_deref(), new.arguments),
        (
            Some("key:id-laptop"),
            house
                .agent
                .approval(&owner(), &old)
                .await
                .expect("the old card")
                .arguments
        )
    );
    house.decide(&new.id, false).await.expect("it is denied");
    let tampered = r#"UPDATE approvals SET arguments = '{"action":"stop","name":"vpn"}'"#;
    house.store.execute_raw(tampered).await.expect("the row is changed");
    let refused = house.agent.ask_again(&owner(), &old).await;
    assert!(matches!(refused, Err(Error::NotRaised(_))), "{refused:?}");
}

#[tokio::test]
async fn a_card_is_decided_up_to_its_last_moment() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    house.clock.advance(Duration::from_mins(30) - Duration::from_millis(1));
    assert_eq!(house.approve(&id).await.status, CardStatus::Done);
    assert_eq!(house.world.done(), ["stop web"]);
}

/// An act that is approved while Jarvis goes down is left for the next start and not begun half.
#[tokio::test]
async fn an_approval_during_shutdown_waits_for_the_next_start() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    house.tasks.stopping().cancel();
    house.agent.decide(&owner(), &id, true, None).await.expect("it counts");
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    assert_eq!(house.world.done(), Vec::<String>::new());
    let house = house.restarted([]).await;
    let mut seen = house.watch();
    if house.card().await.status != CardStatus::Done {
        seen.closed(&id).await;
    }
    assert_eq!(house.world.done(), ["stop web"]);
}

#[tokio::test]
async fn an_approved_act_that_cannot_be_claimed_is_done_when_it_can_be() {
    let house = asked_to_stop_web().await;
    let id = house.card().await.id;
    let full = "CREATE TRIGGER full BEFORE UPDATE ON approvals WHEN NEW.status = 'executing'
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    house.store.execute_raw(full).await.expect("a trigger");
    let mut seen = house.watch();
    house.decide(&id, true).await.expect("the vote counts");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.card().await.status, CardStatus::Approved);
    assert_eq!(house.world.done(), Vec::<String>::new());
    house.store.execute_raw("DROP TRIGGER full").await.expect("no trigger");
    seen.closed(&id).await;
    assert_eq!(house.world.done(), ["stop web"]);
    assert_eq!(house.card().await.status, CardStatus::Done);
}
