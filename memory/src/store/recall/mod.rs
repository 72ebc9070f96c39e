//! The index of what can be found again: written in batches after what it is of, read in a few statements.

mod find;
mod full_text;
mod key;
mod vectors;
mod write;

pub use vectors::Meaning;
