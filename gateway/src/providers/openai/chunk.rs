use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::Usage;

/// As much of a `chat.completion.chunk` as has to be understood. Values are kept as text and looked into only when
/// needed, because most chunks are passed on as they are.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: u32,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
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

impl Chunk<'_> {
    pub(super) fn choices(&self) -> &[Choice<'_>] {
        self.choices.as_deref().unwrap_or_default()
    }

    pub(super) fn is_meaningful(&self) -> bool {
        let mut deltas = self.choices().iter().filter_map(|choice| choice.delta.as_ref());
        deltas.any(Delta::is_meaningful)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let form: UsageForm = serde_json::from_str(self.usage?.get()).ok()?;
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

    /// The chunk that `include_usage` adds, which holds nothing else.
    pub(super) fn is_only_usage(&self) -> bool {
        self.usage.is_some() && self.choices().is_empty()
    }
}

impl Delta<'_> {
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
        let filled = |value: &RawValue| !matches!(value.get(), "\"\"" | "[]" | "{}");
        fields.into_iter().flatten().any(filled)
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
fn text_of(value: &RawValue) -> String {
    match serde_json::from_str(value.get()) {
        Ok(Value::String(text)) => text,
        Ok(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | Err(_) => String::new(),
    }
}
