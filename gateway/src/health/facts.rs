//! What is known about one model on one backend. Made by probes and by answers, read by the chain.

use std::time::Duration;

use serde::Serialize;

/// All of it may be unknown: a fact that is missing never keeps a request from a target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub capabilities: Option<Capabilities>,
    /// Tokens that the model can read at most, by its card.
    pub context_max: Option<u32>,
    /// Tokens that it can read as it is loaded now.
    pub context_loaded: Option<u32>,
    /// Names the weights: two models of the same digest are the same model.
    pub digest: Option<String>,
    /// Bytes of the weights.
    pub size: Option<u64>,
    /// Numbers of an embedding.
    pub dimensions: Option<u32>,
    pub warmth: Warmth,
    pub rates: Rates,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of independent abilities, as Ollama lists them"
)]
pub struct Capabilities {
    pub completion: bool,
    pub tools: bool,
    pub vision: bool,
    pub audio: bool,
    pub thinking: bool,
    pub embedding: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmth {
    /// Nobody knows, as with servers that do not say. Treated as warm.
    #[default]
    Unknown,
    Cold,
    Loading,
    /// Loaded, with a part of it in slow memory when it did not fit.
    WarmSlow,
    Warm,
}

/// How fast the model was lately: moving averages of what answers reported.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Tokens of a prompt read per second.
    pub prompt: Option<f64>,
    /// Tokens written per second.
    pub answer: Option<f64>,
    /// Bytes of weights loaded per second.
    pub load: Option<u64>,
    /// Tokens that the server counted, per token that we had estimated; 1 until it is known.
    pub per_estimate: Option<f64>,
}

impl Facts {
    /// How long loading the model takes, when its size and the speed of earlier loads are known.
    pub fn load_time(&self) -> Option<Duration> {
        let seconds = self.size?.checked_div(self.rates.load?)?;
        Some(Duration::from_secs(seconds.saturating_add(1)))
    }
}
