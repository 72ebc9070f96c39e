//! One Redis: a connection that fails fast, and what is known of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jarvis_gateway::channel::{Channel, Heard, LONGEST, Listener, Listeners};
use jarvis_gateway::tasks::Tasks;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, ScriptInvocation};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use super::channel::{CHANNELS, written};
use super::config::{Config, Password, connection};
use super::keeper;

/// Commands that wait to be sent and whose answer nobody waits for. More are dropped, and counted.
const MOST_WAITING: usize = 4096;

/// Redis was not asked, or did not answer in time, or refused. Whoever gets it goes on by itself; the reason has been told
/// in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis is away")]
pub struct Away;

/// How it is with Redis now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was heard of it yet.
    Unknown,
    Here,
    /// What is wrong, without secrets.
    Away(String),
}

/// Cheap to clone; all clones are one connection.
#[derive(Clone)]
pub struct Redis(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: Client,
    /// Where it is, for people.
    pub(super) place: String,
    pub(super) prefix: String,
    pub(super) instance: Uuid,
    /// How long a request waits for it.
    pub(super) patience: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
    pub(super) standing: watch::Sender<Standing>,
    /// Wakes the keeper.
    pub(super) doubted: Notify,
    pub(super) listeners: Listeners,
    posted: mpsc::Sender<Cmd>,
    dropped: AtomicU64,
}

impl Redis {
    /// `None` where no Redis is configured. It is connected to in the background: one that is away keeps nobody from
    /// starting.
    pub fn open(config: &Config, password: &Password, instance: Uuid, tasks: &Tasks) -> Result<Option<Self>, String> {
        let Some(url) = &config.url else {
            return Ok(None);
        };
        let info = connection(url, password)?;
        let place = info.addr().to_string();
        let client = Client::open(info).map_err(|error| format!("redis.url: {}", words(&error)))?;
        let (posted, post) = mpsc::channel(MOST_WAITING);
        let redis = Self(Arc::new(Inner {
            client,
            place,
            prefix: config.prefix.clone(),
            instance,
            patience: Duration::from_millis(config.patience_ms),
            connection: Mutex::default(),
            standing: watch::Sender::new(Standing::Unknown),
            doubted: Notify::new(),
            listeners: Listeners::default(),
            posted,
            dropped: AtomicU64::new(0),
        }));
        keeper::spawn(&redis, post, tasks);
        Ok(Some(redis))
    }

    /// Where it is, for people.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    pub fn standing(&self) -> Standing {
        self.0.standing.borrow().clone()
    }

    /// Whether calls are made now.
    pub fn is_here(&self) -> bool {
        *self.0.standing.borrow() == Standing::Here
    }

    /// How it is once something is known, or after `limit`.
    pub async fn settled(&self, limit: Duration) -> Standing {
        let mut standing = self.0.standing.subscribe();
        let known = standing.wait_for(|standing| *standing != Standing::Unknown);
        // After the limit it is what it is.
        drop(tokio::time::timeout(limit, known).await);
        self.standing()
    }

    /// The name of a key of this installation.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// Runs a script and waits for its answer no longer than a request may.
    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Away> {
        let mut connection = self.connection().ok_or(Away)?;
        self.judge(tokio::time::timeout(self.0.patience, script.invoke_async(&mut connection)).await)
    }

    /// The same for a single command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let mut connection = self.connection().ok_or(Away)?;
        self.judge(tokio::time::timeout(self.0.patience, command.query_async(&mut connection)).await)
    }

    /// Sends a command some time soon, in the order of these calls. Must not wait, so it is dropped when it cannot be sent.
    pub(super) fn post(&self, command: Cmd) {
        if !self.is_here() || self.0.posted.try_send(command).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends commands whose answers nobody reads.
    pub(super) async fn send(&self, pipeline: &Pipeline) {
        let Some(mut connection) = self.connection() else {
            self.0.dropped.fetch_add(pipeline.len() as u64, Ordering::Relaxed);
            return;
        };
        let sending = tokio::time::timeout(self.0.patience * 5, pipeline.query_async::<()>(&mut connection));
        if self.judge(sending.await).is_err() {
            self.0.dropped.fetch_add(pipeline.len() as u64, Ordering::Relaxed);
        }
    }

    fn judge<T>(&self, answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>) -> Result<T, Away> {
        let says = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => words(&error),
            Err(_) => format!("no answer within {} ms", self.0.patience.as_millis()),
        };
        self.doubt(says);
        Err(Away)
    }

    /// Nobody asks it until the keeper has found that it works.
    pub(super) fn doubt(&self, says: String) {
        self.0.standing.send_if_modified(|standing| {
            let was_here = *standing == Standing::Here;
            if was_here {
                *standing = Standing::Away(says);
            }
            was_here
        });
        self.0.doubted.notify_one();
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        self.is_here().then(|| self.slot().clone())?
    }

    pub(super) fn slot(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel for Redis {
    fn instance(&self) -> Uuid {
        self.0.instance
    }

    fn publish(&self, topic: &str, bytes: Bytes) {
        if bytes.len() > LONGEST {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.key(&format!("{CHANNELS}{topic}")));
        command.arg(written(self.0.instance, &bytes));
        self.post(command);
    }

    fn listen(&self) -> Listener {
        self.0.listeners.add()
    }

    fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Redis {
    pub(super) fn tell(&self, heard: Heard) {
        self.0.listeners.tell(heard);
    }
}

/// What went wrong, for people. Its own words never hold the password, which only its connection knows.
pub(super) fn words(error: &RedisError) -> String {
    match error.code() {
        Some("NOAUTH" | "WRONGPASS") => {
            "it wants another password; set redis.credential = \"env:NAME\" and that variable".to_owned()
        }
        Some("NOPERM") => format!("its user lacks a right: {}", error.detail().unwrap_or_default()),
        Some("READONLY") => "it is a read-only replica; redis.url must name the one that is written to".to_owned(),
        Some("OOM") => "its memory is full; give it more (maxmemory), or a maxmemory-policy that makes room".to_owned(),
        _ => error.to_string(),
    }
}
