//! What is known about backends and their models without asking for an answer: reachable, loaded, able to do what.
//!
//! [`Health`] keeps one [`Host`] per backend and one [`Model`] per model on it. Probes fill them in (see
//! [`Source`]: what a server tells for free), answers correct them, the chain reads them.

mod facts;
mod hosts;
mod model;
pub mod prober;
mod rates;
mod source;
mod together;

#[cfg(test)]
mod prober_tests;
#[cfg(test)]
mod tests;

pub use facts::{Ability, Capabilities, Card, Facts, Rates, Warmth};
pub use hosts::{Health, Host, Probed, Vitals};
pub use model::Model;
pub use source::{Listed, Loaded, Source};
pub use together::{Report, Together};
