//! Measures the agent with cases.
//!
//! A case is a world as state, what the owner says, how the model behaves, and what must have come of it. A replay needs
//! no model, so it says nothing of how well a model chooses; it holds the loop, policy, cards and command mode to their
//! word, also against a model that does whatever it reads. The same cases are played with a real model by
//! `jarvis eval --model NAME`.

mod baseline;
mod case;
mod embedded;
mod hostile;
mod judge;
mod play;
mod player;
pub mod recall;
mod recorder;
mod remembered;
mod report;
mod runs;
pub mod set;
mod state;
mod tools;
mod town;
mod world;

pub use baseline::{Baseline, Comparison};
pub use case::{Case, Expect, Live, Model, Move, Suite};
pub use embedded::suite;
pub use judge::{faults, faults_live, replay};
pub use play::{Approver, Brain, Came, play};
pub use report::{How, Report, Row};
pub use runs::{live, replayed};
pub use town::{Line, Place, Who};
