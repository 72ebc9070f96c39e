//! A job on its way down a chain.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::timeout_at;

use super::embed::{Embed, Embedded};
use super::forward::{Forward, Task};
use super::pace;
use super::reply::Reply;
use super::running::Running;
use super::space::Known;
use super::worker::Worker;
use serde::{Deserialize, Serialize};

use crate::caller::Waits;
use crate::chain::{Admission, Chain, Errand, Needs, Route, Target, Walk};
use crate::chat::{Finish, FinishReason, Served, Usage};
use crate::demands::Hops;
use crate::health::{Ability, Health};
use crate::provider::{Class, Error};
use crate::usage::Pieces;

/// What came of a job, and who did it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Done<T> {
    pub answer: T,
    pub served: Served,
    /// The vector space, where it is known.
    pub space: Option<String>,
}

/// One vector for every input, from the first target that works among those of one vector space: that of the first
/// target which can do the job at all. `errand.prompt_tokens` is filled in here.
pub async fn embed(chain: &Chain, health: &Health, errand: Errand, job: &Embed) -> Result<Done<Embedded>, Error> {
    let fitting = Fitting::new(chain.route(), job)?;
    if let Some(error) = only_other_kinds(fitting.route.targets()) {
        return Err(error);
    }
    let (fitting, space) = fitting.of_one_space(health);
    let errand = Errand {
        prompt_tokens: job.inputs.estimated_tokens(),
        // Only the server can tell whether an input fits, and it says so.
        at_once: Some(0),
        needs: Needs {
            abilities: vec![Ability::Embedding],
            ..Needs::default()
        },
        ..errand
    };
    let caller = (errand.caller.waits(), errand.origin.hops);
    let mut walk = fitting.walk(errand, pace::EMBED_DEADLINE);
    let (answer, mut admission) = match down(&mut walk, job, caller).await {
        Ok(done) => done,
        Err(error) => return Err(too_long(&walk).unwrap_or(error)),
    };
    admission.works();
    admission.answered(&finish(answer.tokens.map(|tokens| Usage {
        prompt_tokens: tokens,
        ..Usage::default()
    })));
    Ok(Done {
        answer,
        served: walk.served(admission.target()),
        space: space.name(),
    })
}

/// The targets of a chain and the spaces of their vectors, as far as they are known: while this is the same, vectors are.
pub fn spaces(chain: &Chain, health: &Health) -> String {
    let route = chain.route();
    let known = |target: &Arc<Target>| {
        let space = Known::of(target, health).name().unwrap_or_default();
        format!("{} {space}\n", target.name())
    };
    route.targets().iter().map(known).collect()
}

/// The answer of the first target that begins to give one. What happens after its beginning is the caller's to see:
/// another target cannot take it up.
pub async fn forward(chain: &Chain, errand: Errand, job: &Forward) -> Result<Done<Running>, Error> {
    let fitting = Fitting::new(chain.route(), job)?;
    let errand = Errand {
        pieces: job.asks_for,
        ..errand
    };
    let caller = (errand.caller.waits(), errand.origin.hops);
    let mut walk = fitting.walk(errand, job.task.deadline());
    let (reply, mut admission) = down(&mut walk, job, caller).await?;
    admission.works();
    let made = reply.made();
    admission.made(Pieces {
        images: made.images.max(job.asks_for.images),
        audio: made.audio,
        characters: job.asks_for.characters,
    });
    let served = walk.served(admission.target());
    Ok(Done {
        answer: Running::new(reply, admission, job.task),
        served,
        space: None,
    })
}

/// Vectors are asked of models that are all known to make none. One that may make some is asked, and its space counts.
fn only_other_kinds(targets: &[Arc<Target>]) -> Option<Error> {
    let kinds = targets.iter().map(|target| {
        let facts = target.facts();
        if facts.can(Ability::Embedding) != Some(false) {
            return None;
        }
        let kind = match facts.can(Ability::Completion) {
            Some(true) => "a model that chats",
            Some(false) | None => "a model of another kind",
        };
        Some(format!("{} is {kind}", target.name()))
    });
    let kinds: Vec<String> = kinds.collect::<Option<_>>()?;
    let message = format!(
        "no embedding model: {}; ask for a model that makes vectors",
        kinds.join(", ")
    );
    (!kinds.is_empty()).then(|| Error::new(Class::Capability, message))
}

/// All targets of one space are one model, so what is too long for one of them is too long for those that are down too.
fn too_long(walk: &Walk) -> Option<Error> {
    let left = walk.left().iter().find(|left| left.class == Class::ContextLength)?;
    Some(Error::new(left.class, format!("{}: {}", left.target, left.reason)))
}

pub(super) fn finish(usage: Option<Usage>) -> Finish {
    Finish {
        usage,
        ..Finish::because(FinishReason::Stop)
    }
}

/// Work of one kind, as the walk sees it.
trait Job: Sync {
    type Answer: Send;

    /// As it goes on after "gpu (ollama)".
    fn cannot(&self, worker: &dyn Worker) -> Option<String>;
    /// How long the target may take until there is an answer, or its beginning.
    fn limit(&self, target: &Target) -> std::time::Duration;
    fn ask<'a>(
        &'a self,
        worker: &'a dyn Worker,
        model: &'a str,
        hops: Hops,
    ) -> BoxFuture<'a, Result<Self::Answer, Error>>;
    /// What is done by servers that do it, for those that do nothing beside chat.
    fn verb(&self) -> &'static str;
}

impl Job for Embed {
    type Answer = Embedded;

    fn cannot(&self, worker: &dyn Worker) -> Option<String> {
        worker.cannot_embed(self).map(str::to_owned)
    }

    fn limit(&self, target: &Target) -> std::time::Duration {
        pace::embed_limit(self.inputs.estimated_tokens(), target)
    }

    fn ask<'a>(&'a self, worker: &'a dyn Worker, model: &'a str, hops: Hops) -> BoxFuture<'a, Result<Embedded, Error>> {
        Box::pin(async move {
            let embedded = worker.embed(model, self, hops).await?;
            match worker.space() {
                Some(space) if self.dimensions.is_none() && space.dimensions as usize != embedded.dimensions => {
                    let message = format!(
                        "answered with {} numbers, which is not the space `{space}`",
                        embedded.dimensions
                    );
                    Err(Error::new(Class::Decode, message))
                }
                Some(_) | None => Ok(embedded),
            }
        })
    }

    fn verb(&self) -> &'static str {
        "embed"
    }
}

impl Job for Forward {
    type Answer = Reply;

    fn cannot(&self, worker: &dyn Worker) -> Option<String> {
        worker.cannot_forward(self)
    }

    fn limit(&self, target: &Target) -> std::time::Duration {
        pace::forward_limit(self, target)
    }

    fn ask<'a>(&'a self, worker: &'a dyn Worker, model: &'a str, hops: Hops) -> BoxFuture<'a, Result<Reply, Error>> {
        worker.forward(model, self, hops)
    }

    fn verb(&self) -> &'static str {
        Task::verb(self.task)
    }
}

/// The targets that can do a job, and why the others cannot.
struct Fitting {
    route: Route,
    others: Vec<(String, Error)>,
}

impl Fitting {
    /// What no target can do is the caller's to know, by the names of the backends.
    fn new(route: Route, job: &impl Job) -> Result<Self, Error> {
        let mut others = Vec::new();
        let route = route.keeping(|target| {
            let backend = target.backend();
            let why = match target.provider().worker(target.model()) {
                Some(worker) => job
                    .cannot(worker)
                    .map(|cannot| format!("{backend} ({}) {cannot}", worker.kind())),
                None => Some(format!("{backend} cannot {}", job.verb())),
            };
            let is_able = why.is_none();
            others.extend(why.map(|why| (target.name().to_owned(), Error::new(Class::Capability, why))));
            is_able
        });
        if !others.is_empty() && route.targets().is_empty() {
            let mut says: Vec<&str> = others.iter().map(|(_, error)| error.message.as_str()).collect();
            says.dedup();
            return Err(Error::new(Class::Capability, says.join("; ")));
        }
        Ok(Self { route, others })
    }

    /// Only the targets whose space is known to be that of the first one, which is asked whatever is known.
    fn of_one_space(mut self, health: &Health) -> (Self, Known) {
        let Some(first) = self.route.targets().first().cloned() else {
            return (self, Known::Unknown);
        };
        let space = Known::of(&first, health);
        let others = &mut self.others;
        let route = self.route.keeping(|target| {
            let own = Known::of(target, health);
            let is_same = target.name() == first.name() || own.is_same(&space);
            if !is_same {
                let why = own.why_not(&space, first.name());
                others.push((target.name().to_owned(), Error::new(Class::Capability, why)));
            }
            is_same
        });
        (Self { route, ..self }, space)
    }

    fn walk(self, errand: Errand, deadline: std::time::Duration) -> Walk {
        let mut walk = Walk::new(self.route.within(deadline), errand);
        for (target, error) in &self.others {
            walk.passed_over(target, error);
        }
        walk
    }
}

/// Asks targets until one answers. A target that is too slow for the key alone is not held to have failed.
async fn down<J: Job>(walk: &mut Walk, job: &J, (waits, hops): (Waits, Hops)) -> Result<(J::Answer, Admission), Error> {
    while let Some(admission) = walk.next().await {
        let target = admission.target().clone();
        let own = job.limit(&target);
        let limit = pace::for_caller(own, &target, waits);
        let (due, late) = admission.due_within(limit);
        let late = if limit < own { Class::CallerDeadline } else { late };
        let asking = async {
            match target.provider().worker(target.model()) {
                Some(worker) => job.ask(worker, target.model(), hops).await,
                None => Err(Error::new(Class::Capability, format!("cannot {}", job.verb()))),
            }
        };
        let error = match timeout_at(due, asking).await {
            Ok(Ok(answer)) => return Ok((answer, admission)),
            Ok(Err(error)) => error,
            Err(_) => {
                let waited = admission.started().elapsed().as_secs_f64().round();
                Error::new(late, format!("no answer within {waited} s"))
            }
        };
        walk.failed(admission, error)?;
    }
    Err(walk.exhausted())
}
