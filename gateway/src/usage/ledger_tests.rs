use async_trait::async_trait;

use super::super::{Bound, By, Caps, Failed, MicroUsd, Outcome, Pieces, Spent, Sums};
use super::*;
use crate::caller::Caller;
use crate::chain::HostClass;
use crate::chat::{Timings, Usage};
use crate::clock::{Fixed, Millis};
use crate::demands::Origin;

/// Books in memory that can be shut.
#[derive(Default)]
struct Held {
    batches: Mutex<Vec<Vec<Entry>>>,
    shut: Mutex<bool>,
}

#[async_trait]
impl Books for Held {
    async fn append(&self, entries: &[Entry]) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        if *self.shut.lock().unwrap() {
            return Err(Failed("disk on fire".to_owned()));
        }
        self.batches.lock().unwrap().push(entries.to_vec());
        Ok(())
    }

    async fn spent(&self, _day: i64) -> Result<Vec<Spent>, Failed> {
        Ok(Vec::new())
    }

    async fn forget(&self, _before: Millis, _most: u32) -> Result<u64, Failed> {
        Ok(0)
    }

    async fn sums(&self, _since: Millis, _by: By) -> Result<Vec<Sums>, Failed> {
        Ok(Vec::new())
    }
}

struct Rig {
    books: Arc<Held>,
    budgets: Arc<Budgets>,
    ledger: Arc<Ledger>,
    stopping: CancellationToken,
}

fn rig() -> Rig {
    let clock: Arc<dyn Clock> = Arc::new(Fixed::at(Millis(1_795_169_100_000)));
    let books = Arc::new(Held::default());
    let prices = Arc::new(Prices::with("").unwrap());
    let budgets = Arc::new(Budgets::new(prices.clone(), clock.clone(), Caps::default()));
    let ledger = Ledger::new(books.clone(), prices, budgets.clone(), clock);
    Rig {
        books,
        budgets,
        ledger: Arc::new(ledger),
        stopping: CancellationToken::new(),
    }
}

impl Rig {
    fn tell(&self, model: &str, count: usize) {
        self.tell_of(Origin::default(), model, count);
    }

    fn tell_of(&self, origin: Origin, model: &str, count: usize) {
        let attempt = Attempt {
            origin: Arc::new(origin),
            caller: Caller::Loopback,
            backend: "cloud".into(),
            model: model.into(),
            kind: "openai",
            class: HostClass::Cloud,
            number: 1,
            left: Vec::new(),
            started_at: Millis(0),
            waited: None,
            took: Duration::ZERO,
            first_token: None,
            outcome: Outcome::Answered,
            usage: Usage {
                prompt_tokens: 1000,
                ..Usage::default()
            },
            estimated: false,
            pieces: Pieces::default(),
            timings: Timings::default(),
            truncated: false,
        };
        for _ in 0..count {
            self.ledger.attempt(&attempt);
        }
    }

    fn sizes(&self) -> Vec<usize> {
        self.books.batches.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn shut(&self, shut: bool) {
        *self.books.shut.lock().unwrap() = shut;
    }

    async fn run_for(&self, time: Duration) {
        let ran = tokio::time::timeout(time, self.ledger.run(self.stopping.clone())).await;
        assert!(ran.is_err(), "the writer ended by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn entries_are_gathered_and_written_together() {
    let rig = rig();
    rig.tell("gpt-5.4-mini", 3);
    rig.run_for(GATHER / 2).await;
    assert_eq!(rig.sizes(), [0; 0], "not yet");
    rig.tell("unlisted", 1);
    // The first wake-up was taken by the writer that was given up.
    rig.ledger.wake.notify_one();
    rig.run_for(GATHER * 2).await;
    assert_eq!(rig.sizes(), [4]);
    let costs: Vec<_> = rig.books.batches.lock().unwrap()[0]
        .iter()
        .map(|entry| entry.cost)
        .collect();
    let known = Some(MicroUsd(750));
    assert_eq!(costs, [known, known, known, None]);
    assert_eq!(rig.budgets.spent(None).0, MicroUsd(3 * 750));
    rig.tell("gpt-5.4-mini", 2 * BATCH + 1);
    rig.run_for(GATHER * 2).await;
    assert_eq!(rig.sizes(), [4, BATCH, BATCH, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_waits_and_what_does_not_fit_is_counted() {
    let rig = rig();
    rig.shut(true);
    rig.tell("gpt-5.4-mini", 5);
    rig.run_for(Duration::from_secs(10)).await;
    assert_eq!((rig.sizes(), rig.ledger.lost()), (vec![], 0));
    rig.tell("gpt-5.4-mini", MOST_WAITING);
    assert_eq!(rig.ledger.lost(), 5);
    assert!(!rig.ledger.flush().await);
    rig.shut(false);
    assert!(rig.ledger.flush().await);
    assert_eq!(rig.sizes().iter().sum::<usize>(), MOST_WAITING);
    assert_eq!(rig.ledger.lost(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_the_rest_to_the_flush() {
    let rig = rig();
    let stop = async {
        rig.tell("gpt-5.4-mini", 3);
        tokio::task::yield_now().await;
        rig.stopping.cancel();
    };
    tokio::join!(rig.ledger.run(rig.stopping.clone()), stop);
    assert_eq!(rig.sizes(), [0; 0]);
    rig.tell("gpt-5.4-mini", 1);
    assert!(rig.ledger.flush().await);
    assert_eq!(rig.sizes(), [4]);
}

#[test]
fn a_piece_of_work_is_charged_what_its_attempts_cost() {
    let rig = rig();
    let bound = Bound::new(MicroUsd(1));
    let origin = Origin {
        bound: Some(bound.clone()),
        ..Origin::default()
    };
    rig.tell_of(origin, "gpt-5-mini", 1);
    let (of_all, _) = rig.budgets.spent(None);
    rig.tell("gpt-5-mini", 3);
    assert!(of_all > MicroUsd(0), "it has a price");
    assert_eq!(bound.spent(), of_all);
}
