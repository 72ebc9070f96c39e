//! Circuit breakers: what is left alone after it failed, and until when.
//!
//! Two breakers guard every target: one for the backend (reachable, key accepted, not rate limited) and one for a model
//! on that backend (runner alive, model present). [`Machine`] is the pure state machine, [`Board`] keeps one machine per
//! guarded thing, [`health::prober`](crate::health::prober) finds out without traffic that a backend is back.

mod board;
mod disposition;
mod machine;
mod state;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use board::Troubles;
pub use board::{Board, Key, Pair, Ticket};
pub use disposition::{Disposition, Mark, Next, Retry};
pub use machine::Machine;
pub use state::{
    Effects, Event, Failure, Forced, ForcedTo, Permit, Place, Shown, Snapshot, State, Trouble, TroubleKind, Why,
};
