//! OpenAI's responses: `POST /v1/responses`, and what is kept of them for later requests.
//!
//! A request is always translated to chat, also for a target that speaks OpenAI's protocol: most local servers have no
//! `/v1/responses`, and a chain must be free to go on with another target.

mod answer;
mod create;
mod history;
mod keep;
mod kept;
mod store;
mod too_long;

pub(super) use create::create;
pub(super) use kept::{cancel, delete, get, input_items};
pub use store::{Chain, KEPT_FOR, Kept, LONGEST_CHAIN, MOST_IN_CHAIN, Store};
