//! What is known about backends and their models without asking for an answer: reachable, loaded, able to do what.

mod facts;

pub use facts::{Capabilities, Facts, Rates, Warmth};
