//! What was used since some time, as `GET /v1/jarvis/usage` and `jarvis usage` tell it.

use serde::Serialize;

use super::books::{Books, By, Failed, Sums};
use super::since::Since;
use crate::clock::Millis;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub since: Millis,
    pub until: Millis,
    pub by: By,
    pub lines: Vec<Sums>,
    pub total: Sums,
}

impl Report {
    pub async fn read(books: &dyn Books, since: Since, by: By, now: Millis) -> Result<Self, Failed> {
        let start = since.start(now);
        let lines = books.sums(start, by).await?;
        Ok(Self {
            since: start,
            until: now,
            by,
            total: Sums::total(&lines),
            lines,
        })
    }
}
