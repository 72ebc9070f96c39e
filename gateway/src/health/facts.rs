//! What is known about one model on one backend. Made by probes and by answers, read by the chain.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The budget of a load about which nothing is known.
const FIRST_LOAD: Duration = Duration::from_mins(1);
/// The next load may find the weights no longer in the file cache, which makes it many times slower than the last.
const SHORTEST_LOAD: Duration = Duration::from_secs(20);
const LONGEST_LOAD: Duration = Duration::from_mins(3);

/// All of it may be unknown: a fact that is missing never keeps a request from a target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub capabilities: Option<Capabilities>,
    /// What it was refused for lately, whatever `capabilities` say.
    pub lacks: Capabilities,
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
    pub card: Card,
    /// Whether the server listed it when it was last asked.
    pub listed: Option<bool>,
    pub warmth: Warmth,
    pub rates: Rates,
}

/// What a server tells of a model's make, for people. Empty where it does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `qwen3`.
    pub family: String,
    /// `14.8B`.
    pub parameter_size: String,
    /// `Q4_K_M`.
    pub quantization: String,
}

/// What a model can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// One of [`Capabilities`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    Completion,
    Tools,
    Vision,
    Audio,
    Thinking,
    Embedding,
}

impl Capabilities {
    pub fn has(self, ability: Ability) -> bool {
        match ability {
            Ability::Completion => self.completion,
            Ability::Tools => self.tools,
            Ability::Vision => self.vision,
            Ability::Audio => self.audio,
            Ability::Thinking => self.thinking,
            Ability::Embedding => self.embedding,
        }
    }

    #[must_use]
    pub fn with(mut self, ability: Ability) -> Self {
        let has = match ability {
            Ability::Completion => &mut self.completion,
            Ability::Tools => &mut self.tools,
            Ability::Vision => &mut self.vision,
            Ability::Audio => &mut self.audio,
            Ability::Thinking => &mut self.thinking,
            Ability::Embedding => &mut self.embedding,
        };
        *has = true;
        self
    }
}

impl Ability {
    /// What a refusal such as `"m" does not support tools` says that the model lacks.
    pub fn lacking_by(message: &str) -> Option<Self> {
        let (_, lacks) = message.split_once("does not support ")?;
        let word = lacks.split(|letter: char| !letter.is_ascii_alphabetic()).next()?;
        Some(match word {
            "tools" => Self::Tools,
            "thinking" => Self::Thinking,
            "chat" | "generate" | "completion" | "completions" => Self::Completion,
            "vision" | "image" | "images" => Self::Vision,
            "audio" => Self::Audio,
            "embeddings" | "embedding" | "embed" => Self::Embedding,
            _ => return None,
        })
    }
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
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
    /// Whether the model can do it; `None` when nobody knows.
    pub fn can(&self, ability: Ability) -> Option<bool> {
        if self.lacks.has(ability) {
            return Some(false);
        }
        self.capabilities.map(|capabilities| capabilities.has(ability))
    }

    /// How long a load may take before it is given up.
    pub fn load_budget(&self) -> Duration {
        let expected = self.load_time().map(|time| time.mul_f64(1.5));
        expected.unwrap_or(FIRST_LOAD).clamp(SHORTEST_LOAD, LONGEST_LOAD)
    }

    /// How long loading the model takes, when its size and the speed of earlier loads are known.
    pub fn load_time(&self) -> Option<Duration> {
        let seconds = self.size?.checked_div(self.rates.load?)?;
        Some(Duration::from_secs(seconds.saturating_add(1)))
    }
}
