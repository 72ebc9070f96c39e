//! Carries out what the turn machine wants and feeds back what came of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chat::{Gather, Request, Served, ToolResult, ToolSpec};
use jarvis_gateway::demands;
use jarvis_gateway::provider::Events;
use jarvis_gateway::trace;
use jarvis_gateway::usage::Bound;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::next_of_model;
use super::effect::Effect;
use super::event::{Brings, Event, More, ReadyCall, Standing};
use super::offer::{FIND_TOOL, Offer};
use super::outcome::Outcome;
use super::shorten::{Talk, shortened};
use super::state::State;
use crate::approvals;
use crate::big_result;
use crate::execute::{self, Allowed, Origin, execute};
use crate::freeze;
use crate::guard::guarded;
use crate::memory;
use crate::output_gate::{self, Outlet};
use crate::parts::Parts;
use crate::policy::Decision;
use crate::spans;
use crate::specialists::CONSULT;
use crate::view::ToolLine;
use crate::watch::{Progress, Watch};

/// One turn being carried out.
pub(crate) struct Driver {
    pub(crate) parts: Parts,
    pub(crate) origin: Origin,
    /// The span of the API request that the turn answers.
    pub(crate) request: Option<trace::Context>,
    /// What that request demands of every model that is asked for it.
    pub(crate) demands: demands::Demands,
    /// When the time that it allows began.
    pub(crate) arrived: Instant,
    /// Whose limits and whose budget the model calls of this turn count for.
    pub(crate) account: Caller,
    /// Who answers: `jarvis`, or a specialist.
    pub(crate) agent: String,
    /// Tools of this room, as models are told of them.
    pub(crate) offered: Vec<ToolSpec>,
    pub(crate) watch: Watch,
    /// Who can read what is said.
    pub(crate) outlet: Outlet,
    /// What the same person writes while the turn runs.
    pub(crate) steer: Option<mpsc::Receiver<More>>,
    /// What the turn is a part of, where that is kept here and can be shown shorter.
    pub(crate) talk: Option<Talk>,
    /// What the model calls of this turn, and of those within it, may cost.
    pub(crate) bound: Bound,
    /// When that is used up, a person may be asked for more.
    pub(crate) asks_for_more: bool,
    /// Only a model will do; command mode does not look at outcomes.
    pub(crate) needs_model: bool,
    /// Cancelled when somebody stops this turn.
    pub(crate) stop: CancellationToken,
}

/// What an API request brings for the turn that answers it. The default is a turn that no request waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought {
    trace: Option<trace::Context>,
    demands: demands::Demands,
    arrived: Option<Instant>,
}

impl Brought {
    pub(crate) fn by(request: &Request) -> Self {
        Self {
            trace: request.origin.trace,
            demands: request.demands.clone(),
            arrived: request.origin.arrived,
        }
    }
}

pub(super) type Ending = (ReadyCall, ToolResult, Brings);

/// What is under way between two events.
pub(super) struct Work {
    pub(super) asking: Option<(Events, Gather)>,
    /// What is too long for a window is being made shorter.
    pub(super) shortening: Option<BoxFuture<'static, Event>>,
    /// Smaller windows than this have not been told of since the last result.
    pub(super) below: u32,
    /// What the model has said so far in this call.
    pub(super) said: String,
    /// What of that has been shown.
    pub(super) shown: String,
    /// They were set apart from what comes.
    pub(super) broke: bool,
    pub(super) gate: output_gate::Stream,
    pub(super) offer: Offer,
    pub(super) running: FuturesUnordered<BoxFuture<'static, Ending>>,
    pub(super) reads: CancellationToken,
    /// Ids of the calls of this turn so far.
    pub(super) ids: HashSet<String>,
    pub(super) tools: Vec<ToolLine>,
    pub(super) served: Option<Served>,
    /// Outside text is in the context.
    pub(super) tainted: bool,
    /// How many specialists were asked.
    pub(super) consulted: usize,
    /// Tokens that those who are being asked may use, by call.
    pub(super) lent: HashMap<String, u64>,
}

impl Work {
    /// A model call begins, or begins anew.
    pub(super) fn begin(&mut self) {
        self.said.clear();
        self.shown.clear();
        self.broke = false;
        self.gate.reset();
    }
}

impl Driver {
    /// The same turn as a part of an API request: of its trace, and under its demands.
    pub(crate) fn part_of(mut self, request: Brought) -> Self {
        if request.trace.is_some() && self.origin.trace.is_some() {
            self.origin.trace = Some(spans::turn(request.trace, &self.origin.run_id));
            self.request = request.trace;
        }
        self.demands = request.demands;
        self.arrived = request.arrived.unwrap_or(self.arrived);
        self
    }

    pub(crate) async fn run(self, state: State) -> Outcome {
        let (origin, request, parts) = (self.origin.clone(), self.request, self.parts.clone());
        let agent = self.agent.clone();
        let (started_at, began) = (parts.now(), Instant::now());
        let outcome = guarded(Box::pin(self.drive(state))).await.unwrap_or_else(|| {
            tracing::error!(
                run.id = origin.run_id,
                "a turn broke off by a fault; its answer says so"
            );
            Outcome::failed("Jarvis has a fault and could not finish this. The log says more.")
        });
        if let Some(span) = spans::of_turn(&agent, request, &origin, &outcome, started_at, began.elapsed()) {
            parts.tracer.tell(span);
        }
        outcome
    }

    async fn drive(mut self, state: State) -> Outcome {
        let mut work = Work {
            asking: None,
            shortening: None,
            below: u32::MAX,
            said: String::new(),
            shown: String::new(),
            broke: false,
            gate: output_gate::Stream::new(Arc::clone(&self.parts.gate), self.outlet),
            offer: Offer::new(self.offered.clone(), &state.asked()),
            running: FuturesUnordered::new(),
            reads: CancellationToken::new(),
            ids: HashSet::new(),
            tools: Vec::new(),
            served: None,
            tainted: false,
            consulted: 0,
            lent: HashMap::new(),
        };
        let (mut state, effects) = state.on(Event::Begin, self.parts.now());
        let mut queue = VecDeque::from(effects);
        let mut stop_told = false;
        loop {
            work.tainted = state.flags().0;
            while let Some(effect) = queue.pop_front() {
                if let Effect::Finish { text, why } = effect {
                    return self.outcome(&state, work, &text, why);
                }
                self.perform(effect, &state, &mut work).await;
            }
            let mut steer = self.steer.take();
            let event = tokio::select! {
                biased;
                () = self.stop.cancelled(), if !stop_told => {
                    stop_told = true;
                    Event::Cancelled
                }
                () = self.parts.tasks.stopping().cancelled(), if !stop_told => {
                    stop_told = true;
                    Event::ShuttingDown
                }
                Some(more) = next_of_user(&mut steer) => Event::Steered(more),
                Some(ended) = work.running.next() => self.ended(&mut work, ended).await,
                event = next_of_model(&mut work.asking), if work.asking.is_some() => {
                    let Some(event) = self.model_said(event, &mut work).await else {
                        self.steer = steer;
                        continue;
                    };
                    event
                }
                event = shortened(&mut work.shortening), if work.shortening.is_some() => {
                    work.shortening = None;
                    if matches!(&event, Event::Shortened { results, .. } if !results.is_empty()) {
                        work.offer.keeps_results();
                    }
                    event
                }
            };
            self.steer = steer;
            let (next, effects) = state.on(event, self.parts.now());
            state = next;
            queue.extend(effects);
        }
    }

    async fn perform(&self, effect: Effect, state: &State, work: &mut Work) {
        match effect {
            Effect::Ask { messages, offer_tools } => {
                // After words that called no tool: the user wrote more, and they stay.
                if !work.shown.is_empty() && !work.broke {
                    self.watch.tell(Progress::Break).await;
                }
                work.begin();
                let tools = if offer_tools { work.offer.specs() } else { Vec::new() };
                work.asking = Some((self.ask(messages, tools, work.below), Gather::default()));
            }
            Effect::Shorten {
                window,
                context,
                turn,
                results,
            } => {
                work.below = window;
                work.shortening = Some(self.shorten(window, (context, turn), results));
            }
            Effect::Run { call, decision } => {
                self.line(work, &call, "running", None).await;
                if call.call.name == FIND_TOOL {
                    let result = work.offer.find(&call.call.arguments);
                    self.note(&call, Some(decision), &result).await;
                    work.running
                        .push(std::future::ready((call, result, Brings::default())).boxed());
                    return;
                }
                if let Ok(prepared) = &call.prepared {
                    let allowed = Allowed {
                        call_id: call.call.id.clone(),
                        tool: call.call.name.clone(),
                        prepared: prepared.clone(),
                        decision,
                    };
                    let origin = Origin {
                        tainted: work.tainted,
                        ..self.origin.clone()
                    };
                    if call.call.name == CONSULT {
                        let asking = self.consult(state, work, (call, allowed), origin);
                        work.running.push(asking);
                        return;
                    }
                    let (parts, reads) = (self.parts.clone(), work.reads.clone());
                    let running = async move {
                        let result = execute(&parts, &origin, allowed, &reads).await;
                        let brings = memory::brought(&call.call.name, &result);
                        (call, result, brings)
                    };
                    work.running.push(running.boxed());
                }
            }
            Effect::RaiseCard { call, decision } => {
                let (parts, origin) = (self.parts.clone(), self.origin.clone());
                let raising = async move {
                    let result = approvals::raise(&parts, &origin, &call, decision).await;
                    (call, result, Brings::default())
                };
                work.running.push(raising.boxed());
            }
            Effect::Note { call, decision, result } => {
                self.note(&call, decision, &result).await;
                self.line(work, &call, execute::outcome(&result), None).await;
            }
            Effect::Abandon => {
                work.asking = None;
                work.shortening = None;
                work.reads.cancel();
            }
            Effect::Finish { .. } => {}
        }
    }

    async fn ended(&self, work: &mut Work, (ready, result, brings): Ending) -> Event {
        work.lent.remove(&ready.call.id);
        let kept = match &ready.prepared {
            Ok(prepared) => {
                let risk = if brings.saw_private {
                    prepared.risk.private()
                } else {
                    prepared.risk
                };
                let about = (risk, ready.untrusted_output || brings.tainted);
                let limit = self.result_chars(&ready);
                big_result::keep(&self.parts, &self.origin, &ready.call.name, about, &result, limit).await
            }
            Err(_) => None,
        };
        let result = match kept {
            Some(shown) => {
                work.offer.keeps_results();
                shown
            }
            None => result,
        };
        let approval = match &result {
            ToolResult::Pending { approval, .. } => Some(approval.clone()),
            _ => None,
        };
        self.line(work, &ready, execute::outcome(&result), approval).await;
        work.below = u32::MAX;
        Event::Ended {
            call_id: ready.call.id,
            result,
            brings,
        }
    }

    /// What people switched is read when the call is decided, not when the turn began.
    pub(super) async fn look_at_switches(&self, call: &mut ReadyCall) {
        let Ok(prepared) = &call.prepared else { return };
        let tool = call.call.name.as_str();
        call.standing = Standing {
            frozen: freeze::holds(&self.parts, tool, prepared.risk.effect).await,
            granted: approvals::grant::fits(&self.parts, &self.origin, tool, prepared).await,
        };
    }

    async fn line(&self, work: &mut Work, ready: &ReadyCall, status: &'static str, approval: Option<String>) {
        let line = ToolLine {
            conversation_id: self.origin.conversation_id.clone().unwrap_or_default(),
            run_id: self.origin.run_id.clone(),
            call_id: ready.call.id.clone(),
            name: ready.call.name.clone(),
            target: ready
                .prepared
                .as_ref()
                .ok()
                .and_then(|prepared| prepared.target.clone()),
            status,
            approval,
        };
        match work.tools.iter_mut().find(|known| known.call_id == line.call_id) {
            Some(known) => *known = line.clone(),
            None => work.tools.push(line.clone()),
        }
        self.watch.tell(Progress::Tool(line)).await;
    }

    /// A call that is not made is a row too. When the database is away nothing acts anyway, so this only warns.
    async fn note(&self, ready: &ReadyCall, decision: Option<Decision>, result: &ToolResult) {
        if let Err(error) = execute::write_note(&self.parts, &self.origin, ready, decision, result).await {
            tracing::warn!(tool = ready.call.name, %error, "a refused call is not in the audit");
        }
    }
}

/// What the user writes next. Nobody writes any more when the other end is gone.
async fn next_of_user(steer: &mut Option<mpsc::Receiver<More>>) -> Option<More> {
    match steer {
        Some(steer) => steer.recv().await,
        None => std::future::pending().await,
    }
}
