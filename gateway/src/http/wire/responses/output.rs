//! The items that an answer is made of.

use serde_json::{Value, json};

use super::item::{Place, id_of};
use super::response::Status;
use crate::chat::{Reply, ToolCallDelta};

/// As what thinking is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Thoughts {
    Text,
    /// As its own summary, for callers who asked for one and look there.
    Summary,
}

/// Items in the order in which they began.
#[derive(Debug)]
pub(in crate::http) struct Output {
    response: String,
    thoughts: Thoughts,
    items: Vec<Item>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) body: Body,
    /// Its status for ever, once it has all that it will have.
    pub(super) closed: Option<&'static str>,
}

#[derive(Debug)]
pub(super) enum Body {
    Reasoning(String),
    Message(Words),
    Call(Call),
}

/// What was said, and how probable its tokens were, where that was asked for.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) logprobs: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Call {
    /// The number that the events give it.
    index: u32,
    id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Which kind of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Reasoning,
    Message,
}

impl Output {
    pub(in crate::http) fn new(response: &str, thoughts: Thoughts) -> Self {
        Self {
            response: response.to_owned(),
            thoughts,
            items: Vec::new(),
        }
    }

    /// All of a whole answer.
    pub(in crate::http) fn fill(&mut self, reply: Reply) {
        if !reply.reasoning.is_empty() {
            self.begin("rs", Body::Reasoning(reply.reasoning));
        }
        if !reply.text.is_empty() {
            self.close_last();
            let (text, logprobs) = (reply.text, reply.logprobs);
            self.begin("msg", Body::Message(Words { text, logprobs }));
        }
        if !reply.tool_calls.is_empty() {
            self.close_last();
        }
        for (index, call) in (0..).zip(reply.tool_calls) {
            let call = Call {
                index,
                id: call.id,
                name: call.name,
                arguments: call.arguments,
            };
            self.begin("fc", Body::Call(call));
        }
    }

    fn close_last(&mut self) {
        if let Some(item) = self.items.last_mut() {
            item.closed = Some("completed");
        }
    }

    /// The items as they are when the response has `status`.
    pub(in crate::http) fn json(&self, status: &Status) -> Vec<Value> {
        self.items
            .iter()
            .map(|item| self.item_json(item, item.status(status)))
            .collect()
    }

    pub(super) fn is_summarised(&self) -> bool {
        self.thoughts == Thoughts::Summary
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn item(&self, at: usize) -> Option<&Item> {
        self.items.get(at)
    }

    pub(super) fn close(&mut self, at: usize, status: &'static str) {
        if let Some(item) = self.items.get_mut(at) {
            item.closed = Some(status);
        }
    }

    /// Where the words of this kind go on, when such an item is open.
    pub(super) fn open(&self, voice: Voice) -> Option<usize> {
        let is_of = |item: &Item| item.closed.is_none() && item.voice() == Some(voice);
        self.items.iter().position(is_of)
    }

    pub(super) fn begin_voice(&mut self, voice: Voice) -> usize {
        match voice {
            Voice::Reasoning => self.begin("rs", Body::Reasoning(String::new())),
            Voice::Message => self.begin("msg", Body::Message(Words::default())),
        }
    }

    pub(super) fn add(&mut self, at: usize, text: &str) {
        match self.items.get_mut(at).map(|item| &mut item.body) {
            Some(Body::Reasoning(known)) => known.push_str(text),
            Some(Body::Message(words)) => words.text.push_str(text),
            Some(Body::Call(call)) => call.arguments.push_str(text),
            None => {}
        }
    }

    pub(super) fn add_logprobs(&mut self, at: usize, tokens: &[Value]) {
        if let Some(Body::Message(words)) = self.items.get_mut(at).map(|item| &mut item.body) {
            words.logprobs.extend_from_slice(tokens);
        }
    }

    /// Thinking as the callers of this response look for it.
    pub(super) fn thought_part(&self, text: &str) -> Value {
        let kind = if self.is_summarised() {
            "summary_text"
        } else {
            "reasoning_text"
        };
        json!({"type": kind, "text": text})
    }

    pub(super) fn call(&self, index: u32) -> Option<usize> {
        let is_it = |item: &Item| matches!(&item.body, Body::Call(call) if call.index == index);
        self.items.iter().position(is_it)
    }

    pub(super) fn begin_call(&mut self, delta: &ToolCallDelta) -> usize {
        let call = Call {
            index: delta.index,
            id: delta.id.clone().unwrap_or_default(),
            name: delta.name.clone().unwrap_or_default(),
            arguments: String::new(),
        };
        self.begin("fc", Body::Call(call))
    }

    fn begin(&mut self, kind: &str, body: Body) -> usize {
        let at = self.items.len();
        self.items.push(Item {
            id: id_of(kind, &self.response, Place::Output(at)),
            body,
            closed: None,
        });
        at
    }

    pub(super) fn item_json(&self, item: &Item, status: &str) -> Value {
        let began = status != "in_progress";
        match &item.body {
            Body::Reasoning(text) => {
                let parts = |is_here: bool| {
                    let part = (is_here && began).then(|| self.thought_part(text));
                    part.into_iter().collect::<Value>()
                };
                json!({
                    "id": item.id,
                    "type": "reasoning",
                    "status": status,
                    "summary": parts(self.is_summarised()),
                    "content": parts(!self.is_summarised()),
                    "encrypted_content": null,
                })
            }
            Body::Message(words) => json!({
                "id": item.id,
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": if began { json!([text_part(words)]) } else { json!([]) },
            }),
            Body::Call(call) => json!({
                "id": item.id,
                "type": "function_call",
                "status": status,
                "call_id": call.id,
                "name": call.name,
                "arguments": if began { call.complete() } else { "" },
            }),
        }
    }
}

impl Item {
    pub(super) fn voice(&self) -> Option<Voice> {
        match self.body {
            Body::Reasoning(_) => Some(Voice::Reasoning),
            Body::Message(_) => Some(Voice::Message),
            Body::Call(_) => None,
        }
    }

    /// What was cut off is never complete: a call whose arguments are not JSON must not be made.
    pub(super) fn status(&self, of_response: &Status) -> &'static str {
        match (self.closed, of_response, &self.body) {
            (Some(status), ..) => status,
            (None, Status::InProgress, _) => "in_progress",
            (None, Status::Completed, _) => "completed",
            (None, Status::Incomplete(_), Body::Call(call)) if call.is_json() => "completed",
            (None, Status::Incomplete(_) | Status::Failed { .. }, _) => "incomplete",
        }
    }
}

impl Call {
    /// Models that call without arguments say nothing, and callers parse what they are given.
    pub(super) fn complete(&self) -> &str {
        if self.arguments.trim().is_empty() {
            "{}"
        } else {
            &self.arguments
        }
    }

    fn is_json(&self) -> bool {
        serde_json::from_str::<serde::de::IgnoredAny>(self.complete()).is_ok()
    }
}

pub(super) fn text_part(words: &Words) -> Value {
    json!({"type": "output_text", "text": words.text, "annotations": [], "logprobs": words.logprobs})
}
