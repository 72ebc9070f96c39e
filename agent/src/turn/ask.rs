//! Asks the model for the next step of a turn, and shows what it streams.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use jarvis_gateway::chat::{self, Gather, Message, Request, ToolSpec};
use jarvis_gateway::demands::{self, Shortens};
use jarvis_gateway::provider::{self, Call, Class, Events};
use tokio::time::Instant;

use super::drive::{Driver, Work};
use super::event::Event;
use super::look_up::ready;
use crate::compaction::FULL_PERCENT;
use crate::go_on;
use crate::watch::Progress;

/// A model may be silent for this long at most, cold loads and fallbacks included. The chain has its own, shorter budgets;
/// this one holds whatever the chain is.
const MODEL_SILENCE_LIMIT: Duration = Duration::from_mins(5);
/// What a model says in one call is not longer: text, thinking and calls. A hundred times a long answer; one that repeats
/// itself would otherwise be kept whole.
const LONGEST_REPLY: usize = 1024 * 1024;

impl Driver {
    /// What is left of the time that the request allows is the time of the next model call.
    fn demands(&self, below: u32) -> demands::Demands {
        let deadline = self.demands.deadline;
        demands::Demands {
            deadline: deadline.map(|deadline| deadline.saturating_sub(self.arrived.elapsed())),
            shortens: Some(Shortens {
                full_percent: FULL_PERCENT,
                below,
            }),
            ..self.demands.clone()
        }
    }

    pub(super) fn ask(&self, messages: Vec<Message>, tools: Vec<ToolSpec>, below: u32) -> Events {
        let request = Request {
            messages,
            tools,
            caller: self.account.clone(),
            demands: self.demands(below),
            origin: demands::Origin {
                id: self.origin.run_id.clone(),
                model: self.parts.config.alias.clone(),
                conversation: self.origin.conversation_id.clone(),
                arrived: Some(Instant::now()),
                bound: Some(self.bound.clone()),
                trace: self.origin.trace,
                ..demands::Origin::default()
            },
            ..Request::default()
        };
        let model = self.parts.config.alias.clone();
        self.parts.chain.stream(Call {
            request: Arc::new(request),
            model,
            left: Vec::new(),
        })
    }

    /// Passes on what the model streams; an event for the machine when the reply is complete or failed.
    pub(super) async fn model_said(
        &self,
        said: Result<chat::Event, provider::Error>,
        work: &mut Work,
    ) -> Option<Event> {
        let event = match said {
            Ok(event) => event,
            Err(error) => {
                work.asking = None;
                if error.class == Class::OverBound {
                    let mut more = None;
                    if self.asks_for_more {
                        let mut call = go_on::call(&self.parts, &self.origin.run_id, &self.bound);
                        self.look_at_switches(&mut call).await;
                        more = Some(Box::new(call));
                    }
                    let says = go_on::says(&self.bound);
                    return Some(Event::OverBound { says, more });
                }
                return Some(match error.window.filter(|window| *window < work.below) {
                    Some(window) => Event::TooLong { window },
                    None => Event::NotAnswered(error),
                });
            }
        };
        match &event {
            chat::Event::Served(served) if self.needs_model && served.target == "command" => {
                work.asking = None;
                return Some(Event::no_model());
            }
            chat::Event::Served(served) => {
                work.served = Some(served.clone());
                self.watch.tell(Progress::Served(served.clone())).await;
            }
            chat::Event::Text(text) => {
                work.said.push_str(text);
                let ready = work.gate.push(text);
                self.show(work, ready).await;
            }
            chat::Event::Reset => {
                work.begin();
                self.watch.tell(Progress::Reset).await;
            }
            chat::Event::Reasoning(_)
            | chat::Event::Logprobs(_)
            | chat::Event::ToolCall(_)
            | chat::Event::Wire(_)
            | chat::Event::Finish(_) => {}
        }
        let (_, gather) = work.asking.as_mut()?;
        let gathered = gather.push(event);
        if gathered.is_none() && gather.length() > LONGEST_REPLY {
            work.asking = None;
            let says = format!("the answer is longer than {} KiB", LONGEST_REPLY / 1024);
            return Some(Event::NotAnswered(provider::Error::new(Class::Decode, says)));
        }
        let reply = gathered?;
        work.asking = None;
        let rest = work.gate.finish();
        self.show(work, rest).await;
        if !reply.tool_calls.is_empty() && !reply.text.is_empty() {
            work.broke = true;
            self.watch.tell(Progress::Break).await;
        }
        let mut calls = ready(&self.parts, &self.origin, &work.offer, &mut work.ids, &reply).await;
        for call in &mut calls {
            self.look_at_switches(call).await;
        }
        Some(Event::Replied {
            reply: Box::new(reply),
            calls,
        })
    }

    async fn show(&self, work: &mut Work, text: String) {
        if !text.is_empty() {
            work.shown.push_str(&text);
            self.watch.tell(Progress::Text(text)).await;
        }
    }
}

/// The next event of the model. An end without a finish was a cut.
pub(super) async fn next_of_model(asking: &mut Option<(Events, Gather)>) -> Result<chat::Event, provider::Error> {
    let Some((events, _)) = asking else {
        return std::future::pending().await;
    };
    match tokio::time::timeout(MODEL_SILENCE_LIMIT, events.next()).await {
        Ok(Some(event)) => event,
        Ok(None) => Err(provider::Error::new(Class::Truncated, "the answer broke off")),
        Err(_) => Err(provider::Error::new(
            Class::CallerDeadline,
            format!("no word for {} s", MODEL_SILENCE_LIMIT.as_secs()),
        )),
    }
}
