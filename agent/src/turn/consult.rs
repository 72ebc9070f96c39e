//! A specialist is asked: a turn within a turn. It reads as the one who asks may read here, within what is left of that
//! turn's bounds, and what it has read counts as read by the turn that asked.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jarvis_gateway::chat::{Message, Role, ToolResult};
use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{NestedIn, Run};
use jarvis_tools::risk::Trust;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::bounds::Why;
use super::drive::{Driver, Ending, Work};
use super::event::{Brings, ReadyCall};
use super::outcome::Outcome;
use super::setting::Setting;
use super::state::State;
use crate::answer;
use crate::context;
use crate::execute::{self, Allowed, Order, Origin};
use crate::limits::Limits;
use crate::output_gate::Outlet;
use crate::parts::Parts;
use crate::policy::Caller;
use crate::quarantine::{Marks, clean};
use crate::spans;
use crate::specialists::{CONSULT, Input, Profile, reads};
use crate::watch::Watch;

const PROMPT: &str = include_str!("../../../prompts/specialist.md");

/// Consultations of one turn.
const MOST: usize = 4;
/// Tokens of one. All of them together fit into the usual bound of a turn.
const TOKENS: u64 = 50_000;
const TOOL_CALLS: u32 = 12;
/// The share of its time after which it is asked for its answer. The rest is for giving it.
const LAST_STEP_PERCENT: u64 = 75;
/// Characters that a token of English has.
const CHARS_A_TOKEN: usize = 4;

/// A nested turn before it begins.
struct Nested {
    driver: Driver,
    state: State,
    run: Run,
    /// The name for people.
    title: String,
    /// How long it may take, whatever a model or a tool does.
    limit: Duration,
    stop: CancellationToken,
}

/// What a turn can give to another.
struct Lent {
    time: Duration,
    tokens: u64,
    trust: Trust,
}

impl State {
    fn lend(&self, now: Millis) -> Lent {
        let (time, tokens) = self.used.left(now);
        Lent {
            time,
            tokens,
            trust: match self.setting.caller {
                Caller::Person(trust) | Caller::Specialist(trust) => trust,
                Caller::Playbook { .. } => Trust::Public,
            },
        }
    }
}

impl Driver {
    /// Asks a specialist. The call is written down like every other one.
    pub(super) fn consult(
        &self,
        state: &State,
        work: &mut Work,
        (mut call, allowed): (ReadyCall, Allowed),
        origin: Origin,
    ) -> BoxFuture<'static, Ending> {
        let nested = self.nested(state, work, &allowed);
        let parts = self.parts.clone();
        async move {
            let mut brings = Brings::default();
            let asking = async {
                match nested {
                    Ok(nested) => {
                        let (result, brought) = nested.answered().await;
                        brings = brought;
                        result
                    }
                    Err(result) => result,
                }
            };
            let recorded = execute::recorded(&parts, &origin, &allowed, Order::IntentFirst, asking);
            let result = Box::pin(recorded).await;
            call.bring(&brings);
            (call, result, brings)
        }
        .boxed()
    }

    fn nested(&self, state: &State, work: &mut Work, allowed: &Allowed) -> Result<Nested, ToolResult> {
        let refused = |why: &str| ToolResult::Error {
            error: format!("nobody was asked, because {why}"),
            hint: Some("answer with what you have".to_owned()),
            retry: false,
        };
        let input = Input::deserialize(&allowed.prepared.arguments).map_err(|_| refused("the arguments do not fit"))?;
        let specialist = self.parts.roster.find(&input.specialist);
        let specialist = specialist.ok_or_else(|| refused("there is no such specialist"))?;
        let lent = state.lend(self.parts.now());
        let tokens = lent.tokens.saturating_sub(work.lent.values().sum()).min(TOKENS);
        if work.consulted == MOST {
            return Err(refused("the limit of questions to specialists for one turn is reached"));
        }
        if tokens == 0 || lent.time.is_zero() {
            return Err(refused("the time or the tokens of this turn are used up"));
        }
        work.consulted += 1;
        work.lent.insert(allowed.call_id.clone(), tokens);
        let profile = &specialist.profile;
        let limit = lent.time.min(Duration::from_secs(u64::from(profile.limits.seconds)));
        let (tainted, saw_private) = state.flags();
        let setting = Setting {
            caller: Caller::Specialist(lent.trust),
            limits: Limits {
                model_calls: profile.limits.model_calls,
                tool_calls: TOOL_CALLS,
                wall_seconds: last_step_after(limit),
                tokens,
                ..state.setting.limits
            },
            last_step: context::LAST_STEP.trim().to_owned(),
            marks: Marks::fresh(),
            ..state.setting.clone()
        };
        let messages = messages(&self.parts, profile, &input, &setting);
        let run = self.nested_run(allowed, &profile.name);
        let stop = work.reads.child_token();
        let driver = Driver {
            parts: self.parts.asking(specialist.chain.clone().zip(profile.model.clone())),
            origin: Origin {
                run_id: run.id.clone(),
                trace: self.origin.trace.map(|turn| spans::turn(Some(turn), &run.id)),
                ..self.origin.clone()
            },
            request: self.origin.trace,
            demands: self.demands.clone(),
            arrived: self.arrived,
            account: self.account.clone(),
            agent: profile.name.clone(),
            offered: reads(&self.parts, specialist, &self.offered),
            watch: Watch::Nobody,
            outlet: Outlet {
                stream_chat: false,
                ..self.outlet
            },
            steer: None,
            talk: None,
            needs_model: true,
            bound: self.bound.clone(),
            asks_for_more: false,
            stop: stop.clone(),
        };
        Ok(Nested {
            driver,
            state: State::new(setting, messages, tainted, saw_private, self.parts.now()),
            run,
            title: profile.title(),
            limit,
            stop,
        })
    }

    fn nested_run(&self, allowed: &Allowed, agent: &str) -> Run {
        let conversation_id = self.origin.conversation_id.clone().unwrap_or_default();
        let person_id = self.origin.person_id.clone();
        Run {
            nested_in: Some(NestedIn {
                run_id: self.origin.run_id.clone(),
                call_id: allowed.call_id.clone(),
                agent: agent.to_owned(),
            }),
            ..Run::begun(self.parts.fresh_id(), conversation_id, person_id, self.parts.now())
        }
    }

    /// Characters of a result that a model is shown.
    pub(super) fn result_chars(&self, ready: &ReadyCall) -> usize {
        let usual = self.parts.config.limits.result_chars;
        let asked = ready.prepared.as_ref().ok().filter(|_| ready.call.name == CONSULT);
        let specialist = asked.and_then(|prepared| self.parts.roster.find(prepared.target.as_deref()?));
        specialist.map_or(usual, |specialist| usual.min(answer_chars(&specialist.profile)))
    }
}

fn answer_chars(profile: &Profile) -> usize {
    usize::try_from(profile.limits.answer_tokens).unwrap_or(usize::MAX) * CHARS_A_TOKEN
}

impl Nested {
    async fn answered(self) -> (ToolResult, Brings) {
        let Self {
            driver,
            state,
            run,
            title,
            limit,
            stop,
        } = self;
        let parts = driver.parts.clone();
        if let Err(error) = parts.store.start_run(&run).await {
            tracing::warn!(run.id = run.id, %error, "what a specialist does is not kept, because the database does not answer");
        }
        let mut turn = boxed(driver, state);
        let outcome = tokio::select! {
            outcome = &mut turn => outcome,
            () = tokio::time::sleep(limit) => {
                stop.cancel();
                let outcome = turn.await;
                Outcome { why: Why::WallClock, text: String::new(), ..outcome }
            }
        };
        answer::close_nested(&parts, run, &outcome).await;
        let (_, _, tokens_in, tokens_out) = outcome.counts;
        let brings = Brings {
            tainted: outcome.tainted,
            saw_private: outcome.saw_private,
            tokens: (tokens_in, tokens_out),
        };
        (told(&title, &outcome), brings)
    }
}

fn last_step_after(limit: Duration) -> u32 {
    let seconds = limit.as_secs().saturating_mul(LAST_STEP_PERCENT) / 100;
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

/// A turn whose type does not hold that of the turn it is in.
fn boxed(driver: Driver, state: State) -> BoxFuture<'static, Outcome> {
    driver.run(state).boxed()
}

/// What the one who asked is told.
fn told(title: &str, outcome: &Outcome) -> ToolResult {
    let text = outcome.text.trim();
    match outcome.why {
        Why::Cancelled | Why::Shutdown => ToolResult::Interrupted {
            says: format!("{title} was stopped"),
        },
        Why::Answered => ToolResult::Ok {
            summary: format!("{title}: {text}"),
            data: Value::Null,
        },
        Why::Failed => no_answer(format!("{title}: {text}")),
        // Without money no model said the last words.
        why if text.is_empty() || why == Why::Money => no_answer(format!("{title} has no answer: {}", why.sentence())),
        why => ToolResult::Ok {
            summary: format!("{title}: {text}\n\n({title} had to end there: {}.)", why.sentence()),
            data: Value::Null,
        },
    }
}

fn no_answer(error: String) -> ToolResult {
    ToolResult::Error {
        error,
        hint: Some("read it yourself with your tools, and say what is not known".to_owned()),
        retry: false,
    }
}

/// Not the conversation: a prompt, the question, and what was given with it.
fn messages(parts: &Parts, profile: &Profile, input: &Input, setting: &Setting) -> Vec<Message> {
    let words = profile.limits.answer_tokens * 2 / 3;
    let work = PROMPT
        .trim()
        .replace("{calls}", &profile.limits.model_calls.to_string())
        .replace("{words}", &words.to_string());
    let mut system = format!("{}\n\n{work}\n\n{}", profile.prompt, context::time(parts));
    if setting.public {
        system += " Jarvis was asked in a public room: strangers read along, and nothing private is said there.";
    }
    let mut question = format!("Jarvis asks you:\n{}", clean(&parts.gate.hide(&input.question)));
    if !input.context.trim().is_empty() {
        let context = setting.marks.data("jarvis", &parts.gate.hide(&input.context));
        question += &format!("\n\nWhat Jarvis gives you with it:\n{context}");
    }
    vec![Message::text(Role::System, system), Message::text(Role::User, question)]
}
