//! The configuration: the file, the environment, the command line, joined here and nowhere else.

mod backends;
mod environment;
mod file;

pub(crate) use backends::{Backend, Kind, Target};
pub(crate) use environment::Environment;
pub(crate) use file::{Config, Log, LogFormat, load};
