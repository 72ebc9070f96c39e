//! `jarvis models`. Speaks to the model servers itself, so that it works when no server of ours runs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use jarvis_adapters::terminal::clean;
use jarvis_gateway::chain::HostClass;
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::providers::ollama::{self, Admin};
use jarvis_gateway::providers::openai;
use jarvis_gateway::upstream::Upstream;
use jarvis_memory::records::AuditEvent;
use serde_json::json;

use crate::cli::Models;
use crate::config::{Backend, Config, Environment, Kind};
use crate::data;
use crate::output::line;

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn models(config: &Config, environment: &Environment, command: Models) -> anyhow::Result<ExitCode> {
    match command {
        Models::List => list(config, environment).await,
        Models::Show { name, on } => {
            let (on, name) = meant(config, on.as_deref(), &name);
            show(&place(config, environment, on)?, name).await
        }
        Models::Pull { name, on } => {
            let (on, name) = meant(config, on.as_deref(), &name);
            pull(config, &place(config, environment, on)?, name).await
        }
    }
}

/// The backend and the model: `gpu/qwen3:14b` names both, when there is a backend `gpu`. Names of models have slashes too.
fn meant<'a>(config: &Config, on: Option<&'a str>, name: &'a str) -> (Option<&'a str>, &'a str) {
    match (on, name.split_once('/')) {
        (None, Some((backend, model))) if config.backends.contains_key(backend) => (Some(backend), model),
        (None, Some(("ollama", model))) if config.backends.is_empty() => (None, model),
        (on, _) => (on, name),
    }
}

/// A server by its name and where it is.
struct Place {
    name: String,
    base_url: String,
}

/// The Ollama that is meant: the one that is named, else the only one.
fn place(config: &Config, environment: &Environment, named: Option<&str>) -> anyhow::Result<Place> {
    let configured = config
        .backends
        .iter()
        .filter(|(_, backend)| backend.kind == Kind::Ollama);
    let mut places: Vec<Place> = configured
        .map(|(name, backend)| Place {
            name: name.clone(),
            base_url: backend.base_url.clone(),
        })
        .collect();
    if places.is_empty() {
        places.push(Place {
            name: "ollama".into(),
            base_url: environment.ollama_place(config.listen()),
        });
    }
    let names: Vec<String> = places.iter().map(|place| place.name.clone()).collect();
    let names = names.join(", ");
    let found = match named {
        Some(named) => places.into_iter().find(|place| place.name == named),
        None if places.len() == 1 => places.pop(),
        None => bail!("say which backend with --on NAME: {names}"),
    };
    found.with_context(|| format!("there is no such backend of kind `ollama`; there are: {names}"))
}

async fn list(config: &Config, environment: &Environment) -> anyhow::Result<ExitCode> {
    let mut wrong = false;
    let mut tell = |name: &str, models: anyhow::Result<Vec<String>>| match models {
        Ok(models) => models
            .iter()
            .for_each(|model| line(&format!("{name}/{}", clean(model)))),
        Err(error) => {
            wrong = true;
            crate::output::error(&format!("{name}: {error:#}"));
        }
    };
    if config.backends.is_empty() {
        let here = place(config, environment, None)?;
        tell(&here.name, kept(&here.base_url).await);
    }
    for (name, backend) in &config.backends {
        let models = match backend.kind {
            Kind::Ollama => kept(&backend.base_url).await,
            Kind::Openai => offered(backend, environment).await,
        };
        tell(name, models);
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn kept(base_url: &str) -> anyhow::Result<Vec<String>> {
    let models = Admin::new(base_url)?.list().await?;
    let words = models
        .into_iter()
        .map(|model| format!("{}  {}", model.name, size(model.size)));
    Ok(words.collect())
}

async fn offered(backend: &Backend, environment: &Environment) -> anyhow::Result<Vec<String>> {
    let credential = backend.credential.as_deref();
    let credential = credential.map(|reference| environment.secret(reference)).transpose()?;
    let upstream = Upstream::new(&backend.base_url, credential, backend.class().connect_limit())?;
    Ok(openai::models(&upstream, LIMIT).await?)
}

async fn show(place: &Place, model: &str) -> anyhow::Result<ExitCode> {
    let upstream = Upstream::new(&place.base_url, None, HostClass::Gpu.connect_limit())?;
    let shown = ollama::show(&upstream, model, LIMIT).await?;
    line(&format!("{}/{}", place.name, clean(model)));
    line(&format!("  can do: {}", clean(&shown.capabilities.join(", "))));
    if let Some(tokens) = shown.context_length {
        line(&format!("  made to read {tokens} tokens"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills a disk somewhere, so intent and outcome are in the audit.
async fn pull(config: &Config, place: &Place, model: &str) -> anyhow::Result<ExitCode> {
    data::make(&config.data)?;
    let store = config.store().await?;
    let asked = json!({ "backend": place.name, "model": model });
    let event = |stage: &str| AuditEvent {
        kind: format!("model.{stage}"),
        person_id: Some("owner".into()),
        via: "terminal".into(),
        arguments: Some(asked.clone()),
        ..AuditEvent::default()
    };
    store.append_audit(&event("intent"), System.now()).await?;
    let pulled = pull_and_tell(place, model).await;
    let outcome = AuditEvent {
        outcome: Some(if pulled.is_ok() { "ok" } else { "error" }.into()),
        ..event("outcome")
    };
    store.append_audit(&outcome, System.now()).await?;
    store.close().await;
    pulled.map(|()| ExitCode::SUCCESS)
}

async fn pull_and_tell(place: &Place, model: &str) -> anyhow::Result<()> {
    let admin = Admin::new(&place.base_url)?;
    let mut steps = std::pin::pin!(admin.pull(model).await?);
    let mut shown = (String::new(), 0);
    while let Some(step) = steps.next().await {
        let step = step?;
        // One line for every step, and for every tenth of a long one.
        let tenth = step.bytes.map_or(0, |(done, all)| done.saturating_mul(10) / all.max(1));
        if shown == (step.says.clone(), tenth) {
            continue;
        }
        let bytes = step
            .bytes
            .map_or_else(String::new, |(done, all)| format!(": {} of {}", size(done), size(all)));
        line(&format!("{}{bytes}", clean(&step.says)));
        shown = (step.says, tenth);
    }
    Ok(())
}

/// `9.3 GB`, `450 MB`.
fn size(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    match bytes {
        1_000_000_000.. => format!("{}.{} GB", tenths / 10, tenths % 10),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
