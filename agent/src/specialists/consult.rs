//! The tool `consult`, as the model that may ask is told of it.

use jarvis_gateway::chat::{ToolResult, ToolSpec};
use jarvis_tools::Prepared;
use jarvis_tools::risk::{Risk, Trust};
use serde::Deserialize;
use serde_json::{Value, json};

use super::roster::Specialist;
use crate::coerce::coerce;
use crate::parts::Parts;

/// The name of the tool.
pub const CONSULT: &str = "consult";
/// Who may ask a specialist at all: it costs several model calls.
pub(crate) const LEAST_TRUST: Trust = Trust::Member;

const QUESTION_CHARS: usize = 2_000;
const CONTEXT_CHARS: usize = 8_000;

/// What a specialist is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) specialist: String,
    pub(crate) question: String,
    #[serde(default)]
    pub(crate) context: String,
}

/// What of `offered` a specialist may read with: what its list has, but for tools that only act, and the tools of the loop,
/// of which this one is one. So a specialist asks nobody.
pub(crate) fn reads(parts: &Parts, specialist: &Specialist, offered: &[ToolSpec]) -> Vec<ToolSpec> {
    let reads = |spec: &&ToolSpec| {
        let tool = parts.catalog.get(&spec.name);
        tool.is_some_and(|tool| !tool.only_acts()) && specialist.profile.lists(&spec.name)
    };
    offered.iter().filter(reads).cloned().collect()
}

/// How a model is told of it. None when nobody has anything to read with in the room whose tools are `offered`.
pub(crate) fn spec(parts: &Parts, offered: &[ToolSpec]) -> Option<ToolSpec> {
    let can_read = |one: &&Specialist| !reads(parts, one, offered).is_empty();
    let here: Vec<&Specialist> = parts.roster.specialists.iter().filter(can_read).collect();
    if here.is_empty() {
        return None;
    }
    let names: Vec<&str> = here.iter().map(|one| one.profile.name.as_str()).collect();
    let who: Vec<String> = here
        .iter()
        .map(|one| format!("{}: {}.", one.profile.name, one.profile.about.trim_end_matches('.')))
        .collect();
    let description = format!(
        "Asks a specialist, who reads on their own and answers you in words. Use it when a question needs many readings or a \
         long text, so that only what matters comes back; for one or two readings call the tool itself. Ask several at once \
         when their questions do not depend on each other. A specialist never acts: you do. They do not see this \
         conversation. {}",
        who.join(" ")
    );
    Some(ToolSpec {
        name: CONSULT.to_owned(),
        description,
        parameters: json!({
            "type": "object",
            "properties": {
                "specialist": { "type": "string", "enum": names },
                "question": {
                    "type": "string",
                    "description": "One question, whole in itself: names, what was seen, what you want to know.",
                },
                "context": {
                    "type": "string",
                    "description": "What they need to know and cannot read themselves, such as what the user said.",
                },
            },
            "required": ["specialist", "question"],
            "additionalProperties": false,
        }),
        strict: None,
    })
}

/// Looks a call up. `parameters` are those that the model was told, so that it asks nobody who is not here.
pub(crate) fn prepare(parameters: &Value, arguments: Value) -> Result<Prepared, ToolResult> {
    let arguments = coerce(parameters, arguments);
    let input = Input::deserialize(&arguments)
        .map_err(|error| failed(format!("the arguments of `{CONSULT}` do not fit: {error}"), None))?;
    let here = parameters
        .pointer("/properties/specialist/enum")
        .and_then(Value::as_array);
    let names: Vec<&str> = here.into_iter().flatten().filter_map(Value::as_str).collect();
    if !names.contains(&input.specialist.as_str()) {
        let name: String = input.specialist.chars().take(40).collect();
        let hint = format!("the specialists are: {}", names.join(", "));
        return Err(failed(format!("there is no specialist `{name}` here"), Some(hint)));
    }
    if input.question.trim().is_empty() {
        return Err(failed("the question is empty".to_owned(), None));
    }
    for (what, text, most) in [
        ("question", &input.question, QUESTION_CHARS),
        ("context", &input.context, CONTEXT_CHARS),
    ] {
        if text.chars().count() > most {
            let hint = "give what matters; the specialist can read the rest";
            let error = format!("the {what} is longer than {most} characters");
            return Err(failed(error, Some(hint.to_owned())));
        }
    }
    Ok(Prepared {
        risk: Risk::read(LEAST_TRUST),
        target: Some(input.specialist),
        verbs: &[],
        arguments,
    })
}

fn failed(error: String, hint: Option<String>) -> ToolResult {
    ToolResult::Error {
        error,
        hint,
        retry: false,
    }
}
