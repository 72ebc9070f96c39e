//! `jarvis serve`: start, run, stop.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Router, middleware};
use jarvis_agent::memory::{self, Embedder, OfChain};
use jarvis_agent::output_gate::OutputGate;
use jarvis_agent::people::CurrentDirectory;
use jarvis_agent::specialists::Roster;
use jarvis_agent::{Agent, Parts, recall};
use jarvis_gateway::chain::Surroundings;
use jarvis_gateway::clock::{Clock, Millis};
use jarvis_gateway::discovery::{self, Discovery, Following};
use jarvis_gateway::http::limits::Meter;
use jarvis_gateway::http::{self, Door};
use jarvis_gateway::metrics::Metrics;
use jarvis_gateway::providers::command::Mode;
use jarvis_gateway::registry::Registry;
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::trace::Tracer;
use jarvis_gateway::usage::Ledger;
use jarvis_memory::shared::Redis;
use jarvis_memory::{Responses, Store};
use jarvis_tools::{catalog, docker};
use jarvis_web::{App, Found, Status};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use crate::assemble;
use crate::config::{Config, Environment};
use crate::data::{self, LocalKey};
use crate::money::{self, Money};
use crate::output::{self, line};
use crate::reload::Reload;
use crate::time;

/// Running turns and acts get this long to finish when the process is asked to stop.
const STOP_LIMIT: Duration = Duration::from_secs(25);
/// MCP servers get this long after that: to end with their input, when asked to, and when made to.
const SERVERS_LIMIT: Duration = Duration::from_secs(6);
/// What was used last may take this long to be written, after everything else has ended.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);
/// What is served, for programs. A test compares it with the routes.
const OPENAPI: &str = include_str!("../docs/openapi.json");
/// How long Docker may take to say what it is.
const DOCKER_LIMIT: Duration = Duration::from_secs(3);
/// How long Redis may take to answer before a start says that it does not.
const REDIS_LIMIT: Duration = Duration::from_secs(2);

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) local_key: LocalKey,
    tasks: Tasks,
    /// The MCP servers, which acts under way need to their end.
    servers: Tasks,
    store: Store,
    ledger: Arc<Ledger>,
    found: oneshot::Receiver<Vec<Found>>,
    reload_now: Arc<Notify>,
    _lock: data::Lock,
}

pub(crate) async fn serve(config: Config, environment: Environment) -> anyhow::Result<ExitCode> {
    output::start_log(&config.log, environment.log_filter().as_deref());
    let mut stop = stop_signals()?;
    let mut running = start(config, &environment).await?;
    running.reload_on_hangup()?;
    line(&format!(
        "Jarvis {} listens on http://{}/",
        env!("CARGO_PKG_VERSION"),
        running.address
    ));
    for Found { what, ok, says } in running.found().await {
        output::found(&what, ok, &says);
    }
    line("Open that address in a browser, or talk here: jarvis chat");
    stop.recv().await;
    line("Stopping: what runs is finished first. Press Ctrl-C again to leave at once.");
    tokio::select! {
        () = running.stop() => {}
        _ = stop.recv() => tracing::warn!("stopped at once; what was running is reported at the next start"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a server in this process.
pub(crate) async fn start(config: Config, environment: &Environment) -> anyhow::Result<Running> {
    let listen = config.listen();
    let listener = http::listen(listen).map_err(|error| not_listening(listen, error))?;
    let address = listener.local_addr()?;
    config.refuse_itself(&environment.own(address))?;
    data::make(&config.data)?;
    let lock = data::lock(&config.data)?;
    let store = config.store().await?;
    let local_key = LocalKey::make(&config.data)?;
    let (tasks, servers) = (Tasks::default(), Tasks::default());
    let clock = time::clock(&store, &tasks).await?;

    let tracer = assemble::tracer(&config, environment, &tasks)?;
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let keys = assemble::keys(&config, &store, &local_key, &clock);
    let redis = assemble::redis(&config, environment, Uuid::now_v7(), &tasks)?;
    let door = Arc::new(assemble::door(&keys, &clock, redis.as_ref(), &tasks));
    let cache = Arc::new(assemble::cache(&config, &clock, redis.as_ref()));
    let money = money::open(&config, &store, &clock, (&tasks, redis.as_ref()), &metrics).await?;
    let shared = (surroundings(&metrics, &tracer, &money, &door), redis.as_ref());
    let registry = assemble::registry(&config, environment, Arc::clone(&clock), &tasks, shared)?;
    let following = follow(&config, environment, address, &registry, &tasks)?;
    let gate = gate(&config, environment, &local_key);
    let parts = parts(&config, &registry, &store, &clock, &tasks)?
        .with_tracer(tracer.clone())
        .with_gate(Arc::clone(&gate))
        .with_approvals(config.approvals.clone())
        .with_mcp(config.launches(environment)?, &servers);
    let parts = with_others(parts, &config, &lock)?;
    let agent = agent(parts, &registry, &config.memory).await?;
    let (found, status) = look_around(&config, (following.clone(), redis), &tasks, clock.now(), address);
    let (ledger, reload_now) = (Arc::clone(&money.ledger), Arc::new(Notify::new()));
    let reload = Reload {
        config,
        environment: environment.clone(),
        registry: Arc::clone(&registry),
        agent: agent.clone(),
        tasks: tasks.clone(),
        following,
        money,
        cache: Arc::clone(&cache),
        keys,
        gate,
        address,
        now: Arc::clone(&reload_now),
    };
    tasks.spawn("configuration", reload.run());
    let app = App {
        agent,
        registry: Arc::clone(&registry),
        clock: Arc::clone(&clock),
        status,
        stopping: tasks.stopping().clone(),
    };
    let state = http::State {
        registry,
        door,
        responses: Arc::new(Responses::new(store.clone(), Arc::clone(&clock))),
        clock,
        ready: Arc::new(Database(store.clone())),
        metrics,
        tracer,
        books: Arc::new(store.clone()),
        cache,
    };
    let router = router(state, app);
    let serving = serving(listener, router, tasks.clone());
    tasks.spawn("server", serving);
    Ok(Running {
        address,
        local_key,
        tasks,
        servers,
        store,
        ledger,
        found,
        reload_now,
        _lock: lock,
    })
}

async fn serving(listener: TcpListener, router: Router, tasks: Tasks) {
    http::serve(listener, router, &tasks, http::Limits::default()).await;
}

/// A file is this process' alone, which the lock says. On a server's database others may be at work, too.
fn with_others(parts: Parts, config: &Config, lock: &data::Lock) -> anyhow::Result<Parts> {
    Ok(match config.database.url {
        Some(_) => parts.with_others(&data::instance_name(lock, &config.data)?),
        None => parts,
    })
}

/// Who hears of every attempt, and who pays for it.
fn surroundings(metrics: &Arc<Metrics>, tracer: &Tracer, money: &Money, door: &Door) -> Surroundings {
    Surroundings {
        observers: vec![
            Arc::clone(metrics) as _,
            Arc::new(tracer.clone()),
            Arc::clone(&money.ledger) as _,
            Arc::new(Meter(Arc::clone(door.counters()))),
        ],
        purse: Some(Arc::clone(&money.budgets) as _),
    }
}

/// The chain of what is there, when none is configured.
fn follow(
    config: &Config,
    environment: &Environment,
    address: SocketAddr,
    registry: &Arc<Registry>,
    tasks: &Tasks,
) -> anyhow::Result<Option<Arc<Following>>> {
    if !config.aliases.is_empty() {
        return Ok(None);
    }
    let discovery = Discovery::new(environment.places(address)).context("OLLAMA_HOST or the base URL of OpenAI")?;
    Ok(Some(Arc::new(discovery.begin(registry, &config.agent.alias, tasks))))
}

fn not_listening(listen: SocketAddr, error: std::io::Error) -> anyhow::Error {
    let says = match error.kind() {
        ErrorKind::AddrInUse => "another program uses it; stop that one, or choose another with --listen ADDR",
        ErrorKind::AddrNotAvailable => "this machine has no such address; choose another with --listen ADDR",
        ErrorKind::PermissionDenied => "ports below 1024 are not for everybody; choose another with --listen ADDR",
        _ => "choose another with --listen ADDR",
    };
    anyhow::Error::new(error).context(format!("listen on {listen}: {says}"))
}

/// What the agent is built from: the chain of its alias, with command mode as the last link, and the tools.
fn parts(
    config: &Config,
    registry: &Arc<Registry>,
    store: &Store,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
) -> anyhow::Result<Parts> {
    let zone = config.schedule.zone().map_err(anyhow::Error::msg)?;
    let embedder = config.memory.embed.clone();
    let embedder = embedder.map(|alias| Arc::new(OfChain::new(Arc::clone(registry), alias)) as Arc<dyn Embedder>);
    let catalog = catalog::standard(config.tools.clone(), clock);
    let directory = CurrentDirectory::from(config.directory());
    let catalog = jarvis_agent::schedule::with_jobs(catalog, store, &directory, clock, &zone);
    let catalog = memory::with_memory(catalog, store, &directory, clock, embedder.clone());
    let chain = registry
        .chain(&config.agent.alias)
        .with_context(|| format!("there is no alias `{}`", config.agent.alias))?
        .with_last(Arc::new(Mode::new(catalog.commands())));
    Ok(Parts::new(
        store.clone(),
        Arc::new(chain),
        catalog,
        Arc::clone(clock),
        tasks.clone(),
        config.agent.clone(),
    )
    .with_roster(roster(config, registry)?)
    .with_directory(directory)
    .with_embedder(embedder)
    .with_zone(zone))
}

/// What must not be said, of the environment and of the configuration.
fn gate(config: &Config, environment: &Environment, local_key: &LocalKey) -> Arc<OutputGate> {
    let gate = OutputGate::new(environment.secrets().chain([local_key.secret.clone()]));
    gate.learn(config.secrets(environment), config.machines(environment));
    Arc::new(gate)
}

/// Prime and the specialists, each with the chain of its alias.
fn roster(config: &Config, registry: &Registry) -> anyhow::Result<Roster> {
    let roster = Roster::load(&config.agents_folder())?;
    let chain = |alias: &str| registry.chain(alias).map(|chain| Arc::new(chain) as _);
    Ok(roster.with_chains(chain)?)
}

/// The agent, also as the model `jarvis`.
async fn agent(parts: Parts, registry: &Arc<Registry>, config: &memory::Config) -> anyhow::Result<Agent> {
    let tasks = parts.tasks.clone();
    let agent = Agent::start(parts).await?;
    tasks.spawn("recall index", recall::index(agent.clone()));
    tasks.spawn("vectors", memory::make_vectors(agent.clone()));
    tasks.spawn("retention", memory::forget_old(agent.clone(), config.clone()));
    if config.extract {
        tasks.spawn("learning", memory::learn(agent.clone()));
    }
    registry.register("jarvis", Arc::new(agent.clone()));
    tell_targets(registry, &agent, &tasks);
    Ok(agent)
}

/// Everything that is served, behind one door.
fn router(state: http::State, app: App) -> Router {
    let door = Arc::clone(&state.door);
    let own = jarvis_web::router(app).route_layer(middleware::from_fn_with_state(door, http::guard));
    let described = Router::new().route("/openapi.json", get(([(CONTENT_TYPE, "application/json")], OPENAPI)));
    http::router(state)
        .merge(own)
        .merge(described)
        .merge(jarvis_web::assets::router())
        .fallback(http::not_found)
}

/// The process is ready when its database answers.
struct Database(Store);

#[async_trait]
impl http::Ready for Database {
    async fn ready(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}

impl Running {
    /// What was found at the start. Empty when it was asked before.
    pub(crate) async fn found(&mut self) -> Vec<Found> {
        (&mut self.found).await.unwrap_or_default()
    }

    /// Reads the configuration anew at once when the process gets SIGHUP.
    fn reload_on_hangup(&self) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let (now, stopping) = (Arc::clone(&self.reload_now), self.tasks.stopping().clone());
        self.tasks.spawn("hangup", async move {
            while let Some(Some(())) = stopping.run_until_cancelled(hangup.recv()).await {
                now.notify_one();
            }
        });
        Ok(())
    }

    pub(crate) async fn stop(&self) {
        if !self.tasks.stop(STOP_LIMIT).await {
            tracing::warn!(
                "not everything ended within {} s; the next start reports it",
                STOP_LIMIT.as_secs()
            );
        }
        if !self.servers.stop(SERVERS_LIMIT).await {
            tracing::warn!("not every MCP server ended; they are killed with this process");
        }
        // Everything that could be used has been: what is written now is all there is.
        if !matches!(tokio::time::timeout(FLUSH_LIMIT, self.ledger.flush()).await, Ok(true)) {
            tracing::error!("the last usage could not be written and is lost");
        }
        self.store.close().await;
    }
}

/// What the status page shows, filled in by a look around that does not hold up the start.
fn look_around(
    config: &Config,
    (following, redis): (Option<Arc<Following>>, Option<Redis>),
    tasks: &Tasks,
    started_at: Millis,
    address: SocketAddr,
) -> (oneshot::Receiver<Vec<Found>>, Arc<dyn Fn() -> Status + Send + Sync>) {
    let docker_config = config.tools.docker.clone();
    let configured = configured_models(config);
    let seen: Arc<OnceLock<Vec<Found>>> = Arc::default();
    let (tell, told) = oneshot::channel();
    let seen_here = Arc::clone(&seen);
    tasks.spawn("look around", async move {
        let models = async {
            match following {
                Some(following) => following.look().await.into_iter().map(shown).collect(),
                None => vec![configured],
            }
        };
        let (mut found, docker) = tokio::join!(models, docker::probe(&docker_config, DOCKER_LIMIT));
        if let Some(redis) = redis {
            let told = output::of_redis(redis.place(), redis.settled(REDIS_LIMIT).await);
            let (ok, says) = told.map_or_else(|says| (false, says), |says| (true, says));
            let what = "Redis".into();
            found.push(Found { what, ok, says });
        }
        let (ok, says) = docker.map_or_else(|says| (false, says), |says| (true, says));
        found.push(Found {
            what: "Docker".into(),
            ok,
            says,
        });
        let found = seen_here.get_or_init(|| found).clone();
        // Nobody prints it when the process is stopping already.
        drop(tell.send(found));
    });
    let console = format!("http://{address}/");
    let status = move || Status {
        version: env!("CARGO_PKG_VERSION"),
        started_at,
        console: console.clone(),
        found: seen.get().cloned().unwrap_or_default(),
    };
    (told, Arc::new(status))
}

fn shown(found: discovery::Found) -> Found {
    Found {
        what: found.what.into(),
        ok: found.ok,
        says: found.says,
    }
}

fn configured_models(config: &Config) -> Found {
    let alias = &config.agent.alias;
    let links = config.aliases.get(alias).map_or(0, |alias| alias.targets.len());
    let from = config
        .path
        .as_ref()
        .map_or_else(String::new, |path| format!(" of {}", path.display()));
    Found {
        what: "Models".into(),
        ok: true,
        says: format!("{alias} with {links} targets{from}"),
    }
}

/// Passes changes of breakers on to whoever watches.
fn tell_targets(registry: &Arc<Registry>, agent: &Agent, tasks: &Tasks) {
    let (registry, agent) = (Arc::clone(registry), agent.clone());
    let stopping = tasks.stopping().clone();
    let mut changes = registry.changes();
    tasks.spawn("target changes", async move {
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = stopping.cancelled() => return,
            };
            let changed = match change {
                Ok(key) => registry.changed(&key),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => registry.targets(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            };
            for target in changed {
                agent.target_changed(serde_json::json!(target));
            }
        }
    });
}

/// SIGTERM and SIGINT, one after the other.
pub(crate) fn stop_signals() -> anyhow::Result<tokio::sync::mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (send, receive) = tokio::sync::mpsc::channel(2);
    #[expect(clippy::disallowed_methods, reason = "signals outlive the tasks that they stop")]
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if send.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receive)
}
