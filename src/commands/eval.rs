//! `jarvis eval`. Plays in worlds of its own: nothing of this installation is read or changed but the model servers and
//! the ledger of what they cost.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use jarvis_evals::recall::{self, Embedder, Set, Vectors};
use jarvis_evals::{Baseline, Report, Row, Suite};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chain::{Chain, Errand, Surroundings};
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::discovery::Discovery;
use jarvis_gateway::jobs::{self, Embed, Encoding, Inputs};
use jarvis_gateway::metrics::Metrics;
use jarvis_gateway::provider::Provider;
use jarvis_gateway::registry::{Link, Registry};
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;

use crate::cli::{Eval, EvalOf};
use crate::config::{Config, Environment};
use crate::output::{line, note};
use crate::{assemble, data, money};

/// The alias that stands for the model while it is measured.
const ALIAS: &str = "jarvis-eval";
/// How long the last rows of the ledger may take.
const STOP_LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn eval(config: Config, environment: &Environment, eval: Eval) -> anyhow::Result<ExitCode> {
    if let Some(EvalOf::Memory { file, embed }) = &eval.of {
        return memory(&config, environment, file, embed.as_deref()).await;
    }
    let mut suite = jarvis_evals::suite()?;
    suite.keep(&eval.cases)?;
    let report = match &eval.model {
        None => jarvis_evals::replayed(&suite).await,
        Some(model) => live(&config, environment, &eval, &suite, model).await?,
    };
    line(&report.to_text());
    if let Some(path) = &eval.html {
        std::fs::write(path, report.to_html()).with_context(|| format!("write {}", path.display()))?;
    }
    let good = report.is_good();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn live(
    config: &Config,
    environment: &Environment,
    eval: &Eval,
    suite: &Suite,
    model: &str,
) -> anyhow::Result<Report> {
    let baseline = Baseline::path(&baselines(config, eval), model);
    let before = Baseline::read(&baseline)?;
    data::make(&config.data)?;
    let store = config.store().await?;
    let tasks = Tasks::default();
    let registry = registry(config, environment, &store, &tasks).await?;
    let chain = chain(&registry, model)?;
    let told = |row: &Row| note(&format!("{} of {}  {}", row.passed, row.of, row.name));
    let mut report = jarvis_evals::live(suite, chain, model, eval.k, told).await;
    // What is left to write then is the ledger's.
    tasks.stop(STOP_LIMIT).await;
    store.close().await;
    if report.rows.is_empty() {
        bail!("none of the cases that fit `{}` is meant for a model", eval.cases);
    }
    report.beside = before.as_ref().map(|before| before.beside(&report));
    if eval.save_baseline
        && let Some(now) = Baseline::of(&report)
    {
        let now = match before {
            Some(before) => now.over(before),
            None => now,
        };
        now.write(&baseline)?;
        note(&format!("kept in {}", baseline.display()));
    }
    Ok(report)
}

/// The repository's own, when the command runs in it.
fn baselines(config: &Config, eval: &Eval) -> PathBuf {
    let here = PathBuf::from("evals/baselines");
    let given = eval.baselines.clone();
    given.unwrap_or_else(|| {
        if here.is_dir() {
            here
        } else {
            config.data.join("baselines")
        }
    })
}

/// The backends of the configuration, or what is found on this machine. Budgets hold and costs are kept as in a server.
async fn registry(
    config: &Config,
    environment: &Environment,
    store: &Store,
    tasks: &Tasks,
) -> anyhow::Result<Arc<Registry>> {
    let clock: Arc<dyn Clock> = Arc::new(System);
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let money = money::open(config, store, &clock, (tasks, None), &metrics).await?;
    let surroundings = Surroundings {
        observers: vec![Arc::clone(&money.ledger) as _],
        purse: Some(money.budgets),
    };
    let registry = assemble::registry(config, environment, clock, tasks, (surroundings, None))?;
    if config.aliases.is_empty() {
        let discovery =
            Discovery::new(environment.places(config.listen())).context("OLLAMA_HOST or the base URL of OpenAI")?;
        for found in discovery.begin(&registry, &config.agent.alias, tasks).look().await {
            note(&format!("{}: {}", found.what, found.says));
        }
    }
    Ok(registry)
}

fn chain(registry: &Registry, model: &str) -> anyhow::Result<Arc<dyn Provider>> {
    let found = registry.find(&Caller::Internal, named(registry, model));
    found.with_context(|| format!("`{model}` is neither an alias nor backend/model"))
}

/// The alias for `model`, made when it is backend/model.
fn named<'a>(registry: &Registry, model: &'a str) -> &'a str {
    let Some((backend, name)) = model.split_once('/') else {
        return model;
    };
    if registry.backend(backend).is_none() {
        return model;
    }
    let link = Link {
        backend: backend.to_owned(),
        model: name.to_owned(),
    };
    registry.set_alias(ALIAS, vec![link]);
    ALIAS
}

async fn memory(
    config: &Config,
    environment: &Environment,
    file: &Path,
    embed: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let set = Set::read(&text).with_context(|| format!("read {}", file.display()))?;
    let told = |says: &str| note(says);
    let found = match embed {
        None => recall::play(&set, None, told).await?,
        Some(model) => {
            data::make(&config.data)?;
            let store = config.store().await?;
            let tasks = Tasks::default();
            let registry = registry(config, environment, &store, &tasks).await?;
            let chain = registry.chain_of(&Caller::Internal, named(&registry, model));
            let chain = chain.with_context(|| format!("`{model}` is neither an alias nor backend/model"))?;
            let chain = chain.with_context(|| format!("`{model}` makes no vectors"))?;
            let embedder = OfChain { chain, registry };
            let found = recall::play(&set, Some(&embedder), told).await?;
            tasks.stop(STOP_LIMIT).await;
            store.close().await;
            found
        }
    };
    line(&found.to_text());
    Ok(ExitCode::SUCCESS)
}

/// Vectors from the gateway's chain.
struct OfChain {
    chain: Chain,
    registry: Arc<Registry>,
}

#[async_trait]
impl Embedder for OfChain {
    async fn embed(&self, texts: Vec<String>) -> anyhow::Result<Vectors> {
        let job = Embed {
            inputs: Inputs::Texts(texts),
            dimensions: None,
            truncate: true,
            encoding: Encoding::Float,
            original: None,
        };
        let errand = Errand {
            caller: Caller::Internal,
            ..Errand::default()
        };
        let done = jobs::embed(&self.chain, self.registry.health(), errand, &job).await?;
        let rows = match done.answer.vectors {
            jobs::Vectors::Numbers(rows) => rows,
            jobs::Vectors::Wire(_) => bail!("the model server answered a request that was not made"),
        };
        // A model whose space is not known is the only one that was asked.
        let space = done.space.unwrap_or(done.served.target);
        Ok(Vectors { space, rows })
    }
}
