//! Bodies that came over Ollama's own protocol: what of them goes on as it is, and what a target is not told.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::settings::{Settings, Think, Thinking};
use crate::chat::{Original, Protocol, Request};
use crate::provider::{Class, Error};
use crate::providers::fields::{self, Fields};
use crate::strict;

/// Written from what was read, so that all targets are told the same. `name` is the old word for `model`.
const OURS: [&str; 13] = [
    "model",
    "name",
    "messages",
    "tools",
    "images",
    "stream",
    "format",
    "think",
    "keep_alive",
    "truncate",
    "shift",
    "options",
    "logprobs",
];
const OUR_OPTIONS: [&str; 7] = [
    "num_predict",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
];
/// Ollama loads the model anew when one of these changes (or did in earlier versions), so that they are the target's,
/// and the same for everybody.
const RELOADS: [&str; 15] = [
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "use_mlock",
    "num_thread",
    "draft_num_predict",
    "low_vram",
    "numa",
    "num_gqa",
    "f16_kv",
    "vocab_only",
    "logits_all",
    "embedding_only",
];

/// Fields that go on as they are.
#[derive(Default)]
pub(super) struct Kept<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) options: Fields<'a>,
}

pub(super) fn is_ours(request: &Request) -> bool {
    ours(request).is_some()
}

pub(super) fn is_prompt(request: &Request) -> bool {
    ours(request).is_some_and(|original| original.protocol == Protocol::OllamaGenerate)
}

fn ours(request: &Request) -> Option<&Original> {
    let original = request.original.as_ref()?;
    match original.protocol {
        Protocol::OllamaChat | Protocol::OllamaGenerate => Some(original),
        Protocol::OpenAiChat => None,
    }
}

pub(super) fn kept(request: &Request) -> Result<Kept<'_>, Error> {
    let Some(original) = ours(request) else {
        return Ok(Kept::default());
    };
    let unreadable = |error| Error::new(Class::ClientFault, format!("the request cannot be read: {error}"));
    let mut fields: Fields<'_> = serde_json::from_slice(&original.body).map_err(unreadable)?;
    let options = fields.get("options").copied();
    let mut options: Fields<'_> = match options.map(RawValue::get) {
        None | Some("null") => BTreeMap::new(),
        Some(options) => serde_json::from_str(options).map_err(unreadable)?,
    };
    fields.retain(|name, _| !OURS.contains(&name.as_str()) && name != "top_logprobs");
    options.retain(|name, _| !OUR_OPTIONS.contains(&name.as_str()) && !RELOADS.contains(&name.as_str()));
    Ok(Kept { fields, options })
}

/// What the caller says about thinking.
pub(super) fn thinking(request: &Request) -> Option<Thinking> {
    let original = ours(request)?;
    let fields: Fields<'_> = serde_json::from_slice(&original.body).ok()?;
    match fields.get("think")?.get() {
        "true" => Some(Thinking::On),
        "false" => Some(Thinking::Off),
        "\"low\"" => Some(Thinking::Low),
        "\"medium\"" => Some(Thinking::Medium),
        "\"high\"" => Some(Thinking::High),
        "\"max\"" => Some(Thinking::Max),
        _ => None,
    }
}

/// Names of what an Ollama target is not told.
pub(super) fn dropped(request: &Request, settings: &Settings) -> Vec<String> {
    let unchecked = strict::unchecked(&request.tools);
    let Some(original) = &request.original else {
        return unchecked;
    };
    match original.protocol {
        Protocol::OpenAiChat => {
            let mut dropped = fields::beside(&original.body, &OF_OPENAI);
            dropped.extend(fields::other_tools(&original.body));
            dropped.extend(unchecked);
            dropped
        }
        Protocol::OllamaChat | Protocol::OllamaGenerate => of_the_target(original, settings),
    }
}

/// What of `OpenAI`'s is said in Ollama's words, or seen to when the answer is read.
const OF_OPENAI: [&str; 20] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "response_format",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
    "n",
    "parallel_tool_calls",
];

/// Names of what a server is not told that speaks another protocol and gets the request as a conversation.
pub(in crate::providers) fn untold(original: &Original) -> Vec<String> {
    const TOLD: [&str; 12] = [
        "model",
        "name",
        "messages",
        "prompt",
        "system",
        "images",
        "tools",
        "stream",
        "format",
        "logprobs",
        "top_logprobs",
        "options",
    ];
    let mut untold = fields::beside(&original.body, &TOLD);
    let fields: Fields<'_> = serde_json::from_slice(&original.body).unwrap_or_default();
    // Levels have a word everywhere, yes and no have not.
    untold.retain(|name| name != "think" || fields.get("think").is_some_and(|think| !think.get().starts_with('"')));
    let options = fields.get("options").map_or("{}", |options| options.get());
    let options = fields::beside(options.as_bytes(), &OUR_OPTIONS);
    untold.extend(options.into_iter().map(|name| format!("options.{name}")));
    untold
}

/// What makes a prompt more than a question, so that a conversation cannot stand for it.
pub(in crate::providers) fn only_a_prompt(original: &Original) -> Option<&'static str> {
    if original.protocol != Protocol::OllamaGenerate {
        return None;
    }
    let fields: Fields<'_> = serde_json::from_slice(&original.body).ok()?;
    let is_set = |name: &str| {
        fields
            .get(name)
            .is_some_and(|value| !matches!(value.get(), "null" | "false" | "\"\""))
    };
    ["raw", "suffix"].into_iter().find(|name| is_set(name))
}

/// What the target's settings say otherwise than the request.
fn of_the_target(original: &Original, settings: &Settings) -> Vec<String> {
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(&original.body) else {
        return Vec::new();
    };
    let differs = |name: &str, ours: Option<String>| {
        let given = fields.get(name).map(|value| value.get())?;
        (given != "null" && ours.as_deref() != Some(given)).then(|| name.to_owned())
    };
    let keep_alive = settings
        .keep_alive
        .as_ref()
        .and_then(|ours| serde_json::to_string(ours).ok());
    let think = match settings.think {
        Think::Always(ours) => differs("think", serde_json::to_string(&ours).ok()),
        Think::Auto => None,
    };
    let mut dropped: Vec<String> = [
        differs("keep_alive", keep_alive),
        differs("truncate", Some(settings.truncate.to_string())),
        differs("shift", Some(settings.shift.to_string())),
        think,
    ]
    .into_iter()
    .flatten()
    .collect();
    let options = fields
        .get("options")
        .and_then(|options| serde_json::from_str(options.get()).ok());
    let options: Fields<'_> = options.unwrap_or_default();
    for (name, value) in options {
        let ours = settings
            .num_ctx
            .filter(|_| name == "num_ctx")
            .map(|tokens| tokens.to_string());
        if RELOADS.contains(&name.as_str()) && value.get() != "null" && ours.as_deref() != Some(value.get()) {
            dropped.push(format!("options.{name}"));
        }
    }
    dropped
}
