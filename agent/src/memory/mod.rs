//! What is remembered: facts of at most 1,000 characters, each with who said it, about whom, and who may find it again.
//!
//! 1. Who may find a fact follows from the place where it was said, and no argument of a call changes it.
//! 2. A fact is kept when somebody asks for it in their own words, or while no text of others is in the context.
//! 3. What is found is data: it is marked, and unless all of it is the asker's own, it counts as outside text.
//! 4. Nothing of one person or of the house is found where others read along.

mod command;
mod config;
mod desk;
mod extract;
mod facts;
mod forget_me;
mod place;
mod retention;
mod tools;
mod vectors;
mod view;

pub use config::Config;
pub use extract::learn;
pub use retention::forget_old;
pub use tools::{TOOLS, with_memory};
pub use vectors::{Embedder, Made, OfChain, make_vectors};
pub use view::{FoundView, MemoryView};

pub(crate) use command::{MemoryWish, memory_wish};
pub(crate) use extract::Lesson;
pub(crate) use facts::{Facts, of_asker};
pub(crate) use forget_me::{ForgetWish, forget_wish};
pub(crate) use tools::{brought, for_audit};

/// Characters of a fact.
pub(crate) const MOST_CHARS: usize = 1_000;
/// What is found at once.
pub(crate) const FOUND: usize = 6;
