use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::chat::Usage;
use crate::upstream::{NotJson, Scanner};

/// What is the same in all chunks of one answer.
pub(super) const IDENTITY: [&str; 3] = ["id", "created", "model"];

/// As much of a `chat.completion.chunk` as has to be understood. Values are kept as text and looked into only when
/// needed, because most chunks are passed on as they are. What is null is not there.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    /// What must be the same in all chunks of an answer, as it is written: see [`IDENTITY`].
    pub(super) identity: [Option<&'a str>; IDENTITY.len()],
    choices: Vec<Choice<'a>>,
    usage: Option<&'a str>,
    pub(super) error: Option<&'a str>,
}

#[derive(Default)]
pub(super) struct Choice<'a> {
    pub(super) index: u32,
    pub(super) delta: Option<Delta<'a>>,
    pub(super) finish_reason: Option<Cow<'a, str>>,
}

#[derive(Default)]
pub(super) struct Delta<'a> {
    content: Option<&'a str>,
    reasoning_content: Option<&'a str>,
    reasoning: Option<&'a str>,
    refusal: Option<&'a str>,
    pub(super) tool_calls: Option<&'a str>,
    function_call: Option<&'a str>,
    audio: Option<&'a str>,
}

#[derive(Deserialize)]
struct UsageForm {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl<'a> Chunk<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, NotJson> {
        let mut scanner = Scanner::new(json);
        let (mut object, mut chunk) = (scanner.object()?, Self::default());
        while let Some(key) = scanner.key(&mut object)? {
            match &*key {
                "choices" if scanner.peek() == Some(b'[') => {
                    let mut list = scanner.list()?;
                    while scanner.element(&mut list)? {
                        chunk.choices.push(Choice::read(&mut scanner)?);
                    }
                }
                "usage" => chunk.usage = there(scanner.value()?),
                "error" => chunk.error = there(scanner.value()?),
                "choices" => nothing(scanner.value()?)?,
                key => {
                    let value = scanner.value()?;
                    let names = IDENTITY.iter().zip(&mut chunk.identity);
                    if let Some((_, known)) = names.into_iter().find(|(name, _)| **name == key) {
                        *known = Some(value);
                    }
                }
            }
        }
        scanner.end().map(|()| chunk)
    }

    pub(super) fn choices(&self) -> &[Choice<'_>] {
        &self.choices
    }

    pub(super) fn is_meaningful(&self) -> bool {
        let mut deltas = self.choices().iter().filter_map(|choice| choice.delta.as_ref());
        deltas.any(Delta::is_meaningful)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let form: UsageForm = serde_json::from_str(self.usage?).ok()?;
        let cached = form.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let reasoning = form
            .completion_tokens_details
            .and_then(|details| details.reasoning_tokens);
        Some(Usage {
            prompt_tokens: form.prompt_tokens,
            completion_tokens: form.completion_tokens,
            cached_tokens: cached.unwrap_or(0),
            reasoning_tokens: reasoning.unwrap_or(0),
        })
    }

    /// The text as it is written between its quotes in a chunk that holds nothing else of meaning, and of the first answer.
    pub(super) fn only_text(&self) -> Option<&str> {
        let [choice] = self.choices() else {
            return None;
        };
        let text = choice.delta.as_ref()?.only_text()?;
        let more = choice.index != 0 || choice.finish_reason.is_some() || self.usage.is_some();
        (!more).then_some(text)
    }

    /// The chunk that `include_usage` adds, which holds nothing else.
    pub(super) fn is_only_usage(&self) -> bool {
        self.usage.is_some() && self.choices().is_empty()
    }
}

impl<'a> Choice<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, NotJson> {
        let (mut object, mut choice) = (scanner.object()?, Self::default());
        while let Some(key) = scanner.key(&mut object)? {
            match &*key {
                "index" => choice.index = scanner.value()?.parse().map_err(|_| NotJson)?,
                "delta" if scanner.peek() == Some(b'{') => choice.delta = Some(Delta::read(scanner)?),
                "finish_reason" if scanner.peek() == Some(b'"') => choice.finish_reason = Some(scanner.string()?),
                "delta" | "finish_reason" => nothing(scanner.value()?)?,
                _ => drop(scanner.value()?),
            }
        }
        Ok(choice)
    }
}

/// A value that is not null.
fn there(value: &str) -> Option<&str> {
    (value != "null").then_some(value)
}

/// A value of another type than the one that is expected there can only be null.
fn nothing(value: &str) -> Result<(), NotJson> {
    if value == "null" { Ok(()) } else { Err(NotJson) }
}

impl<'a> Delta<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, NotJson> {
        let (mut object, mut delta) = (scanner.object()?, Self::default());
        while let Some(key) = scanner.key(&mut object)? {
            let value = there(scanner.value()?);
            match &*key {
                "content" => delta.content = value,
                "reasoning_content" => delta.reasoning_content = value,
                "reasoning" => delta.reasoning = value,
                "refusal" => delta.refusal = value,
                "tool_calls" => delta.tool_calls = value,
                "function_call" => delta.function_call = value,
                "audio" => delta.audio = value,
                _ => {}
            }
        }
        Ok(delta)
    }

    fn is_meaningful(&self) -> bool {
        let fields = [
            self.content,
            self.reasoning_content,
            self.reasoning,
            self.tool_calls,
            self.refusal,
            self.function_call,
            self.audio,
        ];
        let filled = |value: &str| !matches!(value, "\"\"" | "[]" | "{}");
        fields.into_iter().flatten().any(filled)
    }

    fn only_text(&self) -> Option<&str> {
        let text = self.content?.strip_prefix('"')?.strip_suffix('"')?;
        let others = [
            self.reasoning_content,
            self.reasoning,
            self.tool_calls,
            self.refusal,
            self.function_call,
            self.audio,
        ];
        others.iter().all(Option::is_none).then_some(text)
    }

    /// Thinking text; servers call it one or the other.
    pub(super) fn reasoning(&self) -> String {
        let text = self.reasoning_content.map(text_of).unwrap_or_default();
        if text.is_empty() {
            return self.reasoning.map(text_of).unwrap_or_default();
        }
        text
    }

    /// The answer; a refusal is one too.
    pub(super) fn text(&self) -> String {
        let mut text = self.content.map(text_of).unwrap_or_default();
        text.push_str(&self.refusal.map(text_of).unwrap_or_default());
        text
    }
}

/// A string, or a list of parts with text (Mistral).
fn text_of(value: &str) -> String {
    match serde_json::from_str(value) {
        Ok(Value::String(text)) => text,
        Ok(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | Err(_) => String::new(),
    }
}
