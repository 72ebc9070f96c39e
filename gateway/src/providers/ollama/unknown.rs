//! Fields of an answer's lines that nothing here knows, for an answer that is written anew.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use crate::chat::More;
use crate::provider::{Class, Error};

/// What is read of a line, or written by us in its place.
const OF_A_LINE: [&str; 15] = [
    "model",
    "created_at",
    "message",
    "response",
    "thinking",
    "logprobs",
    "done",
    "done_reason",
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
    "error",
];
const OF_A_MESSAGE: [&str; 4] = ["role", "content", "thinking", "tool_calls"];
/// As much as a whole answer may have of text. The largest that is known is `context`, a number for every token.
const LONGEST: usize = 4 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Unknown {
    more: More,
    bytes: usize,
}

impl Unknown {
    /// Keeps what is unknown in a line. Of a field that several lines have, the last one counts.
    pub(super) fn see(&mut self, line: &str) -> Result<(), Error> {
        let Ok(fields) = serde_json::from_str::<Fields<'_>>(line) else {
            return Ok(());
        };
        let message = fields.get("message").map(|message| serde_json::from_str(message.get()));
        let Self { more, bytes } = self;
        if let Some(Ok(message)) = message {
            keep(message, &OF_A_MESSAGE, &mut more.message, bytes);
        }
        keep(fields, &OF_A_LINE, &mut more.answer, bytes);
        if self.bytes > LONGEST {
            let says = "sends more than 4 MiB beside its answer; ask for it as a stream";
            return Err(Error::new(Class::Decode, says));
        }
        Ok(())
    }

    pub(super) fn into_more(self) -> Option<Box<More>> {
        (self.more != More::default()).then(|| Box::new(self.more))
    }
}

fn keep(fields: Fields<'_>, known: &[&str], kept: &mut BTreeMap<String, Box<str>>, bytes: &mut usize) {
    for (name, value) in fields {
        if known.contains(&name.as_str()) {
            continue;
        }
        let size = |value: &str| value.len() + 64;
        *bytes += size(value.get()) + name.len();
        let name_length = name.len();
        if let Some(before) = kept.insert(name, value.get().into()) {
            *bytes -= size(&before) + name_length;
        }
    }
}
