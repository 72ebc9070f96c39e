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
            more: finish.more.as_deref(),
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
                // What such a server began may be gone on with by another one.
                self.is_wire = false;
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

    fn tell(&mut self, says: &str, as_thinking: bool, out: &mut BytesMut) {
        if as_thinking && self.shows_thinking {
            let thinking = format!("{says}\n");
            let said = Said {
                thinking: &thinking,
                ..Said::default()
            };
            self.route.write(&self.model, self.clock.now(), said, out);
            out.put_u8(b'\n');
        }
    }

    fn interrupt(&mut self, error: &Error, out: &mut BytesMut) {
        out.put_slice(json!({"error": error.message}).to_string().as_bytes());
        out.put_u8(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::chat::{FinishReason, ToolCallDelta};
    use crate::clock::{Fixed, Millis};
    use crate::provider::Class;

    fn event() -> impl Strategy<Value = Event> {
        let call = |(index, begins, arguments): (u32, bool, String)| {
            Event::ToolCall(ToolCallDelta {
                index,
                id: begins.then(|| format!("c{index}")),
                name: begins.then(|| "f".to_owned()),
                arguments,
            })
        };
        prop_oneof![
            ".{0,6}".prop_map(Event::Text),
            ".{0,6}".prop_map(Event::Reasoning),
            (0..3_u32, any::<bool>(), "\\{\\}|\\{|\"|x").prop_map(call),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_the_lines_can_be_read_and_end_once(
            events in prop::collection::vec(event(), 0..12),
            ends_well in any::<bool>(),
            is_chat in any::<bool>(),
        ) {
            let mut lines = Lines {
                route: if is_chat { Route::Chat } else { Route::Generate },
                model: "m".to_owned(),
                clock: Arc::new(Fixed::at(Millis(0))),
                watch: Watch::start(),
                shows_thinking: true,
                calls: Gather::default(),
                is_wire: false,
            };
            let mut out = BytesMut::new();
            for event in &events {
                lines.write(event, &mut out);
            }
            if ends_well {
                lines.write(&Event::Finish(Finish::because(FinishReason::Stop)), &mut out);
            } else {
                lines.interrupt(&Error::new(Class::Truncated, "cut \"off\"\n"), &mut out);
            }
            let text = std::str::from_utf8(&out).unwrap();
            prop_assert!(text.ends_with('\n'));
            let mut read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let last = read.pop().unwrap();
            prop_assert_eq!(last["done"] == true, last.get("error").is_none());
            let has_calls = |line: &Value| line["message"].get("tool_calls").is_some();
            prop_assert!(last["done"] == true || !read.iter().any(has_calls), "calls of a broken answer");
            prop_assert!(read.iter().all(|line| line["done"] == false && line.get("error").is_none()));
        }
    }
}
