//! A request body, read.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::output::Thoughts;
use super::part::invalid;
use super::{fields, item, tools};
use crate::chat::{Options, ReasoningEffort, ResponseFormat, ToolChoice, ToolSpec};
use crate::http::error::Error;

const LOGPROBS: &str = "message.output_text.logprobs";
/// Items of one request. A short one takes a hundred times the memory of its JSON.
const MOST_ITEMS: usize = 10_000;
const MOST_METADATA: usize = 16;
const LONGEST_METADATA_KEY: usize = 64;
const LONGEST_METADATA_VALUE: usize = 512;

/// A request, and what about it only the answer's form depends on.
#[derive(Debug)]
pub(in crate::http) struct Asked {
    pub(in crate::http) model: String,
    pub(in crate::http) stream: bool,
    pub(in crate::http) store: bool,
    pub(in crate::http) previous: Option<String>,
    pub(in crate::http) instructions: Option<String>,
    /// Complete items, some of them without an id, and references to items that are kept.
    pub(in crate::http) input: Vec<Value>,
    pub(in crate::http) tools: Vec<ToolSpec>,
    pub(in crate::http) tool_choice: ToolChoice,
    pub(in crate::http) options: Options,
    /// A conversation that is too long may be shortened at its old end.
    pub(in crate::http) may_shorten: bool,
    pub(in crate::http) thoughts: Thoughts,
    /// What the answer repeats of the request.
    pub(in crate::http) repeated: Map<String, Value>,
    /// Fields that were left out, because they do not change what the answer says.
    pub(in crate::http) dropped: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    input: Option<Value>,
    instructions: Option<String>,
    stream: Option<bool>,
    store: Option<bool>,
    previous_response_id: Option<String>,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    tool_choice: Value,
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    text: Text,
    #[serde(default)]
    reasoning: Reasoning,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    truncation: Option<Truncation>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    include: Vec<String>,
    top_logprobs: Option<u32>,
    stream_options: Option<StreamOptions>,
}

#[derive(Default, Deserialize)]
struct Text {
    format: Option<Value>,
    verbosity: Option<String>,
}

#[derive(Default, Deserialize)]
struct Reasoning {
    effort: Option<String>,
    #[serde(alias = "generate_summary")]
    summary: Option<String>,
    mode: Option<String>,
    context: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Truncation {
    Auto,
    Disabled,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_obfuscation: Option<bool>,
}

pub(in crate::http) fn parse(body: &Bytes) -> Result<Asked, Error> {
    let mut fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            return Err(Error::invalid(
                None,
                "invalid_request",
                "the body must be a JSON object",
            ));
        }
        Err(error) => {
            let message = format!("the body is not valid JSON: {error}");
            return Err(Error::invalid(None, "invalid_request", message));
        }
    };
    let dropped = fields::sort(&mut fields)?;
    let body: Body = serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let message = format!("`{path}`: {}", error.inner());
        invalid(&path, message)
    })?;
    body.into_asked(dropped)
}

impl Body {
    fn into_asked(mut self, mut dropped: Vec<&'static str>) -> Result<Asked, Error> {
        let Some(model) = self.model.take() else {
            return Err(invalid("model", "`model` is missing"));
        };
        check_metadata(&self.metadata)?;
        let format = self.format()?;
        let effort = self.reasoning.effort.as_deref().map(effort).transpose()?;
        dropped.extend(self.preferences());
        let options = Options {
            max_tokens: self.max_output_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            response_format: format,
            reasoning_effort: effort,
            parallel_tool_calls: self.parallel_tool_calls,
            logprobs: self.logprobs(),
            ..Options::default()
        };
        let repeated = self.repeated();
        let (tool_choice, tools) = tools::choice(&self.tool_choice, tools::tools(&self.tools)?)?;
        Ok(Asked {
            model,
            stream: self.stream.unwrap_or_default(),
            store: self.store.unwrap_or(true),
            input: input(self.input.take())?,
            previous: self.previous_response_id,
            instructions: self.instructions,
            tools,
            tool_choice,
            options,
            may_shorten: self.truncation == Some(Truncation::Auto),
            thoughts: match self.reasoning.summary {
                Some(_) => Thoughts::Summary,
                None => Thoughts::Text,
            },
            repeated,
            dropped,
        })
    }

    /// Fields that ask for a manner of answering, which no target here promises.
    fn preferences(&self) -> Vec<&'static str> {
        let usual = |verbosity: &str| verbosity == "medium";
        let obfuscation = self
            .stream_options
            .as_ref()
            .and_then(|options| options.include_obfuscation);
        // The rest of what can be included belongs to tools of OpenAI, and thinking is never sealed here.
        let others_included = self.include.iter().any(|name| name != LOGPROBS);
        let given = [
            ("include", others_included),
            ("text.verbosity", !self.text.verbosity.as_deref().is_none_or(usual)),
            ("reasoning.mode", self.reasoning.mode.is_some()),
            ("reasoning.context", self.reasoning.context.is_some()),
            ("stream_options.include_obfuscation", obfuscation == Some(true)),
        ];
        given
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
            .collect()
    }

    fn logprobs(&self) -> Option<u32> {
        let is_included = self.include.iter().any(|name| name == LOGPROBS);
        self.top_logprobs.or(is_included.then_some(0))
    }

    fn format(&self) -> Result<Option<ResponseFormat>, Error> {
        let format = self.text.format.as_ref().unwrap_or(&Value::Null);
        match format["type"].as_str() {
            None if format.is_null() => Ok(None),
            Some("text") => Ok(None),
            Some("json_object") => Ok(Some(ResponseFormat::JsonObject)),
            Some("json_schema") => {
                let Some(name) = format["name"].as_str() else {
                    return Err(invalid("text.format.name", "`text.format.name` is missing"));
                };
                if !format["schema"].is_object() {
                    return Err(invalid("text.format.schema", "`text.format.schema` must be an object"));
                }
                Ok(Some(ResponseFormat::JsonSchema {
                    name: name.to_owned(),
                    schema: format["schema"].clone(),
                    strict: format["strict"].as_bool(),
                }))
            }
            None | Some(_) => {
                let message = "`text.format.type` is text, json_object or json_schema";
                Err(invalid("text.format.type", message))
            }
        }
    }

    fn repeated(&self) -> Map<String, Value> {
        let format = self.text.format.clone().unwrap_or_else(|| json!({"type": "text"}));
        let choice = Some(&self.tool_choice).filter(|choice| !choice.is_null());
        let fields = json!({
            "background": false,
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": self.max_tool_calls,
            "metadata": self.metadata,
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true),
            "previous_response_id": self.previous_response_id,
            "reasoning": {"effort": self.reasoning.effort, "summary": self.reasoning.summary},
            "temperature": self.temperature,
            "text": {"format": format},
            "tool_choice": choice.unwrap_or(&json!("auto")),
            "tools": tools::repeated(&self.tools),
            "top_p": self.top_p,
            "truncation": if self.truncation == Some(Truncation::Auto) { "auto" } else { "disabled" },
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

fn input(input: Option<Value>) -> Result<Vec<Value>, Error> {
    match input {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => {
            let message = json!({"role": "user", "content": text});
            Ok(vec![item::complete(message, "input")?])
        }
        Some(Value::Array(items)) if items.len() > MOST_ITEMS => {
            let message = format!("`input` has {} items, and may have {MOST_ITEMS}", items.len());
            Err(invalid("input", message))
        }
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(index, given)| item::complete(given, &format!("input[{index}]")))
            .collect(),
        Some(_) => Err(invalid("input", "`input` is text or a list of items")),
    }
}

fn effort(word: &str) -> Result<ReasoningEffort, Error> {
    // Chat has no word above `xhigh`.
    let word = if word == "max" { "xhigh" } else { word };
    serde_json::from_value(word.into()).map_err(|_| {
        let message = "`reasoning.effort` is none, minimal, low, medium, high, xhigh or max";
        invalid("reasoning.effort", message)
    })
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), Error> {
    let fits = |(key, value): (&String, &Value)| {
        let value = value.as_str();
        key.chars().count() <= LONGEST_METADATA_KEY
            && value.is_some_and(|value| value.chars().count() <= LONGEST_METADATA_VALUE)
    };
    if metadata.len() <= MOST_METADATA && metadata.iter().all(fits) {
        return Ok(());
    }
    let message = format!(
        "`metadata` holds at most {MOST_METADATA} texts of at most {LONGEST_METADATA_VALUE} characters, under names of \
         at most {LONGEST_METADATA_KEY}"
    );
    Err(invalid("metadata", message))
}
