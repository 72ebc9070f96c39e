//! A streamed answer: events in, one JSON object per line out.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use http::header::HeaderValue;
use serde_json::json;

use super::line::{self, Route, Said, Watch};
use crate::chat::{Event, Finish, Gather};
use crate::clock::Clock;
use crate::http::frames::Encoder;
use crate::provider::Error;

pub(super) struct Lines {
    pub(super) route: Route,
    pub(super) model: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) watch: Watch,
    pub(super) shows_thinking: bool,
    /// Calls so far. They are handed on when they are whole and the answer ended well.
    pub(super) calls: Gather,
    /// A server of the same protocol sends lines of its own, the last one too.
    pub(super) is_wire: bool,
}

impl Lines {
    fn say(&mut self, said: Said<'_>, out: &mut BytesMut) {
        self.watch.came();
        self.route.write(&self.model, self.clock.now(), said, out);
        out.put_u8(b'\n');
    }

    fn end(&mut self, finish: &Finish, out: &mut BytesMut) {
        let gathered = self.calls.push(Event::Finish(finish.clone()));
        let given = gathered.map(|reply| reply.tool_calls).unwrap_or_default();
        let objects = line::objects(&given);
        let calls = match line::calls(&given, &objects, finish.reason) {
            Ok(calls) => calls,
            Err(error) => return self.interrupt(&error, out),
        };
        if !calls.is_empty() {
            let said = Said {
                calls,
                ..Said::default()
            };
            self.say(said, out);
        }
        let said = Said {
            end: Some(self.watch.end(finish)),
            ..Said::default()
        };
        self.say(said, out);
    }
}

impl Encoder for Lines {
    const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-ndjson");
    /// Lines have no comments; clients of Ollama are used to waiting for a model to load.
    const COMMENT: Option<&'static [u8]> = None;

    fn write(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Served(served) => self.model.clone_from(&served.model),
            Event::Text(text) => {
                let said = Said {
                    text,
                    ..Said::default()
                };
                self.say(said, out);
            }
            Event::Reasoning(thinking) if self.shows_thinking => {
                let said = Said {
                    thinking,
                    ..Said::default()
                };
                self.say(said, out);
            }
            Event::Reasoning(_) => self.watch.came(),
            Event::Logprobs(logprobs) => {
                let said = Said {
                    logprobs,
                    ..Said::default()
                };
                self.say(said, out);
            }
            Event::ToolCall(_) => {
                self.watch.came();
                // Only the finish ends what is gathered, and that does not come this way.
                drop(self.calls.push(event.clone()));
            }
            Event::Wire(chunk) => {
                self.is_wire = true;
                out.put_slice(&chunk.data);
                out.put_u8(b'\n');
            }
            Event::Finish(_) if self.is_wire => {}
            Event::Finish(finish) => self.end(finish, out),
            Event::Reset => {}
        }
    }

    fn interrupt(&mut self, error: &Error, out: &mut BytesMut) {
        out.put_slice(json!({"error": error.message}).to_string().as_bytes());
        out.put_u8(b'\n');
    }
}
