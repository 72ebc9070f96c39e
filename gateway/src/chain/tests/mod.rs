mod account;
mod calls;
mod cold;
mod fallback;
mod fit;
mod going_on;
mod history;
mod limits;
mod property;
mod thoughts;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::*;
use crate::breaker::{Board, Shown};
use crate::chat::{Delivery, Event, Finish, FinishReason, Left, Original, Protocol, Request, Served, WireChunk};
use crate::clock::{Clock, Fixed, Millis};
use crate::health::prober::{self, Watch};
use crate::health::{Health, Listed, Source};
use crate::provider::{Call, Class, Error, Events, Provider};
use crate::tasks::Tasks;
use crate::usage::{Attempt, Observer, Outcome, Purse};

/// What a played target does when it is asked.
#[derive(Clone)]
enum Step {
    Say(Event),
    Wait(u64),
    Fail(Error),
    /// The stream ends here, without an end mark.
    Cut,
}

/// Plays one script per request, and the last one for all that follow.
#[derive(Clone, Default)]
struct Played {
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    asked_at: Arc<Mutex<Vec<Instant>>>,
}

impl Provider for Played {
    fn stream(&self, _call: Call) -> Events {
        let played = self.clone();
        Box::pin(async_stream::stream! {
            played.asked_at.lock().unwrap().push(Instant::now());
            let script = {
                let mut scripts = played.scripts.lock().unwrap();
                let script = scripts.pop_front().unwrap();
                if scripts.is_empty() {
                    scripts.push_back(script.clone());
                }
                script
            };
            for step in script {
                match step {
                    Step::Say(event) => yield Ok(event),
                    Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                    Step::Fail(error) => yield Err(error),
                    Step::Cut => return,
                }
            }
        })
    }
}

/// A chain of played targets `t0/m`, `t1/m`, … with its clock.
struct Rig {
    clock: Fixed,
    board: Arc<Board>,
    health: Health,
    told: Arc<Told>,
    chain: Chain,
    played: Vec<Played>,
}

/// Keeps what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<Attempt>>);

impl Observer for Told {
    fn attempt(&self, attempt: &Attempt) {
        self.0.lock().unwrap().push(attempt.clone());
    }
}

impl Told {
    fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().unwrap().clone()
    }
}

fn rig(scripts: &[&[&[Step]]]) -> Rig {
    let scripts: Vec<_> = scripts.iter().map(|scripts| (HostClass::Gpu, *scripts)).collect();
    rig_of(&scripts)
}

fn rig_of(scripts: &[(HostClass, &[&[Step]])]) -> Rig {
    let clock = Fixed::at(Millis(1_000_000));
    let board = Arc::new(Board::new(Arc::new(clock.clone())));
    let health = Health::new(Arc::new(clock.clone()), Tasks::default());
    let told = Arc::new(Told::default());
    let mut played = Vec::new();
    let mut targets = Vec::new();
    for (index, (class, scripts)) in scripts.iter().enumerate() {
        let provider = Played::default();
        provider
            .scripts
            .lock()
            .unwrap()
            .extend(scripts.iter().map(|script| script.to_vec()));
        let target = Target::new(&board, &format!("t{index}"), "m", *class, Arc::new(provider.clone()));
        let target = target.with_health(health.model(&format!("t{index}"), "m"));
        target.answered(&Finish::because(FinishReason::Stop), 0);
        targets.push(Arc::new(target));
        played.push(provider);
    }
    Rig {
        clock,
        board,
        health,
        chain: Chain::new(targets).with_surroundings(Arc::new(Surroundings {
            observers: vec![told.clone()],
            purse: None,
        })),
        told,
        played,
    }
}

impl Rig {
    async fn ask(&self) -> Vec<Result<Event, Error>> {
        self.ask_with(Request::default()).await
    }

    async fn ask_over_the_api(&self, stream: bool) -> Vec<Result<Event, Error>> {
        self.ask_with(Request {
            original: Some(Original {
                protocol: Protocol::OpenAiChat,
                body: Bytes::from_static(b"{}"),
                include_usage: false,
            }),
            delivery: if stream { Delivery::Live } else { Delivery::Whole },
            ..Request::default()
        })
        .await
    }

    async fn ask_with(&self, request: Request) -> Vec<Result<Event, Error>> {
        let mut events: Vec<_> = self.chain.stream(call(request)).collect().await;
        // What is estimated is looked at where accounts are.
        if let Some(Ok(Event::Finish(finish))) = events.last_mut() {
            finish.usage = None;
        }
        events
    }

    fn with_purse(self, purse: Arc<dyn Purse>) -> Self {
        let surroundings = Surroundings {
            observers: vec![self.told.clone()],
            purse: Some(purse),
        };
        Self {
            chain: self.chain.with_surroundings(Arc::new(surroundings)),
            ..self
        }
    }

    /// What became of every attempt, in the order in which they ended.
    fn outcomes(&self) -> Vec<String> {
        let attempts = self.told.attempts();
        let words = attempts.iter().map(|attempt| match &attempt.outcome {
            Outcome::Answered => format!("{} answered", attempt.backend),
            Outcome::Cached => format!("{} cached", attempt.backend),
            Outcome::Left { class, .. } => format!("{} {}", attempt.backend, class.as_str()),
            Outcome::Cancelled => format!("{} cancelled", attempt.backend),
        });
        words.collect()
    }

    fn asked(&self) -> Vec<usize> {
        self.played
            .iter()
            .map(|played| played.asked_at.lock().unwrap().len())
            .collect()
    }

    fn states(&self) -> Vec<Shown> {
        self.chain.targets().iter().map(|target| target.state().state).collect()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn call(request: Request) -> Call {
    Call {
        request: Arc::new(request),
        model: String::new(),
        left: Vec::new(),
    }
}

fn text(text: &str) -> Step {
    Step::Say(Event::Text(text.to_owned()))
}

fn finish() -> Step {
    Step::Say(finished())
}

fn finished() -> Event {
    Event::Finish(Finish::because(FinishReason::Stop))
}

fn fail(class: Class) -> Step {
    Step::Fail(Error::new(class, "it failed"))
}

fn fail_status(class: Class, status: u16) -> Step {
    Step::Fail(Error {
        status: Some(status),
        ..Error::new(class, "it failed")
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with items of a stream")]
fn served(target: &str, attempts: u32, left: &[(&str, &str, Class)]) -> Result<Event, Error> {
    let left = left.iter().map(|(target, reason, class)| Left {
        target: (*target).to_owned(),
        reason: (*reason).to_owned(),
        class: *class,
    });
    Ok(Event::Served(Served {
        target: target.to_owned(),
        model: target.split('/').next_back().unwrap_or_default().to_owned(),
        attempts,
        left: left.collect(),
        dropped: Vec::new(),
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with items of a stream")]
fn said(text: &str) -> Result<Event, Error> {
    Ok(Event::Text(text.to_owned()))
}
