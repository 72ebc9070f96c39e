//! What a model makes of the tools that it was offered, kept safe: a call is handed on only when it is one.
//!
//! - A call that the model wrote as text becomes a call, or the answer is another target's to give. It is never shown.
//! - The pieces of a call are handed on once its arguments are whole JSON, so that an answer that was cut off at its
//!   longest (`length`) never holds a broken call.
//! - A call that was demanded (`tool_choice`) is there and is the right one; one that was ruled out is not.

mod guard;
mod leak;
mod piece;
mod scan;
mod wire;

pub(super) use guard::Guard;
