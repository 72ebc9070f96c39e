//! Circuit breakers: what is left alone after it failed, and until when.
//!
//! Two breakers guard every target: one for the backend (reachable, key accepted, not rate limited) and one for a model
//! on that backend (runner alive, model present). [`Machine`] is the pure state machine, [`Board`] keeps one machine per
//! guarded thing, [`prober`] finds out without traffic that a local backend is back.

mod board;
mod disposition;
mod machine;
pub mod prober;
mod window;

#[cfg(test)]
mod tests;

pub use board::{Board, Key, Pair, Ticket};
pub use disposition::{Disposition, Mark, Next, Retry};
pub use machine::{Effects, Event, Failure, Machine, Permit, Place, Shown, Snapshot, State, Trouble, Why};
