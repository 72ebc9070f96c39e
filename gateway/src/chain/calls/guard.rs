//! The events of an answer, let through when they are safe.

use std::collections::VecDeque;
use std::sync::Arc;

use rand::distr::{Alphanumeric, SampleString};

use super::leak::{self, Found, Verdict};
use super::piece::{Fragment, Piece};
use super::scan::Scan;
use super::wire;
use crate::chat::{Event, Finish, FinishReason, Request, ToolCallDelta, ToolChoice, ToolSpec};
use crate::provider::{Class, Error};
use crate::strict;

/// How much is held back at most, in bytes: of text that may be a call, and of everything while a call is awaited.
const LONGEST_TEXT: usize = 64 * 1024;
const LONGEST_WAIT: usize = 256 * 1024;
const LONGEST_CALL: usize = 4 * 1024 * 1024;

/// Stands between a target and the caller when tools were offered.
pub(in crate::chain) struct Guard {
    request: Arc<Request>,
    /// Events that wait for a decision, and their text.
    held: Vec<Event>,
    text: String,
    held_bytes: usize,
    verdict: Verdict,
    /// Text that was no call was let through, or nothing was text so far.
    is_start: bool,
    /// Events of calls whose arguments are not whole, and all calls so far by index.
    pending: Vec<Event>,
    pending_bytes: usize,
    calls: Vec<(u32, Scan)>,
    called: Called,
    stage: Stage,
}

/// Whether a call that is allowed was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called {
    No,
    Yes,
    /// Calls were made of text.
    Repaired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Watching,
    Ended,
    /// Several answers at once, or something that nobody understands: everything is let through.
    Off,
}

impl Guard {
    /// `None` when there is nothing to guard.
    pub(in crate::chain) fn of(request: &Arc<Request>) -> Option<Self> {
        (!request.tools.is_empty()).then(|| Self {
            request: request.clone(),
            held: Vec::new(),
            text: String::new(),
            held_bytes: 0,
            verdict: Verdict::Harmless,
            is_start: true,
            pending: Vec::new(),
            pending_bytes: 0,
            calls: Vec::new(),
            called: Called::No,
            stage: Stage::Watching,
        })
    }

    /// Takes an event of the target, and puts into `out` what may be handed on now.
    pub(in crate::chain) fn take(&mut self, event: Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        if self.stage == Stage::Off {
            out.push_back(event);
            return Ok(());
        }
        if self.is_calm()
            && let Event::Wire(chunk) = &event
            && wire::is_calm(&chunk.data)
        {
            out.push_back(event);
            return Ok(());
        }
        let Some(piece) = Piece::of(&event) else {
            self.stage = Stage::Off;
            out.extend(self.held.drain(..).chain(self.pending.drain(..)));
            out.push_back(event);
            return Ok(());
        };
        if piece.end.is_some()
            && piece.brings_something()
            && let Event::Wire(chunk) = &event
            && let Some((first, last)) = wire::split(&chunk.data)
        {
            self.take(first, out)?;
            return self.take(last, out);
        }
        if let Some(reason) = piece.end {
            return self.end(reason, event, out);
        }
        if piece.calls.is_empty() {
            self.words(&piece.text, event, out)
        } else {
            self.call(&piece.calls, event, out)
        }
    }

    fn words(&mut self, text: &str, event: Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        let is_calm = self.is_calm() && memchr::memchr2(b'<', b'[', text.as_bytes()).is_none();
        if is_calm || (text.is_empty() && self.held.is_empty() && !self.awaits_call()) {
            out.push_back(event);
            return Ok(());
        }
        self.held_bytes += text.len().max(1);
        self.held.push(event);
        self.text.push_str(text);
        if self.awaits_call() {
            return if self.held_bytes > LONGEST_WAIT {
                Err(no_call("it wrote on and on although a tool call was demanded"))
            } else {
                Ok(())
            };
        }
        self.verdict = leak::judge(&self.text, self.is_start);
        match self.verdict {
            Verdict::Harmless => self.release(out),
            Verdict::Maybe if self.text.len() > LONGEST_TEXT => self.release(out),
            Verdict::Leak(_) if self.text.len() > LONGEST_TEXT => return Err(unreadable()),
            Verdict::Maybe | Verdict::Leak(_) => {}
        }
        Ok(())
    }

    /// Nothing is held and no call is awaited, so that words can pass by.
    fn is_calm(&self) -> bool {
        !self.is_start && self.held.is_empty() && self.pending.is_empty() && !self.awaits_call()
    }

    fn call(&mut self, fragments: &[Fragment], event: Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        for fragment in fragments {
            if let Some(name) = &fragment.name {
                self.check_choice(name)?;
            }
            self.pending_bytes += fragment.arguments.len() + 1;
            let at = self.calls.iter().position(|(index, _)| *index == fragment.index);
            let at = at.unwrap_or_else(|| {
                self.calls.push((fragment.index, Scan::default()));
                self.calls.len() - 1
            });
            if let Some((_, scan)) = self.calls.get_mut(at) {
                scan.push(&fragment.arguments);
            }
        }
        if self.pending_bytes > LONGEST_CALL {
            return Err(no_call("it wrote a tool call without an end"));
        }
        self.called = Called::Yes;
        if let Verdict::Leak(_) = self.verdict {
            // The same call as text and as a call.
            self.forget_text();
        }
        self.release(out);
        self.pending.push(event);
        if self.calls.iter().all(|(_, scan)| scan.is_whole()) {
            out.extend(self.pending.drain(..));
            self.pending_bytes = 0;
        }
        Ok(())
    }

    fn check_choice(&self, name: &str) -> Result<(), Error> {
        match &self.request.tool_choice {
            ToolChoice::Auto | ToolChoice::Required => Ok(()),
            ToolChoice::Named(wanted) if wanted == name => Ok(()),
            ToolChoice::Named(wanted) => Err(no_call(&format!("called `{name}` although `{wanted}` was demanded"))),
            ToolChoice::None => Err(no_call("called a tool although it must not")),
        }
    }

    fn awaits_call(&self) -> bool {
        let demands = matches!(self.request.tool_choice, ToolChoice::Required | ToolChoice::Named(_));
        demands && self.called == Called::No && self.stage == Stage::Watching
    }

    /// `event` is the end, in the form in which it is handed on. After the last chunk of a server of the same protocol
    /// comes our own end.
    fn end(&mut self, reason: FinishReason, event: Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        if self.stage == Stage::Watching {
            let was_cut = matches!(reason, FinishReason::Length | FinishReason::ContentFilter);
            self.settle_text(was_cut, &event, out)?;
            self.settle_calls(was_cut, out);
            if self.awaits_call() && !was_cut {
                return Err(no_call("answered in words although a tool call was demanded"));
            }
            self.release(out);
            self.stage = Stage::Ended;
        }
        out.push_back(match event {
            Event::Finish(finish) if self.called == Called::Repaired => Event::Finish(Finish {
                reason: FinishReason::ToolCalls,
                ..finish
            }),
            Event::Wire(chunk) if self.called == Called::Repaired => {
                wire::ended_with_calls(&chunk.data).unwrap_or(Event::Wire(chunk))
            }
            event => event,
        });
        Ok(())
    }

    /// Makes calls of held text that is one. Text that is a broken call is dropped when the answer was cut off, and
    /// otherwise the answer is not to be used.
    fn settle_text(&mut self, was_cut: bool, end: &Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        if self.awaits_call() {
            self.verdict = leak::judge(&self.text, self.is_start);
        }
        let (at, is_sure) = match self.verdict {
            Verdict::Harmless => return Ok(()),
            Verdict::Maybe => (0, false),
            Verdict::Leak(at) => (at, true),
        };
        // What stands before the call may be the call itself, with only its closing tag.
        let whole = self.parse(&self.text);
        let (before, found) = match (whole, self.text.split_at_checked(at)) {
            (Some(found), _) => ("", Some(found)),
            (None, Some((before, call))) => (before, self.parse(call)),
            (None, None) => ("", None),
        };
        match found {
            Some(found) => {
                let before = before.trim_end().to_owned();
                self.hand_on(&before, &found, end, out)
            }
            None if is_sure && was_cut => {
                let before = before.trim_end().to_owned();
                self.forget_text();
                out.extend(text_event(&before, end));
                Ok(())
            }
            None if is_sure => Err(unreadable()),
            None => Ok(()),
        }
    }

    fn parse(&self, text: &str) -> Option<Vec<Found>> {
        let offered = |name: &str| self.request.tools.iter().any(|tool| tool.name == name);
        leak::parse(text, offered)
    }

    /// What the server would have kept to in a call, it did not in a text: one call at most, and strict arguments.
    fn hand_on(&mut self, before: &str, found: &[Found], end: &Event, out: &mut VecDeque<Event>) -> Result<(), Error> {
        let room = match self.request.options.parallel_tool_calls {
            Some(false) => 1_usize.saturating_sub(self.calls.len()),
            Some(true) | None => usize::MAX,
        };
        let mut fitted = Vec::with_capacity(found.len());
        for call in found.iter().take(room) {
            self.check_choice(&call.name)?;
            let strict = |tool: &&ToolSpec| tool.name == call.name && tool.strict == Some(true);
            fitted.push(match self.request.tools.iter().find(strict) {
                Some(tool) => Found {
                    arguments: strict::call(tool, &call.arguments)?,
                    ..call.clone()
                },
                None => call.clone(),
            });
        }
        tracing::info!("a tool call that was written as text is made a call");
        self.forget_text();
        self.called = Called::Repaired;
        out.extend(text_event(before, end));
        let first = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        for (index, call) in (first..).zip(&fitted) {
            let id = format!("call_{}", Alphanumeric.sample_string(&mut rand::rng(), 24));
            let event = match end {
                Event::Wire(chunk) => wire::call(&chunk.data, index, &id, call).ok_or_else(unreadable)?,
                _ => Event::ToolCall(ToolCallDelta {
                    index,
                    id: Some(id),
                    name: Some(call.name.clone()),
                    arguments: call.arguments.clone(),
                }),
            };
            out.push_back(event);
        }
        Ok(())
    }

    /// Calls whose arguments were cut off are left out; malformed ones of an answer that ended are the caller's to judge.
    fn settle_calls(&mut self, was_cut: bool, out: &mut VecDeque<Event>) {
        let is_broken = |(_, scan): &&(u32, Scan)| was_cut && !scan.is_whole();
        let broken: Vec<u32> = self.calls.iter().filter(is_broken).map(|(index, _)| *index).collect();
        for event in self.pending.drain(..) {
            match event {
                Event::ToolCall(call) if broken.contains(&call.index) => {}
                Event::Wire(chunk) if !broken.is_empty() => out.extend(wire::without_calls(&chunk.data, &broken)),
                event => out.push_back(event),
            }
        }
    }

    fn release(&mut self, out: &mut VecDeque<Event>) {
        self.is_start &= self.text.trim().is_empty();
        out.extend(self.held.drain(..));
        self.text.clear();
        self.held_bytes = 0;
        self.verdict = Verdict::Harmless;
    }

    fn forget_text(&mut self) {
        // Thinking is not text, and was held only for its place.
        self.held.retain(|event| matches!(event, Event::Reasoning(_)));
        self.text.clear();
        self.held_bytes = 0;
        self.verdict = Verdict::Harmless;
    }
}

fn text_event(text: &str, end: &Event) -> Option<Event> {
    match end {
        _ if text.is_empty() => None,
        Event::Wire(chunk) => wire::text(&chunk.data, text),
        _ => Some(Event::Text(text.to_owned())),
    }
}

fn no_call(says: &str) -> Error {
    Error::new(Class::NoCall, says)
}

fn unreadable() -> Error {
    no_call("wrote a tool call as text that cannot be read")
}
