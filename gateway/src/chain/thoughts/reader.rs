use std::collections::VecDeque;

use super::tags::{Said, Tags};
use super::wire::{self, Chunk};
use crate::chat::Event;

/// Stands between a target and everybody else until it is known that the text is the answer, which the first word of most
/// answers tells.
#[derive(Default)]
pub(in crate::chain) struct Thoughts {
    tags: Tags,
    /// A tag may have begun, so that every chunk is read.
    is_reading: bool,
    is_over: bool,
}

impl Thoughts {
    /// Nothing more needs to be looked at.
    pub(in crate::chain) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Puts into `out` what the event comes to.
    pub(in crate::chain) fn take(&mut self, event: Event, out: &mut VecDeque<Event>) {
        match event {
            Event::Text(text) => {
                let said = self.tags.push(&text);
                say(said, out);
                self.is_over |= self.tags.is_over();
            }
            Event::Wire(chunk) => {
                let calm = !self.is_reading && (!chunk.meaningful || wire::is_plain(&chunk.data));
                if calm {
                    self.is_over |= chunk.meaningful;
                    out.push_back(Event::Wire(chunk));
                    return;
                }
                let event = match Chunk::read(&chunk.data) {
                    Some(read) => self.chunk(read).map_or(Event::Wire(chunk), Event::Wire),
                    None => Event::Wire(chunk),
                };
                out.push_back(event);
            }
            // The server tells thinking and text apart itself, or the text is over.
            Event::Reasoning(_) | Event::ToolCall(_) | Event::Finish(_) => {
                say(self.tags.end(), out);
                self.is_over = true;
                out.push_back(event);
            }
            Event::Served(_) | Event::Logprobs(_) | Event::Reset => out.push_back(event),
        }
    }

    /// `None` when the chunk may stay as it is.
    fn chunk(&mut self, chunk: Chunk) -> Option<crate::chat::WireChunk> {
        let before = self.tags.holds();
        let mut said = self.tags.push(chunk.text());
        self.is_reading = true;
        if chunk.is_last() || chunk.is_told_apart() {
            let rest = self.tags.end();
            said.thinking.push_str(&rest.thinking);
            said.answer.push_str(&rest.answer);
        }
        self.is_over |= self.tags.is_over();
        let is_same = !before && said.thinking.is_empty() && said.answer == chunk.text();
        (!is_same).then(|| chunk.with(said))
    }
}

fn say(said: Said, out: &mut VecDeque<Event>) {
    if !said.thinking.is_empty() {
        out.push_back(Event::Reasoning(said.thinking));
    }
    if !said.answer.is_empty() {
        out.push_back(Event::Text(said.answer));
    }
}
