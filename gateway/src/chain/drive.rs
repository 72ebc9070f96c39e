//! A chat request driven down the chain until one target commits to an answer.

use std::future::poll_fn;
use std::sync::Arc;

use super::attempt::{Attempt, Opened};
use super::errand::Errand;
use super::provider::Route;
use super::walk::Walk;
use crate::chat::{Event, Served};
use crate::provider::{Call, Class, Error, Events, Provider};

/// What is shown as target and model when no model answered.
const COMMAND_MODE: &str = "command";

pub(super) struct Drive {
    walk: Walk,
    call: Call,
    last: Option<Arc<dyn Provider>>,
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

impl Drive {
    pub(super) fn new(route: Route, last: Option<Arc<dyn Provider>>, call: Call) -> Self {
        Self {
            walk: Walk::new(route, Errand::of_chat(&call.request)),
            call,
            last,
            empty: None,
        }
    }

    /// Asks targets until one commits to an answer.
    pub(super) async fn advance(&mut self) -> Result<Answer, Error> {
        while let Some(admission) = self.walk.next().await {
            let target = admission.target().clone();
            let events = target.provider.stream(Call {
                request: self.call.request.clone(),
                model: target.model().to_owned(),
                left: Vec::new(),
            });
            let mut attempt = Attempt::start(admission, events);
            match poll_fn(|context| attempt.poll_open(context)).await {
                Ok(Opened::Committed(held)) => return Ok(self.answer(attempt, held)),
                Ok(Opened::Empty(held)) => {
                    let error = Error::new(Class::Empty, "an empty answer");
                    let answer = self.answer(attempt, held);
                    if self.second_opinion(answer, &error) {
                        break;
                    }
                }
                Err(error) => self.walk.failed(attempt.admission, error)?,
            }
        }
        self.exhausted()
    }

    /// The target died after it had begun to answer.
    pub(super) fn broke(&mut self, answer: &Served, error: &Error) {
        self.walk.broke(&answer.target, error);
    }

    /// A second opinion on an empty answer is worth one more attempt; two empty answers are the answer. Returns whether
    /// this was the second.
    fn second_opinion(&mut self, mut answer: Answer, error: &Error) -> bool {
        if let Source::Target(attempt) = &mut answer.source {
            attempt.admission.fail(error, false);
        }
        self.walk.passed_over(&answer.served.target, error);
        self.empty.replace(answer).is_some()
    }

    fn answer(&self, attempt: Attempt, held: Vec<Event>) -> Answer {
        let target = attempt.admission.target();
        Answer {
            served: Served {
                dropped: target.provider.dropped(target.model(), &self.call.request),
                ..self.walk.served(target)
            },
            held,
            source: Source::Target(Box::new(attempt)),
        }
    }

    /// Nobody else can be asked: command mode, an empty answer, or an error that says what every target said.
    fn exhausted(&mut self) -> Result<Answer, Error> {
        let error = self.walk.exhausted();
        if error.class == Class::ContextLength {
            return Err(error);
        }
        if let Some(last) = &self.last {
            let left = self.walk.left().to_vec();
            let call = Call {
                request: self.call.request.clone(),
                model: COMMAND_MODE.to_owned(),
                left: left.clone(),
            };
            return Ok(Answer {
                served: Served {
                    target: COMMAND_MODE.to_owned(),
                    model: COMMAND_MODE.to_owned(),
                    attempts: self.walk.attempts(),
                    left,
                    dropped: Vec::new(),
                },
                held: Vec::new(),
                source: Source::Last(last.stream(call)),
            });
        }
        self.empty.take().ok_or(error)
    }
}
