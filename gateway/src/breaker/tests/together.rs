//! Boards that share a table, in any order of what happens to them. Their clocks differ by an hour.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use proptest::prelude::*;
use tokio::sync::Notify;

use super::super::replicas::{Answer, Change, Record, Replicas, Unreachable};
use super::super::table::Seat;
use super::super::{Board, Pair, Place, Shown, Table, Ticket};
use crate::clock::{Clock, Fixed, Millis};
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

const START: i64 = 1_795_169_100_000;
const HOUR: i64 = 60 * 60 * 1000;
const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    /// A request comes in; it may be a trial.
    Admit(usize),
    /// The oldest request under way at this replica ends so.
    End(usize, End),
    Probe(usize, bool),
    /// Whoever keeps the table forgets everything.
    Forget,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Well,
    Down,
    Fails,
    Missing,
    Leaves,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        Just(End::Well),
        Just(End::Down),
        Just(End::Fails),
        Just(End::Missing),
        Just(End::Leaves)
    ];
    prop_oneof![
        3 => (1_u64..4_000).prop_map(Step::Wait),
        1 => (4_000_u64..90_000).prop_map(Step::Wait),
        6 => (0_usize..2).prop_map(Step::Admit),
        5 => (0_usize..2, end).prop_map(|(at, end)| Step::End(at, end)),
        1 => (0_usize..2, any::<bool>()).prop_map(|(at, works)| Step::Probe(at, works)),
        1 => Just(Step::Forget),
    ]
}

struct Replica {
    board: Arc<Board>,
    pair: Pair,
    clock: Fixed,
    /// Requests under way. A trial stands with the time at which its lease ends.
    asking: Vec<(Ticket, Option<Millis>)>,
}

fn replica(table: &Arc<Table>, number: usize, tasks: &Tasks) -> Replica {
    let clock = Fixed::at(Millis(START + HOUR * i64::try_from(number).unwrap_or(0)));
    let board = Arc::new(Board::new(Arc::new(clock.clone())));
    let pair = board.pair("gpu", "m", Place::Local);
    board.share(Arc::new(table.seat(number)), tasks);
    Replica {
        board,
        pair,
        clock,
        asking: Vec::new(),
    }
}

impl Replica {
    fn end(&mut self, end: End) {
        if self.asking.is_empty() {
            return;
        }
        let (mut ticket, _) = self.asking.remove(0);
        let error = |class| Error::new(class, "it failed");
        match end {
            End::Well => {
                ticket.works();
                ticket.finished();
            }
            End::Down => ticket.failed(&error(Class::HostDown), false),
            End::Fails => ticket.failed(&error(Class::Transport), false),
            End::Missing => ticket.failed(&error(Class::ModelMissing), false),
            End::Leaves => drop(ticket),
        }
    }
}

/// Time passes everywhere, and what is told is heard.
async fn wait(span: Duration, clock: &Fixed, replicas: &[Replica]) {
    clock.advance(span);
    for replica in replicas {
        replica.clock.advance(span);
    }
    tokio::time::sleep(span).await;
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let clock = Fixed::at(Millis(START - 7 * HOUR));
    let (table, tasks) = (Table::new(Arc::new(clock.clone())), Tasks::default());
    let mut replicas = [replica(&table, 0, &tasks), replica(&table, 1, &tasks)];
    let tick = Duration::from_millis(1);
    for step in steps {
        match step {
            Step::Wait(millis) => wait(Duration::from_millis(millis), &clock, &replicas).await,
            Step::Admit(at) => {
                let Some(ticket) = replicas[at].pair.admit(LEASE).await else {
                    continue;
                };
                let now = clock.now();
                let ends = ticket.is_trial().then(|| now.plus(LEASE));
                let others = replicas.iter().flat_map(|replica| &replica.asking);
                let trials = others.filter(|(_, ends)| ends.is_some_and(|ends| ends > now)).count();
                prop_assert!(ends.is_none() || trials == 0, "two trials at once");
                replicas[at].asking.push((ticket, ends));
            }
            Step::End(at, end) => replicas[at].end(end),
            Step::Probe(at, works) => {
                let failed = Error::new(Class::HostDown, "no sign of life");
                replicas[at].board.probed("gpu", (!works).then_some(&failed));
            }
            Step::Forget => {
                // Whoever forgets a trial may give another: it is what a lost Redis costs. So nobody is trying.
                if replicas.iter().all(|replica| replica.asking.is_empty()) {
                    table.clear();
                }
            }
        }
        wait(tick, &clock, &replicas).await;
    }
    for replica in &mut replicas {
        replica.asking.clear();
    }
    // Every opening ends, and all agree in the end.
    wait(Duration::from_hours(1), &clock, &replicas).await;
    // What ends by time alone is ended by probers. A trial whose time was over opens it once more, for two seconds.
    for replica in &replicas {
        replica.board.tick("gpu");
    }
    wait(Duration::from_secs(3), &clock, &replicas).await;
    for at in 0..2 {
        let mut ticket = replicas[at].pair.admit(LEASE).await;
        prop_assert!(
            ticket.is_some(),
            "nothing is shut for ever: {:?}",
            replicas[at].pair.snapshot()
        );
        if let Some(mut ticket) = ticket.take() {
            ticket.works();
            ticket.finished();
        }
        wait(Duration::from_secs(3), &clock, &replicas).await;
    }
    for replica in &replicas {
        prop_assert_eq!(replica.pair.snapshot().state, Shown::Closed);
    }
    tasks.stopping().cancel();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn one_trial_among_all_and_every_opening_ends(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(run(steps))?;
    }
}

/// A place at a table whose answer to the first who asks for a trial comes after that to the next.
struct Late {
    seat: Seat,
    is_asked: AtomicBool,
    next_is_answered: Arc<Notify>,
}

#[async_trait]
impl Replicas for Late {
    async fn look(&self, scope: &str) -> Result<Option<Record>, Unreachable> {
        self.seat.look(scope).await
    }

    async fn tell(&self, scope: &str, record: &Record, over: bool) -> Result<Answer, Unreachable> {
        self.seat.tell(scope, record, over).await
    }

    async fn lease(&self, scope: &str, record: &Record) -> Result<Answer, Unreachable> {
        let answer = self.seat.lease(scope, record).await;
        if !self.is_asked.swap(true, Ordering::SeqCst) {
            self.next_is_answered.notified().await;
        }
        answer
    }

    async fn count(&self, scope: &str, failures: u32) -> Result<u32, Unreachable> {
        self.seat.count(scope, failures).await
    }

    fn changes(&self) -> BoxStream<'static, Change> {
        self.seat.changes()
    }

    fn is_reachable(&self) -> bool {
        self.seat.is_reachable()
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_given_the_trial_has_it_though_another_heard_of_it_first() {
    let clock = Fixed::at(Millis(START));
    let (table, tasks) = (Table::new(Arc::new(clock.clone())), Tasks::default());
    let board = Arc::new(Board::new(Arc::new(clock.clone())));
    let pair = board.pair("gpu", "m", Place::Local);
    let next_is_answered = Arc::new(Notify::new());
    let late = Late {
        seat: table.seat(0),
        is_asked: AtomicBool::new(false),
        next_is_answered: Arc::clone(&next_is_answered),
    };
    board.share(Arc::new(late), &tasks);
    let ticket = pair.admit(LEASE).await.expect("it is closed");
    ticket.failed(&Error::new(Class::HostDown, "connection refused"), false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    clock.advance(Duration::from_mins(10));
    let next = async {
        tokio::task::yield_now().await;
        let refused = pair.admit(LEASE).await;
        next_is_answered.notify_one();
        refused
    };
    let (first, next) = tokio::join!(pair.admit(LEASE), next);
    assert!(next.is_none(), "one trial");
    assert!(first.is_some_and(|ticket| ticket.is_trial()), "and it is made");
    tasks.stopping().cancel();
}
