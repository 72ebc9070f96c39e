//! What was used: a row for every attempt, and the sums that budgets are counted by.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::{Attempt, By, Entry, MicroUsd, Outcome, Spent, Sums};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::error::BoxDynError;
use sqlx::{AnyConnection, Arguments, AssertSqlSafe, Row};
use uuid::Uuid;

use super::engine::Engine;
use super::error::tried;
use super::{Result, Store, row};

const COLUMNS: &str = "id, at, request_id, caller, key_id, conversation_id, endpoint, surface, alias, backend, model,
    class, attempt, outcome, fault, reason, tokens_in, tokens_out, tokens_cached, tokens_reasoning, estimated, truncated,
    images, audio_ms, characters, cost, first_token_ms, took_ms";
const WIDTH: usize = 28;
/// Rows of one statement. More at once is hardly faster, and the statement is kept prepared.
const TOGETHER: usize = 16;
const LONGEST_REASON: usize = 300;
const MOST: i64 = 1_000_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// Lines of a report. Beyond it, the least dear are left out.
const MOST_LINES: i64 = 1000;

impl Store {
    /// Writes all entries or none, and counts what they cost.
    pub async fn append_usage(&self, entries: &[Entry]) -> Result<()> {
        tried("store usage", async {
            let mut transaction = self.write.begin().await?;
            for together in entries.chunks(TOGETHER) {
                insert(&mut transaction, together).await?;
            }
            for ((day, key_id), cost) in spending(entries) {
                let query = sqlx::query(
                    "INSERT INTO spending (day, key_id, cost) VALUES ($1, $2, $3)
                     ON CONFLICT (day, key_id) DO UPDATE SET cost = spending.cost + excluded.cost",
                );
                query
                    .bind(day)
                    .bind(key_id)
                    .bind(cost)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Forgets at most `most` entries that were told before `before`, the oldest first; tells how many. What was spent by
    /// day and key stays.
    pub async fn forget_usage(&self, before: Millis, most: u32) -> Result<u64> {
        let query = sqlx::query(
            "DELETE FROM usage_attempts WHERE id IN
             (SELECT id FROM usage_attempts WHERE id < $1 ORDER BY id LIMIT $2)",
        );
        let query = query.bind(first_id(before)).bind(i64::from(most));
        tried("forget old usage", async {
            Ok(query.execute(&self.write).await?.rows_affected())
        })
        .await
    }

    /// What was spent since `day` (days since 1970), by day and key.
    pub async fn spending(&self, day: i64) -> Result<Vec<Spent>> {
        let query =
            sqlx::query("SELECT day, key_id, cost FROM spending WHERE day >= $1 ORDER BY day, key_id").bind(day);
        tried("read what was spent", async {
            row::all(&query.fetch_all(&self.read).await?, |row| {
                Ok(Spent {
                    day: row.try_get("day")?,
                    key_id: row.try_get("key_id")?,
                    cost: MicroUsd(row.try_get("cost")?),
                })
            })
        })
        .await
    }

    /// Sums over the attempts that began at `since` or later, dearest first; days in their order.
    pub async fn usage(&self, since: Millis, by: By) -> Result<Vec<Sums>> {
        let name = match by {
            By::Key => "caller",
            By::Target => "backend || '/' || model",
            By::Model => "model",
            By::Alias => "alias",
            // A number; days have no names in SQL that every engine knows.
            By::Day => "CAST(at / 86400000 AS TEXT)",
            By::Endpoint => "endpoint",
            By::Conversation => "COALESCE(conversation_id, '')",
        };
        let sql = format!(
            "SELECT {name} AS name, COUNT(*) AS attempts, {answered} AS answered, {cached} AS cached, {left} AS left_over,
             {tokens_in} AS tokens_in, {tokens_cached} AS tokens_cached, {tokens_out} AS tokens_out,
             {reasoning} AS tokens_reasoning, {wasted} AS tokens_wasted, {estimated} AS estimated, {cost} AS cost,
             {cost_wasted} AS cost_wasted, {unknown} AS cost_unknown
             FROM usage_attempts WHERE id >= $1 AND at >= $2
             GROUP BY {name} ORDER BY cost DESC, attempts DESC, name LIMIT {MOST_LINES}",
            answered = sum("CASE WHEN outcome = 'answered' THEN 1 ELSE 0 END"),
            cached = sum("CASE WHEN outcome = 'cached' THEN 1 ELSE 0 END"),
            left = sum("CASE WHEN outcome IN ('left', 'cancelled') THEN 1 ELSE 0 END"),
            // What came from the cache was not read by a model again.
            tokens_in = sum("CASE WHEN outcome = 'cached' THEN 0 ELSE tokens_in END"),
            tokens_cached = sum("CASE WHEN outcome = 'cached' THEN 0 ELSE tokens_cached END"),
            tokens_out = sum("CASE WHEN outcome = 'cached' THEN 0 ELSE tokens_out END"),
            reasoning = sum("CASE WHEN outcome = 'cached' THEN 0 ELSE tokens_reasoning END"),
            wasted = sum("CASE WHEN outcome IN ('left', 'cancelled') THEN tokens_in + tokens_out ELSE 0 END"),
            estimated = sum("estimated"),
            cost = sum("cost"),
            cost_wasted = sum("CASE WHEN outcome IN ('left', 'cancelled') THEN cost ELSE 0 END"),
            unknown = sum("CASE WHEN cost IS NULL THEN 1 ELSE 0 END"),
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(first_id(since)).bind(since.0);
        let mut lines = tried("sum usage up", async {
            row::all(&query.fetch_all(&self.read).await?, sums)
        })
        .await?;
        if by == By::Day {
            lines.sort_by_key(|line| line.name.parse::<i64>().unwrap_or_default());
            for line in &mut lines {
                line.name = date(&line.name);
            }
        }
        Ok(lines)
    }
}

/// Sums are BIGINT on every engine, and 0 where there is nothing.
fn sum(of: &str) -> String {
    format!("CAST(COALESCE(SUM({of}), 0) AS BIGINT)")
}

/// The statement for [`TOGETHER`] rows.
static FULL: LazyLock<String> = LazyLock::new(|| statement(Engine::Sqlite, TOGETHER));
static FULL_NUMBERED: LazyLock<String> = LazyLock::new(|| statement(Engine::Postgres, TOGETHER));

fn statement(engine: Engine, rows: usize) -> String {
    format!(
        "INSERT INTO usage_attempts ({COLUMNS}) VALUES {}",
        engine.places(rows, WIDTH)
    )
}

async fn insert(connection: &mut AnyConnection, entries: &[Entry]) -> sqlx::Result<()> {
    // Gathered apart from the query, which would be moved for every value.
    let mut values = AnyArguments::default();
    values.reserve(entries.len() * WIDTH, 0);
    for entry in entries {
        add(&mut values, entry).map_err(sqlx::Error::Encode)?;
    }
    // Only a full statement comes again and again, so only that one is kept prepared.
    let engine = Engine::of(connection);
    let query = match engine {
        Engine::Sqlite if entries.len() == TOGETHER => sqlx::query_with(FULL.as_str(), values),
        Engine::Postgres if entries.len() == TOGETHER => sqlx::query_with(FULL_NUMBERED.as_str(), values),
        Engine::Sqlite | Engine::Postgres => {
            sqlx::query_with(AssertSqlSafe(statement(engine, entries.len())), values).persistent(false)
        }
    };
    query.execute(connection).await.map(drop)
}

/// In the order of [`COLUMNS`].
fn add(values: &mut AnyArguments, Entry { attempt, cost, at }: &Entry) -> std::result::Result<(), BoxDynError> {
    let (outcome, fault, reason) = outcome(&attempt.outcome);
    let origin = &attempt.origin;
    values.add(fresh_id(*at))?;
    values.add(attempt.started_at.0)?;
    values.add(&*row::kept(&origin.id))?;
    values.add(attempt.caller.label())?;
    values.add(attempt.caller.key().map(|key| key.id.clone()))?;
    values.add(origin.conversation.as_deref().map(row::kept).as_deref())?;
    values.add(origin.endpoint.as_str())?;
    values.add(word(&origin.surface))?;
    values.add(&*row::kept(&origin.model))?;
    values.add(attempt.backend.to_string())?;
    values.add(attempt.model.to_string())?;
    values.add(word(&attempt.class))?;
    values.add(i64::from(attempt.number))?;
    values.add(outcome)?;
    values.add(fault)?;
    values.add(reason)?;
    values.add(whole(attempt.usage.prompt_tokens))?;
    values.add(whole(attempt.usage.completion_tokens))?;
    values.add(whole(attempt.usage.cached_tokens))?;
    values.add(whole(attempt.usage.reasoning_tokens))?;
    values.add(i64::from(attempt.estimated))?;
    values.add(i64::from(attempt.truncated))?;
    values.add(i64::from(attempt.pieces.images))?;
    values.add(millis(attempt.pieces.audio))?;
    values.add(whole(attempt.pieces.characters))?;
    values.add(cost.map(|cost| cost.0.min(MOST)))?;
    values.add(attempt.first_token.map(millis))?;
    values.add(millis(attempt.took))?;
    Ok(())
}

fn outcome(outcome: &Outcome) -> (&'static str, Option<String>, Option<String>) {
    match outcome {
        Outcome::Answered => ("answered", None, None),
        Outcome::Cached => ("cached", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Left { class, reason } => {
            let reason = row::kept(reason).chars().take(LONGEST_REASON).collect();
            ("left", Some(word(class)), Some(reason))
        }
    }
}

/// What entries cost by day and key, in an order that is always the same, so that two writers cannot wait for each other.
fn spending(entries: &[Entry]) -> BTreeMap<(i64, String), i64> {
    let mut spending = BTreeMap::new();
    for Entry { attempt, cost, at } in entries {
        let Some(cost) = cost.filter(|cost| cost.0 > 0) else {
            continue;
        };
        let key_id = key_of(attempt);
        *spending.entry((at.0.div_euclid(DAY), key_id)).or_default() += cost.0.min(MOST);
    }
    spending
}

fn key_of(attempt: &Attempt) -> String {
    attempt.caller.key().map_or_else(String::new, |key| key.id.clone())
}

/// The word that a plain enum is written as in JSON.
fn word(of: &impl serde::Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// A server may report any number. With an end to it, a sum over a million of them still fits.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX).min(MOST)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Its time is the entry's own, so that a clock that a test holds still is the one that counts.
fn fresh_id(at: Millis) -> String {
    let mut random = [0; 10];
    random.copy_from_slice(Uuid::now_v7().as_bytes().split_at(6).1);
    uuid_of(at, random).to_string()
}

/// No id of that time or later is smaller.
pub(super) fn first_id(at: Millis) -> String {
    uuid_of(at, [0; 10]).to_string()
}

fn uuid_of(at: Millis, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn date(day: &str) -> String {
    let day: i64 = day.parse().unwrap_or_default();
    let at = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

fn sums(row: &AnyRow) -> sqlx::Result<Sums> {
    Ok(Sums {
        name: row.try_get("name")?,
        attempts: row.try_get("attempts")?,
        answered: row.try_get("answered")?,
        cached: row.try_get("cached")?,
        left: row.try_get("left_over")?,
        tokens_in: row.try_get("tokens_in")?,
        tokens_cached: row.try_get("tokens_cached")?,
        tokens_out: row.try_get("tokens_out")?,
        tokens_reasoning: row.try_get("tokens_reasoning")?,
        tokens_wasted: row.try_get("tokens_wasted")?,
        estimated: row.try_get("estimated")?,
        cost: MicroUsd(row.try_get("cost")?),
        cost_wasted: MicroUsd(row.try_get("cost_wasted")?),
        cost_unknown: row.try_get("cost_unknown")?,
    })
}
