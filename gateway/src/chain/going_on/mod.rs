//! An answer that broke off while its caller read along, gone on with by another target (`continue`).
//!
//! Nothing that was read can be taken back, so that the next target is given it as the beginning of its own answer. That
//! is only done for plain text, for a target whose owner says that it goes on from there, and once.

mod request;
mod resumed;
mod said;
mod seam;

pub(super) use resumed::Resumed;
pub(super) use said::Said;
