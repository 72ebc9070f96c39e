//! What a chain is for, and what that asks of its targets.

use std::collections::BTreeMap;

use anyhow::bail;
use jarvis_gateway::jobs::Space;
use serde::Deserialize;

use super::backends::{Alias, Backend, Kind, Target};

/// The work that an alias is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    #[default]
    Chat,
    Embeddings,
    Images,
    Transcription,
    Speech,
}

impl Purpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::Transcription => "transcription",
            Self::Speech => "speech",
        }
    }

    /// What an Ollama would have to do for it and cannot.
    fn beyond_ollama(self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Embeddings => None,
            Self::Images => Some("make images"),
            Self::Transcription => Some("transcribe audio"),
            Self::Speech => Some("speak"),
        }
    }
}

/// What can be known before any server was asked:
///
/// 1. a target can do the work at all
/// 2. a vector space is named with its dimensions, and only where vectors are made
/// 3. all targets of one chain make vectors of one space: they name the same one, or name none and are Ollamas, whose
///    models can be compared by their digests while the program runs
pub(super) fn check(name: &str, alias: &Alias, backends: &BTreeMap<String, Backend>) -> anyhow::Result<()> {
    let is_ollama = |target: &Target| {
        backends
            .get(&target.backend)
            .is_some_and(|backend| backend.kind == Kind::Ollama)
    };
    if let Some(cannot) = alias.kind.beyond_ollama()
        && let Some(target) = alias.targets.iter().find(|target| is_ollama(target))
    {
        bail!("aliases.{name}: {} (ollama) cannot {cannot}", target.backend);
    }
    for target in &alias.targets {
        let shown = format!("{}/{}", target.backend, target.model);
        match (&target.space, target.dimensions) {
            (None, None) => {}
            (Some(_), Some(_)) if alias.kind == Purpose::Embeddings => {}
            (Some(_), Some(_)) => bail!(
                "aliases.{name}: `space` of {shown} means nothing to an alias of kind `{}`",
                alias.kind.as_str()
            ),
            (Some(_), None) | (None, Some(_)) => {
                bail!("aliases.{name}: {shown} needs both `space` and `dimensions`, or neither")
            }
        }
    }
    let [first, others @ ..] = &alias.targets[..] else {
        return Ok(());
    };
    if alias.kind != Purpose::Embeddings || others.is_empty() {
        return Ok(());
    }
    let named = first.space();
    if let Some(other) = others.iter().find(|other| other.space() != named) {
        let shown = |space: Option<Space>| space.map_or_else(|| "none".to_owned(), |space| format!("`{space}`"));
        bail!(
            "aliases.{name}: vectors of different spaces must not be mixed, but the space of {}/{} is {} and that of \
             {}/{} is {}. Name the same `space` and `dimensions` for both if they are the same model",
            first.backend,
            first.model,
            shown(named),
            other.backend,
            other.model,
            shown(other.space())
        );
    }
    if named.is_none() && !alias.targets.iter().all(is_ollama) {
        bail!(
            "aliases.{name}: nothing tells whether these targets make the same vectors. If they are the same model, give \
             each of them the same `space` (a name of your choice) and `dimensions`; vectors of different spaces must \
             not be mixed"
        );
    }
    Ok(())
}

impl Target {
    pub(crate) fn space(&self) -> Option<Space> {
        Some(Space {
            name: self.space.clone()?,
            dimensions: self.dimensions?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::file::parse;

    const BACKENDS: &str = "[backends.gpu]\nkind = \"ollama\"\nbase_url = \"http://gpu:11434\"\n\
                            [backends.cpu]\nkind = \"ollama\"\nbase_url = \"http://cpu:11434\"\n\
                            [backends.cloud]\nkind = \"openai\"\nbase_url = \"http://cloud/v1\"\n\
                            [aliases.jarvis-chat]\ntargets = [{ backend = \"gpu\", model = \"chat\" }]\n";

    /// `targets` of an alias of this kind, each `backend` or `backend space dimensions`.
    fn config(kind: &str, targets: &[&str]) -> String {
        let targets = targets.iter().map(|target| {
            let words: Vec<&str> = target.split(' ').collect();
            let space = match words[1..] {
                [space, dimensions] => format!(", space = \"{space}\", dimensions = {dimensions}"),
                [space] => format!(", space = \"{space}\""),
                _ => String::new(),
            };
            format!("{{ backend = \"{}\", model = \"m\"{space} }}", words[0])
        });
        let targets: Vec<String> = targets.collect();
        format!("[aliases.it]\nkind = \"{kind}\"\ntargets = [{}]\n", targets.join(", "))
    }

    fn check(text: &str, expect: Result<(), &str>) {
        let seen = parse(&format!("{BACKENDS}{text}")).and_then(|config| config.check());
        match (seen.map_err(|error| error.to_string()), expect) {
            (Ok(()), Ok(())) => {}
            (Err(said), Err(expect)) => assert!(said.contains(expect), "{text}\n{said}"),
            (seen, expect) => panic!("{text}\n{seen:?} but not {expect:?}"),
        }
    }

    #[test]
    fn chains_of_embeddings_are_of_one_space() {
        let embeddings = |targets: &[&str]| config("embeddings", targets);
        check(&embeddings(&["cloud"]), Ok(()));
        check(&embeddings(&["gpu", "cpu"]), Ok(()));
        check(&embeddings(&["gpu nomic 768", "cloud nomic 768"]), Ok(()));
        check(
            &embeddings(&["gpu", "cloud"]),
            Err("give each of them the same `space`"),
        );
        check(
            &embeddings(&["gpu nomic 768", "cpu"]),
            Err("the space of gpu/m is `nomic-768` and that of cpu/m is none"),
        );
        check(
            &embeddings(&["gpu nomic 768", "cloud nomic 512"]),
            Err("is `nomic-768` and that of cloud/m is `nomic-512`"),
        );
        check(&embeddings(&["gpu nomic"]), Err("needs both `space` and `dimensions`"));
    }

    #[test]
    fn what_a_kind_of_server_cannot_do_is_refused_at_the_start() {
        check(&config("images", &["cloud"]), Ok(()));
        check(
            &config("images", &["cloud", "gpu"]),
            Err("gpu (ollama) cannot make images"),
        );
        check(
            &config("transcription", &["gpu"]),
            Err("gpu (ollama) cannot transcribe audio"),
        );
        check(&config("speech", &["gpu"]), Err("gpu (ollama) cannot speak"));
        check(
            &config("chat", &["gpu nomic 768"]),
            Err("means nothing to an alias of kind `chat`"),
        );
        check(&config("video", &["cloud"]), Err("unknown variant `video`"));
        let agent = "[agent]\nalias = \"it\"\n".to_owned() + &config("speech", &["cloud"]);
        check(&agent, Err("`agent.alias` is `it`, which is of kind `speech`"));
    }
}
