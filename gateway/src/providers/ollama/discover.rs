use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use crate::provider::Error;
use crate::upstream::Upstream;

/// A model that an Ollama server has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Model {
    pub name: String,
    /// Tells when the model behind a name was replaced.
    pub digest: String,
    /// Bytes on disk.
    pub size: u64,
    /// `completion`, `tools`, `insert`, `vision`, `embedding`, `thinking`, `image`, `audio`. Empty before Ollama 0.30;
    /// [`show`] knows them then.
    pub capabilities: Vec<String>,
    pub details: Details,
    /// Set when the model runs on someone else's machine and this server only passes requests on.
    pub remote_host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Details {
    pub family: String,
    /// For people: `14.8B`.
    pub parameter_size: String,
    /// `Q4_K_M`.
    pub quantization_level: String,
    /// The longest context that the model was made for, in tokens; not the one that it is loaded with.
    pub context_length: Option<u64>,
    /// Numbers of an embedding.
    pub embedding_length: Option<u64>,
}

impl Model {
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

/// A model that is in memory now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Loaded {
    pub name: String,
    pub digest: String,
    /// Bytes in all, and those of them on the graphics card.
    pub size: u64,
    pub size_vram: u64,
    /// The context that it was really loaded with, in tokens.
    pub context_length: Option<u64>,
}

/// What `/api/show` says of one model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    pub capabilities: Vec<String>,
    pub context_length: Option<u64>,
    pub embedding_length: Option<u64>,
}

/// The server's version. An answer says that the host is up, and nothing about whether models run.
pub async fn version(upstream: &Upstream, timeout: Duration) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    let answer: Version = upstream.get_json("/api/version", timeout).await?;
    Ok(answer.version)
}

/// The models that the server has.
pub async fn tags(upstream: &Upstream, timeout: Duration) -> Result<Vec<Model>, Error> {
    #[derive(Deserialize)]
    struct Tags {
        models: Vec<Model>,
    }
    let answer: Tags = upstream.get_json("/api/tags", timeout).await?;
    Ok(answer.models)
}

/// The models that are in memory. Since Ollama 0.32.4 this waits while a model loads: a timeout here while
/// [`version`] answers means "loading", not "down".
pub async fn ps(upstream: &Upstream, timeout: Duration) -> Result<Vec<Loaded>, Error> {
    #[derive(Deserialize)]
    struct Ps {
        models: Vec<Loaded>,
    }
    let answer: Ps = upstream.get_json("/api/ps", timeout).await?;
    Ok(answer.models)
}

/// What one model can do, for servers whose [`tags`] do not say.
pub async fn show(upstream: &Upstream, model: &str, timeout: Duration) -> Result<Shown, Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        capabilities: Vec<String>,
        #[serde(default)]
        model_info: serde_json::Map<String, serde_json::Value>,
    }
    let body = Bytes::from(json!({"model": model}).to_string());
    let answer: Answer = upstream.ask_json("/api/show", body, timeout).await?;
    // The key begins with the model's architecture: `qwen3.context_length`.
    let number = |key: &str| {
        let mut info = answer.model_info.iter();
        info.find(|(name, _)| name.ends_with(key))?.1.as_u64()
    };
    Ok(Shown {
        context_length: number(".context_length"),
        embedding_length: number(".embedding_length"),
        capabilities: answer.capabilities,
    })
}

/// Ollama takes `name` for `name:latest`.
pub(super) fn is_name(known: &str, asked: &str) -> bool {
    known == asked || known.strip_suffix(":latest") == Some(asked)
}

/// The model to use when nobody chose one:
///
/// 1. never one that cannot chat (embeddings only), and never one on someone else's machine
/// 2. one that can call tools before one of which that is not known, before one that cannot
/// 3. the bigger one; of equals the first
pub fn choose_model(models: &[Model]) -> Option<&Model> {
    let candidates = models
        .iter()
        .rev()
        .filter_map(|model| Some((suitability(model)?, model)));
    let best = candidates.max_by_key(|(suitability, model)| (*suitability, model.size));
    best.map(|(_, model)| model)
}

fn suitability(model: &Model) -> Option<u8> {
    if !model.remote_host.is_empty() {
        return None;
    }
    if model.capabilities.is_empty() {
        let embeds = model.name.contains("embed") || model.details.family.contains("bert");
        return (!embeds).then_some(1);
    }
    model.can("completion").then(|| if model.can("tools") { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, size: u64, capabilities: &[&str]) -> Model {
        Model {
            name: name.into(),
            size,
            capabilities: capabilities.iter().map(|&capability| capability.into()).collect(),
            ..Model::default()
        }
    }

    #[test]
    fn chooses_the_biggest_that_can_call_tools() {
        let check = |models: &[Model], expect: Option<&str>| {
            let chosen = choose_model(models).map(|model| model.name.as_str());
            assert_eq!(chosen, expect, "given {models:?}");
        };
        let small = model("small", 2, &["completion", "tools"]);
        let big = model("big", 9, &["completion", "tools", "thinking"]);
        let equal = model("equal", 9, &["completion", "tools"]);
        let talker = model("talker", 20, &["completion", "vision"]);
        let embedder = model("embedder", 99, &["embedding"]);
        let unknown = model("unknown", 5, &[]);
        let old_embedder = model("nomic-embed-text", 99, &[]);
        let cloud = Model {
            remote_host: "https://ollama.com".into(),
            ..model("cloud", 500, &["completion", "tools"])
        };
        check(&[], None);
        check(&[embedder.clone(), old_embedder, cloud.clone()], None);
        check(
            &[small.clone(), big.clone(), equal.clone(), talker.clone(), cloud],
            Some("big"),
        );
        check(&[equal, big], Some("equal"));
        check(&[talker.clone(), embedder, unknown.clone(), small], Some("small"));
        check(&[talker.clone(), unknown], Some("unknown"));
        check(&[talker], Some("talker"));
    }
}
