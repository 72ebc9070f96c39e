//! The seam to a server that tells about itself.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::facts::{Capabilities, Card};
use crate::provider::{Class, Error};

/// What a model server tells for free. No question may generate, cost money, load a model (except [`Source::load`]),
/// or change how long a model stays loaded and with which context. Every answer has its own time limit.
#[async_trait]
pub trait Source: Send + Sync {
    /// Where it is, without secrets: `http://gpu:11434`. Another address is another server, of which nothing is known.
    fn address(&self) -> String;

    /// Whether the host answers; the server's version where it tells. An answer says nothing about whether models run.
    async fn alive(&self) -> Result<Option<String>, Error>;

    /// The models that the server has.
    async fn models(&self) -> Result<Vec<Listed>, Error>;

    /// The models in memory; `None` from servers that do not say. An error of class [`Class::TtftTimeout`] from a host
    /// that is alive means that something is being loaded.
    async fn loaded(&self) -> Result<Option<Vec<Loaded>>, Error> {
        Ok(None)
    }

    /// Loads `model` exactly as a request to it would, and returns when it is loaded.
    async fn load(&self, model: &str) -> Result<(), Error> {
        Err(Error::new(
            Class::Capability,
            format!("this server cannot be told to load `{model}`"),
        ))
    }

    /// Whether the credential is accepted now, where asking is free.
    async fn key_works(&self) -> bool {
        false
    }

    /// Whether `known`, as the server lists it, is the model that is asked for as `asked`.
    fn is_name(&self, known: &str, asked: &str) -> bool {
        known == asked
    }
}

/// A model that a server has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub name: String,
    pub digest: Option<String>,
    /// Bytes of the weights.
    pub size: Option<u64>,
    pub capabilities: Option<Capabilities>,
    /// Tokens that the model was made for.
    pub context_max: Option<u32>,
    /// Tokens that it is run with, where the list tells.
    pub context_loaded: Option<u32>,
    /// Numbers of an embedding.
    pub dimensions: Option<u32>,
    pub card: Card,
}

/// A model that is in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    pub name: String,
    /// Bytes in all, and those of them in fast memory.
    pub size: u64,
    pub size_fast: u64,
    pub context: Option<u32>,
}
