//! The fallback chain: one [`Provider`](crate::provider::Provider) made of an ordered list of targets.
//!
//! The first target whose breakers admit it is asked; when it fails before anything meaningful was said, the next one
//! is. Nothing leaves the chain before the first meaningful delta (the commit point). After it, a dead target means
//! [`Event::Reset`](crate::chat::Event::Reset) and a new start for first-party callers, and an error for API callers.
//!
//! [`Walk`] decides which target is next and what a failure means, for work of every kind; [`Chain`] drives streams of
//! chat down it.

mod account;
mod admission;
mod admit;
mod attempt;
mod calls;
mod drive;
mod errand;
mod estimate;
mod fit;
mod gate;
mod going_on;
mod history;
mod limits;
mod manner;
mod nobody;
mod pace;
mod provider;
mod settings;
mod surroundings;
mod target;
mod thoughts;
mod walk;

#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use errand::{Errand, Needs};
pub use limits::{HostClass, Limits};
pub use manner::{ColdFor, Manner, PaceFor};
pub use provider::{Chain, Route};
pub use settings::{Claims, Settings, Timeouts, time};
pub use surroundings::Surroundings;
pub use target::Target;
pub use walk::Walk;
