//! What other replicas spend, as they tell it.
//!
//! A replica tells, for every account, what it has spent since it began and what it has set aside now. Both are whole
//! amounts, so that a message which is lost, late or heard twice makes nothing wrong for longer than until the next one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::budget::Budgets;
use super::money::MicroUsd;
use crate::channel::{Channel, Heard};
use crate::tasks::Tasks;

pub(super) const TOPIC: &str = "spent";
/// What is set aside is told again this often, and forgotten when it was not told for so long: the replica was killed.
const AGAIN_EVERY: Duration = Duration::from_secs(10);
const HELD_FOR: Duration = Duration::from_secs(30);

/// What one replica says of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Empty for everybody together.
    pub(super) key_id: String,
    /// Since it began, the last part of it, and what is set aside.
    pub(super) spent: MicroUsd,
    pub(super) last: MicroUsd,
    pub(super) held: MicroUsd,
}

impl Told {
    pub(super) fn bytes(&self) -> Bytes {
        // Numbers and a text cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// What was heard of one account.
#[derive(Debug, Default)]
pub(super) struct Others(HashMap<Uuid, One>);

#[derive(Debug)]
struct One {
    spent: MicroUsd,
    /// Of `spent`, what was before this day, and before this month or before it was first heard of.
    before_day: MicroUsd,
    before_month: MicroUsd,
    held: MicroUsd,
    at: Instant,
}

/// The part of others in an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) day: MicroUsd,
    pub(super) month: MicroUsd,
    pub(super) held: MicroUsd,
}

impl Others {
    pub(super) fn hear(&mut self, from: Uuid, told: &Told) {
        // What it spent before it was first heard of is in the books that were read at the start.
        let before = told.spent.minus(told.last);
        let one = self.0.entry(from).or_insert(One {
            spent: before,
            before_day: before,
            before_month: before,
            held: MicroUsd(0),
            at: Instant::now(),
        });
        one.spent = one.spent.max(told.spent);
        one.held = told.held;
        one.at = Instant::now();
    }

    pub(super) fn part(&self) -> Part {
        let mut part = Part::default();
        for one in self.0.values() {
            part.day = part.day.plus(one.spent.minus(one.before_day));
            part.month = part.month.plus(one.spent.minus(one.before_month));
            if one.at.elapsed() < HELD_FOR {
                part.held = part.held.plus(one.held);
            }
        }
        part
    }

    pub(super) fn turn(&mut self, is_new_month: bool) {
        for one in self.0.values_mut() {
            one.before_day = one.spent;
            if is_new_month {
                one.before_month = one.spent;
            }
        }
    }
}

/// Tells other replicas what is spent here, and hears what they spend, until the process stops.
pub(super) fn follow(budgets: Arc<Budgets>, channel: &Arc<dyn Channel>, tasks: &Tasks) {
    let (mut listener, own) = (channel.listen(), channel.instance());
    let stopping = tasks.stopping().clone();
    let hearing = async move {
        let mut again = tokio::time::interval(AGAIN_EVERY);
        again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = listener.next() => match heard {
                    Some(Heard::Message(message)) if &*message.topic == TOPIC && message.from != own => {
                        if let Ok(told) = serde_json::from_slice(&message.bytes) {
                            budgets.hear(message.from, &told);
                        }
                    }
                    Some(Heard::Message(_) | Heard::Gap) => {}
                    None => return,
                },
                _ = again.tick() => budgets.tell_again(),
            }
        }
    };
    tasks.spawn("spending of other replicas", async move {
        stopping.run_until_cancelled(hearing).await;
    });
}
