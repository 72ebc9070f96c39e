//! The configuration: the file, the environment, the command line, joined here and nowhere else.

mod backends;
mod changes;
mod database;
mod environment;
mod file;
mod hidden;
mod mcp;
mod own;
mod purpose;

pub(crate) use backends::{Alias, Backend, Kind, Target};
pub(crate) use changes::Changes;
pub(crate) use environment::Environment;
pub(crate) use file::{Config, Log, LogFormat, find, load};
