//! HTTP/1.1 as a client, for one server at a time.
//!
//! A connection is driven by whoever reads its answer, in the same task, and the pieces of an answer are parts of the
//! buffer that they were read into. A general client hands every piece from the connection's task to the reader's; for the
//! short pieces of streamed answers that costs more than the rest of the gateway.

mod connection;
mod framing;
mod head;
mod pool;

pub(super) use connection::{Connection, Failure, Io};
pub(super) use framing::{Framing, Step};
pub(super) use head::Head;
pub(super) use pool::Pool;
