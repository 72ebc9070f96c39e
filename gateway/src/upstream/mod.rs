//! HTTP to model servers: one keep-alive pool per server, and the decoders of the two stream formats they speak.
//!
//! The data path is written here because no client crate keeps what a gateway must keep: unknown fields, error lines,
//! a cut-off stream as such, and characters that are split over network packets.

mod client;
mod connect;
mod failure;
mod lines;
pub mod ndjson;
mod pieces;
mod response;
mod retry_after;
pub mod sse;

pub use client::{SetupError, Upstream};
pub use lines::{MAX_LINE, Malformed};
pub use pieces::Pieces;
pub use response::Response;
