//! What runs by itself: reminders and recurring prompts that somebody made in a conversation.
//!
//! ```text
//! in words --when--> rule --next--> due --claim (once ever)--> message | prompt --> done | failed | skipped | unknown
//! ```
//! 1. A due time is claimed by a row whose primary key is (job, due), and the job moves on in the same transaction: no
//!    restart, no second process and no clock that goes back runs it again.
//! 2. The words of a due time are stored under an id made of job and due time, so that saying them again says nothing.
//! 3. A prompt whose run began and did not end is not asked again: it is reported as unknown.
//! 4. A prompt runs with the least of the trust that its creator has now, had at the making, and operator; it acts only
//!    with the tools that its card named, and each act goes through policy again.

mod clockwork;
mod command;
mod config;
mod desk;
mod fire;
mod prompt;
pub(crate) mod standing;
mod tell;
mod tools;
mod view;
mod when;
mod wish;

pub use config::Config;
pub use desk::Change;
pub use tools::{TOOLS, with_jobs};
pub use view::JobView;

pub(crate) use clockwork::start;
pub(crate) use command::{JobsWish, jobs_wish, reminder, unmarked_reminder};
pub(crate) use prompt::{After, Errand};
