//! What requests cost, and who may spend.

mod attempt;
mod books;
mod bound;
mod budget;
mod config;
mod ledger;
mod money;
mod others;
mod prices;
mod report;
mod retention;
mod since;

pub use attempt::{Attempt, Hold, Observer, Outcome, Pieces, Planned, Purse, Refused};
pub use books::{Books, By, Entry, Failed, Sums};
pub use bound::Bound;
pub use budget::{Budgets, Caps, Spent};
pub use config::{Config, Keeping};
pub use ledger::Ledger;
pub use money::{Dollars, MicroUsd};
pub use prices::{Cost, Prices};
pub use report::Report;
pub use retention::Retention;
pub use since::{Since, span_of_time};
