use std::collections::VecDeque;

use super::request::begun;
use super::seam::Seam;
use crate::chain::attempt::{Attempt, Opened};
use crate::chain::estimate::text_tokens;
use crate::chain::target::Target;
use crate::chain::thoughts::Chunk;
use crate::chat::{Event, Finish, Request, Usage};
use crate::provider::{Class, Error};

/// The rest of an answer, by another target than the one that began it. All of it is told as plain text, because chunks
/// of another answer have another name.
pub(in crate::chain) struct Resumed {
    attempt: Box<Attempt>,
    seam: Seam,
    /// Tokens of what was said before, roughly: they are read by this target, and written for the caller.
    said: u64,
    ready: VecDeque<Event>,
}

impl Resumed {
    /// What the next target is asked; `None` when this answer cannot be gone on with.
    pub(in crate::chain) fn request(request: &Request, said: &str) -> Option<Request> {
        begun(request, said)
    }

    /// Waits for the first word of the rest.
    pub(in crate::chain) async fn open(mut attempt: Box<Attempt>, said: &str) -> Result<Self, (Box<Attempt>, Error)> {
        let held = match std::future::poll_fn(|context| attempt.poll_open(context)).await {
            Ok(Opened::Committed(held)) => held,
            Ok(Opened::Empty(_)) => return Err((attempt, Error::new(Class::Empty, "an empty answer"))),
            Err(error) => return Err((attempt, error)),
        };
        let mut resumed = Self {
            attempt,
            seam: Seam::after(said),
            said: text_tokens(said.len()),
            ready: VecDeque::new(),
        };
        for event in held {
            resumed.attempt.passed_on(&event);
            if !resumed.take(event) {
                return Err((resumed.attempt, not_text()));
            }
        }
        Ok(resumed)
    }

    pub(in crate::chain) fn target(&self) -> &Target {
        self.attempt.admission.target()
    }

    /// The next event; `None` after [`Event::Finish`].
    pub(in crate::chain) async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match self.attempt.rest().await? {
                Ok(event) => {
                    if !self.take(event) {
                        return Some(Err(not_text()));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Whether the event goes on with the text.
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Text(text) => self.say(&text),
            Event::Wire(chunk) => match Chunk::read(&chunk.data) {
                Some(read) if read.is_more_than_text() => return false,
                Some(read) => self.say(read.text()),
                None => return !chunk.meaningful,
            },
            Event::Finish(finish) => {
                let rest = self.seam.end();
                self.hand_on(rest);
                self.ready.push_back(Event::Finish(Finish {
                    usage: finish.usage.map(|usage| self.counted(usage)),
                    ..finish
                }));
            }
            Event::Reasoning(_) | Event::ToolCall(_) => return false,
            Event::Served(_) | Event::Logprobs(_) | Event::Reset => {}
        }
        true
    }

    fn say(&mut self, text: &str) {
        let text = self.seam.push(text);
        self.hand_on(text);
    }

    fn hand_on(&mut self, text: String) {
        if !text.is_empty() {
            self.ready.push_back(Event::Text(text));
        }
    }

    fn counted(&self, usage: Usage) -> Usage {
        Usage {
            prompt_tokens: usage.prompt_tokens.saturating_sub(self.said),
            completion_tokens: usage.completion_tokens.saturating_add(self.said),
            ..usage
        }
    }
}

fn not_text() -> Error {
    Error::new(Class::Capability, "does not go on with an answer that was begun")
}
