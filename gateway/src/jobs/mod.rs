//! What models are asked for beside chat: vectors of texts, images, transcripts and speech.
//!
//! Every job goes down a chain of targets like a chat request does, with the same breakers and the same consequences of
//! a failure. Its answer is not made of chat events: vectors come whole, everything else is passed on byte for byte from
//! a server that speaks the same protocol, so that fields which are unknown here survive in both directions.

mod embed;
mod events;
mod form;
mod forward;
mod pace;
mod reply;
mod running;
mod space;
mod walk;
mod worker;

pub use embed::{Embed, Embedded, Encoding, Inputs, Vectors};
pub(crate) use events::Counted;
pub use form::{Form, Malformed};
pub use forward::{Body, Forward, Task};
pub use reply::{Head, Reply};
pub use running::Running;
pub use space::Space;
pub use walk::{Done, embed, forward, spaces};
pub use worker::Worker;
