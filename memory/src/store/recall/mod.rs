//! The index of what can be found again: written in batches after what it is of, read in a few statements.

mod find;
mod full_text;
mod key;
mod memories;
mod postgres;
mod sqlite;
mod uncount;
mod vectors;
mod write;

pub(super) use full_text::fill as fill_words;
pub(super) use uncount::{uncount, uncount_ids};
pub use vectors::Meaning;
pub(super) use write::hold_index;
