use super::*;
use crate::caller::{Allowance, Key};
use crate::channel;
use crate::clock::Fixed;
use crate::usage::Bound;

/// 2026-11-20 10:05:00 UTC.
const NOW: Millis = Millis(1_795_169_100_000);

struct Rig {
    clock: Fixed,
    budgets: Budgets,
}

fn rig(day: Option<i64>, month: Option<i64>) -> Rig {
    let clock = Fixed::at(NOW);
    let prices = Prices::with("[[price]]\nmodel = \"one\"\ninput = 1\noutput = 1\n").unwrap();
    let all = Caps {
        day: day.map(MicroUsd),
        month: month.map(MicroUsd),
    };
    let budgets = Budgets::new(Arc::new(prices), Arc::new(clock.clone()), all);
    Rig { clock, budgets }
}

fn key(id: &str, day: Option<i64>, month: Option<i64>) -> Caller {
    Caller::from(Key {
        id: id.to_owned(),
        name: id.to_owned(),
        allowance: Allowance {
            budget_day: day.map(MicroUsd),
            budget_month: month.map(MicroUsd),
            ..Allowance::default()
        },
        ..Key::default()
    })
}

impl Rig {
    /// Asks for a request of 100 millionths.
    fn ask(&self, caller: &Caller) -> Result<Hold, Refused> {
        let planned = Planned {
            backend: "cloud",
            model: "one",
            prompt_tokens: 60,
            answer_tokens: Some(40),
            ..Planned::default()
        };
        self.budgets.may_spend(caller, &planned)
    }

    fn refused(&self, caller: &Caller) -> (String, u64) {
        let refused = self.ask(caller).unwrap_err();
        (refused.says, refused.retry_after.unwrap().as_secs())
    }

    fn charge(&self, caller: &Caller, micros: i64) {
        self.budgets.charge(caller, MicroUsd(micros));
    }
}

#[test]
fn a_budget_that_is_used_up_says_which_how_much_and_until_when() {
    let rig = rig(Some(2_000_000), Some(3_000_000));
    let anybody = Caller::Loopback;
    rig.charge(&anybody, 1_999_999);
    drop(rig.ask(&anybody).unwrap());
    rig.charge(&anybody, 1);
    let until_midnight = 13 * 3600 + 55 * 60;
    let says = "the budget for today ($2.00) is used up: $2.00 spent; it begins anew on 2026-11-21 at 00:00 UTC";
    assert_eq!(rig.refused(&anybody), (says.to_owned(), until_midnight));

    rig.clock.advance(Duration::from_secs(until_midnight));
    drop(rig.ask(&anybody).unwrap());
    rig.charge(&anybody, 1_000_000);
    let says = "the budget for this month ($3.00) is used up: $3.00 spent; it begins anew on 2026-12-01 at 00:00 UTC";
    assert_eq!(rig.refused(&anybody), (says.to_owned(), 10 * 24 * 3600));
    rig.clock.advance(Duration::from_hours(10 * 24));
    assert_eq!(rig.budgets.spent(None), (MicroUsd(0), MicroUsd(0)));
    drop(rig.ask(&anybody).unwrap());
}

#[test]
fn a_key_has_a_budget_of_its_own_within_that_of_all() {
    let rig = rig(Some(1000), None);
    let (laptop, phone, free) = (
        key("laptop", Some(300), None),
        key("phone", None, Some(500)),
        key("free", None, None),
    );
    rig.charge(&laptop, 300);
    let (says, _) = rig.refused(&laptop);
    assert!(
        says.starts_with("the budget of the key `laptop` for today ($0.0003) is used up"),
        "{says}"
    );
    drop(rig.ask(&phone).unwrap());
    rig.charge(&phone, 500);
    let (says, _) = rig.refused(&phone);
    assert!(
        says.starts_with("the budget of the key `phone` for this month"),
        "{says}"
    );
    drop(rig.ask(&free).unwrap());
    rig.charge(&Caller::Internal, 200);
    let (says, _) = rig.refused(&free);
    assert!(says.starts_with("the budget for today"), "{says}");
    assert_eq!(rig.budgets.spent(None).0, MicroUsd(1000));
    assert_eq!(rig.budgets.spent(Some("laptop")).0, MicroUsd(300));
}

#[test]
fn requests_at_the_same_time_do_not_spend_the_same_money() {
    let rig = rig(None, None);
    let laptop = key("laptop", Some(250), Some(10_000));
    let holds: Vec<Hold> = (0..3).map(|_| rig.ask(&laptop).unwrap()).collect();
    let (says, again) = rig.refused(&laptop);
    assert!(says.contains("$0.00 spent and $0.0003 set aside"), "{says}");
    assert_eq!(again, 5);
    rig.charge(&laptop, 10);
    drop(holds);
    let hold = rig.ask(&laptop).unwrap();
    // Other keys, and those without a budget, are not kept waiting.
    drop(rig.ask(&key("phone", Some(1), None)).unwrap());
    drop(rig.ask(&Caller::Loopback).unwrap());
    drop(hold);
    assert_eq!(rig.budgets.spent(Some("laptop")), (MicroUsd(10), MicroUsd(10)));
}

#[test]
fn what_was_spent_before_the_start_counts() {
    let rig = rig(Some(1000), Some(5000));
    let today = NOW.0 / DAY;
    assert_eq!(rig.budgets.counts_from(), today - 19);
    let spent = |day: i64, key_id: &str, cost: i64| Spent {
        day,
        key_id: key_id.to_owned(),
        cost: MicroUsd(cost),
    };
    rig.budgets.begin_with([
        spent(today - 20, "laptop", 9999),
        spent(today - 19, "laptop", 100),
        spent(today, "laptop", 20),
        spent(today, "", 3),
    ]);
    assert_eq!(rig.budgets.spent(Some("laptop")), (MicroUsd(20), MicroUsd(120)));
    assert_eq!(rig.budgets.spent(None), (MicroUsd(23), MicroUsd(123)));
}

/// A budget that cannot be kept is not kept by luck.
#[test]
fn what_has_no_price_is_refused_where_a_budget_holds() {
    let rig = rig(None, None);
    let planned = Planned {
        backend: "cloud",
        model: "unlisted",
        ..Planned::default()
    };
    drop(rig.budgets.may_spend(&Caller::Loopback, &planned).unwrap());
    let refused = rig
        .budgets
        .may_spend(&key("laptop", Some(1), None), &planned)
        .unwrap_err();
    assert!(
        refused.says.contains("the price of `cloud/unlisted` is not known"),
        "{refused}"
    );
    assert_eq!(refused.retry_after, None, "waiting does not help");
}

#[test]
fn a_clock_that_goes_back_gives_no_money() {
    let rig = rig(Some(100), None);
    rig.charge(&Caller::Loopback, 100);
    rig.ask(&Caller::Loopback).unwrap_err();
    let mut state = lock(&rig.budgets.state);
    let before = state.day;
    state.turn(before - 1);
    assert_eq!((state.day, state.accounts[ALL].day), (before, MicroUsd(100)));
}

#[test]
fn a_bound_holds_beside_the_budgets() {
    let rig = rig(Some(1_000), None);
    let ask = |bound: &Bound, model| {
        let planned = Planned {
            backend: "cloud",
            model,
            prompt_tokens: 60,
            answer_tokens: Some(40),
            bound: Some(bound),
            ..Planned::default()
        };
        rig.budgets.may_spend(&key("laptop", Some(500), None), &planned)
    };
    let class = |asked: Result<Hold, Refused>| asked.err().map(|refused| refused.class);
    let (narrow, wide) = (Bound::new(MicroUsd(150)), Bound::new(MicroUsd(9_000)));
    let held = ask(&narrow, "one").unwrap();
    assert_eq!(class(ask(&narrow, "one")), Some(Class::OverBound));
    assert!(ask(&wide, "one").is_ok(), "another piece of work has its own");
    drop(held);
    assert!(ask(&narrow, "one").is_ok());
    rig.charge(&key("laptop", None, None), 500);
    assert_eq!(
        class(ask(&wide, "one")),
        Some(Class::OverBudget),
        "the key's budget holds all the same"
    );
    assert_eq!(class(ask(&narrow, "two")), Some(Class::NoPrice));
    let free = Budgets::new(
        Arc::new(Prices::with("").unwrap()),
        Arc::new(rig.clock.clone()),
        Caps::default(),
    );
    let unknown = Planned {
        backend: "cloud",
        model: "two",
        bound: Some(&narrow),
        ..Planned::default()
    };
    assert!(
        free.may_spend(&Caller::Loopback, &unknown).is_ok(),
        "what has no price is counted in tokens"
    );
}

/// One of several replicas that hear each other.
struct Seat(Uuid, channel::Listeners);

impl Channel for Seat {
    fn instance(&self) -> Uuid {
        self.0
    }

    fn publish(&self, topic: &str, bytes: bytes::Bytes) {
        self.1.tell(channel::Heard::Message(channel::Message {
            from: self.0,
            topic: topic.into(),
            bytes,
        }));
    }

    fn listen(&self) -> channel::Listener {
        self.1.add()
    }

    fn dropped(&self) -> u64 {
        0
    }
}

/// Rigs that hear each other, and time for what is told to be heard.
fn together(day: i64) -> ([Sharing; 2], Tasks) {
    let (listeners, tasks) = (channel::Listeners::default(), Tasks::default());
    let rigs = [1_u128, 2].map(|id| {
        let Rig { clock, budgets } = rig(Some(day), None);
        let budgets = Arc::new(budgets);
        let seat: Arc<dyn Channel> = Arc::new(Seat(Uuid::from_u128(id), listeners.clone()));
        budgets.share(&seat, &tasks);
        Sharing { clock, budgets }
    });
    (rigs, tasks)
}

struct Sharing {
    clock: Fixed,
    budgets: Arc<Budgets>,
}

impl Sharing {
    fn ask(&self) -> Result<Hold, Refused> {
        let planned = Planned {
            backend: "cloud",
            model: "one",
            prompt_tokens: 60,
            answer_tokens: Some(40),
            ..Planned::default()
        };
        self.budgets.may_spend(&Caller::Loopback, &planned)
    }
}

async fn heard() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn replicas_do_not_spend_the_same_money() {
    let ([one, other], _tasks) = together(1_000);
    heard().await;
    let spend = |rig: &Sharing| rig.budgets.charge(&Caller::Loopback, MicroUsd(300));
    spend(&one);
    spend(&other);
    heard().await;
    for rig in [&one, &other] {
        assert_eq!(rig.budgets.spent(None).0, MicroUsd(600));
    }
    // Four of 100 are left, whoever asks.
    let mut holds = Vec::new();
    for at in 0..4 {
        holds.push(if at % 2 == 0 { one.ask() } else { other.ask() }.expect("there is money"));
        heard().await;
    }
    assert!(one.ask().is_err() && other.ask().is_err());
    drop(holds);
    heard().await;
    drop(other.ask().expect("what was set aside is given back"));
    // The books say the same a little later, and more when a third one writes to them.
    let books = |cost| {
        let day = day_of(NOW);
        let key_id = String::new();
        let cost = MicroUsd(cost);
        [Spent { day, key_id, cost }]
    };
    for (read, is_full) in [(300, false), (600, false), (1_000, true)] {
        one.budgets.read_again(books(read));
        assert_eq!(one.ask().is_err(), is_full, "{read}");
    }
    one.clock.advance(Duration::from_hours(24));
    assert_eq!(one.budgets.spent(None), (MicroUsd(0), MicroUsd(1_000)));
    drop(one.ask().expect("a new day"));
}

#[tokio::test(start_paused = true)]
async fn what_a_replica_that_is_gone_has_set_aside_is_free_again() {
    let ([one, other], tasks) = together(100);
    heard().await;
    let held = one.ask().expect("there is money");
    heard().await;
    assert!(other.ask().is_err());
    // It still runs, and says so.
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(other.ask().is_err());
    // Killed, it says nothing any more.
    tasks.stopping().cancel();
    tokio::time::sleep(Duration::from_secs(31)).await;
    drop(other.ask().expect("it is free"));
    drop(held);
}
