//! HTTP to model servers: one keep-alive pool per server, and the decoders of the two stream formats they speak.
//!
//! The data path is written here because no client crate keeps what a gateway must keep: unknown fields, error lines,
//! a cut-off stream as such, and characters that are split over network packets.

mod client;
mod connect;
mod failure;
mod http1;
mod keys;
mod lines;
pub mod ndjson;
mod pattern;
mod pieces;
mod response;
mod retry_after;
mod scan;
pub mod sse;

pub use client::{SetupError, Upstream};
pub use lines::{MAX_LINE, Malformed};
pub(crate) use pattern::Pattern;
pub use pieces::Pieces;
pub use response::Response;
pub(crate) use scan::{NotJson, Scanner, plain};
