//! Measures the agent with replayed cases.
//!
//! A case is a TOML file in `cases/`: a world of containers, what the owner says, how the model behaves, and what must
//! have come of it. A replay needs no model, so it says nothing of how well a model chooses; it holds the loop, policy,
//! cards and command mode to their word, also against a model that does whatever it reads.

mod case;
mod model;
mod replay;
mod world;

pub use case::{Case, Expect, Model, Move, read_all};
pub use replay::{Came, replay};
