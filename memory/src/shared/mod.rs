//! What replicas of one installation share through a Redis: the state of breakers, rate limits, answers, who probes, and
//! words between them. The gateway defines what is shared, and goes on with its own view whenever a call here fails.
//!
//! Nothing here is durable, and losing all of it loses nothing. Every time is the time of Redis or a span of time, so that
//! the clocks of the replicas may differ. [`Redis`] is one connection that is looked after in the background: a call while
//! it is away fails at once, and a call that takes longer than [`Config::patience_ms`] makes it count as away.

mod answers;
mod breakers;
mod channel;
mod config;
mod keeper;
mod limits;
mod link;
mod probes;

pub use config::{Config, Password};
pub use limits::Limits;
pub use link::{Away, Redis, Standing};
