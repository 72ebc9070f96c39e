//! Measures whether what was said is found again: of a set of conversations with questions and the messages that answer
//! them, how much of that is among the first results.
//!
//! The index, the statements and the ranking are those of the program, on a database of its own.

mod measure;
mod set;

pub use measure::{Embedder, Found, Vectors, play};
pub use set::Set;
