//! How much each key may ask for: requests and tokens a minute, and requests at the same time.
//!
//! A request is counted when it comes in, with an estimate of its tokens; what models then report is counted as it is
//! told, and the estimate is taken back when the request is over. Who has no key, or a key without limits, passes by all
//! of it.

mod counters;
mod headers;
mod in_process;
mod lease;
mod window;

pub use counters::{Counters, Kind, Over, Place, Room, Standing};
pub use in_process::InProcess;
pub use lease::Meter;
pub(super) use lease::{admit, estimate};
