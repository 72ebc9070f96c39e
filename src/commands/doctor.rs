//! `jarvis doctor`: looks at everything once and says what to do about what is wrong.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use jarvis_adapters::terminal::{Client, clean};
use jarvis_agent::specialists::Roster;
use jarvis_gateway::chain::HostClass;
use jarvis_gateway::providers::{ollama, openai};
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::upstream::Upstream;
use jarvis_memory::Store;
use jarvis_memory::records::AuditCheck;
use jarvis_tools::docker;
use serde_json::Value;
use uuid::Uuid;

use super::chat::{is_there, key_for};
use crate::assemble;
use crate::config::{Backend, Config, Environment, Kind};
use crate::output;

const LIMIT: Duration = Duration::from_secs(5);

/// One finding; `Err` is something to act on.
type Finding = Result<String, String>;

pub(crate) async fn doctor(config: Config, environment: Environment) -> anyhow::Result<ExitCode> {
    let mut findings: Vec<(String, Finding)> = vec![
        ("config".into(), Ok(where_from(&config))),
        ("database".into(), database(&config).await),
        ("server".into(), server(&config).await),
        ("agents".into(), agents(&config)),
        ("docker".into(), docker::probe(&config.tools.docker, LIMIT).await),
    ];
    if config.redis.url.is_some() {
        findings.push(("redis".into(), redis(&config, &environment).await));
    }
    let itself = config.asks_itself(&environment.own(config.listen()));
    findings.extend(itself.into_iter().map(|(name, says)| (name.to_owned(), Err(says))));
    match running(&config, &environment).await {
        Some(targets) => findings.extend(targets),
        None => findings.extend(by_itself(&config, &environment).await),
    }
    findings.extend(mcp_servers(&config, &environment).await);
    let mut wrong = 0_u32;
    for (what, finding) in &findings {
        match finding {
            Ok(says) => output::line(&format!("  ok     {what:<10} {says}")),
            Err(says) => {
                wrong += 1;
                output::line(&format!("  wrong  {what:<10} {says}"));
            }
        }
    }
    // Without any model Jarvis still works in command mode, so that is a finding and not a failure by itself.
    output::line(&match wrong {
        0 => "Everything is well.".to_owned(),
        1 => "One thing needs a look.".to_owned(),
        several => format!("{several} things need a look."),
    });
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the running server says of its targets: it has its own environment, and has looked at them already. `None` when
/// none runs, or when it tells this command nothing.
async fn running(config: &Config, environment: &Environment) -> Option<Vec<(String, Finding)>> {
    let base_url = format!("http://{}", config.listen());
    let key = key_for(config, environment, None);
    if !is_there(&base_url, None).await {
        return None;
    }
    let client = Client::new(&base_url, key).ok()?;
    let targets = tokio::time::timeout(LIMIT, client.targets()).await.ok()?.ok()?;
    let mut findings = vec![(
        "models".to_owned(),
        Ok(format!("{} targets, as the running server knows them", targets.len())),
    )];
    findings.extend(targets.iter().map(target));
    Some(findings)
}

/// The MCP servers as the running server knows them. Without one they are only named: to start them is `jarvis mcp test`.
async fn mcp_servers(config: &Config, environment: &Environment) -> Vec<(String, Finding)> {
    if config.mcp.servers.is_empty() {
        return Vec::new();
    }
    let asked = async {
        let key = key_for(config, environment, None);
        let client = Client::new(&format!("http://{}", config.listen()), key).ok()?;
        client.mcp_servers().await.ok()
    };
    if let Ok(Some(servers)) = tokio::time::timeout(LIMIT, asked).await {
        return servers.iter().map(mcp_server).collect();
    }
    let says = "configured, and not asked; `jarvis mcp test` starts them and lists their tools".to_owned();
    vec![("mcp".to_owned(), Ok(says))]
}

fn mcp_server(server: &Value) -> (String, Finding) {
    let text = |field: &str| clean(server[field].as_str().unwrap_or_default());
    let tools = || server["tools"].as_array().into_iter().flatten();
    let held: Vec<String> = tools()
        .filter(|tool| matches!(tool["state"].as_str(), Some("changed" | "new")))
        .map(|tool| clean(tool["tool"].as_str().unwrap_or_default()))
        .collect();
    let name = text("server");
    let finding = match text("state").as_str() {
        "connected" if held.is_empty() => Ok(format!("{}, {} tools", text("says"), tools().count())),
        "connected" => Err(format!(
            "{} changed or are new and are not used; `jarvis mcp list`, then `jarvis mcp allow {name}`",
            held.join(", ")
        )),
        "starting" => Ok("is starting".to_owned()),
        _ => Err(text("says")),
    };
    (format!("mcp {name}"), finding)
}

fn target(target: &Value) -> (String, Finding) {
    let text = |field: &str| clean(target[field].as_str().unwrap_or_default());
    let reason = || match text("reason") {
        none if none.is_empty() => String::new(),
        reason => format!(": {reason}"),
    };
    let finding = match text("state").as_str() {
        "closed" => Ok("in use".to_owned()),
        "half_open" => Ok(format!("is being tried{}", reason())),
        "missing" => Err(format!("the model is missing{}", reason())),
        "hard_down" => Err(format!("needs somebody{}", reason())),
        _ => Err(format!("left alone for now{}", reason())),
    };
    (text("name"), finding)
}

/// What can be seen from here.
async fn by_itself(config: &Config, environment: &Environment) -> Vec<(String, Finding)> {
    let mut findings: Vec<(String, Finding)> = vec![(
        "models".into(),
        Ok("by the environment of this command, because no server told more".into()),
    )];
    if config.backends.is_empty() {
        findings.push(("ollama".into(), ollama_here(environment, config.listen()).await));
        findings.push(("openai".into(), openai_here(environment, config.listen()).await));
    }
    let own = environment.own(config.listen());
    let others = config
        .backends
        .iter()
        .filter(|(_, backend)| !own.is_named_by(&backend.base_url));
    for (name, backend) in others {
        findings.push((name.clone(), configured(name, backend, config, environment).await));
    }
    findings
}

fn where_from(config: &Config) -> String {
    let file = config.path.as_ref().map_or_else(
        || "no file: built-in defaults and what is found".to_owned(),
        |path| path.display().to_string(),
    );
    format!("{file}; data in {}", config.data.display())
}

/// The profiles of prime and of the specialists.
fn agents(config: &Config) -> Finding {
    let known = |alias: &str| alias == config.agent.alias || config.aliases.contains_key(alias);
    let roster = Roster::load(&config.agents_folder()).map_err(|broken| broken.to_string())?;
    if let Some(broken) = roster.without_alias(known) {
        return Err(broken.to_string());
    }
    Ok(roster.in_words())
}

async fn database(config: &Config) -> Finding {
    crate::data::check(&config.data).map_err(|error| format!("{error:#}"))?;
    let url = config.database_url();
    let name = Store::name_of(url).map_err(|error| error.to_string())?;
    let state = Store::migration_state(url).await.map_err(|error| error.to_string())?;
    if !state.may_open() {
        return Err(format!(
            "{name}: made by another version of Jarvis; see `jarvis migrate --check`"
        ));
    }
    if state.applied.is_empty() {
        return Ok(format!("{name}: nothing is there yet; the first start makes it"));
    }
    let pending = state.pending.len();
    if pending > 0 {
        return Ok(format!("{name}: {pending} migrations are applied at the next start"));
    }
    let store = Store::open(url).await.map_err(|error| error.to_string())?;
    let check = store.check_audit().await.map_err(|error| error.to_string());
    store.close().await;
    match check? {
        AuditCheck::Intact { entries } => Ok(format!("{name}: up to date, audit of {entries} entries intact")),
        AuditCheck::Broken { at } => Err(format!("{name}: the audit was changed at entry {at}; restore a backup")),
    }
}

/// Whether it answers and takes what is written.
async fn redis(config: &Config, environment: &Environment) -> Finding {
    let tasks = Tasks::default();
    let opened = assemble::redis(config, environment, Uuid::now_v7(), &tasks).map_err(|error| format!("{error:#}"))?;
    let Some(redis) = opened else {
        return Ok("not configured".to_owned());
    };
    let standing = redis.settled(LIMIT).await;
    tasks.stop(LIMIT).await;
    output::of_redis(redis.place(), standing)
}

async fn server(config: &Config) -> Finding {
    let base_url = format!("http://{}", config.listen());
    let there = is_there(&base_url, None).await;
    Ok(if there {
        format!("running at {base_url}")
    } else {
        format!("not running at {base_url}")
    })
}

async fn ollama_here(environment: &Environment, own: SocketAddr) -> Finding {
    let base_url = environment.ollama_place(own);
    let upstream = Upstream::new(&base_url, None, HostClass::Cpu.connect_limit())
        .map_err(|error| format!("OLLAMA_HOST: {error}"))?;
    let found = ollama_says(&upstream, None).await.map_err(|error| {
        format!("{error}. Install Ollama or set OLLAMA_HOST; without any model Jarvis works in command mode")
    });
    if environment.names_itself(own) {
        let says = found.unwrap_or_else(|error| error);
        return Err(format!(
            "OLLAMA_HOST names Jarvis itself ({own}), so that this one is used: {says}"
        ));
    }
    found
}

async fn openai_here(environment: &Environment, own: SocketAddr) -> Finding {
    let Some((key, variable)) = environment.openai_key() else {
        return Ok("not used: neither OPENAI_API_KEY nor AI_INTEGRATIONS_OPENAI_API_KEY is set".to_owned());
    };
    let base_url = environment.openai_base_url();
    if environment.openai_names_itself(own) {
        return Err(format!(
            "not used: its base URL in the environment, {base_url}, is Jarvis itself; give Jarvis an environment without it"
        ));
    }
    let upstream =
        Upstream::new(&base_url, Some(key), HostClass::Cloud.connect_limit()).map_err(|error| error.to_string())?;
    openai_says(&upstream, variable).await
}

async fn configured(name: &str, backend: &Backend, config: &Config, environment: &Environment) -> Finding {
    let key = backend
        .credential
        .as_deref()
        .map(|reference| environment.secret(reference))
        .transpose();
    let key = key.map_err(|error| error.to_string())?;
    let upstream =
        Upstream::new(&backend.base_url, key, backend.class().connect_limit()).map_err(|error| error.to_string())?;
    match backend.kind {
        Kind::Ollama => {
            let targets = config.aliases.values().flat_map(|alias| &alias.targets);
            let wanted = targets
                .filter(|target| target.backend == name)
                .map(|target| target.model.as_str());
            ollama_says(&upstream, Some(wanted.collect())).await
        }
        Kind::Openai => openai_says(&upstream, backend.credential.as_deref().unwrap_or("no credential")).await,
    }
}

/// Version and models; which of the wanted ones are missing.
async fn ollama_says(upstream: &Upstream, wanted: Option<Vec<&str>>) -> Finding {
    let base_url = upstream.base_url();
    let version = ollama::version(upstream, LIMIT)
        .await
        .map_err(|error| format!("{base_url}: {error}"))?;
    let models = ollama::tags(upstream, LIMIT)
        .await
        .map_err(|error| format!("{base_url}: {error}"))?;
    let has = |name: &str| {
        models
            .iter()
            .any(|model| model.name == name || model.name == format!("{name}:latest"))
    };
    let missing: Vec<&str> = wanted.into_iter().flatten().filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        let pulls: Vec<String> = missing.iter().map(|name| format!("ollama pull {name}")).collect();
        return Err(format!(
            "{base_url}: Ollama {version} lacks {}; run there: {}",
            missing.join(", "),
            pulls.join(" && ")
        ));
    }
    if ollama::choose_model(&models).is_none() {
        return Err(format!(
            "{base_url}: Ollama {version} has no chat model; run there: ollama pull qwen3:4b"
        ));
    }
    Ok(format!("{base_url}: Ollama {version}, {} models", models.len()))
}

async fn openai_says(upstream: &Upstream, key: &str) -> Finding {
    let base_url = upstream.base_url();
    let models = openai::models(upstream, LIMIT)
        .await
        .map_err(|error| format!("{base_url} ({key}): {error}"))?;
    Ok(format!("{base_url}: {} models, key from {key}", models.len()))
}
