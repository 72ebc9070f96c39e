//! An answer as it comes: events in, OpenAI's events out, in the order that its clients rely on.

use bytes::BytesMut;
use serde_json::{Value, json};

use super::event::{Events, Piece};
use super::output::{Body, Output, Voice, Words, text_part};
use super::response::{Face, Status};
use crate::chat::{ToolCallDelta, Usage};
use crate::clock::Millis;

/// The state of one streamed answer.
///
/// Words go to one open item, and words of the other kind close it. Calls stay open until the end, because servers may
/// send pieces of several calls in turn.
pub(in crate::http) struct Answer {
    face: Face,
    output: Output,
    events: Events,
    began: bool,
    /// Tokens that no event has told yet. Servers send them before or after the words.
    logprobs: Vec<Value>,
    /// Only the first call of an answer is wanted.
    one_call: bool,
}

impl Answer {
    pub(in crate::http) fn new(face: Face, output: Output, one_call: bool) -> Self {
        Self {
            face,
            output,
            events: Events::default(),
            began: false,
            logprobs: Vec::new(),
            one_call,
        }
    }

    pub(in crate::http) fn served(&mut self, model: &str) {
        model.clone_into(&mut self.face.model);
    }

    pub(in crate::http) fn text(&mut self, text: &str, out: &mut BytesMut) {
        self.speak(Voice::Message, text, out);
    }

    pub(in crate::http) fn reasoning(&mut self, text: &str, out: &mut BytesMut) {
        self.speak(Voice::Reasoning, text, out);
    }

    pub(in crate::http) fn logprobs(&mut self, tokens: &[Value]) {
        self.logprobs.extend_from_slice(tokens);
    }

    pub(in crate::http) fn call(&mut self, delta: &ToolCallDelta, out: &mut BytesMut) {
        if self.one_call && delta.index > 0 {
            return;
        }
        let at = match self.output.call(delta.index) {
            Some(at) => at,
            None if delta.name.is_none() => return,
            None => {
                self.begin(out);
                self.close_voices(out);
                let at = self.output.begin_call(delta);
                self.added(at, out);
                at
            }
        };
        self.output.add(at, &delta.arguments);
        if !delta.arguments.is_empty() {
            self.argument(at, &delta.arguments, out);
        }
    }

    /// Everything but the last event. Returns the response as it is at its end.
    pub(in crate::http) fn end(
        &mut self,
        status: &Status,
        usage: Option<Usage>,
        at: Millis,
        out: &mut BytesMut,
    ) -> Value {
        self.begin(out);
        if !matches!(status, Status::Failed { .. }) {
            for item in 0..self.output.items().len() {
                self.close(item, status, out);
            }
        }
        self.face.ended(status, &self.output.json(status), usage, at)
    }

    /// The last event.
    pub(in crate::http) fn last(&mut self, response: &Value, out: &mut BytesMut) {
        let kind = match response["status"].as_str() {
            Some("completed") => "response.completed",
            Some("incomplete") => "response.incomplete",
            _ => "response.failed",
        };
        self.events.write(kind, json!({"response": response}), out);
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if self.began {
            return;
        }
        self.began = true;
        let response = self.face.response(&Status::InProgress, &[]);
        for kind in ["response.created", "response.in_progress"] {
            self.events.write(kind, json!({"response": response}), out);
        }
    }

    fn speak(&mut self, voice: Voice, text: &str, out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        let open = self.output.open(voice);
        let at = open.unwrap_or_else(|| self.begin_voice(voice, out));
        self.output.add(at, text);
        let logprobs = match voice {
            Voice::Message => std::mem::take(&mut self.logprobs),
            Voice::Reasoning => Vec::new(),
        };
        self.output.add_logprobs(at, &logprobs);
        let Some(item) = self.output.item(at) else {
            return;
        };
        let is_summary = voice == Voice::Reasoning && self.output.is_summarised();
        let kind = match voice {
            Voice::Message => "response.output_text.delta",
            Voice::Reasoning if is_summary => "response.reasoning_summary_text.delta",
            Voice::Reasoning => "response.reasoning_text.delta",
        };
        let delta = Piece {
            item_id: &item.id,
            output_index: at,
            content_index: (!is_summary).then_some(0),
            summary_index: is_summary.then_some(0),
            delta: text,
            logprobs: (voice == Voice::Message).then_some(logprobs.as_slice()),
        };
        self.events.delta(kind, &delta, out);
    }

    fn added(&mut self, at: usize, out: &mut BytesMut) {
        let Some(item) = self.output.item(at) else {
            return;
        };
        let item = self.output.item_json(item, "in_progress");
        let fields = json!({"output_index": at, "item": item});
        self.events.write("response.output_item.added", fields, out);
    }

    fn begin_voice(&mut self, voice: Voice, out: &mut BytesMut) -> usize {
        self.begin(out);
        self.close_voices(out);
        let at = self.output.begin_voice(voice);
        self.added(at, out);
        let part = match voice {
            Voice::Message => text_part(&Words::default()),
            Voice::Reasoning => self.output.thought_part(""),
        };
        self.part("added", at, voice, &part, out);
        at
    }

    /// A part that begins (`added`, empty) or has ended (`done`).
    fn part(&mut self, what: &str, at: usize, voice: Voice, part: &Value, out: &mut BytesMut) {
        let Some(item) = self.output.item(at) else {
            return;
        };
        let mut fields = json!({"item_id": item.id, "output_index": at, "part": part});
        let kind = if voice == Voice::Reasoning && self.output.is_summarised() {
            fields["summary_index"] = 0.into();
            format!("response.reasoning_summary_part.{what}")
        } else {
            fields["content_index"] = 0.into();
            format!("response.content_part.{what}")
        };
        self.events.write(&kind, fields, out);
    }

    fn argument(&mut self, at: usize, piece: &str, out: &mut BytesMut) {
        let Some(item) = self.output.item(at) else {
            return;
        };
        let delta = Piece {
            item_id: &item.id,
            output_index: at,
            content_index: None,
            summary_index: None,
            delta: piece,
            logprobs: None,
        };
        self.events.delta("response.function_call_arguments.delta", &delta, out);
    }

    fn close_voices(&mut self, out: &mut BytesMut) {
        for voice in [Voice::Reasoning, Voice::Message] {
            if let Some(at) = self.output.open(voice) {
                self.close(at, &Status::Completed, out);
            }
        }
    }

    /// The events at the end of an item. A call that was cut off gets none, so that nobody takes it for one to be made.
    fn close(&mut self, at: usize, status: &Status, out: &mut BytesMut) {
        if self.output.open(Voice::Message) == Some(at) {
            self.output.add_logprobs(at, &std::mem::take(&mut self.logprobs));
        }
        let Some(item) = self.output.item(at).filter(|item| item.closed.is_none()) else {
            return;
        };
        let status = item.status(status);
        let done = self.output.item_json(item, status);
        let id = item.id.clone();
        match &item.body {
            Body::Call(_) if status != "completed" => return,
            Body::Call(call) => {
                let (name, arguments) = (call.name.clone(), call.complete().to_owned());
                if call.arguments.is_empty() {
                    self.argument(at, &arguments, out);
                }
                let fields = json!({"item_id": id, "output_index": at, "name": name, "arguments": arguments});
                self.events.write("response.function_call_arguments.done", fields, out);
            }
            Body::Message(words) => {
                let part = text_part(words);
                let fields = json!({
                    "item_id": id, "output_index": at, "content_index": 0, "text": words.text,
                    "logprobs": words.logprobs,
                });
                self.events.write("response.output_text.done", fields, out);
                self.part("done", at, Voice::Message, &part, out);
            }
            Body::Reasoning(text) => {
                let part = self.output.thought_part(text);
                let (index, kind) = if self.output.is_summarised() {
                    ("summary_index", "response.reasoning_summary_text.done")
                } else {
                    ("content_index", "response.reasoning_text.done")
                };
                let fields = json!({"item_id": id, "output_index": at, index: 0, "text": text});
                self.events.write(kind, fields, out);
                self.part("done", at, Voice::Reasoning, &part, out);
            }
        }
        self.output.close(at, status);
        let fields = json!({"output_index": at, "item": done});
        self.events.write("response.output_item.done", fields, out);
    }
}
