//! Which model names exist, and who answers to each: aliases with their chains, single targets, and models that the
//! program itself registers.

mod names;
mod near;
mod show;
mod status;

#[cfg(test)]
mod tests;

pub use names::{Backend, Link, Model, Registry, Unknown};
pub use show::NoTarget;
pub use status::{BreakerStatus, Breakers, Context, TargetStatus};
