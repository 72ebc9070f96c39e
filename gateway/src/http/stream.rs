//! A streamed chat answer: events in, chunks as server-sent events out.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::HeaderValue;
use serde::Deserialize;
use serde_json::Value;

use super::frames::Encoder;
use super::wire::{Chunk, Identity};
use super::write::{self, TextChunk};
use crate::chat::{Event, Finish};
use crate::provider::Error;

pub(super) struct Chunks {
    identity: Identity,
    /// The chunk with the role was sent.
    began: bool,
    /// The first chunk of a server of the same protocol, which sends its own, the last ones too.
    wire: Option<Bytes>,
    /// Made with the first text.
    text: Option<TextChunk>,
}

/// What is the same in all chunks of one stream.
#[derive(Deserialize)]
struct Named {
    id: String,
    created: i64,
    model: String,
}

impl Chunks {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            began: false,
            wire: None,
            text: None,
        }
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if !self.began {
            self.began = true;
            write::chunk(out, &Chunk::role(&self.identity));
        }
    }

    fn text(&mut self, text: &str, out: &mut BytesMut) {
        if self.text.is_none() {
            self.text = TextChunk::new(&self.identity);
        }
        match &self.text {
            Some(chunk) => chunk.write(out, text),
            None => write::chunk(out, &Chunk::text(&self.identity, text)),
        }
    }

    /// What the server of the same protocol began is gone on with by another one, in chunks of ours with its name.
    fn take_over(&mut self) {
        let Some(chunk) = self.wire.take() else {
            return;
        };
        self.began = true;
        self.text = None;
        if let Ok(Named { id, created, model }) = serde_json::from_slice(&chunk) {
            self.identity = Identity {
                id,
                created,
                model,
                include_usage: self.identity.include_usage,
            };
        }
    }

    fn end(&mut self, finish: &Finish, out: &mut BytesMut) {
        if self.wire.is_none() {
            self.begin(out);
            write::chunk(out, &Chunk::finish(&self.identity, finish.reason));
            if let (true, Some(usage)) = (self.identity.include_usage, finish.usage) {
                write::chunk(out, &Chunk::usage(&self.identity, usage));
            }
        }
        if finish.truncated {
            out.put_slice(write::TRUNCATED);
        }
        if !finish.approvals.is_empty() {
            out.put_slice(format!(": x-jarvis-approval: {}\n\n", finish.approvals.join(", ")).as_bytes());
        }
        out.put_slice(write::DONE);
    }
}

impl Encoder for Chunks {
    const CONTENT_TYPE: HeaderValue = write::EVENT_STREAM;
    const COMMENT: Option<&'static [u8]> = Some(write::STILL_THERE);

    fn write(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Wire(chunk) => {
                let renamed = self.began.then(|| renamed(&chunk.data, &self.identity)).flatten();
                let data = renamed.as_ref().unwrap_or(&chunk.data);
                self.wire.get_or_insert_with(|| data.clone());
                write::raw(out, data);
            }
            // A stream that began with the progress of a load keeps the name that it has.
            Event::Served(_) if self.began => {}
            Event::Served(served) => {
                self.identity.model.clone_from(&served.model);
                self.text = None;
            }
            Event::Text(text) => {
                self.take_over();
                self.begin(out);
                self.text(text, out);
            }
            Event::Reasoning(text) => {
                self.begin(out);
                write::chunk(out, &Chunk::reasoning(&self.identity, text));
            }
            Event::Logprobs(tokens) => {
                self.begin(out);
                write::chunk(out, &Chunk::logprobs(&self.identity, tokens));
            }
            Event::ToolCall(call) => {
                self.begin(out);
                write::chunk(out, &Chunk::tool_call(&self.identity, call));
            }
            Event::Finish(finish) => self.end(finish, out),
            Event::Reset => {}
        }
    }

    fn tell(&mut self, says: &str, as_thinking: bool, out: &mut BytesMut) {
        if as_thinking {
            self.begin(out);
            write::chunk(out, &Chunk::reasoning(&self.identity, &format!("{says}\n")));
        } else {
            write::comment(out, says);
        }
    }

    fn interrupt(&mut self, error: &Error, out: &mut BytesMut) {
        self.take_over();
        write::chunk(out, &Chunk::error(&self.identity, &error.message));
        out.put_slice(write::DONE);
    }
}

/// A chunk of a server under the name that the stream has already.
fn renamed(chunk: &[u8], identity: &Identity) -> Option<Bytes> {
    let mut chunk: Value = serde_json::from_slice(chunk).ok()?;
    let fields = chunk.as_object_mut()?;
    fields.insert("id".to_owned(), identity.id.as_str().into());
    fields.insert("created".to_owned(), identity.created.into());
    fields.insert("model".to_owned(), identity.model.as_str().into());
    Some(Bytes::from(chunk.to_string()))
}
