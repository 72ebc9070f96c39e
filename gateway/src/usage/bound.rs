//! What the requests of one piece of work may cost together: those of one turn of the agent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attempt::{Hold, Refused};
use super::money::MicroUsd;
use crate::provider::Class;

/// Every attempt of a request that carries it is counted, the failed ones too. One that would go over it by its estimate
/// is not made; so it is overstepped only by as much as an attempt costs more than was estimated. What nobody knows the
/// price of is not counted. Clones are the same.
#[derive(Debug, Clone)]
pub struct Bound {
    most: MicroUsd,
    account: Arc<Mutex<Account>>,
}

#[derive(Debug, Default)]
struct Account {
    spent: MicroUsd,
    held: MicroUsd,
    /// What the last attempt that was not made would have come to.
    refused: MicroUsd,
}

/// What was spent does not make two bounds different.
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.most == other.most
    }
}

impl Eq for Bound {}

impl Bound {
    pub fn new(most: MicroUsd) -> Self {
        Self {
            most,
            account: Arc::default(),
        }
    }

    pub fn most(&self) -> MicroUsd {
        self.most
    }

    pub fn spent(&self) -> MicroUsd {
        self.account().spent
    }

    /// What the last attempt that was not made was estimated at.
    pub fn refused(&self) -> MicroUsd {
        self.account().refused
    }

    pub(super) fn hold(&self, estimate: MicroUsd) -> Result<Hold, Refused> {
        let mut account = self.account();
        let is_free = estimate == MicroUsd(0);
        if !is_free && account.spent.plus(account.held).plus(estimate) > self.most {
            account.refused = estimate;
            return Err(Refused {
                says: format!(
                    "it would cost about {estimate}, and of the {} that this may cost {} is spent or set aside",
                    self.most,
                    account.spent.plus(account.held)
                ),
                class: Class::OverBound,
                retry_after: None,
            });
        }
        account.held = account.held.plus(estimate);
        Ok(Hold::until_dropped(Held {
            bound: self.clone(),
            estimate,
        }))
    }

    pub(super) fn charge(&self, cost: MicroUsd) {
        let mut account = self.account();
        account.spent = account.spent.plus(cost);
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives back what was set aside.
struct Held {
    bound: Bound,
    estimate: MicroUsd,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut account = self.bound.account();
        account.held = account.held.minus(self.estimate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_and_set_aside_stays_below_it() {
        let bound = Bound::new(MicroUsd(100));
        let hold = |micros| bound.clone().hold(MicroUsd(micros));
        let first = hold(60).unwrap();
        let refused = hold(41).unwrap_err();
        assert_eq!(
            refused.says,
            "it would cost about $0.000041, and of the $0.0001 that this may cost $0.00006 is spent or set aside"
        );
        assert_eq!((refused.class, bound.refused()), (Class::OverBound, MicroUsd(41)));
        let second = hold(40).unwrap();
        assert!(hold(1).is_err(), "two at once do not spend the same money");
        drop((first, second));
        bound.charge(MicroUsd(30));
        assert!(hold(71).is_err());
        drop(hold(70).unwrap());
        assert_eq!(bound.spent(), MicroUsd(30));
        bound.charge(MicroUsd(200));
        assert!(
            hold(1).is_err() && hold(0).is_ok(),
            "what cost more than was thought counts"
        );
    }
}
