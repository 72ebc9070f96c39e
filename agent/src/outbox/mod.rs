//! What is shown on platforms: a row before it can be lost, sent in order, with the platform's id written down.
//!
//! ```text
//! waiting --take--> sending --the platform's id--> sent --the card changed--> edited
//!    ^                 |--Later, or in doubt--> waiting
//!    |                 |--Refused--> failed
//!    +--a restart------+--in doubt once too often--> unknown
//! ```
//! A place gets what is for it in the order of ids, one at a time; places do not wait for one another.
//!
//! **In doubt** is a delivery whose platform broke the connection before it answered, or that a crash cut off. Where the
//! platform can tell repeats by [`Outgoing::key`](crate::platform::Outgoing::key), it is sent again. Elsewhere a message is
//! sent once more, because a lost answer is worse than a repeated one; a card is not, because the console, the commands
//! and its other copies are routes too, and a copy that nobody knows of could never be changed after the decision.

mod adapters;
mod send;
mod worker;

pub use adapters::Outbox;
pub(crate) use worker::start;
