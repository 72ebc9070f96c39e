//! Limits that hold for all replicas together.
//!
//! Every request is counted here and in Redis, and both must have room for it. What is counted here is a part of what is
//! counted there, so it changes nothing while Redis works; when Redis is away or has forgotten, it is what is left of the
//! limit. A request that runs is a lease that is renewed, so that those of a replica which was killed end by themselves.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::caller::Key;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::http::limits::{Counters, InProcess, Kind, Over, Place, Room, Standing};
use jarvis_gateway::tasks::Tasks;
use redis::{Cmd, FromRedisValue, Script, Value};

use super::link::{Away, Redis};

const MINUTE: Duration = Duration::from_mins(1);
const SLOT: Duration = Duration::from_secs(1);
/// A request that nobody renewed is taken for gone.
const RUNS_FOR: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(10);

const LEAVE: &str = include_str!("leave.lua");
const USED: &str = include_str!("used.lua");
const RUNS: &str = include_str!("runs.lua");
static ENTER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("enter.lua")));

pub struct Limits {
    redis: Redis,
    here: InProcess,
    tickets: AtomicU64,
    /// Requests that run, by key.
    running: Arc<Mutex<HashMap<String, HashSet<u64>>>>,
    /// A minute but in tests.
    window: Duration,
}

impl Limits {
    pub fn new(redis: &Redis, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Self {
        Self::within(redis, clock, tasks, MINUTE)
    }

    /// The same with another span than a minute.
    #[cfg(feature = "test-support")]
    pub fn of_span(redis: &Redis, clock: &Arc<dyn Clock>, tasks: &Tasks, span: Duration) -> Self {
        Self::within(redis, clock, tasks, span)
    }

    fn within(redis: &Redis, clock: &Arc<dyn Clock>, tasks: &Tasks, window: Duration) -> Self {
        let running = Arc::default();
        let (renewed, of_keys, stopping) = (redis.clone(), Arc::clone(&running), tasks.stopping().clone());
        tasks.spawn("limits", async move {
            stopping.run_until_cancelled(renew(renewed, of_keys)).await;
        });
        Self {
            redis: redis.clone(),
            here: InProcess::new(Arc::clone(clock)),
            tickets: AtomicU64::new(1),
            running,
            window,
        }
    }

    async fn ask(&self, key: &Key, place: &Place, ticket: u64) -> Result<Result<Place, Over>, Away> {
        let allowance = &key.allowance;
        let limit = |limit: Option<u32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        let mut invocation = ENTER.prepare_invoke();
        for what in ["requests", "tokens", "running"] {
            invocation.key(self.redis.limit(&key.id, what));
        }
        invocation.arg(limit(allowance.requests_per_minute));
        invocation.arg(limit(allowance.tokens_per_minute));
        invocation.arg(limit(allowance.concurrency));
        invocation.arg(place.tokens).arg(self.redis.request(ticket));
        for span in [RUNS_FOR, self.window, SLOT.min(self.window / 10)] {
            invocation.arg(millis(span));
        }
        let answer: Vec<Value> = self.redis.run(&invocation).await?;
        read(key, place, ticket, &answer).ok_or(Away)
    }

    fn ends(&self, key: &Key, place: &Place) {
        // Held while it is posted, so that a renewal does not come after it.
        let mut running = running(&self.running);
        if let Some(of_key) = running.get_mut(&key.id) {
            of_key.remove(&place.ticket);
            if of_key.is_empty() {
                running.remove(&key.id);
            }
        }
        let keys = ["tokens", "running"].map(|what| self.redis.limit(&key.id, what));
        let mut command = eval(LEAVE, &keys);
        command.arg(self.redis.request(place.ticket));
        command.arg(place.tokens).arg(place.shared_at);
        self.redis.post(command);
    }
}

#[async_trait]
impl Counters for Limits {
    async fn enter(&self, key: &Key, tokens: u32) -> Result<Place, Over> {
        let here = self.here.enter_now(key, tokens)?;
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let mut entered = Entered {
            limits: self,
            key,
            place: Some(here),
            ticket,
        };
        let place = match self.ask(key, &here, ticket).await {
            Ok(Ok(place)) => {
                if key.allowance.concurrency.is_some() {
                    running(&self.running).entry(key.id.clone()).or_default().insert(ticket);
                }
                place
            }
            Ok(Err(over)) => return Err(over),
            Err(Away) => here,
        };
        entered.place = None;
        Ok(place)
    }

    fn leave(&self, key: &Key, place: &Place) {
        self.here.leave(key, place);
        if place.ticket == 0 {
            return;
        }
        self.ends(key, place);
    }

    fn used(&self, key: &Key, tokens: u64) {
        self.here.used(key, tokens);
        let mut command = eval(USED, &[self.redis.limit(&key.id, "tokens")]);
        command.arg(tokens).arg(millis(self.window));
        command.arg(millis(SLOT.min(self.window / 10)));
        self.redis.post(command);
    }
}

/// A request that was counted here and not let in yet. Dropped, it was not let in.
struct Entered<'a> {
    limits: &'a Limits,
    key: &'a Key,
    place: Option<Place>,
    ticket: u64,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            self.limits.here.undo(self.key, place);
            // Whoever left while Redis was asked may have been counted there.
            self.limits.ends(
                self.key,
                &Place {
                    tokens: 0,
                    ticket: self.ticket,
                    ..*place
                },
            );
        }
    }
}

async fn renew(redis: Redis, of_keys: Arc<Mutex<HashMap<String, HashSet<u64>>>>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let running = running(&of_keys);
        for (key, tickets) in running.iter() {
            let mut command = eval(RUNS, &[redis.limit(key, "running")]);
            command.arg(millis(RUNS_FOR));
            for ticket in tickets {
                command.arg(redis.request(*ticket));
            }
            redis.post(command);
        }
    }
}

impl Redis {
    /// The keys of one limited key stand on one server of a cluster.
    fn limit(&self, key: &str, what: &str) -> String {
        self.key(&format!("rl:{{{key}}}:{what}"))
    }

    fn request(&self, ticket: u64) -> String {
        format!("{}:{ticket}", self.0.instance.simple())
    }
}

fn read(key: &Key, place: &Place, ticket: u64, answer: &[Value]) -> Option<Result<Place, Over>> {
    let [is_in, requests, requests_reset, tokens, tokens_reset, at, rest @ ..] = answer else {
        return None;
    };
    let room = |limit: Option<u32>, used: &Value, reset: &Value| {
        let used = u32::try_from(number(used)?).unwrap_or(u32::MAX);
        Some(limit.map(|limit| Room {
            limit,
            remaining: limit.saturating_sub(used),
            reset: Duration::from_millis(number(reset).unwrap_or_default()),
        }))
    };
    let allowance = &key.allowance;
    let standing = Standing {
        requests: room(allowance.requests_per_minute, requests, requests_reset)?,
        tokens: room(allowance.tokens_per_minute, tokens, tokens_reset)?,
    };
    if number(is_in)? == 1 {
        let shared_at = i64::try_from(number(at)?).ok()?;
        return Some(Ok(Place {
            standing,
            shared_at,
            ticket,
            ..*place
        }));
    }
    let [kind, used, wait] = rest else { return None };
    let (kind, limit, asked) = match String::from_redis_value_ref(kind).ok()?.as_str() {
        "tokens" => (Kind::Tokens, allowance.tokens_per_minute?, place.tokens),
        "requests" => (Kind::Requests, allowance.requests_per_minute?, 1),
        _ => (Kind::Concurrency, allowance.concurrency?, 1),
    };
    Some(Err(Over {
        kind,
        limit,
        used: number(used)?,
        asked,
        retry_after: Duration::from_millis(number(wait)?),
        standing,
    }))
}

/// With its whole text, because nobody is there to send that when the server does not know it.
fn eval(script: &str, keys: &[String]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys);
    command
}

fn running(running: &Mutex<HashMap<String, HashSet<u64>>>) -> MutexGuard<'_, HashMap<String, HashSet<u64>>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(value: &Value) -> Option<u64> {
    u64::from_redis_value_ref(value).ok()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
