use serde::Deserialize;

/// What one OpenAI-compatible target wants differently.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the limit of the answer's length is called. Without it, requests of our own say
    /// `max_completion_tokens`, and forwarded ones what their sender said.
    #[serde(rename = "max_tokens")]
    pub max_tokens_field: Option<MaxTokensField>,
    /// Fields of forwarded requests that this server refuses, for instance `top_k`.
    pub drop: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    MaxTokens,
    MaxCompletionTokens,
}

impl MaxTokensField {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}
