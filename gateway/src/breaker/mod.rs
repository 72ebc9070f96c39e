//! Circuit breakers: what is left alone after it failed, and until when.
//!
//! Two breakers guard every target: one for the backend (reachable, key accepted, not rate limited) and one for a model
//! on that backend (runner alive, model present). [`Machine`] is the pure state machine, [`Board`] keeps one machine per
//! guarded thing, [`health::prober`](crate::health::prober) finds out without traffic that a backend is back.

mod board;
mod disposition;
mod guarded;
mod machine;
mod replicas;
mod replicate;
mod sharing;
mod shown;
mod state;
mod table;
mod ticket;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use board::Troubles;
pub use board::{Board, Key};
pub use disposition::{Disposition, Mark, Next, Retry};
pub use machine::Machine;
pub use replicas::{Answer, Change, Details, Phase, Record, Replicas, Unreachable};
pub use state::{
    Effects, Event, Failure, Forced, ForcedTo, Permit, Place, Shown, Snapshot, State, Trouble, TroubleKind, Why,
};
pub use table::{COUNTED_FOR, Table};
pub use ticket::{Pair, Ticket};
