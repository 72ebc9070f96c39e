//! Replicas in this process, each with a connection of its own.

use std::time::Duration;

use jarvis_gateway::clock::{Clock, Millis, System};
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::shared::{Config, Redis, Standing};
use stand_in::Redis as Server;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Replica {
    pub(crate) redis: Redis,
    pub(crate) tasks: Tasks,
}

pub(crate) async fn server() -> Server {
    Server::start().await.expect("a Redis")
}

/// One whose requests wait for Redis for as long as a busy machine makes them.
pub(crate) fn config(server: &Server) -> Config {
    Config {
        url: Some(server.url()),
        patience_ms: 2_000,
        ..Config::default()
    }
}

/// One whose requests wait as little as they do for people.
pub(crate) async fn impatient(server: &Server) -> Replica {
    let replica = replica_of(&Config {
        url: Some(server.url()),
        ..Config::default()
    });
    replica.is_here().await;
    replica
}

/// One that is connected.
pub(crate) async fn replica(server: &Server) -> Replica {
    let replica = replica_of(&config(server));
    replica.is_here().await;
    replica
}

pub(crate) fn replica_of(config: &Config) -> Replica {
    let tasks = Tasks::default();
    let redis = Redis::open(config, &None, Uuid::now_v7(), &tasks)
        .expect("a URL")
        .expect("a Redis");
    Replica { redis, tasks }
}

impl Replica {
    pub(crate) async fn is_here(&self) {
        eventually("redis to be here", async || self.redis.is_here().then_some(())).await;
    }

    pub(crate) async fn is_away(&self) -> String {
        eventually("redis to be away", async || match self.redis.standing() {
            Standing::Away(says) => Some(says),
            Standing::Here | Standing::Unknown => None,
        })
        .await
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

/// A clock that is wrong by so many milliseconds.
pub(crate) struct Wrong(pub(crate) i64);

impl Clock for Wrong {
    fn now(&self) -> Millis {
        Millis(System.now().0 + self.0)
    }
}

/// Asks again until there is an answer. The pause only spares the machine; nothing depends on its length.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
