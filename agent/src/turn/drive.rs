//! Carries out what the turn machine wants and feeds back what came of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chat::{self, Gather, Message, Request, Served, ToolResult, ToolSpec};
use jarvis_gateway::demands;
use jarvis_gateway::provider::{self, Call, Class, Events};
use jarvis_gateway::trace;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bounds::Why;
use super::effect::Effect;
use super::event::{Event, ReadyCall, Standing};
use super::look_up::ready;
use super::offer::{FIND_TOOL, Offer};
use super::state::State;
use crate::approvals;
use crate::big_result;
use crate::execute::{self, Allowed, Origin, execute};
use crate::freeze;
use crate::guard::guarded;
use crate::output_gate::{self, Outlet};
use crate::parts::Parts;
use crate::policy::Decision;
use crate::spans;
use crate::view::ToolLine;
use crate::watch::{Progress, Watch};

/// A model may be silent for this long at most, cold loads and fallbacks included. The chain has its own, shorter budgets;
/// this one holds whatever the chain is.
const MODEL_SILENCE_LIMIT: Duration = Duration::from_mins(5);

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
    /// Tools of this room, as models are told of them.
    pub(crate) offered: Vec<ToolSpec>,
    pub(crate) watch: Watch,
    /// Who can read what is said.
    pub(crate) outlet: Outlet,
    /// What the same person writes while the turn runs.
    pub(crate) steer: Option<mpsc::Receiver<String>>,
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

/// How a turn came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) why: Why,
    pub(crate) tools: Vec<ToolLine>,
    pub(crate) served: Option<Served>,
    pub(crate) tainted: bool,
    pub(crate) saw_private: bool,
    pub(crate) counts: (u32, u32, u64, u64),
    /// How many of the messages that came while the turn ran it answers.
    pub(crate) taken: usize,
}

impl Outcome {
    /// An end that no turn machine made. What the context held is not known, so the worst is assumed.
    pub(crate) fn failed(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            why: Why::Failed,
            tools: Vec::new(),
            served: None,
            tainted: true,
            saw_private: true,
            counts: (0, 0, 0, 0),
            taken: 0,
        }
    }
}

type Ending = (ReadyCall, ToolResult);

/// What is under way between two events.
struct Work {
    asking: Option<(Events, Gather)>,
    /// What the model has said so far in this call.
    said: String,
    /// What of that has been shown.
    shown: String,
    /// They were set apart from what comes.
    broke: bool,
    gate: output_gate::Stream,
    offer: Offer,
    running: FuturesUnordered<BoxFuture<'static, Ending>>,
    reads: CancellationToken,
    /// Ids of the calls of this turn so far.
    ids: HashSet<String>,
    tools: Vec<ToolLine>,
    served: Option<Served>,
    /// Outside text is in the context.
    tainted: bool,
}

impl Work {
    /// A model call begins, or begins anew.
    fn begin(&mut self) {
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
        let (started_at, began) = (parts.now(), Instant::now());
        let outcome = guarded(Box::pin(self.drive(state))).await.unwrap_or_else(|| {
            tracing::error!(
                run.id = origin.run_id,
                "a turn broke off by a fault; its answer says so"
            );
            Outcome::failed("Jarvis has a fault and could not finish this. The log says more.")
        });
        if let Some(span) = spans::of_turn(request, &origin, &outcome, started_at, began.elapsed()) {
            parts.tracer.tell(span);
        }
        outcome
    }

    async fn drive(mut self, state: State) -> Outcome {
        let mut work = Work {
            asking: None,
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
                self.perform(effect, &mut work).await;
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
                Some(text) = next_of_user(&mut steer) => Event::Steered {
                    text: self.parts.gate.hide(&text),
                },
                Some((ready, result)) = work.running.next() => self.ended(&mut work, &ready, result).await,
                event = next_of_model(&mut work.asking), if work.asking.is_some() => {
                    let Some(event) = self.model_said(event, &mut work).await else {
                        self.steer = steer;
                        continue;
                    };
                    event
                }
            };
            self.steer = steer;
            let (next, effects) = state.on(event, self.parts.now());
            state = next;
            queue.extend(effects);
        }
    }

    async fn perform(&self, effect: Effect, work: &mut Work) {
        match effect {
            Effect::Ask { messages, offer_tools } => {
                // After words that called no tool: the user wrote more, and they stay.
                if !work.shown.is_empty() && !work.broke {
                    self.watch.tell(Progress::Break).await;
                }
                work.begin();
                let tools = if offer_tools { work.offer.specs() } else { Vec::new() };
                work.asking = Some((self.ask(messages, tools), Gather::default()));
            }
            Effect::Run { call, decision } => {
                self.line(work, &call, "running", None).await;
                if call.call.name == FIND_TOOL {
                    let result = work.offer.find(&call.call.arguments);
                    self.note(&call, Some(decision), &result).await;
                    work.running.push(std::future::ready((call, result)).boxed());
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
                    let (parts, reads) = (self.parts.clone(), work.reads.clone());
                    let running = async move { (call, execute(&parts, &origin, allowed, &reads).await) };
                    work.running.push(running.boxed());
                }
            }
            Effect::RaiseCard { call, decision } => {
                let (parts, origin) = (self.parts.clone(), self.origin.clone());
                let raising = async move {
                    let result = approvals::raise(&parts, &origin, &call, decision).await;
                    (call, result)
                };
                work.running.push(raising.boxed());
            }
            Effect::Note { call, decision, result } => {
                self.note(&call, decision, &result).await;
                self.line(work, &call, execute::outcome(&result), None).await;
            }
            Effect::Abandon => {
                work.asking = None;
                work.reads.cancel();
            }
            Effect::Finish { .. } => {}
        }
    }

    /// What is left of the time that the request allows is the time of the next model call.
    fn demands(&self) -> demands::Demands {
        let deadline = self.demands.deadline;
        demands::Demands {
            deadline: deadline.map(|deadline| deadline.saturating_sub(self.arrived.elapsed())),
            ..self.demands.clone()
        }
    }

    fn ask(&self, messages: Vec<Message>, tools: Vec<ToolSpec>) -> Events {
        let request = Request {
            messages,
            tools,
            caller: self.account.clone(),
            demands: self.demands(),
            origin: demands::Origin {
                id: self.origin.run_id.clone(),
                model: self.parts.config.alias.clone(),
                conversation: self.origin.conversation_id.clone(),
                arrived: Some(Instant::now()),
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
    async fn model_said(&self, said: Result<chat::Event, provider::Error>, work: &mut Work) -> Option<Event> {
        let event = match said {
            Ok(event) => event,
            Err(error) => {
                work.asking = None;
                return Some(Event::NotAnswered(error));
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
        let reply = gather.push(event)?;
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

    async fn ended(&self, work: &mut Work, ready: &ReadyCall, result: ToolResult) -> Event {
        let kept = match &ready.prepared {
            Ok(prepared) => {
                let about = (prepared.risk, ready.untrusted_output);
                big_result::keep(&self.parts, &self.origin, &ready.call.name, about, &result).await
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
        self.line(work, ready, execute::outcome(&result), approval).await;
        Event::Ended {
            call_id: ready.call.id.clone(),
            result,
        }
    }

    fn outcome(&self, state: &State, work: Work, text: &str, why: Why) -> Outcome {
        let (tainted, saw_private) = state.flags();
        let fit = |text: &str| self.parts.gate.text(self.outlet, text);
        let text = match why {
            Why::Cancelled => cut_off(&work.shown, "Stopped.", &fit(text)),
            Why::Shutdown => cut_off(&work.shown, "Jarvis was shut down during this answer.", &fit(text)),
            // To the letter what people have read already.
            _ if text == work.said => work.shown,
            _ => fit(text),
        };
        Outcome {
            text,
            why,
            tools: work.tools,
            served: work.served,
            tainted,
            saw_private,
            counts: state.counts(),
            taken: state.taken(),
        }
    }

    /// What people switched is read when the call is decided, not when the turn began.
    async fn look_at_switches(&self, call: &mut ReadyCall) {
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
async fn next_of_user(steer: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match steer {
        Some(steer) => steer.recv().await,
        None => std::future::pending().await,
    }
}

/// The next event of the model. An end without a finish was a cut.
async fn next_of_model(asking: &mut Option<(Events, Gather)>) -> Result<chat::Event, provider::Error> {
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

/// What was streamed before the stop is kept, because people have read it already; then what was done, if anything.
fn cut_off(partial: &str, ending: &str, done: &str) -> String {
    let mut text = if partial.trim().is_empty() {
        ending.to_owned()
    } else {
        format!("{partial}\n\n*{ending}*")
    };
    if !done.is_empty() {
        text.push(' ');
        text.push_str(done);
    }
    text
}
