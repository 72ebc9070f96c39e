//! Breakers of several replicas, as hashes that scripts change one at a time.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jarvis_gateway::breaker::{Answer, COUNTED_FOR, Change, Phase, Record, Replicas, Unreachable};
use jarvis_gateway::channel::{Channel, Heard};
use redis::{FromRedisValue, Script, ScriptInvocation, Value};
use serde::Deserialize;

use super::channel::CHANNELS;
use super::link::{Away, Redis};

const TOPIC: &str = "cb";

static LOOK: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("look.lua"))));
static TELL: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("tell.lua"))));
static LEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("lease.lua"))));
static COUNT: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("record.lua"), include_str!("count.lua"))));

/// What a script publishes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Published {
    Record {
        scope: String,
        epoch: u64,
        phase: String,
        left: u64,
        forced_left: u64,
        details: String,
    },
    Failures {
        scope: String,
        failures: u32,
    },
}

impl Redis {
    fn of_breaker<'a>(&self, script: &'a Script, scope: &str) -> ScriptInvocation<'a> {
        let mut invocation = script.key(self.key(&format!("cb:{scope}")));
        invocation.arg(self.key(&format!("{CHANNELS}{TOPIC}")));
        invocation.arg(self.0.instance.as_bytes().as_slice());
        invocation.arg(scope);
        invocation
    }

    async fn decide(
        &self,
        script: &Script,
        (scope, record): (&str, &Record),
        over: bool,
    ) -> Result<Answer, Unreachable> {
        let details = serde_json::to_string(&record.details).map_err(|_| Unreachable)?;
        let mut invocation = self.of_breaker(script, scope);
        invocation.arg(record.epoch).arg(u8::from(over));
        invocation.arg(record.phase.as_str());
        invocation.arg(millis(record.left)).arg(millis(record.forced_left));
        invocation.arg(details);
        let answer: Vec<Value> = self.run(&invocation).await?;
        match answer.split_first() {
            Some((Value::Int(1), [Value::Int(epoch)])) => {
                u64::try_from(*epoch).map(Answer::Taken).map_err(|_| Unreachable)
            }
            Some((_, known)) => read(known).map(Answer::Refused).ok_or(Unreachable),
            None => Err(Unreachable),
        }
    }
}

#[async_trait]
impl Replicas for Redis {
    async fn look(&self, scope: &str) -> Result<Option<Record>, Unreachable> {
        let mut invocation = LOOK.prepare_invoke();
        invocation.key(self.key(&format!("cb:{scope}")));
        let known: Vec<Value> = self.run(&invocation).await?;
        // What another version wrote is as good as nothing.
        Ok(read(&known))
    }

    async fn tell(&self, scope: &str, record: &Record, over: bool) -> Result<Answer, Unreachable> {
        self.decide(&TELL, (scope, record), over).await
    }

    async fn lease(&self, scope: &str, record: &Record) -> Result<Answer, Unreachable> {
        self.decide(&LEASE, (scope, record), false).await
    }

    async fn count(&self, scope: &str, failures: u32) -> Result<u32, Unreachable> {
        let mut invocation = self.of_breaker(&COUNT, scope);
        invocation.arg(failures).arg(millis(COUNTED_FOR));
        Ok(self.run(&invocation).await?)
    }

    fn changes(&self) -> BoxStream<'static, Change> {
        let own = self.0.instance;
        let listener = self.listen();
        Box::pin(futures_util::stream::unfold(listener, move |mut listener| async move {
            loop {
                let change = match listener.next().await? {
                    Heard::Gap => Some(Change::Gap),
                    Heard::Message(message) if &*message.topic != TOPIC || message.from == own => None,
                    Heard::Message(message) => published(&message.bytes),
                };
                if let Some(change) = change {
                    return Some((change, listener));
                }
            }
        }))
    }

    fn is_reachable(&self) -> bool {
        self.is_here()
    }
}

impl From<Away> for Unreachable {
    fn from(_: Away) -> Self {
        Self
    }
}

fn read(known: &[Value]) -> Option<Record> {
    let [epoch, phase, left, forced_left, details] = known else {
        return None;
    };
    let number = |value: &Value| u64::from_redis_value_ref(value).ok();
    let text = |value: &Value| String::from_redis_value_ref(value).ok();
    record(
        number(epoch)?,
        &text(phase)?,
        (number(left)?, number(forced_left)?),
        &text(details)?,
    )
}

fn published(bytes: &Bytes) -> Option<Change> {
    Some(match serde_json::from_slice(bytes).ok()? {
        Published::Record {
            scope,
            epoch,
            phase,
            left,
            forced_left,
            details,
        } => Change::Record(scope, record(epoch, &phase, (left, forced_left), &details)?),
        Published::Failures { scope, failures } => Change::Failures(scope, failures),
    })
}

fn record(epoch: u64, phase: &str, (left, forced_left): (u64, u64), details: &str) -> Option<Record> {
    Some(Record {
        epoch,
        phase: Phase::named(phase)?,
        left: Duration::from_millis(left),
        forced_left: Duration::from_millis(forced_left),
        details: serde_json::from_str(details).ok()?,
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
