//! The store as the books of the gateway.

use async_trait::async_trait;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::{Books, By, Entry, Failed, Spent, Sums};

use crate::Store;

#[async_trait]
impl Books for Store {
    async fn append(&self, entries: &[Entry]) -> Result<(), Failed> {
        self.append_usage(entries).await.map_err(failed)
    }

    async fn spent(&self, day: i64) -> Result<Vec<Spent>, Failed> {
        self.spending(day).await.map_err(failed)
    }

    async fn forget(&self, before: Millis, most: u32) -> Result<u64, Failed> {
        self.forget_usage(before, most).await.map_err(failed)
    }

    async fn sums(&self, since: Millis, by: By) -> Result<Vec<Sums>, Failed> {
        self.usage(since, by).await.map_err(failed)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: crate::Error) -> Failed {
    Failed(error.to_string())
}
