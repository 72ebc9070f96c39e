//! Finding what was said again.
//!
//! The same on every engine: what a text is taken apart into (`words`), what is asked ([`Question`]), which entries are
//! worth being read (`candidates`), and in which order they stand (`rank`) are pure functions of this module. An engine
//! says which entries hold a word, and reads rows. So an engine's own full text has no say in the order, and both give the
//! same answers.

mod date;
mod irregular;
mod postings;
mod question;
mod rank;
mod records;
mod stem;
mod vector;
mod words;

pub use question::Question;
pub use records::{Audience, Kept, Memory, Recalled, Remembered, Scope, Source, Whose, WithoutVector};

pub(crate) use postings::{Posting, candidates};
pub(crate) use rank::{Entry, NEIGHBOURS, Statistics, rank};
pub(crate) use vector::Vector;
pub(crate) use words::words;
