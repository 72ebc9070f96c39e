//! The fallback chain: one [`Provider`](crate::provider::Provider) made of an ordered list of targets.
//!
//! The first target whose breakers admit it is asked; when it fails before anything meaningful was said, the next one
//! is. Nothing leaves the chain before the first meaningful delta (the commit point). After it, a dead target means
//! [`Event::Reset`](crate::chat::Event::Reset) and a new start for first-party callers, and an error for API callers.

mod attempt;
mod provider;
mod target;
mod walk;

#[cfg(test)]
mod tests;

pub use provider::Chain;
pub use target::{HostClass, Limits, Target};
