use serde::{Deserialize, Serialize};

/// How one Ollama target is spoken to. The same for every request, because Ollama loads the model anew when some of
/// these change (`num_ctx` and `shift` among them).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Context length in tokens. Without it the server decides: 4096 on a card with less than 24 GiB.
    pub num_ctx: Option<u32>,
    /// How long the model stays loaded after an answer. Without it the server decides: 5 minutes.
    pub keep_alive: Option<KeepAlive>,
    pub think: Think,
    /// Lets Ollama drop the oldest tokens in the middle of an answer when the context is full.
    pub shift: bool,
    /// Lets Ollama drop the oldest messages without a word when the prompt is too long. Without it the request fails
    /// and goes to a target with a longer context.
    pub truncate: bool,
    /// The longest answer in tokens, thinking included, when the request does not say.
    pub num_predict: Option<i32>,
}

/// `30m` as Go writes durations, or seconds; negative means forever, 0 means unload at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeepAlive {
    Seconds(i64),
    Text(String),
}

/// Whether a model thinks before it answers. In the configuration: `"auto"`, `false`, `true`, `"low"`, `"medium"`,
/// `"high"` or `"max"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "ThinkForm")]
pub enum Think {
    /// As the request asks (`reasoning_effort`); when it does not, as the model does by itself.
    #[default]
    Auto,
    /// Always this, whatever the request asks.
    Always(Thinking),
}

/// A value of Ollama's `think`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    Off,
    On,
    Low,
    Medium,
    High,
    Max,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ThinkForm {
    Flag(bool),
    Word(String),
}

impl TryFrom<ThinkForm> for Think {
    type Error = String;

    fn try_from(form: ThinkForm) -> Result<Self, String> {
        Ok(match form {
            ThinkForm::Flag(false) => Self::Always(Thinking::Off),
            ThinkForm::Flag(true) => Self::Always(Thinking::On),
            ThinkForm::Word(word) => match word.as_str() {
                "auto" => Self::Auto,
                "low" => Self::Always(Thinking::Low),
                "medium" => Self::Always(Thinking::Medium),
                "high" => Self::Always(Thinking::High),
                "max" => Self::Always(Thinking::Max),
                _ => {
                    return Err(format!(
                        "think is \"auto\", false, true, \"low\", \"medium\", \"high\" or \"max\", not `{word}`"
                    ));
                }
            },
        })
    }
}

impl Serialize for Thinking {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::On => serializer.serialize_bool(true),
            Self::Low => serializer.serialize_str("low"),
            Self::Medium => serializer.serialize_str("medium"),
            Self::High => serializer.serialize_str("high"),
            Self::Max => serializer.serialize_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_its_configuration() {
        let check = |given: serde_json::Value, expect: Settings| {
            assert_eq!(
                serde_json::from_value::<Settings>(given.clone()).unwrap(),
                expect,
                "given {given}"
            );
        };
        check(json!({}), Settings::default());
        check(
            json!({"num_ctx": 8192, "keep_alive": "30m", "think": false, "num_predict": -1}),
            Settings {
                num_ctx: Some(8192),
                keep_alive: Some(KeepAlive::Text("30m".into())),
                think: Think::Always(Thinking::Off),
                num_predict: Some(-1),
                ..Settings::default()
            },
        );
        check(
            json!({"keep_alive": -1, "think": "high", "shift": true, "truncate": true}),
            Settings {
                keep_alive: Some(KeepAlive::Seconds(-1)),
                think: Think::Always(Thinking::High),
                shift: true,
                truncate: true,
                ..Settings::default()
            },
        );
        let refuse = |given: serde_json::Value| serde_json::from_value::<Settings>(given).unwrap_err().to_string();
        assert!(refuse(json!({"num_ctxx": 1})).contains("unknown field `num_ctxx`"));
        assert!(refuse(json!({"think": "hard"})).contains("not `hard`"));
    }
}
