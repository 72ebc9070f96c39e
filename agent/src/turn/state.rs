//! The turn machine: pure, so that every path is tested without models, tools or waiting.

use jarvis_gateway::chat::{Message, Reply, Role, ToolResult};
use jarvis_gateway::clock::Millis;
use jarvis_gateway::provider;
use jarvis_tools::Prepared;
use jarvis_tools::risk::Effect as ToolEffect;
use serde_json::Value;

use super::bounds::{Used, Why};
use super::effect::Effect;
use super::event::{Brings, Event, More, ReadyCall};
use super::setting::Setting;
use super::shorten::ShownResult;
use super::told::{denied, skipped, spoken};
use crate::asked_for::{asks_for, asks_to_keep, goes_elsewhere, is_search};
use crate::policy::{self, Decision, Flags};
use crate::schedule::Errand;

/// A turn between two events.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub(super) setting: Setting,
    pub(super) messages: Vec<Message>,
    /// How many of the messages were there before the turn.
    pub(super) context: usize,
    /// The results of this turn that a model is shown as they came.
    pub(super) results: Vec<ShownResult>,
    pub(super) used: Used,
    pub(super) tainted: bool,
    pub(super) saw_private: bool,
    /// What searches answered: the places in it are no text's idea.
    found: String,
    /// Set when nobody asked just now.
    errand: Option<Errand>,
    pub(super) phase: Phase,
    /// Summaries of what was done, for an ending that no model writes.
    pub(super) done: Vec<String>,
    /// Of these, what came of calls that were more than reads, for an ending by somebody's stop.
    pub(super) acted: Vec<String>,
    /// Why it may not cost more, when only that is left.
    pub(super) over: String,
    /// What the user wrote since the last model call.
    more: Vec<More>,
    /// How many such messages a model has been shown.
    taken: usize,
    /// Answers to what was asked before them. They are part of the answer.
    pub(super) answered: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    New,
    Asking {
        /// The bound that makes this the last model call.
        last: Option<Why>,
    },
    Acting(Batch),
    Over,
}

/// The calls of one reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    slots: Vec<Slot>,
    /// Set when the turn ends with this batch.
    stop: Option<Why>,
}

#[derive(Debug, Clone, PartialEq)]
struct Slot {
    call: ReadyCall,
    started: bool,
    result: Option<ToolResult>,
}

impl Slot {
    fn is_read(&self) -> bool {
        matches!(&self.call.prepared, Ok(prepared) if prepared.risk.effect == ToolEffect::Read)
    }
}

impl State {
    /// `messages` is the whole context: system prompt, history, and the new message last.
    pub fn new(setting: Setting, messages: Vec<Message>, tainted: bool, saw_private: bool, now: Millis) -> Self {
        let used = Used::new(setting.limits, now);
        Self {
            setting,
            context: messages.len(),
            messages,
            results: Vec::new(),
            used,
            tainted,
            saw_private,
            found: String::new(),
            errand: None,
            phase: Phase::New,
            done: Vec::new(),
            acted: Vec::new(),
            over: String::new(),
            more: Vec::new(),
            taken: 0,
            answered: Vec::new(),
        }
    }

    /// The same turn for something that was asked for earlier: it acts with what was allowed then, and only what a person
    /// said or approved counts as asked for.
    #[must_use]
    pub(crate) fn on_errand(mut self, errand: Option<Errand>) -> Self {
        if let Some(errand) = &errand {
            self.tainted |= errand.tainted;
            if !errand.grounded {
                self.setting.operator_text.clear();
                self.setting.asker_text.clear();
            }
            if let Some(after) = &errand.after {
                self.saw_private |= after.saw_private;
                self.setting.operator_text.clone_from(&after.words);
                self.setting.asker_text.clone_from(&after.words);
            }
        }
        self.errand = errand;
        self
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking { .. })
    }

    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// What the turn is about: its newest message.
    pub fn asked(&self) -> String {
        self.messages.last().map(Message::joined_text).unwrap_or_default()
    }

    /// Whether outside text is in the context, and whether a private reading is.
    pub fn flags(&self) -> (bool, bool) {
        (self.tainted, self.saw_private)
    }

    /// How many of the messages that came while the turn ran are answered by it.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Model calls, tool calls, tokens in, tokens out.
    pub fn counts(&self) -> (u32, u32, u64, u64) {
        (
            self.used.model_calls,
            self.used.tool_calls,
            self.used.tokens_in,
            self.used.tokens_out,
        )
    }

    /// Takes one step. An event that does not fit the phase (a late result after the end) changes nothing.
    #[must_use]
    pub fn on(mut self, event: Event, now: Millis) -> (Self, Vec<Effect>) {
        let effects = match event {
            Event::Begin => self.begin(now),
            Event::Replied { reply, calls } => self.replied(*reply, calls, now),
            Event::NotAnswered(error) => self.not_answered(&error),
            Event::OverBound { says, more } => self.over_bound(says, more.map(|more| *more)),
            Event::TooLong { window } => self.too_long(window),
            Event::Shortened { context, results } => self.shortened(context, results, now),
            Event::Ended {
                call_id,
                result,
                brings,
            } => self.ended(&call_id, &result, &brings, now),
            Event::Steered(more) => self.steered(more),
            Event::Cancelled => self.stop(Why::Cancelled, now),
            Event::ShuttingDown => self.stop(Why::Shutdown, now),
        };
        (self, effects)
    }

    fn begin(&mut self, now: Millis) -> Vec<Effect> {
        match self.phase {
            Phase::New => self.ask(now),
            Phase::Asking { .. } | Phase::Acting(_) | Phase::Over => Vec::new(),
        }
    }

    fn steered(&mut self, more: More) -> Vec<Effect> {
        if !self.is_over() {
            self.more.push(more);
        }
        Vec::new()
    }

    /// Shows the model what the user wrote meanwhile. It is the same person, so it grounds as the first message does.
    fn take_more(&mut self) {
        for More { words, shown } in std::mem::take(&mut self.more) {
            self.taken += 1;
            self.setting.asker_text.push('\n');
            self.setting.asker_text.push_str(&words);
            if self.setting.is_trusted() {
                self.setting.operator_text.push('\n');
                self.setting.operator_text.push_str(&words);
            }
            self.messages.push(Message::text(Role::User, shown));
        }
    }

    pub(super) fn ask(&mut self, now: Millis) -> Vec<Effect> {
        self.take_more();
        let last = self.used.reached(now);
        self.phase = Phase::Asking { last };
        let mut messages = self.messages.clone();
        if let Some(why) = last {
            let note = self.setting.last_step.replace("{why}", why.sentence());
            messages.push(Message::text(Role::System, note));
        }
        vec![Effect::Ask {
            messages,
            offer_tools: last.is_none(),
        }]
    }

    fn replied(&mut self, reply: Reply, calls: Vec<ReadyCall>, now: Millis) -> Vec<Effect> {
        let Phase::Asking { last } = self.phase else {
            return Vec::new();
        };
        self.used.model_calls += 1;
        self.used.count_tokens(reply.finish.usage, self.estimate(&reply));
        if last.is_none() && calls.is_empty() && !self.more.is_empty() {
            if !reply.text.trim().is_empty() {
                self.answered.push(reply.text.clone());
                self.messages.push(Message::text(Role::Assistant, reply.text));
            }
            return self.ask(now);
        }
        if last.is_some() || calls.is_empty() {
            let text = if reply.text.trim().is_empty() {
                self.unspoken()
            } else {
                reply.text
            };
            return self.finish(text, last.unwrap_or(Why::Answered));
        }
        self.messages.push(Message {
            reasoning: Some(reply.reasoning).filter(|text| !text.is_empty()),
            tool_calls: calls.iter().map(|ready| ready.call.clone()).collect(),
            ..Message::text(Role::Assistant, reply.text)
        });
        let slots = calls
            .into_iter()
            .map(|call| Slot {
                call,
                started: false,
                result: None,
            })
            .collect();
        self.phase = Phase::Acting(Batch { slots, stop: None });
        self.advance(now)
    }

    /// About four characters a token; only used where the upstream reports nothing.
    fn estimate(&self, reply: &Reply) -> (u64, u64) {
        let sent: usize = self.messages.iter().map(|message| message.joined_text().len()).sum();
        (
            (sent / 4) as u64,
            ((reply.text.len() + reply.reasoning.len()) / 4) as u64,
        )
    }

    /// Only a person can let it cost more. Who cannot be asked is not.
    fn over_bound(&mut self, says: String, more: Option<ReadyCall>) -> Vec<Effect> {
        let Phase::Asking { .. } = self.phase else {
            return Vec::new();
        };
        // What the house spends is not for strangers.
        let all = if self.setting.public {
            Why::Money.sentence().to_owned()
        } else {
            says
        };
        self.over = all;
        let asked = more.and_then(|call| {
            let decision = self.decide(call.prepared.as_ref().ok()?, &call);
            matches!(decision, Decision::Ask(_)).then_some((call, decision))
        });
        let Some((call, decision)) = asked else {
            return self.finish_over_bound();
        };
        let slot = Slot {
            call: call.clone(),
            started: true,
            result: None,
        };
        self.phase = Phase::Acting(Batch {
            slots: vec![slot],
            stop: Some(Why::Money),
        });
        vec![Effect::RaiseCard { call, decision }]
    }

    fn not_answered(&mut self, error: &provider::Error) -> Vec<Effect> {
        let Phase::Asking { .. } = self.phase else {
            return Vec::new();
        };
        self.used.model_calls += 1;
        let mut text = format!("I could not answer: {error}.");
        if !self.done.is_empty() {
            text.push_str("\n\nWhat was done before that:\n\n");
            text.push_str(&self.done.join("\n\n"));
        }
        self.finish(text, Why::Failed)
    }

    /// Starts what may start now, and asks the model again when every call of the batch has its result.
    fn advance(&mut self, now: Millis) -> Vec<Effect> {
        let Phase::Acting(mut batch) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        let parallel = batch.slots.iter().all(Slot::is_read);
        for slot in &mut batch.slots {
            if slot.result.is_some() {
                continue;
            }
            if !slot.started {
                slot.started = true;
                effects.push(self.start(slot, batch.stop));
            }
            if slot.result.is_none() && !parallel {
                break;
            }
        }
        if batch.slots.iter().any(|slot| slot.result.is_none()) {
            self.phase = Phase::Acting(batch);
            return effects;
        }
        effects.extend(self.close(batch, now));
        effects
    }

    /// Decides one call. A call that is not made gets its result at once.
    fn start(&mut self, slot: &mut Slot, stop: Option<Why>) -> Effect {
        let call = slot.call.clone();
        if let Some(why) = stop {
            return Self::note(slot, None, skipped(why));
        }
        if !self.used.may_call_tool() {
            return Self::note(slot, None, skipped(Why::ToolCalls));
        }
        self.used.tool_calls += 1;
        let prepared = match &call.prepared {
            Ok(prepared) => prepared,
            Err(result) => {
                let result = result.clone();
                self.used
                    .count_result(&call.call.name, &Value::String(call.call.arguments.clone()), &result);
                return Self::note(slot, None, result);
            }
        };
        let decision = self.decide(prepared, &call);
        match decision {
            Decision::Allow(_) => Effect::Run { call, decision },
            Decision::Ask(_) => Effect::RaiseCard { call, decision },
            Decision::Deny(rule) => Self::note(slot, Some(decision), denied(rule, self.setting.public)),
        }
    }

    fn note(slot: &mut Slot, decision: Option<Decision>, result: ToolResult) -> Effect {
        slot.result = Some(result.clone());
        Effect::Note {
            call: slot.call.clone(),
            decision,
            result,
        }
    }

    fn decide(&self, prepared: &Prepared, call: &ReadyCall) -> Decision {
        let flags = Flags {
            frozen: call.standing.frozen,
            tainted: self.tainted,
            saw_private: self.saw_private,
            own_words: self.setting.is_of_the_house()
                && goes_elsewhere([&self.setting.operator_text, &self.found], prepared),
            grounded: asks_for(&self.setting.operator_text, prepared),
            their_words: prepared.risk.keeps && asks_to_keep(&self.setting.asker_text, prepared),
            granted: call.standing.granted,
            reads_only: self
                .errand
                .as_ref()
                .is_some_and(|errand| !errand.may_act_with(&call.call.name)),
        };
        let room = policy::Room {
            ceiling: self.setting.ceiling,
            public: self.setting.public,
            lists_tool: call.listed,
        };
        policy::decide(self.setting.caller, room, flags, prepared.risk)
    }

    fn ended(&mut self, call_id: &str, result: &ToolResult, brings: &Brings, now: Millis) -> Vec<Effect> {
        let Phase::Acting(batch) = &mut self.phase else {
            return Vec::new();
        };
        let open = |slot: &&mut Slot| slot.call.call.id == call_id && slot.started && slot.result.is_none();
        let Some(slot) = batch.slots.iter_mut().find(open) else {
            return Vec::new();
        };
        slot.result = Some(result.clone());
        slot.call.bring(brings);
        let call = slot.call.clone();
        let stopped = batch.stop;
        self.used.count_tokens(None, brings.tokens);
        self.remember(&call, result, stopped);
        self.advance(now)
    }

    /// What a result means for the rest of the turn: taint, private text, repeats, what was done.
    fn remember(&mut self, call: &ReadyCall, result: &ToolResult, stopped: Option<Why>) {
        let Ok(prepared) = &call.prepared else { return };
        self.used.count_result(&call.call.name, &prepared.arguments, result);
        if prepared.risk.effect > ToolEffect::Read {
            self.acted.extend(spoken(result).map(|says| match stopped {
                Some(Why::Cancelled) => format!("{says} (This finished after you stopped me.)"),
                _ => says,
            }));
        }
        match result {
            ToolResult::Ok { summary, .. } => {
                self.tainted |= call.untrusted_output;
                self.saw_private |= prepared.risk.reads_private;
                self.found.extend(is_search(prepared).then(|| format!("{summary}\n")));
                self.done.push(summary.clone());
            }
            // The text of an error can quote the outside too, and so can the state that a plan read. An act that failed
            // shows the log of what it acted on.
            ToolResult::Error { .. } => {
                let acts = prepared.risk.effect > ToolEffect::Read;
                self.tainted |= call.untrusted_output;
                self.saw_private |= prepared.risk.reads_private || (acts && call.untrusted_output);
            }
            ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } => {
                self.tainted |= call.untrusted_output;
                self.done.push(says.clone());
            }
            ToolResult::Denied { .. } | ToolResult::Skipped { .. } => {}
        }
    }

    /// Every call has its result: they go into the context in the order of the calls.
    fn close(&mut self, batch: Batch, now: Millis) -> Vec<Effect> {
        for slot in batch.slots {
            if let Some(result) = slot.result {
                self.show(slot.call, result);
            }
        }
        match batch.stop {
            None => self.ask(now),
            Some(Why::Money) => self.finish_over_bound(),
            Some(why) => self.finish_stopped(why),
        }
    }

    fn stop(&mut self, why: Why, now: Millis) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Over => Vec::new(),
            Phase::New | Phase::Asking { .. } => {
                let mut effects = vec![Effect::Abandon];
                effects.extend(self.finish_stopped(why));
                effects
            }
            Phase::Acting(batch) => {
                batch.stop.get_or_insert(why);
                // What has not started is skipped, also behind an act that is still running.
                let mut effects = vec![Effect::Abandon];
                for slot in batch.slots.iter_mut().filter(|slot| !slot.started) {
                    slot.started = true;
                    effects.push(Self::note(slot, None, skipped(why)));
                }
                effects.extend(self.advance(now));
                effects
            }
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
