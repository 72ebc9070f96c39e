//! Plays the model servers that Jarvis talks to, with their faults, on one port: an OpenAI-compatible one under `/v1`
//! and an Ollama beside it. What it does is chosen by the name of the model (see [`faults`]); `POST /control` changes
//! it for all models, `GET /log` tells what came in, and `GET /runners` which models were loaded how often. It checks what it is sent as strictly as the real servers.
//!
//! [`Redis`] is no play: it is the real server.
//!
//! A refused connection is played by a port on which nothing listens.

pub mod control;
pub mod faults;
mod jobs;
mod log;
mod ollama;
mod openai;
mod play;
mod redis;
mod route;
mod server;
mod silence;
mod wire;

pub use control::{Control, Model};
pub use log::Entry;
pub use ollama::Shown as Runner;
pub use play::{BYTES_TEXT, OK_TEXT, words};
pub use redis::Redis;
pub use server::Server;
pub use silence::Silence;
