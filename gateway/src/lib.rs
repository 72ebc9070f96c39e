//! Speaks to models. Chat vocabulary, providers, the fallback chain with its circuit breakers, and the
//! OpenAI-compatible API. Knows nothing of agents, tools, storage or platforms.

pub mod breaker;
pub mod caller;
pub mod chain;
pub mod channel;
pub mod chat;
pub mod clock;
pub mod demands;
pub mod discovery;
pub mod glob;
pub mod health;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod progress;
pub mod provider;
pub mod providers;
pub mod registry;
mod seldom;
mod strict;
pub mod tasks;
mod text_bytes;
pub mod trace;
pub mod upstream;
pub mod usage;
