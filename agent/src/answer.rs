//! From a message to its stored answer.

use std::sync::Arc;

use jarvis_gateway::chat::ToolSpec;
use jarvis_gateway::demands::Demands;
use jarvis_gateway::usage::Bound;
use jarvis_memory::records::{Message, MessageRole, Run, RunStatus};
use jarvis_tools::risk::Trust;
use jarvis_tools::{Tool, catalog};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::compaction::Making;
use crate::context::{self, Context};
use crate::conversations;
use crate::execute::Origin;
use crate::go_on::{self, GoOn};
use crate::instances::Insist;
use crate::memory::Lesson;
use crate::parts::Parts;
use crate::people;
use crate::policy::Caller;
use crate::principal::Principal;
use crate::provider;
use crate::session::{Api, Inbound};
use crate::spans;
use crate::specialists::{self, CONSULT};
use crate::turn::{Brought, Driver, Outcome, Setting, State, Talk, Why};
use crate::view::{Happening, RunState};
use crate::watch::Watch;

/// A turn that has come to its end, which is not stored yet.
pub(crate) struct Ended {
    run: Run,
    outcome: Outcome,
    done: Option<oneshot::Sender<Outcome>>,
    is_follow_up: bool,
    /// What may be learned of the one who asked.
    lesson: Option<Lesson>,
}

impl Ended {
    /// How many of the messages that came meanwhile are answered too.
    pub(crate) fn taken(&self) -> usize {
        self.outcome.taken
    }
}

/// Runs the turn of a conversation's message. `None` when it did not begin, and its run is closed.
pub(crate) async fn answer(parts: &Parts, inbound: Inbound) -> Option<Ended> {
    let Inbound {
        principal,
        message,
        run,
        stop,
        api,
        steer,
        errand,
    } = inbound;
    let principal = people::still(parts, principal).await;
    let (conversation_id, run_id) = (run.conversation_id.clone(), run.id.clone());
    let state = |state, why| Happening::Run {
        conversation_id: conversation_id.clone(),
        run_id: run_id.clone(),
        state,
        why,
    };
    parts.bus.publish(state(RunState::Started, None));
    let on_the_bus = || Watch::Bus {
        bus: Arc::clone(&parts.bus),
        conversation_id: conversation_id.clone(),
        run_id: run_id.clone(),
    };
    let (watch, done, request) = match api {
        Some(Api { watch, done, brought }) => (watch, Some(done), brought),
        None => (on_the_bus(), None, Brought::default()),
    };
    let after = errand.as_ref().and_then(|errand| errand.after.as_ref());
    let is_follow_up = after.is_some_and(|after| after.more.is_none());
    let allowed = errand.as_ref().and_then(|errand| errand.after.as_ref()?.more);
    let bound = Bound::new(allowed.unwrap_or(parts.config.limits.dollars.0));
    let making = Making {
        window: None,
        taken: 0,
        bound: &bound,
        stop: &stop,
    };
    let context = match context::of_conversation(parts, &principal, &conversation_id, &message, making).await {
        Ok(context) => context,
        Err(error) if is_follow_up => {
            tracing::warn!(run.id = run_id, %error, "no model looks at what came of an act");
            close_unused(parts, run, "no_context").await;
            parts.bus.publish(state(RunState::Finished, Some("no_context")));
            return None;
        }
        Err(error) => {
            tracing::warn!(run.id = run_id, %error, "a message is answered without its conversation, which cannot be read");
            context::of_message(parts, &principal, &message)
        }
    };
    let driver = driver(parts, &principal, &run, watch, stop).part_of(request);
    let driver = Driver {
        steer,
        needs_model: is_follow_up,
        bound: bound.clone(),
        asks_for_more: errand.is_none() && go_on::may_ask(&principal),
        talk: Some(Talk {
            principal: principal.clone(),
            message: message.clone(),
        }),
        ..driver
    };
    let lesson = errand.is_none().then(|| Lesson::of(&principal, &message)).flatten();
    let turn = turn(parts, &principal, &message.text, context).on_errand(errand);
    let outcome = driver.run(turn).await;
    Some(Ended {
        run,
        outcome,
        done,
        is_follow_up,
        lesson,
    })
}

/// Stores the end of a turn, and with it that of the `joined` runs whose messages it answered, and tells those who wait.
pub(crate) async fn end(parts: &Parts, ended: Ended, joined: Vec<Run>) {
    const JOINED: &str = "joined";
    let Ended {
        run,
        outcome,
        done,
        is_follow_up,
        lesson,
    } = ended;
    let finished = |run: &Run, why| Happening::Run {
        conversation_id: run.conversation_id.clone(),
        run_id: run.id.clone(),
        state: RunState::Finished,
        why: Some(why),
    };
    let mut happened = vec![finished(&run, outcome.why.as_str())];
    happened.extend(joined.iter().map(|run| finished(run, JOINED)));
    // The event has told it already; that nobody says more about it is nothing to tell, unless more was done.
    let is_closed = if is_follow_up && outcome.why == Why::Failed && outcome.taken == 0 && !outcome.acted {
        close_unused(parts, run, "no_model").await;
        true
    } else {
        let joined = joined.into_iter().map(|run| unused(parts, run, JOINED));
        close(parts, run, &outcome, joined.collect()).await
    };
    for happening in happened {
        parts.bus.publish(happening);
    }
    if let (Some(lesson), Some(lessons)) = (lesson, parts.lessons.get()) {
        // When many wait, nothing is learned of this one.
        drop(lessons.try_send(lesson));
    }
    if let Some(done) = done.filter(|_| is_closed) {
        // A client that left is no error: the answer is stored.
        drop(done.send(outcome));
    }
}

/// The tools that `principal` is offered: those of the room that nobody of more trust is needed for.
pub(crate) fn offered(parts: &Parts, principal: &Principal) -> Vec<ToolSpec> {
    let allowed = parts.catalog.iter().filter(|tool| {
        let least = tool.least_trust();
        tool.name() != GoOn::NAME && least <= principal.trust && principal.room.tools.list(tool.name(), least)
    });
    let mut offered: Vec<ToolSpec> = allowed.map(|tool| catalog::spec(tool.as_ref())).collect();
    let least = specialists::LEAST_TRUST;
    if least <= principal.trust && principal.room.tools.list(CONSULT, least) {
        offered.extend(specialists::spec(parts, &offered));
    }
    offered
}

pub(crate) fn driver(
    parts: &Parts,
    principal: &Principal,
    run: &Run,
    watch: Watch,
    stop: tokio_util::sync::CancellationToken,
) -> Driver {
    let origin = Origin {
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        conversation_id: Some(run.conversation_id.clone()),
        run_id: run.id.clone(),
        approval_id: None,
        tainted: false,
        trace: parts.tracer.is_on().then(|| spans::turn(None, &run.id)),
    };
    Driver {
        request: None,
        demands: Demands::default(),
        arrived: Instant::now(),
        parts: parts.clone(),
        origin,
        offered: offered(parts, principal),
        account: principal.account.clone(),
        agent: provider::MODEL.to_owned(),
        watch,
        outlet: principal.room.outlet(),
        steer: None,
        talk: None,
        bound: Bound::new(parts.config.limits.dollars.0),
        asks_for_more: false,
        needs_model: false,
        stop,
    }
}

/// A turn of `principal`, who wrote `text` just now.
pub(crate) fn turn(parts: &Parts, principal: &Principal, text: &str, context: Context) -> State {
    let trusted = principal.trust >= Trust::Operator;
    let setting = Setting {
        caller: Caller::Person(principal.trust),
        ceiling: principal.room.ceiling,
        public: principal.room.public,
        limits: parts.config.limits,
        operator_text: if trusted { text.to_owned() } else { String::new() },
        asker_text: text.to_owned(),
        last_step: context::LAST_STEP.trim().to_owned(),
        marks: context.marks,
    };
    State::new(
        setting,
        context.messages,
        context.tainted || !trusted,
        context.saw_private,
        parts.now(),
    )
}

/// A run before its first step.
pub(crate) fn fresh_run(parts: &Parts, principal: &Principal, conversation_id: &str) -> Run {
    let person_id = Some(principal.person_id.clone());
    Run::begun(parts.fresh_id(), conversation_id.to_owned(), person_id, parts.now())
}

/// The same of a run that waits for its turn in its conversation. Alone on the database, that is a matter of this process.
pub(crate) fn queued_run(parts: &Parts, principal: &Principal, conversation_id: &str) -> Run {
    Run {
        waits: parts.shared.is_some(),
        ..fresh_run(parts, principal, conversation_id)
    }
}

/// Closes a run that no turn will use.
pub(crate) async fn close_unused(parts: &Parts, run: Run, why: &str) {
    update(parts, &unused(parts, run, why)).await;
}

/// A run that ended without a turn of its own.
fn unused(parts: &Parts, run: Run, why: &str) -> Run {
    Run {
        status: RunStatus::Stopped,
        ended_at: Some(parts.now()),
        stop_reason: Some(why.to_owned()),
        ..run
    }
}

async fn update(parts: &Parts, run: &Run) {
    let mut insist = Insist::on(parts, "the end of a run");
    let updated = loop {
        let updated = parts.store.update_run(run).await;
        if !insist.again(updated.as_ref().err()).await {
            break updated;
        }
    };
    if let Err(error) = updated {
        tracing::error!(run.id = run.id, %error, "the end of a run could not be stored");
    }
}

/// Stores the answer with the end of its run and of the `joined` ones: after a crash there is all of it, or the next start
/// closes the runs and says that there is no answer. `false` when another instance has done that by now: then there is no
/// answer, and nobody may be told one.
pub(crate) async fn close(parts: &Parts, run: Run, outcome: &Outcome, joined: Vec<Run>) -> bool {
    let message = Message {
        id: parts.fresh_id(),
        conversation_id: run.conversation_id.clone(),
        run_id: Some(run.id.clone()),
        person_id: None,
        trust: 0,
        role: MessageRole::Assistant,
        text: outcome.text.clone(),
        detail: json!({
            "target": outcome.served.as_ref().map(|served| served.target.clone()),
            "tools": outcome.tools,
            "why": outcome.why.as_str(),
            "tainted": outcome.tainted,
            "saw_private": outcome.saw_private,
        }),
        external_id: None,
        created_at: parts.now(),
    };
    let mut runs = joined;
    runs.insert(0, ended(parts, run, outcome));
    let mut insist = Insist::on(parts, "an answer");
    let stored = loop {
        let stored = parts.store.end_runs(&runs, &message).await;
        if !insist.again(stored.as_ref().err()).await {
            break stored;
        }
    };
    match stored {
        Ok(()) => {}
        Err(error @ jarvis_memory::Error::Fenced { .. }) => {
            tracing::error!(run.id = message.run_id, %error, "an answer came too late and is not given");
            return false;
        }
        Err(error) => {
            tracing::error!(run.id = message.run_id, %error, "an answer could not be stored; it is shown and will be missing from the history");
            for run in &runs {
                update(parts, run).await;
            }
        }
    }
    conversations::publish(parts, message);
    true
}

/// Stores how a specialist's run came out. Its words are the result of the call that asked.
pub(crate) async fn close_nested(parts: &Parts, run: Run, outcome: &Outcome) {
    update(parts, &ended(parts, run, outcome)).await;
}

fn ended(parts: &Parts, run: Run, outcome: &Outcome) -> Run {
    let (model_calls, tool_calls, tokens_in, tokens_out) = outcome.counts;
    Run {
        status: match outcome.why {
            Why::Cancelled | Why::Shutdown => RunStatus::Stopped,
            Why::Failed => RunStatus::Failed,
            _ => RunStatus::Done,
        },
        target: outcome.served.as_ref().map(|served| served.target.clone()),
        model_calls: i64::from(model_calls),
        tool_calls: i64::from(tool_calls),
        tokens_in: i64::try_from(tokens_in).unwrap_or(i64::MAX),
        tokens_out: i64::try_from(tokens_out).unwrap_or(i64::MAX),
        tainted: outcome.tainted,
        saw_private: outcome.saw_private,
        ended_at: Some(parts.now()),
        stop_reason: Some(outcome.why.as_str().to_owned()),
        ..run
    }
}
