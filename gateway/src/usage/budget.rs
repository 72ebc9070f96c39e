//! Budgets: how much may be spent in a day and in a month, by everybody and by each key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::attempt::{Hold, Planned, Purse, Refused};
use super::money::MicroUsd;
use super::others::{self, Others, TOPIC, Told};
use super::prices::{Cost, Prices};
use crate::caller::Caller;
use crate::channel::Channel;
use crate::clock::{Clock, Millis};
use crate::provider::Class;
use crate::tasks::Tasks;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// When a budget is only full because of requests under way, it may have room again as soon as one of them ends.
const SOON: Duration = Duration::from_secs(5);
/// The account of everybody together.
const ALL: &str = "";

/// Upper ends of what is spent. `None` has no end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caps {
    pub day: Option<MicroUsd>,
    pub month: Option<MicroUsd>,
}

/// What was spent on one day, UTC, by one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Days since 1970.
    pub day: i64,
    /// Empty for what no key asked for.
    pub key_id: String,
    pub cost: MicroUsd,
}

/// Counts what is spent, and refuses when a budget is used up.
///
/// A request comes in as long as what was spent and what is set aside for requests under way are below the budget. So a
/// budget is overstepped by one request at most, and by as much as the requests under way cost more than was estimated:
/// the estimate takes the longest answer that the request allows, or 1,024 tokens when it sets no limit.
///
/// Days and months are those of UTC. What replicas on one database spend counts for each of them: as soon as they tell each
/// other ([`Budgets::share`]), and in any case when the sums are read again ([`Budgets::read_again`]).
pub struct Budgets {
    prices: Arc<Prices>,
    clock: Arc<dyn Clock>,
    state: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    state: Mutex<State>,
    /// To other replicas.
    channel: OnceLock<Arc<dyn Channel>>,
}

#[derive(Debug, Default)]
struct State {
    /// The day and the first day of the month that is counted, in days since 1970.
    day: i64,
    month: i64,
    /// Of everybody together.
    all: Caps,
    /// By the id of the key. There are as many as there are keys.
    accounts: HashMap<String, Account>,
}

#[derive(Debug, Default)]
struct Account {
    day: MicroUsd,
    month: MicroUsd,
    held: MicroUsd,
    /// What this process has spent since it began.
    here: MicroUsd,
    /// What the books said last.
    read_day: MicroUsd,
    read_month: MicroUsd,
    others: Others,
}

#[derive(Debug, Clone, Copy)]
enum Span {
    Day,
    Month,
}

impl Budgets {
    pub fn new(prices: Arc<Prices>, clock: Arc<dyn Clock>, all: Caps) -> Self {
        let state = State {
            day: day_of(clock.now()),
            month: month_of(day_of(clock.now())),
            all,
            accounts: HashMap::new(),
        };
        Self {
            prices,
            clock,
            state: Arc::new(Counted {
                state: Mutex::new(state),
                channel: OnceLock::new(),
            }),
        }
    }

    /// Tells other replicas what is spent here and hears what they spend. Only the first call counts.
    pub fn share(self: &Arc<Self>, channel: &Arc<dyn Channel>, tasks: &Tasks) {
        if self.state.channel.set(Arc::clone(channel)).is_ok() {
            others::follow(Arc::clone(self), channel, tasks);
        }
    }

    /// Bounds what everybody together spends from now on, counting what was spent before.
    pub fn set_caps(&self, all: Caps) {
        lock(&self.state).all = all;
    }

    /// The first day that [`Budgets::begin_with`] needs to know of, in days since 1970.
    pub fn counts_from(&self) -> i64 {
        lock(&self.state).month
    }

    /// Takes over what was spent before this process began.
    pub fn begin_with(&self, spent: impl IntoIterator<Item = Spent>) {
        let mut state = lock(&self.state);
        for Spent { day, key_id, cost } in spent {
            state.spend(day, ALL, cost);
            if !key_id.is_empty() {
                state.spend(day, &key_id, cost);
            }
        }
    }

    /// Takes over what the books say now, which others may have written to. `spent` reaches back to
    /// [`Budgets::counts_from`].
    pub fn read_again(&self, spent: impl IntoIterator<Item = Spent>) {
        let mut state = lock(&self.state);
        state.turn(day_of(self.clock.now()));
        for account in state.accounts.values_mut() {
            (account.read_day, account.read_month) = (MicroUsd(0), MicroUsd(0));
        }
        for Spent { day, key_id, cost } in spent {
            if day < state.month {
                continue;
            }
            let is_today = day >= state.day;
            let of_key = (!key_id.is_empty()).then_some(key_id);
            for id in [Some(ALL.to_owned()), of_key].into_iter().flatten() {
                let account = state.accounts.entry(id).or_default();
                account.read_month = account.read_month.plus(cost);
                if is_today {
                    account.read_day = account.read_day.plus(cost);
                }
            }
        }
    }

    pub(super) fn hear(&self, from: Uuid, told: &Told) {
        let mut state = lock(&self.state);
        state.turn(day_of(self.clock.now()));
        let account = state.accounts.entry(told.key_id.clone()).or_default();
        account.others.hear(from, told);
    }

    /// For those who have begun or come back since, and because what is not told again is not set aside any more.
    pub(super) fn tell_again(&self) {
        let ids: Vec<String> = lock(&self.state).accounts.keys().cloned().collect();
        self.state.tell(&ids, MicroUsd(0));
    }

    /// Counts what an attempt has cost.
    pub(super) fn charge(&self, caller: &Caller, cost: MicroUsd) {
        if cost.0 == 0 {
            return;
        }
        let mut state = lock(&self.state);
        state.turn(day_of(self.clock.now()));
        let today = state.day;
        let of_key = caller.key().map(|key| key.id.clone());
        let ids: Vec<String> = [Some(ALL.to_owned()), of_key].into_iter().flatten().collect();
        for id in &ids {
            state.spend(today, id, cost);
            if let Some(account) = state.accounts.get_mut(id) {
                account.here = account.here.plus(cost);
            }
        }
        drop(state);
        self.state.tell(&ids, cost);
    }

    /// What a key, or with `None` everybody, has spent today and this month.
    pub fn spent(&self, key_id: Option<&str>) -> (MicroUsd, MicroUsd) {
        let mut state = lock(&self.state);
        state.turn(day_of(self.clock.now()));
        let account = state.accounts.get(key_id.unwrap_or(ALL));
        account.map_or_else(Default::default, |account| {
            (account.of(Span::Day), account.of(Span::Month))
        })
    }

    /// The budgets that hold for a caller: whose account, how much, and what to call it.
    fn caps(&self, caller: &Caller) -> impl Iterator<Item = (String, Span, MicroUsd, String)> {
        let all = lock(&self.state).all;
        let of_all = [(all.day, Span::Day), (all.month, Span::Month)];
        let of_all = of_all.map(|(cap, span)| cap.map(|cap| (ALL.to_owned(), span, cap, "the budget".to_owned())));
        let of_key = caller.key().map(|key| {
            let allowed = [
                (key.allowance.budget_day, Span::Day),
                (key.allowance.budget_month, Span::Month),
            ];
            let named = || format!("the budget of the key `{}`", key.name);
            allowed.map(|(cap, span)| cap.map(|cap| (key.id.clone(), span, cap, named())))
        });
        of_all.into_iter().chain(of_key.into_iter().flatten()).flatten()
    }
}

impl Purse for Budgets {
    fn may_spend(&self, caller: &Caller, planned: &Planned<'_>) -> Result<Hold, Refused> {
        let caps: Vec<_> = self.caps(caller).collect();
        if caps.is_empty() && planned.bound.is_none() {
            return Ok(Hold::default());
        }
        let now = self.clock.now();
        let estimate = match self.prices.estimate(planned) {
            Cost::Known(estimate) => estimate,
            Cost::Unknown if caps.is_empty() => return Ok(Hold::default()),
            Cost::Unknown => return Err(no_price(planned)),
        };
        let mut state = lock(&self.state);
        state.turn(day_of(now));
        for (id, span, cap, name) in &caps {
            let account = state.accounts.entry(id.clone()).or_default();
            let (spent, held) = (account.of(*span), account.held());
            if spent.plus(held) >= *cap {
                return Err(used_up(*span, name, *cap, spent, held, now));
            }
        }
        let of_bound = planned.bound.map(|bound| bound.hold(estimate)).transpose()?;
        let mut ids: Vec<String> = caps.into_iter().map(|(id, ..)| id).collect();
        ids.dedup();
        for id in &ids {
            let account = state.accounts.entry(id.clone()).or_default();
            account.held = account.held.plus(estimate);
        }
        drop(state);
        self.state.tell(&ids, MicroUsd(0));
        let held = Held {
            state: Arc::clone(&self.state),
            ids,
            estimate,
        };
        Ok(Hold::until_dropped((held, of_bound)))
    }
}

/// Gives back what was set aside.
struct Held {
    state: Arc<Counted>,
    ids: Vec<String>,
    estimate: MicroUsd,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        for id in &self.ids {
            if let Some(account) = state.accounts.get_mut(id) {
                account.held = account.held.minus(self.estimate);
            }
        }
        drop(state);
        self.state.tell(&self.ids, MicroUsd(0));
    }
}

impl Counted {
    /// Tells other replicas how these accounts stand, after `last` was spent.
    fn tell(&self, ids: &[String], last: MicroUsd) {
        let Some(channel) = self.channel.get() else { return };
        for id in ids {
            // Published while it is held, so that what is told last is what is so.
            let state = lock(self);
            if let Some(account) = state.accounts.get(id) {
                let told = Told {
                    key_id: id.clone(),
                    spent: account.here,
                    last,
                    held: account.held,
                };
                channel.publish(TOPIC, told.bytes());
            }
        }
    }
}

impl State {
    /// Begins anew with a new day or month. A clock that goes back changes nothing.
    fn turn(&mut self, today: i64) {
        if today <= self.day {
            return;
        }
        self.day = today;
        let month = month_of(today);
        let is_new_month = month != self.month;
        self.month = month;
        for account in self.accounts.values_mut() {
            (account.day, account.read_day) = (MicroUsd(0), MicroUsd(0));
            if is_new_month {
                (account.month, account.read_month) = (MicroUsd(0), MicroUsd(0));
            }
            account.others.turn(is_new_month);
        }
    }

    fn spend(&mut self, day: i64, id: &str, cost: MicroUsd) {
        if day < self.month {
            return;
        }
        let is_today = day >= self.day;
        if !self.accounts.contains_key(id) {
            self.accounts.insert(id.to_owned(), Account::default());
        }
        if let Some(account) = self.accounts.get_mut(id) {
            account.month = account.month.plus(cost);
            if is_today {
                account.day = account.day.plus(cost);
            }
        }
    }
}

impl Account {
    /// What was counted here and told by others, or what the books say: each may know of something that the other does
    /// not yet, and neither of more than was spent.
    fn of(&self, span: Span) -> MicroUsd {
        let others = self.others.part();
        match span {
            Span::Day => self.day.plus(others.day).max(self.read_day),
            Span::Month => self.month.plus(others.month).max(self.read_month),
        }
    }

    fn held(&self) -> MicroUsd {
        self.held.plus(self.others.part().held)
    }
}

fn used_up(span: Span, name: &str, cap: MicroUsd, spent: MicroUsd, held: MicroUsd, now: Millis) -> Refused {
    let (until, word) = match span {
        Span::Day => (day_of(now) + 1, "today"),
        Span::Month => (next_month(day_of(now)), "this month"),
    };
    let mut says = format!("{name} for {word} ({cap}) is used up: {spent} spent");
    if held.0 > 0 {
        says += &format!(" and {held} set aside for requests under way");
    }
    says += &format!("; it begins anew on {} at 00:00 UTC", date(until));
    let retry_after = if spent >= cap {
        Millis(until * DAY).since(now)
    } else {
        SOON
    };
    Refused {
        says,
        class: Class::OverBudget,
        retry_after: Some(retry_after),
    }
}

fn no_price(planned: &Planned<'_>) -> Refused {
    let Planned { backend, model, .. } = planned;
    Refused {
        says: format!(
            "the price of `{backend}/{model}` is not known, so that a budget could not be kept; add a [[price]] for it \
             to the file that `[budget] prices` names, or take the budget away"
        ),
        class: Class::NoPrice,
        retry_after: None,
    }
}

/// Days since 1970.
pub(super) fn day_of(now: Millis) -> i64 {
    now.0.div_euclid(DAY)
}

fn date(day: i64) -> Date {
    let at = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY)).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date()
}

fn day_number(date: Date) -> i64 {
    let midnight = date.to_zoned(TimeZone::UTC);
    midnight.map_or(0, |midnight| midnight.timestamp().as_millisecond().div_euclid(DAY))
}

/// The first day of the month of `day`.
pub(super) fn month_of(day: i64) -> i64 {
    day_number(date(day).first_of_month())
}

fn next_month(day: i64) -> i64 {
    let last = date(day).last_of_month();
    day_number(last) + 1
}

fn lock(counted: &Counted) -> MutexGuard<'_, State> {
    counted.state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
