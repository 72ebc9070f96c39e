//! How long recall takes over 1,000,000 messages and 100,000 memories, and to forget one person of 200:
//! `cargo run --release -p jarvis-memory --example recall [postgres://…] [MESSAGES MEMORIES BATCH]`.
//!
//! Words are as frequent as in speech (Zipf), so most questions hold words that stand in tens of thousands of messages. The
//! database is a file in the temporary folder, 1.5 GB, and was not read before; or an empty one of a server, which is vacuumed
//! when it is full, as the server does by itself in time.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_memory::people::{Forget, Identity};
use jarvis_memory::recall::{Audience, Memory, Question, Scope};
use jarvis_memory::records::{Conversation, Person, Room};
use jarvis_memory::{Meaning, Store};
use tokio::time::Instant;

const VOCABULARY: f64 = 60_000.0;
const WORDS: usize = 12;
const PEOPLE: usize = 200;
/// Conversations of the server; one in ten of the messages is the owner's, at home.
const CHANNELS: usize = 9;
const QUESTIONS: usize = 1_000;
/// Messages of one transaction in a server. More at once are indexed sooner, and found the same.
const BATCH: i64 = 16;
const DIMENSIONS: usize = 384;
const SPACE: &str = "space";

type Done<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let (urls, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.contains(':'));
    let mut numbers = numbers.iter().filter_map(|number| number.parse().ok());
    let messages = numbers.next().unwrap_or(1_000_000);
    let memories = numbers.next().unwrap_or(100_000);
    let batch = numbers.next().map_or(Ok(BATCH), i64::try_from)?;
    let store = match urls.first() {
        Some(url) => Store::open(url).await?,
        None => Store::temporary().await?,
    };
    let mut chance = Chance(1);
    let (public, home) = fill(&store, &mut chance, messages).await?;

    let began = Instant::now();
    let mut after = None;
    let mut longest = Duration::ZERO;
    loop {
        let began = Instant::now();
        after = store.index_messages(after.as_deref(), batch).await?;
        longest = longest.max(began.elapsed());
        if after.is_none() {
            break;
        }
    }
    println!(
        "{messages} messages indexed in {:.1?}, of which {batch} took at most {longest:.1?}",
        began.elapsed()
    );

    let began = Instant::now();
    for number in 0..memories {
        store.remember(&memory(&mut chance, number)).await?;
    }
    println!("{memories} memories kept and indexed in {:.1?}", began.elapsed());
    if urls.is_empty() {
        let vectors =
            format!("INSERT INTO recall_vectors SELECT '{SPACE}', key, randomblob({DIMENSIONS}) FROM recall_entries");
        store.execute_raw(&vectors).await?;
    } else {
        on_a_server(&store).await?;
    }

    let numbers: Vec<f32> = (0..DIMENSIONS).map(|at| if at % 3 == 0 { 0.5 } else { -0.2 }).collect();
    let meaning = Meaning {
        space: SPACE,
        numbers: &numbers,
    };
    for (name, room, person, is_owner) in [
        ("the server", &public, "p7", false),
        ("home", &home, "owner", true),
        ("a person at home", &home, "p7", false),
    ] {
        let scope = Scope::of(room, person, is_owner);
        ask(&store, &format!("{name}, words alone"), &scope, None, &mut chance).await?;
        ask(
            &store,
            &format!("{name}, with vectors"),
            &scope,
            Some(meaning),
            &mut chance,
        )
        .await?;
    }
    forget(&store, "p7").await
}

/// One person of them all, with everything of theirs.
async fn forget(store: &Store, person: &str) -> Done {
    let began = Instant::now();
    let forget = Forget {
        person_id: person,
        names: &[],
        salt: "salt",
        now: Millis(0),
    };
    let forgotten = store.forget_person(&forget).await?;
    println!("forgotten in {:.1?}: {forgotten:?}", began.elapsed());
    let began = Instant::now();
    store.wipe().await?;
    println!("cleaned up in {:.1?}, a little at a time", began.elapsed());
    Ok(())
}

/// Vectors of chance, 16 bytes at a time, and what a server does with a table that has grown.
async fn on_a_server(store: &Store) -> Done {
    let vectors = format!(
        "SET statement_timeout = 0; INSERT INTO recall_vectors SELECT '{SPACE}', key,
           (SELECT decode(string_agg(md5(random()::TEXT || key || n), ''), 'hex') FROM generate_series(1, {}) AS n)
         FROM recall_entries",
        DIMENSIONS / 16
    );
    store.execute_raw(&vectors).await?;
    for table in [
        "messages",
        "memories",
        "recall_entries",
        "recall_words",
        "recall_vectors",
    ] {
        store.execute_raw(&format!("VACUUM ANALYZE {table}")).await?;
    }
    let size = "SELECT relname || ' ' || pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::REGNAMESPACE ORDER BY pg_total_relation_size(oid) DESC LIMIT 5";
    println!("{}", store.texts_raw(size).await?.join(", "));
    Ok(())
}

async fn ask(store: &Store, name: &str, scope: &Scope, meaning: Option<Meaning<'_>>, chance: &mut Chance) -> Done {
    let mut took = Vec::new();
    let mut found = 0;
    for _ in 0..QUESTIONS {
        let words = 3 + chance.below(4);
        let mut text = format!("What did person{} say about", chance.below(PEOPLE));
        for _ in 0..words {
            write!(text, " {}", chance.word())?;
        }
        let began = Instant::now();
        found += store.recall(&Question::new(&text), scope, meaning, 10).await?.len();
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let at = |part: usize| took.get(took.len() * part / 1000).copied().unwrap_or_default();
    println!(
        "{name}: median {:.1?}, p99 {:.1?}, worst {:.1?}, {found} found",
        at(500),
        at(990),
        at(999)
    );
    Ok(())
}

/// The public room of a server with most of the messages, and the owner's home with the rest.
async fn fill(store: &Store, chance: &mut Chance, messages: usize) -> Done<(Room, Room)> {
    for number in 0..PEOPLE {
        let person = Person {
            id: format!("p{number}"),
            display: format!("person{number}"),
            trust: 1,
        };
        let account = Identity {
            platform: "discord".into(),
            account: format!("a{number}"),
            handle: person.display.clone(),
            linked_at: Millis(0),
        };
        store.meet(&account, &person).await?;
    }
    let mut conversations = Vec::new();
    let mut rooms = Vec::new();
    for number in 0..=CHANNELS {
        let at_home = number == CHANNELS;
        let room = Room {
            id: id(0, number),
            platform: if at_home { "local" } else { "discord" }.into(),
            external_id: number.to_string(),
            ceiling: 4,
            public: !at_home,
            server_id: (!at_home).then(|| "guild".into()),
            direct: false,
        };
        let room = store.room(&room).await?;
        let conversation = Conversation {
            id: id(1, number),
            room_id: room.id.clone(),
            title: String::new(),
            created_at: Millis(0),
            updated_at: Millis(0),
        };
        store.create_conversation(&conversation).await?;
        conversations.push(conversation.id);
        rooms.push(room);
    }
    for first in (0..messages).step_by(500) {
        let mut sql = "INSERT INTO messages
            (id, conversation_id, run_id, person_id, trust, role, text, detail, external_id, created_at) VALUES "
            .to_owned();
        for number in first..messages.min(first + 500) {
            let conversation = &conversations[number % conversations.len()];
            let comma = if number == first { "" } else { "," };
            let person = chance.below(PEOPLE);
            let text = text(chance);
            write!(
                sql,
                "{comma}('{}','{conversation}',NULL,'p{person}',1,'user','{text}','{{}}',NULL,{number})",
                id(2, number)
            )?;
        }
        store.execute_raw(&sql).await?;
    }
    let home = rooms.pop().ok_or("no rooms")?;
    Ok((rooms.pop().ok_or("no rooms")?, home))
}

fn memory(chance: &mut Chance, number: usize) -> Memory {
    let (audience, whose) = match number % 3 {
        0 => (Audience::Owner, String::new()),
        1 => (Audience::Server, "discord guild".to_owned()),
        _ => (Audience::Person, format!("p{}", chance.below(PEOPLE))),
    };
    Memory {
        id: id(3, number),
        subject_id: None,
        author_id: Some(format!("p{}", chance.below(PEOPLE))),
        audience,
        whose,
        text: text(chance),
        source_message: None,
        author_trust: 1,
        at: Millis(0),
    }
}

fn text(chance: &mut Chance) -> String {
    let words: Vec<String> = (0..WORDS).map(|_| chance.word()).collect();
    words.join(" ")
}

/// An id in the order of `number`, as those of the program are.
fn id(kind: usize, number: usize) -> String {
    let digits = format!("019{kind}{number:08x}");
    let (high, low) = digits.split_at(8);
    format!("{high}-{low}-7000-8000-{number:012x}")
}

/// Xorshift: the same figures every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or_default() % most
    }

    /// The first words of the vocabulary are the most frequent ones.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "53 bits are enough of chance, and ranks are small"
    )]
    fn word(&mut self) -> String {
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        format!("w{}", VOCABULARY.powf(part) as u64)
    }
}
