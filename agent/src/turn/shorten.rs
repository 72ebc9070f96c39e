//! A turn that is too long for the window of the model whose turn it is: what was said before it in short, and its own
//! oldest results as what `read_result` reads. Its calls and results stay together, and nothing that was done is done anew.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jarvis_gateway::chat::{Message, ToolResult};
use jarvis_gateway::clock::Millis;
use jarvis_memory::records;
use jarvis_tools::Prepared;
use jarvis_tools::risk::Risk;

use super::drive::Driver;
use super::effect::Effect;
use super::event::{Event, ReadyCall};
use super::state::State;
use super::told::shortened as cut_to;
use crate::big_result;
use crate::compaction::{self, Making};
use crate::context;
use crate::principal::Principal;

/// Characters that are shown of a result that was shown whole before.
const SHOWN: usize = 800;
/// What is hardly longer than that stays.
const WORTH: usize = 1_200;

/// A result as a model is shown it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownResult {
    pub call_id: String,
    pub tool: String,
    pub risk: Risk,
    pub untrusted_output: bool,
    pub result: ToolResult,
}

/// The message that a turn answers, in its conversation.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) principal: Principal,
    pub(crate) message: records::Message,
}

impl State {
    /// Puts what a call came to into the context.
    pub(super) fn show(&mut self, ready: ReadyCall, result: ToolResult) {
        let ReadyCall {
            call,
            prepared,
            untrusted_output,
            ..
        } = ready;
        let result = cut_to(result, self.setting.limits.result_chars);
        let told = self.setting.marks.result(&call.name, untrusted_output, result.clone());
        self.messages.push(Message::tool_result(call.id.clone(), &told));
        if let Ok(Prepared { risk, .. }) = prepared {
            self.results.push(ShownResult {
                call_id: call.id,
                tool: call.name,
                risk,
                untrusted_output,
                result,
            });
        }
    }

    pub(super) fn too_long(&mut self, window: u32) -> Vec<Effect> {
        if !self.is_asking() {
            return Vec::new();
        }
        let (context, turn) = self.messages.split_at(self.context.min(self.messages.len()));
        vec![Effect::Shorten {
            window,
            context: length(context),
            turn: length(turn),
            results: self.results.clone(),
        }]
    }

    /// Asks again with what could be made shorter. A result is changed in its place.
    pub(super) fn shortened(
        &mut self,
        context: Option<(Vec<Message>, bool, bool)>,
        results: Vec<(String, ToolResult)>,
        now: Millis,
    ) -> Vec<Effect> {
        if !self.is_asking() {
            return Vec::new();
        }
        if let Some((context, tainted, saw_private)) = context {
            let before = std::mem::replace(&mut self.context, context.len());
            self.messages.splice(..before.min(self.messages.len()), context);
            self.tainted |= tainted;
            self.saw_private |= saw_private;
        }
        for (call_id, result) in results {
            let Some(at) = self.results.iter().position(|shown| shown.call_id == call_id) else {
                continue;
            };
            let ShownResult {
                tool, untrusted_output, ..
            } = self.results.remove(at);
            let is_it = |message: &&mut Message| message.tool_call_id.as_ref() == Some(&call_id);
            if let Some(message) = self.messages.iter_mut().skip(self.context).find(is_it) {
                let result = self.setting.marks.result(&tool, untrusted_output, result);
                *message = Message::tool_result(call_id, &result);
            }
        }
        self.ask(now)
    }
}

/// In characters, as the room of a window is counted.
fn length(messages: &[Message]) -> usize {
    let calls = |message: &Message| {
        message
            .tool_calls
            .iter()
            .map(|call| call.arguments.len())
            .sum::<usize>()
    };
    let lengths = messages
        .iter()
        .map(|message| message.joined_text().len() + calls(message));
    lengths.sum()
}

impl Driver {
    /// The conversation first: what it loses is in its summary and in its history. Then the oldest results, as far as it
    /// takes.
    pub(super) fn shorten(
        &self,
        window: u32,
        (context, turn): (usize, usize),
        results: Vec<ShownResult>,
    ) -> BoxFuture<'static, Event> {
        let (parts, origin, talk, bound, stop) = (
            self.parts.clone(),
            self.origin.clone(),
            self.talk.clone(),
            self.bound.clone(),
            self.stop.clone(),
        );
        async move {
            let mut anew = None;
            if let (Some(Talk { principal, message }), Some(conversation_id)) = (&talk, &origin.conversation_id) {
                let making = Making {
                    window: Some(window),
                    taken: turn,
                    bound: &bound,
                    stop: &stop,
                };
                match context::of_conversation(&parts, principal, conversation_id, message, making).await {
                    Ok(context) => anew = Some((context.messages, context.tainted, context.saw_private)),
                    Err(error) => {
                        tracing::warn!(run.id = origin.run_id, %error, "a conversation is not made shorter, because it cannot be read");
                    }
                }
            }
            let context = anew.as_ref().map_or(context, |(messages, ..)| length(messages));
            let mut over = (context + turn + context::TOOLS_CHARS).saturating_sub(compaction::chars(window));
            let mut shorter = Vec::new();
            for shown in results {
                let long = shown.result.to_json().len();
                if over == 0 || long < WORTH {
                    continue;
                }
                let about = (shown.risk, shown.untrusted_output);
                if let Some(short) = big_result::keep(&parts, &origin, &shown.tool, about, &shown.result, SHOWN).await {
                    over = over.saturating_sub(long.saturating_sub(short.to_json().len()));
                    shorter.push((shown.call_id, short));
                }
            }
            Event::Shortened {
                context: anew,
                results: shorter,
            }
        }
        .boxed()
    }
}

/// What could be made shorter, when something is.
pub(super) async fn shortened(shortening: &mut Option<BoxFuture<'static, Event>>) -> Event {
    match shortening {
        Some(shortening) => shortening.await,
        None => std::future::pending().await,
    }
}
