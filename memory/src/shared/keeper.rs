//! Looks after the connection: makes it, listens on it, finds out whether it works, and says in the log when it does not.

use std::time::Duration;

use jarvis_gateway::channel::Heard;
use jarvis_gateway::tasks::Tasks;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, PushInfo, RedisError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::channel::{CHANNELS, heard};
use super::link::{Redis, Standing, words};

/// How often a connection that works is tried.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// After a failure, with jitter, so that replicas do not come back in step.
const TRY_AGAIN: Duration = Duration::from_millis(250);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// A connection on which nothing is answered for this long is given up.
const GIVE_UP: Duration = Duration::from_secs(2);
/// What is wrong is said in the log at most this often.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);
/// Commands of one trip.
const BATCH: usize = 256;

/// Until the process stops.
pub(super) fn spawn(redis: &Redis, post: mpsc::Receiver<Cmd>, tasks: &Tasks) {
    let (keeper, stopping) = (Keeper::of(redis), tasks.stopping().clone());
    tasks.spawn("redis", async move {
        stopping.run_until_cancelled(keeper.run()).await;
    });
    let (postman, stopping) = (redis.clone(), tasks.stopping().clone());
    tasks.spawn("redis post", async move {
        stopping.run_until_cancelled(deliver(postman, post)).await;
    });
}

struct Keeper {
    redis: Redis,
    complained: Option<Instant>,
    /// The log says that it is away.
    is_told_away: bool,
}

impl Keeper {
    fn of(redis: &Redis) -> Self {
        Self {
            redis: redis.clone(),
            complained: None,
            is_told_away: false,
        }
    }

    async fn run(mut self) {
        loop {
            match self.try_once().await {
                Ok(()) => {
                    self.is_here();
                    // A call that fails does not wait for the next round.
                    drop(timeout(TRY_EVERY, self.redis.0.doubted.notified()).await);
                }
                Err(says) => {
                    self.is_away(says);
                    tokio::time::sleep(TRY_AGAIN.mul_f64(rand::random_range(0.8..=1.2))).await;
                }
            }
        }
    }

    /// Writes something, because a server that is full or a replica of another one still answers a question.
    async fn try_once(&self) -> Result<(), String> {
        let existing = self.redis.slot().clone();
        let is_new = existing.is_none();
        let mut connection = match existing {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let began = Instant::now();
        let mut sign = redis::cmd("SET");
        sign.arg(self.redis.key(&format!("here:{}", self.redis.0.instance)));
        sign.arg(1).arg("PX").arg(10_000);
        match timeout(GIVE_UP, sign.query_async::<()>(&mut connection)).await {
            Err(_) => {
                *self.redis.slot() = None;
                Err(format!("no answer within {} s", GIVE_UP.as_secs()))
            }
            Ok(Err(error)) => {
                if error.is_unrecoverable_error() || error.is_timeout() {
                    *self.redis.slot() = None;
                }
                Err(words(&error))
            }
            Ok(Ok(())) if began.elapsed() > self.redis.0.patience => {
                *self.redis.slot() = Some(connection);
                Err(format!("it took {} ms to answer", began.elapsed().as_millis()))
            }
            Ok(Ok(())) => {
                *self.redis.slot() = Some(connection);
                if is_new {
                    // What was published before cannot be heard any more.
                    self.redis.tell(Heard::Gap);
                }
                Ok(())
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, String> {
        let redis = self.redis.clone();
        let push = move |push: PushInfo| -> Result<(), RedisError> {
            heard(&redis, &push);
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(GIVE_UP))
            .set_push_sender(push);
        let connecting = self
            .redis
            .0
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let late = |_| format!("no connection within {} s", CONNECT_LIMIT.as_secs());
        let limit = CONNECT_LIMIT + GIVE_UP;
        let mut connection = timeout(limit, connecting)
            .await
            .map_err(late)?
            .map_err(|error| words(&error))?;
        let pattern = self.redis.key(&format!("{CHANNELS}*"));
        timeout(GIVE_UP, connection.psubscribe(pattern))
            .await
            .map_err(late)?
            .map_err(|error| words(&error))?;
        Ok(connection)
    }

    fn is_here(&mut self) {
        let is_change = self.redis.0.standing.send_replace(Standing::Here) != Standing::Here;
        if is_change && std::mem::take(&mut self.is_told_away) {
            tracing::info!(
                redis.place = self.redis.place(),
                "redis answers again; what is shared is shared again"
            );
        }
    }

    fn is_away(&mut self, says: String) {
        let now = Instant::now();
        if self.complained.is_none_or(|at| now - at >= COMPLAIN_EVERY) {
            self.complained = Some(now);
            self.is_told_away = true;
            tracing::warn!(
                redis.place = self.redis.place(),
                "redis is away: {says}; until it is back each replica goes by what it knows itself"
            );
        }
        self.redis.0.standing.send_replace(Standing::Away(says));
    }
}

/// Sends what nobody waits for.
async fn deliver(redis: Redis, mut post: mpsc::Receiver<Cmd>) {
    let mut commands = Vec::with_capacity(BATCH);
    while post.recv_many(&mut commands, BATCH).await > 0 {
        let mut pipeline = redis::pipe();
        for command in commands.drain(..) {
            pipeline.add_command(command).ignore();
        }
        redis.send(&pipeline).await;
    }
}
