use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::faults::{Answer, Break};

/// What `ok` answers.
pub const OK_TEXT: &str = "Three containers run on this server: web serves the pages, db keeps the data, and backup \
                           copies it away every night. All of them have been up for three days and none was restarted \
                           since. The disk is half full, which is 4 % more than last week.";

/// How many words one piece of an answer has.
const WORDS: usize = 4;

/// What is known of a request, whatever its protocol.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) thinks: bool,
    pub(crate) tools: Vec<Tool>,
    pub(crate) last_user_text: String,
    /// What tools answered since the user spoke last.
    pub(crate) results: Vec<String>,
    pub(crate) prompt_tokens: usize,
}

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) parameters: Value,
}

/// An answer before it is put into a protocol.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) pieces: Vec<Piece>,
    /// Before the first piece, and before each one.
    pub(crate) lead: Duration,
    pub(crate) pause: Duration,
    pub(crate) reason: Reason,
    pub(crate) broken: Option<Break>,
    pub(crate) byte_by_byte: bool,
    /// Tool calls come in the line that ends the answer, without ids (Ollama).
    pub(crate) calls_last: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Thinking(String),
    Text(String),
    Calls(Vec<Call>),
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Stop,
    Length,
    ToolCalls,
}

impl Script {
    fn of(pieces: Vec<Piece>) -> Self {
        Self {
            pieces,
            lead: Duration::ZERO,
            pause: Duration::ZERO,
            reason: Reason::Stop,
            broken: None,
            byte_by_byte: false,
            calls_last: false,
        }
    }

    fn says(text: &str) -> Self {
        Self::of(pieces_of(text))
    }

    pub(crate) fn answer(answer: Answer, asked: &Asked) -> Self {
        match answer {
            Answer::Ok => Self::says(OK_TEXT),
            Answer::Echo => Self::says(&asked.last_user_text),
            Answer::Empty => Self::of(Vec::new()),
            Answer::Think => {
                let thought = Piece::Thinking("The user wants to know what runs here.".into());
                let answer = pieces_of(OK_TEXT);
                Self::of([thought].into_iter().chain(answer).collect())
            }
            Answer::Tools => Self::tools(asked),
            Answer::ToolsLast => Self {
                calls_last: true,
                ..Self::tools(asked)
            },
            Answer::Stream { pieces, pause } => Self {
                pause,
                ..Self::of(
                    (0..pieces)
                        .map(|number| Piece::Text(format!("word{number} ")))
                        .collect(),
                )
            },
            Answer::Late(lead) => Self {
                lead,
                ..Self::says(OK_TEXT)
            },
            Answer::Bytes => Self {
                byte_by_byte: true,
                ..Self::says("Café, naïve, 東京, 😀 and done.")
            },
            Answer::Length => Self {
                reason: Reason::Length,
                ..Self::says(OK_TEXT)
            },
        }
    }

    pub(crate) fn broken(broken: Break) -> Self {
        Self {
            broken: Some(broken),
            ..Self::says(OK_TEXT)
        }
    }

    fn tools(asked: &Asked) -> Self {
        if !asked.results.is_empty() {
            return Self::says(&format!("The tools said: {}", asked.results.join(" / ")));
        }
        let calls = calls(asked);
        if calls.is_empty() {
            return Self::says(OK_TEXT);
        }
        Self {
            reason: Reason::ToolCalls,
            ..Self::of(vec![Piece::Calls(calls)])
        }
    }

    /// The answer's words in one.
    pub(crate) fn text(&self) -> String {
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Thinking(_) | Piece::Calls(_) => "",
        });
        texts.collect()
    }

    pub(crate) fn thinking(&self) -> String {
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Thinking(text) => text.as_str(),
            Piece::Text(_) | Piece::Calls(_) => "",
        });
        texts.collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.pieces.iter().map(|piece| match piece {
            Piece::Calls(calls) => calls.clone(),
            Piece::Text(_) | Piece::Thinking(_) => Vec::new(),
        });
        calls.flatten().collect()
    }
}

fn pieces_of(text: &str) -> Vec<Piece> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    words.chunks(WORDS).map(|words| Piece::Text(words.concat())).collect()
}

/// The calls that the user's message names, or some of the first tool.
fn calls(asked: &Asked) -> Vec<Call> {
    let Some(tool) = asked.tools.first() else {
        return Vec::new();
    };
    let named: Vec<Call> = asked.last_user_text.lines().filter_map(named_call).collect();
    if !named.is_empty() {
        return named;
    }
    let arguments: Vec<Value> = (1..=2).map(|number| arguments_for(&tool.parameters, number)).collect();
    let needs_none = arguments.iter().all(|value| *value == json!({}));
    let count = if needs_none { 1 } else { 2 };
    let calls = arguments.into_iter().take(count).map(|arguments| Call {
        name: tool.name.clone(),
        arguments,
    });
    calls.collect()
}

/// `call NAME {"json": 1}`; without JSON there are no arguments. A name that was not offered is called too, as models do.
fn named_call(line: &str) -> Option<Call> {
    let rest = line.trim().strip_prefix("call ")?;
    let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
    Some(Call {
        name: name.into(),
        arguments: serde_json::from_str(arguments).ok()?,
    })
}

/// Some value for every required argument; `number` makes calls differ.
fn arguments_for(schema: &Value, number: u32) -> Value {
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let arguments: Map<String, Value> = required
        .map(|name| {
            let property = &schema["properties"][name];
            let value = match (property["enum"].get(0), property["type"].as_str()) {
                (Some(first), _) => first.clone(),
                (None, Some("integer" | "number")) => number.into(),
                (None, Some("boolean")) => true.into(),
                (None, Some("array")) => json!([]),
                (None, Some("object")) => json!({}),
                (None, _) => format!("{name} {number}").into(),
            };
            (name.to_owned(), value)
        })
        .collect();
    Value::Object(arguments)
}
