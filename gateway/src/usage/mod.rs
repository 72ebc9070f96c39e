//! What requests cost, and who may spend.

mod attempt;

pub use attempt::{Attempt, Observer, Outcome, Purse, Refused};
