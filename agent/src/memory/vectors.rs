//! Vectors of what can be found, made by the gateway's chain a few at a time, and of what is asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chain::Errand;
use jarvis_gateway::demands::{Demands, Endpoint, Origin};
use jarvis_gateway::jobs::{self, Embed, Encoding, Inputs};
use jarvis_gateway::registry::Registry;
use jarvis_memory::recall::{Question, Recalled, Scope};
use jarvis_memory::{Meaning, Store};

use super::FOUND;
use crate::agent::Agent;

/// How often is looked for entries without a vector.
const EVERY: Duration = Duration::from_secs(30);
/// After an embedder that did not answer.
const AWAY: Duration = Duration::from_mins(5);
/// Texts of one request, and of one transaction.
const BATCH: i64 = 16;
/// Between two of them others have their turn, at the model and at the database.
const PAUSE: Duration = Duration::from_millis(200);
/// Characters of one text. What models of this kind read has an end, too.
const TEXT_CHARS: usize = 2_000;
/// How long a question waits for its vector: words alone find most of what there is.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Vectors of one space.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    pub space: String,
    /// One for each text.
    pub rows: Vec<Vec<f32>>,
}

/// Who makes vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The vectors of these texts; nothing while nobody answers, or not within the `deadline`.
    async fn embed(&self, texts: Vec<String>, deadline: Option<Duration>) -> Option<Made>;
}

/// The chain of an alias, as it is when it is asked.
pub struct OfChain {
    registry: Arc<Registry>,
    alias: String,
}

impl OfChain {
    pub fn new(registry: Arc<Registry>, alias: String) -> Self {
        Self { registry, alias }
    }
}

#[async_trait]
impl Embedder for OfChain {
    async fn embed(&self, texts: Vec<String>, deadline: Option<Duration>) -> Option<Made> {
        let count = texts.len();
        let chain = self.registry.chain(&self.alias)?;
        let job = Embed {
            inputs: Inputs::Texts(texts),
            dimensions: None,
            truncate: true,
            encoding: Encoding::Float,
            original: None,
        };
        let origin = Origin {
            endpoint: Endpoint::Embeddings,
            model: self.alias.clone(),
            ..Origin::default()
        };
        let errand = Errand {
            caller: Caller::Internal,
            origin: Arc::new(origin),
            demands: Demands {
                deadline,
                ..Demands::default()
            },
            ..Errand::default()
        };
        let done = match jobs::embed(&chain, self.registry.health(), errand, &job).await {
            Ok(done) => done,
            Err(error) => {
                tracing::debug!(%error, "no vectors were made");
                return None;
            }
        };
        let jobs::Vectors::Numbers(rows) = done.answer.vectors else {
            return None;
        };
        // A model whose space nobody knows is a space of its own.
        let space = done.space.unwrap_or(done.served.target);
        (rows.len() == count).then_some(Made { space, rows })
    }
}

/// What fits a question, by meaning too where an embedder says in time what it means.
pub(super) async fn find(
    store: &Store,
    embedder: Option<&Arc<dyn Embedder>>,
    text: &str,
    scope: &Scope,
) -> Result<Vec<Recalled>, jarvis_memory::Error> {
    let asked: String = text.chars().take(TEXT_CHARS).collect();
    let made = match embedder {
        Some(embedder) => {
            let asking = embedder.embed(vec![asked], Some(PATIENCE));
            tokio::time::timeout(PATIENCE, asking).await.ok().flatten()
        }
        None => None,
    };
    let meaning = made.as_ref().and_then(|made| {
        let numbers = made.rows.first()?;
        let space = &made.space;
        Some(Meaning { space, numbers })
    });
    store.recall(&Question::new(text), scope, meaning, FOUND).await
}

/// Makes vectors for what has none in the space of the embedder that answers, the newest first, until the process stops.
/// What was made is a row, so that a start goes on where the last one stopped.
pub async fn make_vectors(agent: Agent) {
    let parts = agent.parts();
    let Some(embedder) = &parts.embedder else { return };
    let (store, stopping) = (&parts.store, parts.tasks.stopping());
    let mut round = Round::default();
    let mut wait = EVERY;
    while stopping.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        wait = match stopping
            .run_until_cancelled(round.catch_up(store, embedder.as_ref()))
            .await
        {
            Some(Ok(true)) => EVERY,
            Some(Ok(false)) => AWAY,
            Some(Err(error)) => {
                tracing::warn!(%error, "vectors could not be kept; it is tried again");
                AWAY
            }
            None => return,
        };
    }
}

/// What is known from one look to the next.
#[derive(Default)]
struct Round {
    /// The space of the embedder that answered last.
    space: String,
    /// The newest that could be found when everything had its vector.
    upto: Option<String>,
}

impl Round {
    /// Makes all vectors that are missing. `false` when no embedder answered. Where nothing was said since, it is known by
    /// one small query, and no model is asked.
    async fn catch_up(&mut self, store: &Store, embedder: &dyn Embedder) -> Result<bool, jarvis_memory::Error> {
        let newest = store.newest_findable().await?;
        if self.upto.as_ref() == Some(&newest) {
            return Ok(true);
        }
        let mut before = None;
        loop {
            let entries = store.entries_without_vector(&self.space, before, BATCH).await?;
            let Some(last) = entries.last() else { break };
            let texts = entries
                .iter()
                .map(|entry| entry.text.chars().take(TEXT_CHARS).collect());
            let Some(made) = embedder.embed(texts.collect(), None).await else {
                return Ok(false);
            };
            let vectors: Vec<(i64, Vec<f32>)> = entries.iter().map(|entry| entry.key).zip(made.rows).collect();
            store.keep_vectors(&made.space, &vectors).await?;
            // What another model has made before is looked at from the beginning.
            before = (made.space == self.space).then_some(last.key);
            self.space = made.space;
            tokio::time::sleep(PAUSE).await;
        }
        self.upto = Some(newest);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jarvis_gateway::clock::Millis;
    use jarvis_memory::recall::{Audience, Memory};
    use jarvis_memory::records::Room;

    use super::*;

    /// Says how often it was asked, and of what.
    #[derive(Default)]
    struct Counting {
        space: Mutex<String>,
        asked: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl Embedder for Counting {
        async fn embed(&self, texts: Vec<String>, _deadline: Option<Duration>) -> Option<Made> {
            let space = self.space.lock().unwrap().clone();
            self.asked.lock().unwrap().push(texts.len());
            // Animals are one direction, everything else is another.
            let is_animal = |text: &String| ["cat", "kitten"].iter().any(|word| text.contains(word));
            let of = |text: &String| {
                if is_animal(text) {
                    vec![1.0, 0.0]
                } else {
                    vec![0.0, 1.0]
                }
            };
            let rows = texts.iter().map(of).collect();
            (!space.is_empty()).then_some(Made { space, rows })
        }
    }

    async fn remember(store: &Store, text: &str) {
        let memory = Memory {
            id: uuid::Uuid::now_v7().to_string(),
            subject_id: None,
            author_id: None,
            audience: Audience::Owner,
            whose: String::new(),
            text: text.to_owned(),
            source_message: None,
            author_trust: 4,
            at: Millis(0),
        };
        store.remember(&memory).await.unwrap();
    }

    #[tokio::test]
    async fn vectors_are_made_once_and_of_each_space() {
        let store = Store::temporary().await.unwrap();
        for number in 0..20 {
            remember(&store, &format!("number {number} of the chairs in the kitchen")).await;
        }
        remember(&store, "our cat sleeps in the kitchen").await;
        let embedder = Arc::new(Counting::default());
        let mut round = Round::default();
        assert!(
            !round.catch_up(&store, embedder.as_ref()).await.unwrap(),
            "nobody answers"
        );
        assert_eq!(store.entries_without_vector("a", None, 100).await.unwrap().len(), 21);
        *embedder.space.lock().unwrap() = "a".to_owned();
        embedder.asked.lock().unwrap().clear();
        assert!(round.catch_up(&store, embedder.as_ref()).await.unwrap());
        assert!(store.entries_without_vector("a", None, 100).await.unwrap().is_empty());
        assert_eq!(*embedder.asked.lock().unwrap(), [16, 5]);
        // Idle when nothing was said, one more when something was.
        assert!(round.catch_up(&store, embedder.as_ref()).await.unwrap());
        remember(&store, "the kitchen has a window").await;
        assert!(round.catch_up(&store, embedder.as_ref()).await.unwrap());
        assert_eq!(*embedder.asked.lock().unwrap(), [16, 5, 1]);
        // A start knows what there is by its rows.
        *embedder.space.lock().unwrap() = "b".to_owned();
        let mut round = Round::default();
        assert!(round.catch_up(&store, embedder.as_ref()).await.unwrap());
        assert!(store.entries_without_vector("b", None, 100).await.unwrap().is_empty());
        assert!(store.entries_without_vector("a", None, 100).await.unwrap().is_empty());

        let home = Room {
            id: "room".into(),
            platform: "local".into(),
            external_id: "home".into(),
            ceiling: 4,
            public: false,
            server_id: None,
            direct: false,
        };
        let scope = Scope::of(&home, "owner", true);
        let first = async |embedder: Option<&Arc<dyn Embedder>>| {
            let found = find(&store, embedder, "where in the kitchen is the kitten?", &scope)
                .await
                .unwrap();
            found.first().map(|found| found.text.clone())
        };
        let embedder: Arc<dyn Embedder> = embedder;
        assert_eq!(
            first(Some(&embedder)).await.as_deref(),
            Some("our cat sleeps in the kitchen")
        );
        assert!(first(None).await.is_some(), "words alone, when there is no embedder");
    }
}
