//! The machine that Jarvis runs on, and whether the services that the owner named answer.

mod config;
mod machine;
mod services;
mod tool;

pub use config::{Config, Service};
pub use tool::ServerStatus;
