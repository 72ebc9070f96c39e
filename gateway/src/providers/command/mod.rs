//! Command mode: no model, a fixed grammar of plain commands.
//!
//! It is the last link of the agent's chain. It understands the phrases that tools declare, makes their calls, shows
//! what came of them, and says with every answer that no model answered and why. It never pretends to be a model.

mod form;
mod grammar;
mod mode;
mod words;

#[cfg(test)]
mod tests;

pub use form::{CallForm, Command};
pub use mode::Mode;
