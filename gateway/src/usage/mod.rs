//! What requests cost, and who may spend.

mod attempt;
mod money;

pub use attempt::{Attempt, Hold, Observer, Outcome, Pieces, Planned, Purse, Refused};
pub use money::MicroUsd;
