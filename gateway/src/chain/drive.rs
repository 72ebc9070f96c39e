//! A chat request driven down the chain until one target commits to an answer. Where a model has to be loaded first, two
//! targets may be asked at the same time, and the first that says something wins.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::admission::Admission;
use super::attempt::{Attempt, Opened, Patience};
use super::calls::Guard;
use super::errand::{Errand, Needs};
use super::going_on::Resumed;
use super::history::mended;
use super::provider::Route;
use super::target::Target;
use super::walk::Walk;
use crate::breaker::Place;
use crate::chat::{Delivery, Event, Request, Served};
use crate::demands::{Cold, Demands};
use crate::health::Warmth;
use crate::provider::{Call, Class, Error, Events, Provider};

/// A model that is being loaded and says nothing for this long gets company.
const RACE_AFTER: Duration = Duration::from_secs(4);

/// What is shown as target and model when no model answered.
const COMMAND_MODE: &str = "command";

pub(super) struct Drive {
    walk: Walk,
    call: Call,
    last: Option<Arc<dyn Provider>>,
    /// The request with its history mended, by the kind of server.
    mended: Option<(&'static str, Arc<Request>)>,
    empty: Option<Answer>,
}

/// What the caller is given.
pub(super) struct Answer {
    pub(super) served: Served,
    pub(super) held: Vec<Event>,
    pub(super) source: Source,
}

pub(super) enum Source {
    Target(Box<Attempt>),
    Last(Events),
}

/// What happened next.
enum Step {
    Started(Box<Attempt>),
    Opened(usize, Result<Opened, Error>),
    NobodyLeft,
}

impl Drive {
    pub(super) fn new(route: Route, last: Option<Arc<dyn Provider>>, call: Call) -> Self {
        Self {
            walk: Walk::new(route, Errand::of_chat(&call.request)),
            call,
            last,
            mended: None,
            empty: None,
        }
    }

    /// Asks targets until one commits to an answer. Who loses a race is dropped, which closes its connection.
    pub(super) async fn advance(&mut self) -> Result<Answer, Error> {
        let mut running: Vec<Box<Attempt>> = Vec::with_capacity(1);
        let mut alone = false;
        loop {
            match self.step(&mut running, alone).await {
                Step::Started(attempt) => running.push(attempt),
                Step::NobodyLeft if running.is_empty() => return self.exhausted(),
                Step::NobodyLeft => alone = true,
                Step::Opened(index, opened) => {
                    let attempt = running.swap_remove(index);
                    alone = false;
                    match opened {
                        Ok(Opened::Committed(held)) => {
                            running.into_iter().for_each(lost);
                            return Ok(self.answer(attempt, held));
                        }
                        Ok(Opened::Empty(held)) => {
                            if self.second_opinion(attempt, held) {
                                return self.exhausted();
                            }
                        }
                        Err(error) => self.failed(attempt, error).await?,
                    }
                }
            }
        }
    }

    /// The target died after it had begun to answer.
    pub(super) fn broke(&mut self, answer: &Served, error: &Error) {
        self.walk.broke(&answer.target, error);
    }

    /// Has the next target that can go on with what was `said` by the broken one do so. Only one is asked; without one, or
    /// when it refuses, there is nothing to be had.
    pub(super) async fn go_on(&mut self, said: &str) -> Option<Resumed> {
        let request = Arc::new(Resumed::request(&self.call.request, said)?);
        let errand = Errand::of_chat(&request);
        // What was said stands in the request: it cannot be made shorter.
        let demands = Demands {
            shortens: None,
            ..errand.demands
        };
        self.walk.errand = Arc::new(Errand {
            demands,
            needs: Needs {
                prefill: true,
                ..errand.needs
            },
            ..errand
        });
        let admission = self.walk.next_in_order().await?;
        let target = admission.target();
        let name = target.name().to_owned();
        let events = target.provider.stream(Call {
            request: mended(&request, target.kind),
            model: target.model().to_owned(),
            left: Vec::new(),
        });
        let patience = Patience {
            is_read_along: true,
            least_pace: None,
        };
        let attempt = Box::new(Attempt::start(admission, events, None, patience));
        match Resumed::open(attempt, said).await {
            Ok(resumed) => {
                tracing::info!(target.name = name, "goes on with an answer that another target began");
                Some(resumed)
            }
            Err((attempt, error)) => {
                // It was asked once, and its own refusal is nobody's business but the breakers'.
                drop(self.walk.failed(attempt.into_parts().0, error));
                None
            }
        }
    }

    /// `alone` when nobody is left who could keep the running attempt company.
    async fn step(&mut self, running: &mut [Box<Attempt>], alone: bool) -> Step {
        let company_at = match running {
            [] => return self.start().await,
            [attempt] if !alone => self.company_at(attempt),
            _ => None,
        };
        let Some(at) = company_at else {
            return poll_fn(|context| poll_first(running, context)).await;
        };
        tokio::select! {
            biased;
            step = poll_fn(|context| poll_first(running, context)) => return step,
            () = sleep_until(at) => {}
        }
        // The load that the slow one waits for goes on although it may lose.
        for attempt in running.iter() {
            attempt.admission.target().load_soon();
        }
        tokio::select! {
            biased;
            step = poll_fn(|context| poll_first(running, context)) => step,
            admission = self.walk.next_in_order() => self.begin(admission),
        }
    }

    async fn start(&mut self) -> Step {
        let admission = self.walk.next().await;
        self.begin(admission)
    }

    fn begin(&mut self, admission: Option<Admission>) -> Step {
        let Some(admission) = admission else {
            return Step::NobodyLeft;
        };
        let target = admission.target();
        if let Some(progress) = &self.call.request.demands.progress
            && !admission.is_warm()
        {
            progress.loads(target.name(), target.facts().load_time());
        }
        let request = self.request_for(target.kind);
        let guard = Guard::of(&request);
        // What was said can be taken back, or nobody has heard it yet.
        let is_read_along = request.delivery == Delivery::Live;
        let pace = self.walk.route.manner.pace.of(request.origin.surface);
        let patience = Patience {
            is_read_along,
            least_pace: pace.filter(|_| !is_read_along),
        };
        let events = target.provider.stream(Call {
            request,
            model: target.model().to_owned(),
            left: Vec::new(),
        });
        Step::Started(Box::new(Attempt::start(admission, events, guard, patience)))
    }

    fn request_for(&mut self, kind: &'static str) -> Arc<Request> {
        if let Some((known, request)) = &self.mended
            && *known == kind
        {
            return request.clone();
        }
        let request = mended(&self.call.request, kind);
        self.mended = Some((kind, request.clone()));
        request
    }

    fn company_at(&self, attempt: &Attempt) -> Option<Instant> {
        let races = self.walk.cold == Cold::Race && !attempt.admission.is_warm();
        races.then(|| attempt.admission.started() + RACE_AFTER)
    }

    /// A model that was unloaded since anybody looked is slow for a reason.
    async fn failed(&mut self, attempt: Box<Attempt>, mut error: Error) -> Result<(), Error> {
        if let Some(progress) = &self.call.request.demands.progress {
            progress.is_over();
        }
        let (admission, events) = attempt.into_parts();
        if let (Class::TtftTimeout, Some(health)) = (error.class, admission.target().health())
            && matches!(health.warmth_now().await, Warmth::Cold | Warmth::Loading)
        {
            error.class = Class::ColdSlow;
        }
        if error.class == Class::ColdSlow {
            go_on_loading(admission.target(), events);
        }
        self.walk.failed(admission, error)
    }

    /// A second opinion on an empty answer is worth one more attempt; two empty answers are the answer. Returns whether
    /// this was the second.
    fn second_opinion(&mut self, attempt: Box<Attempt>, held: Vec<Event>) -> bool {
        let error = Error::new(Class::Empty, "an empty answer");
        let mut answer = self.answer(attempt, held);
        if let Source::Target(attempt) = &mut answer.source {
            attempt.admission.fail(&error, false);
        }
        self.walk.passed_over(&answer.served.target, &error);
        self.empty.replace(answer).is_some()
    }

    fn answer(&self, attempt: Box<Attempt>, held: Vec<Event>) -> Answer {
        Answer {
            served: self.served_by(attempt.admission.target()),
            held,
            source: Source::Target(attempt),
        }
    }

    /// What the caller is told of who answers.
    pub(super) fn served_by(&self, target: &Target) -> Served {
        Served {
            dropped: target.provider.dropped(target.model(), &self.call.request),
            ..self.walk.served(target)
        }
    }

    /// Nobody else can be asked: command mode, an empty answer, or an error that says what every target said. Command
    /// mode stands in for models that do not answer, not for ones that cannot do what was asked, or may not.
    fn exhausted(&mut self) -> Result<Answer, Error> {
        let error = self.walk.exhausted();
        let for_the_caller = [
            Class::ContextLength,
            Class::Capability,
            Class::Privacy,
            Class::OverBound,
        ];
        if for_the_caller.contains(&error.class) {
            return Err(error);
        }
        let Some(last) = &self.last else {
            return self.empty.take().ok_or(error);
        };
        let left = self.walk.left().to_vec();
        let call = Call {
            request: self.call.request.clone(),
            model: COMMAND_MODE.to_owned(),
            left: left.clone(),
        };
        Ok(Answer {
            served: Served {
                target: COMMAND_MODE.to_owned(),
                model: COMMAND_MODE.to_owned(),
                attempts: self.walk.attempts(),
                left,
                dropped: Vec::new(),
            },
            held: Vec::new(),
            source: Source::Last(last.stream(call)),
        })
    }
}

/// Another target was faster. The caller is not kept waiting for this one, but its load is worth having.
fn lost(attempt: Box<Attempt>) {
    let (admission, events) = attempt.into_parts();
    if !admission.is_warm() {
        go_on_loading(admission.target(), events);
    }
}

/// Keeps a request until its first event, which the model is loaded for, or ends it when nothing is being loaded.
fn go_on_loading(target: &Target, mut events: Events) {
    if let (Some(health), Place::Local) = (target.health(), target.class().place()) {
        health.load_by(async move {
            drop(futures_util::StreamExt::next(&mut events).await);
        });
    }
}

/// The first attempt that has something to say.
fn poll_first(running: &mut [Box<Attempt>], context: &mut Context<'_>) -> Poll<Step> {
    for (index, attempt) in running.iter_mut().enumerate() {
        if let Poll::Ready(opened) = attempt.poll_open(context) {
            return Poll::Ready(Step::Opened(index, opened));
        }
    }
    Poll::Pending
}
