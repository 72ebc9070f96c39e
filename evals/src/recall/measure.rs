//! Plays a set: every session is stored and indexed as in the program, every question asked where it belongs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use jarvis_gateway::clock::Millis;
use jarvis_memory::recall::{Question, Scope, Source};
use jarvis_memory::records::{self, MessageRole, Person, Room};
use jarvis_memory::{Meaning, Store};
use serde_json::json;
use tokio::time::Instant;

use super::set::{Conversation, Session, Set};

/// Messages of one transaction.
const BATCH: i64 = 500;
/// Texts of one request for vectors.
const TEXTS: usize = 64;
/// How many results are looked at.
const DEPTHS: [usize; 3] = [1, 5, 10];
/// Between two messages of a session.
const MINUTE: Duration = Duration::from_mins(1);

/// Makes vectors of texts.
#[async_trait]
pub trait Embedder: Sync {
    async fn embed(&self, texts: Vec<String>) -> Result<Vectors>;
}

/// One vector for each text, all of one space.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    pub space: String,
    pub rows: Vec<Vec<f32>>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub questions: usize,
    pub messages: usize,
    /// For each depth, which part of a question's evidence was among so many results, on average over the questions.
    pub recall: Vec<(usize, f64)>,
    /// How many questions had any of their evidence among the most results.
    pub any: usize,
    /// Half of the questions took no longer, and 99 of 100. Without making the question's vector.
    pub median: Duration,
    pub p99: Duration,
}

/// Plays `set` in a database of its own. `tell` hears how far it is.
pub async fn play(set: &Set, embedder: Option<&dyn Embedder>, tell: impl Fn(&str)) -> Result<Found> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&format!("sqlite:{}/set.db", folder.path().display())).await?;
    let found = measure(set, &store, embedder, tell).await;
    store.close().await;
    found
}

async fn measure(set: &Set, store: &Store, embedder: Option<&dyn Embedder>, tell: impl Fn(&str)) -> Result<Found> {
    let mut ids = BTreeMap::new();
    let mut scopes = BTreeMap::new();
    for (name, conversation) in &set.conversations {
        scopes.insert(name, stored(store, name, conversation, &mut ids).await?);
    }
    let mut after = None;
    while let Some(next) = store.index_messages(after.as_deref(), BATCH).await? {
        after = Some(next);
    }
    if let Some(embedder) = embedder {
        tell(&format!("making vectors of {} messages", set.messages()));
        embed_all(store, embedder).await?;
    }
    let mut tally = Tally::default();
    for (name, conversation) in &set.conversations {
        let scope = scopes.get(name).cloned().unwrap_or_default();
        ask(store, conversation, &scope, embedder, &ids, &mut tally).await?;
        tell(&format!("{name}: {} questions", conversation.questions.len()));
    }
    Ok(tally.found(set.messages()))
}

/// Where to search a conversation, after all of it was written down. `ids` learns which message of the set each id is.
async fn stored(
    store: &Store,
    name: &str,
    conversation: &Conversation,
    ids: &mut BTreeMap<String, String>,
) -> Result<Scope> {
    let room = Room {
        id: new_id(),
        platform: "set".into(),
        external_id: name.to_owned(),
        ceiling: 2,
        public: false,
        server_id: None,
        direct: false,
    };
    let room = store.room(&room).await?;
    let mut authors = BTreeMap::new();
    for session in &conversation.sessions {
        store_session(store, &room, session, &mut authors, ids).await?;
    }
    Ok(Scope::of(&room, "", false))
}

async fn store_session(
    store: &Store,
    room: &Room,
    session: &Session,
    authors: &mut BTreeMap<String, String>,
    ids: &mut BTreeMap<String, String>,
) -> Result<()> {
    let mut at = Millis(session.at.as_millisecond());
    let thread = records::Conversation {
        id: new_id(),
        room_id: room.id.clone(),
        title: String::new(),
        created_at: at,
        updated_at: at,
    };
    store.create_conversation(&thread).await?;
    for message in &session.messages {
        if !authors.contains_key(&message.author) {
            let person = Person {
                id: new_id(),
                display: message.author.clone(),
                trust: 1,
            };
            store.put_person(&person).await?;
            authors.insert(message.author.clone(), person.id);
        }
        let id = new_id();
        ids.insert(id.clone(), message.id.clone());
        let record = records::Message {
            id,
            conversation_id: thread.id.clone(),
            run_id: None,
            person_id: authors.get(&message.author).cloned(),
            trust: 1,
            role: MessageRole::User,
            text: message.text.clone(),
            detail: json!({}),
            external_id: None,
            created_at: at,
        };
        store.add_message(&record).await?;
        at = at.plus(MINUTE);
    }
    Ok(())
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

async fn embed_all(store: &Store, embedder: &dyn Embedder) -> Result<()> {
    // Nothing has a vector yet, of whichever space.
    let mut before = None;
    loop {
        let entries = store.entries_without_vector("", before, i64::try_from(TEXTS)?).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        before = Some(last.key);
        let (keys, texts): (Vec<i64>, Vec<String>) = entries.into_iter().map(|entry| (entry.key, entry.text)).unzip();
        let vectors = embedder.embed(texts).await?;
        let rows: Vec<(i64, Vec<f32>)> = keys.into_iter().zip(vectors.rows).collect();
        store.keep_vectors(&vectors.space, &rows).await?;
    }
}

async fn ask(
    store: &Store,
    conversation: &Conversation,
    scope: &Scope,
    embedder: Option<&dyn Embedder>,
    ids: &BTreeMap<String, String>,
    tally: &mut Tally,
) -> Result<()> {
    for questions in conversation.questions.chunks(TEXTS) {
        let texts = questions.iter().map(|question| question.text.clone()).collect();
        let vectors = match embedder {
            Some(embedder) => Some(embedder.embed(texts).await?),
            None => None,
        };
        for (at, question) in questions.iter().enumerate() {
            let meaning = vectors.as_ref().and_then(|vectors| {
                let numbers = vectors.rows.get(at)?;
                Some(Meaning {
                    space: &vectors.space,
                    numbers,
                })
            });
            let began = Instant::now();
            let found = store
                .recall(&Question::new(&question.text), scope, meaning, most())
                .await?;
            tally.took.push(began.elapsed());
            let sources: Vec<&str> = found.iter().filter_map(|found| message(&found.source, ids)).collect();
            tally.add(&question.evidence, &sources);
        }
    }
    Ok(())
}

fn message<'a>(source: &Source, ids: &'a BTreeMap<String, String>) -> Option<&'a str> {
    match source {
        Source::Message { id, .. } => ids.get(id).map(String::as_str),
        Source::Memory { .. } => None,
    }
}

fn most() -> usize {
    DEPTHS.iter().copied().max().unwrap_or_default()
}

#[derive(Debug, Default)]
struct Tally {
    /// The sum over the questions, for each depth.
    parts: [f64; DEPTHS.len()],
    any: usize,
    took: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, evidence: &[String], found: &[&str]) {
        let wanted: BTreeSet<&str> = evidence.iter().map(String::as_str).collect();
        let within = |depth: usize| found.iter().take(depth).filter(|id| wanted.contains(**id)).count();
        for (part, depth) in self.parts.iter_mut().zip(DEPTHS) {
            *part += ratio(within(depth), wanted.len());
        }
        self.any += usize::from(within(most()) > 0);
    }

    fn found(mut self, messages: usize) -> Found {
        self.took.sort_unstable();
        let questions = self.took.len();
        let at = |part: usize| self.took.get((questions * part / 100).min(questions.saturating_sub(1)));
        Found {
            questions,
            messages,
            recall: DEPTHS
                .into_iter()
                .zip(self.parts.map(|part| part / ratio(questions.max(1), 1)))
                .collect(),
            any: self.any,
            median: at(50).copied().unwrap_or_default(),
            p99: at(99).copied().unwrap_or_default(),
        }
    }
}

fn ratio(part: usize, of: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(part) / float(of)
}

impl Found {
    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("{} questions over {} messages\n", self.questions, self.messages);
        for (depth, recall) in &self.recall {
            text += &format!("recall@{depth:<3} {recall:.3}\n");
        }
        text += &format!(
            "{} of {} questions have some of their evidence there\n",
            self.any, self.questions
        );
        text + &format!("a question took {:.1?}, p99 {:.1?}", self.median, self.p99)
    }
}
