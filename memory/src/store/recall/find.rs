//! Finding.

use std::collections::{BTreeMap, HashMap};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::super::error::tried;
use super::super::{Result, Store, row};
use super::vectors::Meaning;
use super::{full_text, key};
use crate::recall::{Audience, NEIGHBOURS, Question, Recalled, Scope, Source, Statistics, Vector, candidates, rank};

/// Entries around which is read.
const PLACES: usize = 60;
/// Of the entries that are best by their words, those whose vectors are compared.
const COMPARED: usize = 120;

/// Which keys of an audience are looked at.
type Part = fn(i64) -> (i64, i64);

impl Store {
    /// What fits the question best of what may be found in `scope`, the best first. Without `meaning`, or where entries
    /// have no vector of its space, words alone decide.
    pub async fn recall(
        &self,
        question: &Question,
        scope: &Scope,
        meaning: Option<Meaning<'_>>,
        limit: usize,
    ) -> Result<Vec<Recalled>> {
        tried("recall", self.find(question, scope, meaning, (limit, key::range))).await
    }

    /// The same over facts that are remembered alone, by their words.
    pub async fn recall_memories(&self, question: &Question, scope: &Scope, limit: usize) -> Result<Vec<Recalled>> {
        tried("recall facts", self.find(question, scope, None, (limit, key::memories))).await
    }

    async fn find(
        &self,
        question: &Question,
        scope: &Scope,
        meaning: Option<Meaning<'_>>,
        (limit, part): (usize, Part),
    ) -> sqlx::Result<Vec<Recalled>> {
        let mut connection = self.read.acquire().await?;
        let (audiences, mut statistics) = audiences(&mut connection, scope).await?;
        let ranges: Vec<(i64, i64)> = audiences.keys().map(|number| part(*number)).collect();
        let postings = full_text::postings(&mut connection, &question.words, &ranges).await?;
        statistics.holding = postings.iter().map(|posting| posting.holding).collect();
        let places = candidates(&postings, statistics.entries, PLACES);
        let entries = full_text::entries(&mut connection, &around(&places)).await?;
        let mut ranked = rank(question, &entries, &statistics, &HashMap::new());
        if let Some(meaning) = meaning {
            let best: Vec<i64> = ranked.iter().take(COMPARED).map(|(key, _)| *key).collect();
            let cosines = cosines(&mut connection, meaning, &best).await?;
            ranked = rank(question, &entries, &statistics, &cosines);
        }
        ranked.truncate(limit);
        texts(&mut connection, &ranked, &audiences).await
    }
}

/// The audiences in a scope by their numbers, and how much there is in all of them.
async fn audiences(
    connection: &mut AnyConnection,
    scope: &Scope,
) -> sqlx::Result<(BTreeMap<i64, Audience>, Statistics)> {
    let mut statistics = Statistics::default();
    let mut numbers = BTreeMap::new();
    let mut words = 0.0;
    if scope.audiences.is_empty() {
        return Ok((numbers, statistics));
    }
    let places: Vec<String> = (0..scope.audiences.len())
        .map(|at| format!("(${}, ${})", 2 * at + 1, 2 * at + 2))
        .collect();
    let sql = format!(
        "SELECT number, audience, entries, words FROM recall_audiences WHERE (audience, whose) IN (VALUES {}) ORDER BY number",
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (audience, whose) in &scope.audiences {
        query = query.bind(audience.as_str()).bind(whose);
    }
    for row in query.fetch_all(connection).await? {
        let audience = row::word(&row, "audience", &Audience::ALL, Audience::as_str)?;
        numbers.insert(row.try_get("number")?, audience);
        statistics.entries += float(row.try_get("entries")?);
        words += float(row.try_get("words")?);
    }
    statistics.length = if statistics.entries > 0.0 {
        words / statistics.entries
    } else {
        0.0
    };
    Ok((numbers, statistics))
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows")]
fn float(count: i64) -> f64 {
    count as f64
}

/// Ranges of keys with everything that has a place among its neighbours, and the neighbours of that.
fn around(places: &[i64]) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for place in places {
        let (first, last) = (place - 2 * NEIGHBOURS, place + 2 * NEIGHBOURS);
        match ranges.last_mut() {
            Some((_, end)) if first <= *end + 1 => *end = last,
            _ => ranges.push((first, last)),
        }
    }
    ranges
}

async fn cosines(
    connection: &mut AnyConnection,
    meaning: Meaning<'_>,
    keys: &[i64],
) -> sqlx::Result<HashMap<i64, f64>> {
    let Some(asked) = Vector::of(meaning.numbers) else {
        return Ok(HashMap::new());
    };
    let vectors = full_text::vectors(connection, meaning.space, keys).await?;
    Ok(vectors
        .into_iter()
        .map(|(key, vector)| (key, asked.cosine(&vector)))
        .collect())
}

/// The texts of what was found, in its order. What does not belong to one of the audiences is not read, whatever its key,
/// nor is a fact that no longer holds.
async fn texts(
    connection: &mut AnyConnection,
    ranked: &[(i64, f64)],
    audiences: &BTreeMap<i64, Audience>,
) -> sqlx::Result<Vec<Recalled>> {
    let keys: Vec<i64> = ranked.iter().map(|(key, _)| *key).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // Places for the keys, and behind them those for the audiences: a few texts in all, which stay prepared.
    let places = |from: usize, count: usize| {
        let places: Vec<String> = (from..from + count).map(|number| format!("${number}")).collect();
        places.join(", ")
    };
    let sql = format!(
        "SELECT e.key, e.message_id, e.memory_id, e.at, m.conversation_id, p.id AS author, p.display, COALESCE(m.text, f.text) AS text,
           COALESCE(m.trust, f.author_trust) AS trust
         FROM recall_entries e LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN memories f ON f.id = e.memory_id
         LEFT JOIN persons p ON p.id = COALESCE(m.person_id, f.author_id)
         WHERE e.key IN ({}) AND (e.key >> {}) IN ({}) AND f.valid_to IS NULL",
        places(1, keys.len()),
        key::AUDIENCE_SHIFT,
        places(1 + keys.len(), audiences.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for number in keys.iter().chain(audiences.keys()) {
        query = query.bind(*number);
    }
    let rows = query.fetch_all(connection).await?;
    let mut found: HashMap<i64, Recalled> = HashMap::new();
    for row in &rows {
        let key: i64 = row.try_get("key")?;
        if let Some(audience) = audiences.get(&(key >> key::AUDIENCE_SHIFT)) {
            found.insert(key, recalled(row, *audience)?);
        }
    }
    let in_order = ranked.iter().filter_map(|(key, score)| {
        let recalled = found.remove(key)?;
        Some(Recalled {
            score: *score,
            ..recalled
        })
    });
    Ok(in_order.collect())
}

fn recalled(row: &AnyRow, audience: Audience) -> sqlx::Result<Recalled> {
    let source = match row.try_get::<Option<String>, _>("memory_id")? {
        Some(id) => Source::Memory { id },
        None => Source::Message {
            id: row.try_get("message_id")?,
            conversation_id: row.try_get("conversation_id")?,
        },
    };
    Ok(Recalled {
        source,
        author: row.try_get("display")?,
        author_id: row.try_get("author")?,
        audience,
        trust: row.try_get("trust")?,
        text: row.try_get("text")?,
        at: row::millis(row, "at")?,
        score: 0.0,
    })
}
