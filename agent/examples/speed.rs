//! Measures the agent itself, without a model's time: a real database on disk, a platform that shows at once, and a model
//! that answers at once.
//!
//!     cargo run --release -p jarvis-agent --example speed
//!
//! `docs/performance.md` says what the figures are and must be.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jarvis_agent::people::{Directory, PlatformId};
use jarvis_agent::platform::{Adapter, Author, Caps, Delivered, Incoming, Outgoing, RoomId, SendError};
use jarvis_agent::view::{Happening, RunState};
use jarvis_agent::{Agent, Config, Parts, Principal, Surface};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chat::{Event, Finish, FinishReason, Message, ToolCallDelta};
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::provider::{Call, Events, Provider};
use jarvis_gateway::tasks::Tasks;
use jarvis_memory::Store;
use jarvis_tools::catalog::Catalog;
use jarvis_tools::risk::{Risk, Trust};
use jarvis_tools::{Context, Output, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex as Turns, mpsc};
use tokio::time::{Instant, sleep};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn Error + Send + Sync>;

/// How long each of the four reads takes.
const READS_MS: [u64; 4] = [40, 60, 80, 100];
/// What may wait to be counted.
const EVENTS: usize = 10_000;
const MESSAGES: usize = 1_000;
const TURNS_OF_READS: usize = 50;
const ROOMS: usize = 200;
const LINES: usize = 10;
const MANY_TURNS: usize = 10_000;

/// A read that takes as long as it is told.
struct Wait;

/// Waits, and says so.
#[derive(Debug, Deserialize, JsonSchema)]
struct WaitInput {
    /// Milliseconds.
    ms: u64,
}

#[async_trait]
impl Tool for Wait {
    type Input = WaitInput;
    const NAME: &'static str = "wait";

    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk::read(Trust::Public)
    }

    async fn run(&self, _context: &Context, input: Self::Input) -> Result<Output, jarvis_tools::Error> {
        sleep(Duration::from_millis(input.ms)).await;
        Ok(Output {
            summary: format!("waited {} ms", input.ms),
            data: json!(null),
        })
    }
}

/// Repeats what it is told, and tells when it is asked. Told `reads`, it calls the four reads first.
struct Model {
    asked: mpsc::Sender<Instant>,
}

impl Provider for Model {
    fn stream(&self, call: Call) -> Events {
        // What is not counted in time is not measured.
        self.asked.try_send(Instant::now()).unwrap_or_default();
        let last = call
            .request
            .messages
            .last()
            .map(Message::joined_text)
            .unwrap_or_default();
        let reads = last.ends_with("reads");
        Box::pin(async_stream::stream! {
            if reads {
                for (index, ms) in (0..).zip(READS_MS) {
                    yield Ok(Event::ToolCall(ToolCallDelta {
                        index,
                        id: Some(format!("call-{index}")),
                        name: Some(Wait::NAME.into()),
                        arguments: json!({ "ms": ms }).to_string(),
                    }));
                }
                yield Ok(Event::Finish(Finish::because(FinishReason::ToolCalls)));
                return;
            }
            yield Ok(Event::Text(last));
            yield Ok(Event::Finish(Finish::because(FinishReason::Stop)));
        })
    }
}

/// Shows everything at once, and tells the room and the words.
struct Platform {
    shown: mpsc::Sender<(String, String)>,
}

#[async_trait]
impl Adapter for Platform {
    fn platform(&self) -> &'static str {
        "bench"
    }

    fn caps(&self) -> Caps {
        Caps {
            max_chars: 2_000,
            edits: true,
            buttons: true,
            knows_repeats: true,
        }
    }

    async fn send(&self, room: &RoomId, what: &Outgoing) -> Result<Delivered, SendError> {
        let line = (room.room.clone(), what.text.clone());
        self.shown
            .send(line)
            .await
            .map_err(|error| SendError::Refused(error.to_string()))?;
        Ok(Delivered {
            room: room.clone(),
            message: what.key.clone(),
        })
    }

    async fn edit(&self, _shown: &Delivered, _what: &Outgoing) -> Result<(), SendError> {
        Ok(())
    }

    async fn direct(&self, account: &str) -> Result<RoomId, SendError> {
        Ok(room(account))
    }
}

fn room(name: &str) -> RoomId {
    RoomId {
        platform: "bench".into(),
        room: name.into(),
        server: None,
        direct: true,
    }
}

struct Bench {
    agent: Agent,
    asked: Turns<mpsc::Receiver<Instant>>,
    shown: Turns<mpsc::Receiver<(String, String)>>,
    number: Mutex<u64>,
}

impl Bench {
    async fn start(folder: &std::path::Path) -> Result<Self, Failure> {
        let store = Store::open(&format!("sqlite://{}", folder.join("speed.db").display())).await?;
        let (asked, asks) = mpsc::channel(EVENTS);
        let (shown, shows) = mpsc::channel(EVENTS);
        let mut directory = Directory::default();
        directory
            .people
            .owners
            .insert(PlatformId::try_from("bench:1".to_owned())?);
        let clock: Arc<dyn Clock> = Arc::new(System);
        let parts = Parts::new(
            store,
            Arc::new(Model { asked }),
            Catalog::default().with(Wait),
            clock,
            Tasks::default(),
            Config::default(),
        )
        .with_directory(directory);
        let agent = Agent::start(parts).await?;
        agent.connect(Arc::new(Platform { shown }));
        Ok(Self {
            agent,
            asked: Turns::new(asks),
            shown: Turns::new(shows),
            number: Mutex::new(0),
        })
    }

    /// The owner writes in a room of a platform.
    async fn hear(&self, name: &str, text: &str) -> Result<(), Failure> {
        let number = {
            let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
            *number += 1;
            *number
        };
        self.agent
            .hear(Incoming {
                room: room(name),
                author: Author {
                    account: "1".into(),
                    handle: "sam".into(),
                    roles: Vec::new(),
                    is_bot: false,
                },
                id: format!("event-{number}"),
                text: text.into(),
                addressed: true,
                at: System.now(),
            })
            .await?;
        Ok(())
    }

    async fn asked(&self) -> Result<Instant, Failure> {
        self.asked
            .lock()
            .await
            .recv()
            .await
            .ok_or_else(|| "the model is gone".into())
    }

    async fn shown(&self) -> Result<(String, String), Failure> {
        self.shown
            .lock()
            .await
            .recv()
            .await
            .ok_or_else(|| "the platform is gone".into())
    }

    async fn drain(&self) {
        let mut asked = self.asked.lock().await;
        while asked.try_recv().is_ok() {}
    }

    /// From a message of a platform to the model, the agent being idle before.
    async fn to_the_model_from_a_platform(&self) -> Result<Vec<Duration>, Failure> {
        let mut took = Vec::new();
        for number in 0..MESSAGES {
            self.drain().await;
            let began = Instant::now();
            self.hear("idle", &format!("message {number}")).await?;
            took.push(self.asked().await?.duration_since(began));
            self.shown().await?;
            sleep(Duration::from_millis(2)).await;
        }
        Ok(took)
    }

    /// The same from the console or a terminal.
    async fn to_the_model_from_the_console(&self) -> Result<Vec<Duration>, Failure> {
        let owner = Principal::of(&Caller::Loopback, Surface::Console);
        let conversation = self.agent.create_conversation(&owner).await?.id;
        let mut took = Vec::new();
        for number in 0..MESSAGES {
            let mut events = self.agent.watch(&owner, None)?;
            self.drain().await;
            let began = Instant::now();
            self.agent
                .say(&owner, &conversation, &format!("message {number}"), None)
                .await?;
            took.push(self.asked().await?.duration_since(began));
            loop {
                let event = events.live.recv().await?;
                if matches!(
                    event.happening,
                    Happening::Run {
                        state: RunState::Finished,
                        ..
                    }
                ) {
                    break;
                }
            }
        }
        Ok(took)
    }

    /// What four reads at once cost beyond the slowest: from the model's calls to its next question.
    async fn four_reads(&self) -> Result<Vec<Duration>, Failure> {
        let slowest = Duration::from_millis(READS_MS.into_iter().max().unwrap_or_default());
        let mut took = Vec::new();
        for number in 0..TURNS_OF_READS {
            self.drain().await;
            self.hear(&format!("reads-{number}"), "reads").await?;
            let called = self.asked().await?;
            took.push(self.asked().await?.duration_since(called).saturating_sub(slowest));
            self.shown().await?;
        }
        Ok(took)
    }

    /// Many rooms at once, one message after the other in each. How long all took; a lost or exchanged one is an error.
    async fn rooms_at_once(&self) -> Result<Duration, Failure> {
        let began = Instant::now();
        let talks = (0..ROOMS).map(|room| async move {
            for line in 0..LINES {
                self.hear(&format!("room-{room}"), &format!("line {line}")).await?;
            }
            Ok::<(), Failure>(())
        });
        let heard = futures_util::future::try_join_all(talks);
        let shown = async {
            let mut next = vec![0; ROOMS];
            while next.iter().sum::<usize>() < ROOMS * LINES {
                let (room, text) = self.shown().await?;
                let Some(index) = room.strip_prefix("room-") else {
                    continue; // Somewhere else a conversation was told to be summarised.
                };
                let index: usize = index.parse()?;
                let seen = next.get_mut(index).ok_or("a room that nobody is in")?;
                // What is written while a turn runs joins it, so that one answer may speak of several lines.
                let last = text
                    .rsplit(' ')
                    .next()
                    .unwrap_or_default()
                    .parse::<usize>()
                    .map_err(|_| text.clone())?;
                if last < *seen {
                    return Err(format!("{room}: line {last} after line {seen}").into());
                }
                *seen = last + 1;
            }
            Ok::<(), Failure>(())
        };
        futures_util::future::try_join(heard, shown).await?;
        Ok(began.elapsed())
    }

    /// Memory at each thousandth of many turns, in twenty rooms.
    async fn many_turns(&self) -> Result<Vec<(usize, u64)>, Failure> {
        let mut memory = Vec::new();
        for turn in 1..=MANY_TURNS {
            self.hear(&format!("many-{}", turn % 20), &format!("turn {turn}"))
                .await?;
            self.shown().await?;
            self.drain().await;
            if turn % 1_000 == 0 {
                memory.push((turn, resident_kib()?));
            }
        }
        Ok(memory)
    }
}

fn resident_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

fn tell(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: usize| {
        took.get((took.len() * share / 100).min(took.len() - 1))
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{what}: median {:.2} ms, p99 {:.2} ms, worst {:.2} ms ({} times)",
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
        at(100).as_secs_f64() * 1e3,
        took.len()
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("jarvis-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let bench = Bench::start(&folder).await?;
    tell(
        "message of a platform to the model",
        bench.to_the_model_from_a_platform().await?,
    );
    tell(
        "message of the console to the model",
        bench.to_the_model_from_the_console().await?,
    );
    tell("four reads at once, beyond the slowest", bench.four_reads().await?);
    let took = bench.rooms_at_once().await?;
    println!(
        "{ROOMS} rooms at once, {LINES} lines each, all in order: {:.0} ms",
        took.as_secs_f64() * 1e3
    );
    bench.drain().await;
    for (turns, kib) in bench.many_turns().await? {
        println!("resident after {turns} turns: {kib} KiB");
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
