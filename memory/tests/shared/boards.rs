//! Boards of replicas that share one Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jarvis_gateway::breaker::{Board, Forced, ForcedTo, Pair, Phase, Place, Replicas, Shown, Ticket};
use jarvis_gateway::clock::Clock;
use jarvis_gateway::provider::{Class, Error};
use stand_in::Redis as Server;

use crate::breakers::record;
use crate::replica::{Replica, Wrong, eventually, replica, server};

const LEASE: Duration = Duration::from_secs(20);
const HOUR: i64 = 60 * 60 * 1000;

struct Here {
    replica: Replica,
    board: Arc<Board>,
    pair: Pair,
    clock: Arc<dyn Clock>,
}

/// A replica whose clock is wrong by so much.
async fn here(server: &Server, wrong: i64) -> Here {
    let replica = replica(server).await;
    let clock: Arc<dyn Clock> = Arc::new(Wrong(wrong));
    let board = Arc::new(Board::new(Arc::clone(&clock)));
    let pair = board.pair("gpu", "m", Place::Local);
    board.share(Arc::new(replica.redis.clone()), &replica.tasks);
    Here {
        replica,
        board,
        pair,
        clock,
    }
}

async fn two(server: &Server) -> [Here; 2] {
    [here(server, 0).await, here(server, HOUR).await]
}

impl Here {
    async fn is(&self, state: Shown) {
        eventually(&format!("{state:?}"), async || {
            (self.pair.snapshot().state == state).then_some(())
        })
        .await;
    }

    async fn admit(&self) -> Ticket {
        self.pair.admit(LEASE).await.expect("let through")
    }

    async fn fails(&self, class: Class) {
        self.admit().await.failed(&Error::new(class, "it failed"), false);
    }
}

/// Somebody else has found the backend down, until in a moment.
async fn open_for(server: &Server, here: &[Here], left: Duration) {
    let other = replica(server).await;
    other
        .redis
        .tell("gpu", &record(100, Phase::Open, left), true)
        .await
        .expect("redis is there");
    for here in here {
        eventually("it is heard", async || {
            let state = here.board.snapshot("gpu", None).expect("a breaker").state;
            (state != Shown::Closed).then_some(())
        })
        .await;
    }
}

/// How many of many that ask at once on every replica are let through; those tickets.
async fn crowd(here: &[Here]) -> Vec<Ticket> {
    let asked = here.iter().flat_map(|here| (0..25).map(|_| here.pair.admit(LEASE)));
    futures_util::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn first_of_crowd(here: &[Here]) -> Ticket {
    let mut tickets = eventually("a trial", async || {
        let tickets = crowd(here).await;
        assert!(tickets.len() <= 1, "{} trials", tickets.len());
        (!tickets.is_empty()).then_some(tickets)
    })
    .await;
    tickets.remove(0)
}

#[tokio::test]
async fn what_one_finds_down_all_leave_alone() {
    let server = server().await;
    let [one, other] = two(&server).await;
    one.fails(Class::HostDown).await;
    other.is(Shown::Open).await;
    assert!(other.pair.admit(LEASE).await.is_none());
    let [left, same] = [&one, &other].map(|here| here.pair.snapshot().open_until.unwrap().since(here.clock.now()));
    assert!(
        left.abs_diff(same) < Duration::from_secs(1),
        "an hour between the clocks is nothing: {left:?}, {same:?}"
    );
    assert_eq!(other.pair.snapshot().reason.as_deref(), Some("it failed"));
}

#[tokio::test]
async fn one_trial_among_all_and_it_closes_for_all() {
    let server = server().await;
    let here = two(&server).await;
    open_for(&server, &here, Duration::from_millis(100)).await;
    let mut trial = first_of_crowd(&here).await;
    for _ in 0..5 {
        assert!(crowd(&here).await.is_empty(), "one at a time");
    }
    trial.works();
    for here in &here {
        here.is(Shown::Closed).await;
    }
    assert_eq!(crowd(&here).await.len(), 50);
}

#[tokio::test]
async fn a_trial_that_fails_opens_for_all_and_one_that_is_given_back_is_another_one_s() {
    let server = server().await;
    let here = two(&server).await;
    open_for(&server, &here, Duration::from_millis(50)).await;
    drop(first_of_crowd(&here).await);
    let trial = first_of_crowd(&here).await;
    trial.failed(&Error::new(Class::HostDown, "still refused"), false);
    for here in &here {
        here.is(Shown::Open).await;
        eventually("the new reason", async || {
            (here.pair.snapshot().reason.as_deref() == Some("still refused")).then_some(())
        })
        .await;
    }
    assert!(crowd(&here).await.is_empty());
}

#[tokio::test]
async fn failures_of_all_count_together_and_a_success_of_any_ends_them() {
    let server = server().await;
    let [one, other] = two(&server).await;
    one.fails(Class::Transport).await;
    other.fails(Class::Transport).await;
    let failures = async || server.run(&["HGET", "jv:cb:gpu/m", "failures"]).await.unwrap();
    eventually("both to be counted", async || (failures().await == "2").then_some(())).await;
    other.admit().await.finished();
    eventually("the end of them", async || (failures().await == "0").then_some(())).await;
    one.fails(Class::Transport).await;
    other.fails(Class::Transport).await;
    eventually("both to be counted", async || (failures().await == "2").then_some(())).await;
    other.fails(Class::Transport).await;
    one.is(Shown::Open).await;
    other.is(Shown::Open).await;
}

#[tokio::test]
async fn what_a_person_forces_holds_everywhere() {
    let server = server().await;
    let [one, other] = two(&server).await;
    let until = one.clock.now().plus(Duration::from_mins(10));
    let forced = Forced {
        to: ForcedTo::Open,
        until,
        by: "owner by console".into(),
    };
    assert!(one.board.force("gpu", None, Some(&forced)));
    other.is(Shown::Open).await;
    assert_eq!(
        other.pair.snapshot().reason.as_deref(),
        Some("held open by owner by console")
    );
    assert!(other.board.force("gpu", None, None));
    one.is(Shown::Closed).await;
}

#[tokio::test]
async fn a_replica_that_starts_later_knows_what_the_others_know() {
    let server = server().await;
    let one = here(&server, 0).await;
    one.fails(Class::HostDown).await;
    eventually("it is told", async || {
        let told = server.run(&["HGET", "jv:cb:gpu", "phase"]).await.unwrap();
        (told == "open").then_some(())
    })
    .await;
    here(&server, -HOUR).await.is(Shown::Open).await;
}

#[tokio::test]
async fn while_redis_is_away_each_goes_by_itself_and_tells_afterwards() {
    let mut server = server().await;
    let [one, other] = two(&server).await;
    server.kill().await;
    one.replica.is_away().await;
    other.replica.is_away().await;
    assert_eq!(one.board.is_shared(), Some(false));
    one.fails(Class::HostDown).await;
    assert!(one.pair.admit(LEASE).await.is_none(), "it needs nobody to know that");
    assert!(other.pair.admit(LEASE).await.is_some());
    server.restart().await.expect("it starts again");
    other.is(Shown::Open).await;
    assert_eq!(other.board.is_shared(), Some(true));
    // What Redis forgot, those who know it tell again.
    server.run(&["FLUSHALL"]).await.unwrap();
    eventually("it is told again", async || {
        let told = server.run(&["HGET", "jv:cb:gpu", "phase"]).await.unwrap();
        (told == "open").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_two_trials_whatever_becomes_of_them() {
    let server = server().await;
    let here = two(&server).await;
    let (trying, trials) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for round in 0..12 {
        open_for(&server, &here, Duration::from_millis(20)).await;
        let asking = here
            .iter()
            .flat_map(|here| (0..8).map(move |number| (here, number)))
            .map(async |(here, number)| {
                for _ in 0..20 {
                    let Some(mut ticket) = here.pair.admit(LEASE).await else {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                        continue;
                    };
                    if here.board.snapshot("gpu", None).expect("a breaker").state != Shown::HalfOpen {
                        return;
                    }
                    assert_eq!(trying.fetch_add(1, Ordering::SeqCst), 0, "two trials at once");
                    trials.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    trying.fetch_sub(1, Ordering::SeqCst);
                    match (round + number) % 3 {
                        0 => drop(ticket),
                        1 => ticket.failed(&Error::new(Class::HostDown, "refused"), false),
                        _ => {
                            ticket.works();
                            ticket.finished();
                        }
                    }
                }
            });
        futures_util::future::join_all(asking).await;
    }
    assert!(trials.load(Ordering::SeqCst) >= 12, "there were trials");
}
