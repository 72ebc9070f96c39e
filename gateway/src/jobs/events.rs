use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::chat::Usage;
use crate::provider::{Class, Error};
use crate::upstream::{Malformed, sse};

/// Reads along with a stream of events that is passed on, to know whether it came to its end.
///
/// Servers that stream in a grammar of their own are believed when they stop; one that speaks OpenAI's has to say
/// that it is done.
#[derive(Debug, Default)]
pub(super) struct Events {
    decoder: sse::Decoder,
    /// An event of OpenAI's grammar came.
    is_known: bool,
    is_done: bool,
    /// The server said what went wrong, which its reader was told with its own words.
    failed: Option<String>,
    /// An event was too long to be looked into, so nothing can be said any more.
    is_blind: bool,
    usage: Option<Usage>,
}

/// What is looked at in an event.
#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    usage: Option<Counted>,
    error: Option<IgnoredAny>,
    message: Option<String>,
}

/// The usage of the routes beside chat, and of chat.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counted {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Option<u64>,
    #[serde(alias = "completion_tokens")]
    output_tokens: Option<u64>,
    /// Of sound.
    seconds: Option<f64>,
}

impl Counted {
    pub(crate) fn audio(self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds?).ok()
    }

    /// `None` when it counts something else, as seconds of audio.
    pub(crate) fn usage(self) -> Option<Usage> {
        self.input_tokens.or(self.output_tokens)?;
        Some(Usage {
            prompt_tokens: self.input_tokens.unwrap_or_default(),
            completion_tokens: self.output_tokens.unwrap_or_default(),
            ..Usage::default()
        })
    }
}

const GRAMMAR: [&str; 4] = ["image_generation.", "image_edit.", "transcript.", "speech.audio."];

impl Events {
    pub(super) fn push(&mut self, bytes: &Bytes) {
        if !self.is_blind {
            self.decoder.push(bytes.clone());
            self.read();
        }
    }

    /// No more will come.
    pub(super) fn end(&mut self) -> Result<Option<Usage>, Error> {
        self.decoder.end();
        self.read();
        if let Some(says) = self.failed.take() {
            return Err(Error::new(Class::Upstream5xx, says));
        }
        if self.is_known && !self.is_done && !self.is_blind {
            return Err(Error::new(Class::Truncated, "the answer was cut off"));
        }
        Ok(self.usage)
    }

    fn read(&mut self) {
        while !self.is_blind {
            match self.decoder.next_event() {
                Ok(Some(event)) => self.see(&event),
                Ok(None) => return,
                Err(Malformed::NotUtf8) => {}
                Err(Malformed::LineTooLong) => self.is_blind = true,
            }
        }
    }

    fn see(&mut self, event: &sse::Event) {
        if &event.data[..] == b"[DONE]" {
            self.is_done = true;
            return;
        }
        let Ok(seen) = serde_json::from_slice::<Seen<'_>>(&event.data) else {
            return;
        };
        if seen.error.is_some() || seen.kind == "error" {
            let says = seen
                .message
                .unwrap_or_else(|| "the server broke off with an error".to_owned());
            self.failed = Some(says.chars().take(300).collect());
        }
        self.is_known |= GRAMMAR.iter().any(|begins| seen.kind.starts_with(begins));
        self.is_done |= self.is_known && (seen.kind.ends_with(".done") || seen.kind.ends_with(".completed"));
        self.usage = seen.usage.and_then(Counted::usage).or(self.usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stream_is_told_from_a_break() {
        let check = |stream: &str, expect: Result<Option<u64>, Class>| {
            let mut events = Events::default();
            // Cut in the middle of words, as a network does.
            for piece in stream.as_bytes().chunks(7) {
                events.push(&Bytes::copy_from_slice(piece));
            }
            let seen = events.end().map(|usage| usage.map(|usage| usage.prompt_tokens));
            assert_eq!(seen.map_err(|error| error.class), expect, "{stream}");
        };
        let delta = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n";
        let done = "data: {\"type\":\"transcript.text.done\",\"text\":\"a\",\"usage\":{\"input_tokens\":9}}\n\n";
        check(&format!("{delta}{done}"), Ok(Some(9)));
        check(&format!("{delta}{done}data: [DONE]\n\n"), Ok(Some(9)));
        check(delta, Err(Class::Truncated));
        check(&format!("{delta}data: [DONE]\n\n"), Ok(None));
        check("data: {\"text\":\"hello\"}\n\n", Ok(None));
        check(
            "data: {\"type\":\"image_generation.completed\",\"usage\":{\"seconds\":3}}\n\n",
            Ok(None),
        );
        check(
            &format!("{delta}data: {{\"error\":{{\"message\":\"no\"}}}}\n\n"),
            Err(Class::Upstream5xx),
        );
        check(
            &format!("{delta}event: error\ndata: {{\"type\":\"error\",\"message\":\"no\"}}\n\n"),
            Err(Class::Upstream5xx),
        );
    }
}
