//! Answers that are given again, by any replica.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jarvis_gateway::http::cache;
use redis::{Script, ScriptInvocation};

use super::link::Redis;

/// Raised with every change of what is written, so that versions do not read each other's.
const FORM: u32 = 1;

static FIND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("find.lua")));
const KEEP: &str = include_str!("keep.lua");

#[async_trait]
impl cache::Shared for Redis {
    async fn find(&self, question: &[u8; 32]) -> Option<(Bytes, Duration)> {
        let mut invocation: ScriptInvocation<'_> = FIND.prepare_invoke();
        let question = hex::encode(question);
        for name in [&question, "uses"] {
            invocation.key(self.answers(name));
        }
        let found: (Option<Vec<u8>>, i64) = self.run(invocation.arg(question)).await.ok()?;
        let left = Duration::from_millis(u64::try_from(found.1).ok()?);
        Some((found.0?.into(), left))
    }

    fn keep(&self, question: &[u8; 32], written: Vec<u8>, time: Duration, most: usize) {
        let question = hex::encode(question);
        let mut command = redis::cmd("EVAL");
        command.arg(KEEP).arg(3);
        for name in [&question, "uses", "sizes"] {
            command.arg(self.answers(name));
        }
        command.arg(&question).arg(written);
        command
            .arg(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
            .arg(most);
        command.arg(self.answers(""));
        self.post(command);
    }
}

impl Redis {
    /// All on one server of a cluster.
    fn answers(&self, name: &str) -> String {
        self.key(&format!("{{cache{FORM}}}:{name}"))
    }
}
