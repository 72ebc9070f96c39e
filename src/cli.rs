//! The command line.

use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jarvis_gateway::usage::{By, MicroUsd, Since};

/// Jarvis: a chat-first agent and AI gateway for the homelab.
///
/// Without a command it starts the server. It needs no configuration: an Ollama on this machine, an OpenAI key in the
/// environment and a Docker socket are used when they are there.
#[derive(Debug, Parser)]
#[command(name = "jarvis", version, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Where this Jarvis lives. The same for all commands.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Place {
    /// Address to listen on; port 0 takes a free one and prints it [default: 127.0.0.1:7878]
    #[arg(long, global = true, env = "JARVIS_LISTEN", value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder for the database and everything else that is kept [default: jarvis in the user's data folder]
    #[arg(long, global = true, env = "JARVIS_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file [default: jarvis.toml of the data folder or of this folder, if there is one]
    #[arg(long, global = true, env = "JARVIS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write it as an IP address and a port, such as 127.0.0.1:7878".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server (the default)
    Serve,
    /// Talk to Jarvis in this terminal
    Chat {
        /// Ask this one question, print the answer, and leave
        message: Option<String>,
        /// Go on with the latest conversation instead of starting one
        #[arg(long)]
        resume: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Check configuration, database, models, Docker, and say what to do about what is wrong
    Doctor,
    /// Say whether the server on this machine takes requests; exit code 1 when it does not
    Health,
    /// Work on the configuration
    #[command(subcommand)]
    Config(Config),
    /// Bring the database up to date (the server does this at its start too)
    Migrate {
        /// Only say what would be done; exit code 1 when something would
        #[arg(long)]
        check: bool,
    },
    /// Write everything that is in the database into a new file, to move to another database
    Export {
        /// The file to write
        file: PathBuf,
    },
    /// Take what `jarvis export` wrote into the database of this configuration, which has to be empty
    Import {
        /// The file to read
        file: PathBuf,
    },
    /// Make, list, change and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Show what was done, by whom, and which rule allowed it
    Audit {
        /// How many entries, newest first
        #[arg(long, default_value_t = 50)]
        limit: i64,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one turn step by step: who asked, models, tools, cards, votes, the answer, and what ended it
    Trace {
        /// The turn's id or the beginning of it, or `last`
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// List reminders and recurring prompts, or cancel, pause or resume one
    Jobs {
        #[command(subcommand)]
        act: Option<Jobs>,
        /// The jobs as one JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// List what is remembered of you and of the house, add to it, search it, forget it
    Memory {
        #[command(subcommand)]
        act: Option<Memory>,
        /// One JSON array
        #[arg(long, global = true)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// List, test and allow MCP servers and their tools
    Mcp {
        #[command(subcommand)]
        act: Mcp,
        #[command(flatten)]
        server: Server,
    },
    /// List, show and pull the models of the model servers
    #[command(subcommand)]
    Models(Models),
    /// Show what was used and what it cost
    Usage {
        /// From when on: 24h, 7d, today, month
        #[arg(long, default_value = "24h", value_name = "TIME")]
        since: Since,
        /// Sums by key, target, model, alias, day, endpoint or conversation
        #[arg(long, default_value = "target", value_name = "WHAT")]
        by: By,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show every model target: in use or not and why, loaded or not, what it can do, how fast it is
    Targets {
        #[command(subcommand)]
        act: Option<Targets>,
        /// The targets as one JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Measure the agent with cases: replayed against every attack, or played by a real model
    Eval(Eval),
    /// Let nothing act, or one tool not: reads go on, cards wait
    Freeze {
        /// `all`, or the name of a tool
        #[arg(default_value = "all", value_name = "WHAT")]
        what: String,
        /// For how long: 90s, 10m, 2h [default: until `jarvis unfreeze`]
        #[arg(value_name = "TIME", value_parser = time)]
        time: Option<Duration>,
        #[command(flatten)]
        server: Server,
    },
    /// End a freeze
    Unfreeze {
        /// `all`, or the name of a tool
        #[arg(default_value = "all", value_name = "WHAT")]
        what: String,
        #[command(flatten)]
        server: Server,
    },
    /// List open approvals, or decide one
    Approve {
        /// The card's id, like K7QX; without it the open cards are listed
        id: Option<String>,
        /// Say no
        #[arg(long, requires = "id")]
        deny: bool,
        #[command(flatten)]
        server: Server,
    },
}

/// Without a model the cases are replayed, which takes seconds and asks nobody. Exit code 1 when something is not as it
/// should be, when an attack did anything, or when the model is more than two cases worse than its baseline.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Eval {
    #[command(subcommand)]
    pub(crate) of: Option<EvalOf>,
    /// Play with this model: an alias, or `backend/model`
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// How often each case is played; pass^k counts those that are good every time
    #[arg(short, long, default_value_t = 1, value_name = "TIMES", requires = "model",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) k: u32,
    /// Only the cases whose names fit; `*` stands for any letters: injection/*
    #[arg(long, default_value = "*", value_name = "GLOB")]
    pub(crate) cases: String,
    /// Write the report as a page, too
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Where the baselines of models are kept [default: evals/baselines here if it is there, else in the data folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) baselines: Option<PathBuf>,
    /// Keep this run as the model's baseline, after it was held beside the former one
    #[arg(long, requires = "model")]
    pub(crate) save_baseline: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum EvalOf {
    /// Measure whether what was said is found again, on a set of conversations and questions
    Memory {
        /// The set, as lines of JSON
        file: PathBuf,
        /// Compare meanings, too, with vectors of this model: an alias, or `backend/model` [default: words alone]
        #[arg(long, value_name = "NAME")]
        embed: Option<String>,
    },
}

/// A running Jarvis to talk to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Server {
    /// Address of the running Jarvis [default: the listen address of this configuration]
    #[arg(long, env = "JARVIS_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// What is done to a job, by its id as the list shows it.
#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// End it
    Cancel { id: String },
    /// Hold it
    Pause { id: String },
    /// Let it go on at its next time
    Resume { id: String },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Memory {
    /// Show what is remembered, the newest first
    List,
    /// Keep a fact: at most 1,000 characters
    Add { text: String },
    /// Find what was said or remembered before
    Search { query: String },
    /// Forget a memory, by its id as the list shows it
    Forget { id: String },
    /// Let nothing be learned of you by itself
    Off,
    /// Let it be learned again
    On,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Show the servers of the configuration as the running Jarvis sees them, and their tools
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Start every server from here, or one, and list its tools; the running Jarvis has no part in it
    Test {
        /// Its name in the configuration
        name: Option<String>,
    },
    /// Allow the tools of a server as they are now, or one of them, after they changed or new ones came
    Allow {
        /// Its name in the configuration
        name: String,
        /// The server's own name of the tool
        tool: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Every model of every backend
    List,
    /// What an Ollama says of one model
    Show {
        /// The model, or `backend/model`
        name: String,
        /// The backend [default: the only Ollama]
        #[arg(long, value_name = "BACKEND")]
        on: Option<String>,
    },
    /// Make an Ollama fetch a model from its library; a running Jarvis uses it within 15 s
    Pull {
        /// The model, or `backend/model`
        name: String,
        /// The backend [default: the only Ollama]
        #[arg(long, value_name = "BACKEND")]
        on: Option<String>,
    },
}

/// A hand on a circuit breaker. What is held ends by itself, and is in the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum Targets {
    /// Let nothing through to a backend or target for a while
    ForceOpen {
        /// `backend`, or `backend/model`
        name: String,
        /// For how long: 90s, 10m, 2h
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Duration,
    },
    /// Let everything through to a backend or target for a while, whatever fails
    ForceClosed {
        /// `backend`, or `backend/model`
        name: String,
        /// For how long: 90s, 10m, 2h
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Duration,
    },
    /// Let go of a backend or target, and forget what failed
    Reset {
        /// `backend`, or `backend/model`
        name: String,
    },
}

fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok();
    let time = time.and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| "write it like 90s, 10m or 2h".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say whether a configuration could be used, without starting anything
    Check {
        /// The file [default: the one that a start would read]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key and print it once
    #[command(visible_alias = "new")]
    Add {
        /// What it is for, to recognise it by
        name: String,
        /// What it may do: chat, embeddings, images, audio, ops, approve, mcp (several with commas)
        #[arg(long, visible_alias = "scope", value_delimiter = ',', default_value = "chat")]
        scopes: Vec<jarvis_gateway::caller::Scope>,
        #[command(flatten)]
        limits: KeyLimits,
    },
    /// List keys with their limits and what they have spent, without their secrets
    List,
    /// Change what a key may do and use; what is not named stays
    Set {
        /// Its name or id, or the beginning of the key, as `jarvis key list` shows them
        key: String,
        /// What it may do from now on
        #[arg(long, visible_alias = "scope", value_delimiter = ',')]
        scopes: Vec<jarvis_gateway::caller::Scope>,
        #[command(flatten)]
        limits: KeyLimits,
    },
    /// Revoke a key by its name, its id or its first characters
    Revoke {
        /// Its name or id, or the beginning of the key, as `jarvis key list` shows them
        key: String,
    },
}

/// What a key may use. `none` takes a limit away.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyLimits {
    /// Models that it sees and may ask for, several with commas; `*` stands for any letters: jarvis-*
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) models: Vec<String>,
    /// Requests a minute
    #[arg(long, value_name = "COUNT")]
    pub(crate) rpm: Option<Limit<Count>>,
    /// Tokens a minute, read and written together
    #[arg(long, value_name = "COUNT")]
    pub(crate) tpm: Option<Limit<Count>>,
    /// Requests at the same time
    #[arg(long, value_name = "COUNT")]
    pub(crate) concurrency: Option<Limit<Count>>,
    /// US dollars a day, by UTC: 1.50
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget_day: Option<Limit<MicroUsd>>,
    /// US dollars a month, by UTC
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget_month: Option<Limit<MicroUsd>>,
    /// Never ask a model in the cloud for it; `--local-only=false` takes that back
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) local_only: Option<bool>,
    /// Keep its answers for this long and give them again to the same question: 10m
    #[arg(long, value_name = "TIME")]
    pub(crate) cache: Option<Limit<Span>>,
    /// A class of the configuration, which says how long its requests wait: batch
    #[arg(long, value_name = "NAME")]
    pub(crate) class: Option<Limit<String>>,
    /// How long it is valid from now on: 30d
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Limit<Span>>,
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit<T>(pub(crate) Option<T>);

impl<T: FromStr<Err: Display>> FromStr for Limit<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        let limit = text.parse().map_err(|error: T::Err| error.to_string())?;
        Ok(Self(Some(limit)))
    }
}

/// How many of something, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) NonZeroU32);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| "write a whole number from 1 on, or `none`; `jarvis key revoke` shuts a key out".to_owned())
    }
}

/// A time such as `90s`, `15m`, `24h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        jarvis_gateway::usage::span_of_time(text).map(Self)
    }
}
