//! Plays a set of tasks and attacks that others published.
//!
//! The set is a process of its own, in any language: it says which plays there are, has the tools and the world, and judges
//! in the end. Here are the agent, a written model that obeys every attack it reads, and the person who decides the cards.
//! `evals/sets` holds the sets, the example `set` runs one.

mod child;
mod model;
mod play;
mod tally;
mod tool;

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt};

use crate::play::Approver;
use child::Child;
use play::play;

pub use child::Which;
pub use tally::{Played, Tally};

/// Processes of the set, each with a world and an agent of its own.
const AT_ONCE: usize = 2;

/// Plays every play of the set that `command` starts and whose name holds `part`; `tell` hears of each.
pub async fn plays(command: &[String], part: &str, approver: Approver, tell: impl Fn(&Played)) -> Result<Tally> {
    let mut children = Vec::new();
    for _ in 0..AT_ONCE {
        children.push(Child::start(command)?);
    }
    let mut all = match children.first() {
        Some(child) => child.list().await?,
        None => Vec::new(),
    };
    all.retain(|which| which.name().contains(part));
    ensure!(!all.is_empty(), "no play of the set has `{part}` in its name");
    let queue = Arc::new(tokio::sync::Mutex::new(all.into_iter()));
    let tell = &tell;
    let one_child = async |child: Child| -> Result<Vec<Played>> {
        let child = Arc::new(child);
        let mut played = Vec::new();
        loop {
            let next = queue.lock().await.next();
            let Some(which) = next else { break };
            let one = play(&child, which, approver).await?;
            tell(&one);
            played.push(one);
        }
        Ok(played)
    };
    let running = futures_util::stream::iter(children).map(one_child);
    let played: Vec<Vec<Played>> = running.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(Tally::of(played.into_iter().flatten().collect()))
}
