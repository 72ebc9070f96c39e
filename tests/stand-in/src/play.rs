use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::faults::{Answer, Break, Where};

/// What `ok` answers.
pub const OK_TEXT: &str = "Three containers run on this server: web serves the pages, db keeps the data, and backup \
                           copies it away every night. All of them have been up for three days and none was restarted \
                           since. The disk is half full, which is 4 % more than last week.";

/// What `bytes` answers: letters of one, two, three and four bytes.
pub const BYTES_TEXT: &str = "Café, naïve, 東京, 😀 and done.";

/// What `stream-N-M` answers with N pieces.
pub fn words(pieces: u32) -> String {
    (0..pieces).map(word).collect()
}

fn word(number: u32) -> String {
    format!("word{number} ")
}

/// How many words one piece of an answer has.
const WORDS: usize = 4;

/// What is known of a request, whatever its protocol.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a request says or does not say"
)]
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
    /// The last message is the assistant's: the answer is to go on from there.
    pub(crate) ends_with_assistant: bool,
    /// What the assistant said there.
    pub(crate) begun: String,
    /// Fields that nobody knows, which come back with the last line of an Ollama's answer.
    pub(crate) unknown: Map<String, Value>,
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
    /// Before which piece there is a longer pause.
    pub(crate) long_pause: Option<(usize, Duration)>,
    /// Signs of life before the first piece, one a second.
    pub(crate) pings: u32,
    /// What goes wrong, and before which piece.
    pub(crate) broken: Option<(Break, usize)>,
    pub(crate) byte_by_byte: bool,
    pub(crate) counters: Counters,
    /// Tool calls come in the line that ends the answer, without ids (Ollama).
    pub(crate) calls_last: bool,
}

/// What is told of the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counters {
    True,
    Missing,
    /// Most of the prompt was dropped before it was read.
    Truncated,
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
    ContentFilter,
}

impl Script {
    fn of(pieces: Vec<Piece>) -> Self {
        Self {
            pieces,
            lead: Duration::ZERO,
            pause: Duration::ZERO,
            reason: Reason::Stop,
            long_pause: None,
            pings: 0,
            broken: None,
            byte_by_byte: false,
            counters: Counters::True,
            calls_last: false,
        }
    }

    fn says(text: &str) -> Self {
        Self::of(pieces_of(text))
    }

    pub(crate) fn answer(answer: Answer, asked: &Asked) -> Self {
        match answer {
            Answer::Ok | Answer::Cold(_) => Self::says(OK_TEXT),
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
                ..Self::goes_on(pieces, &asked.begun)
            },
            Answer::Late(lead) => Self {
                lead,
                ..Self::says(OK_TEXT)
            },
            Answer::Pauses { pieces, after, pause } => Self {
                long_pause: Some((usize::try_from(after).unwrap_or(usize::MAX), pause)),
                ..Self::counted(pieces)
            },
            Answer::Pings(pings) => Self {
                pings,
                ..Self::says(OK_TEXT)
            },
            Answer::Bytes => Self {
                byte_by_byte: true,
                ..Self::says(BYTES_TEXT)
            },
            Answer::Length => Self {
                reason: Reason::Length,
                ..Self::says(OK_TEXT)
            },
            Answer::ToolsTwins => {
                let mut script = Self::tools(asked);
                let calls = script.calls();
                if !calls.is_empty() {
                    script.pieces = calls.into_iter().map(|call| Piece::Calls(vec![call])).collect();
                }
                script
            }
            Answer::Leaks => Self::leaks(asked),
            Answer::Overthinks => Self {
                reason: Reason::Length,
                ..Self::of(vec![Piece::Thinking(
                    "First of all, let me think about this. ".repeat(20),
                )])
            },
            Answer::ThinkTags => Self::says(&format!("<think>\nThe user wants an answer.\n</think>\n\n{OK_TEXT}")),
            Answer::NoCounters => Self {
                counters: Counters::Missing,
                ..Self::says(OK_TEXT)
            },
            Answer::Truncates => Self {
                counters: Counters::Truncated,
                ..Self::says(OK_TEXT)
            },
            Answer::Filtered => Self {
                reason: Reason::ContentFilter,
                ..Self::of(pieces_of(OK_TEXT).into_iter().take(5).collect())
            },
        }
    }

    pub(crate) fn broken(broken: Break, place: Where) -> Self {
        let (script, before) = match place {
            Where::Middle => {
                let script = Self::says(OK_TEXT);
                let middle = script.pieces.len() / 2;
                (script, middle)
            }
            Where::After { pieces, of } => (Self::counted(of), usize::try_from(pieces).unwrap_or(usize::MAX)),
        };
        Self {
            broken: Some((broken, before)),
            ..script
        }
    }

    fn counted(pieces: u32) -> Self {
        Self::of((0..pieces).map(|number| Piece::Text(word(number))).collect())
    }

    /// The words that do not stand in what was begun.
    fn goes_on(pieces: u32, begun: &str) -> Self {
        let all = words(pieces);
        let rest = all.strip_prefix(begun).unwrap_or(&all);
        Self::of(rest.split_inclusive(' ').map(|word| Piece::Text(word.into())).collect())
    }

    /// The call of the first tool in the words of a chat template, when there is a tool and no result yet.
    fn leaks(asked: &Asked) -> Self {
        match calls(asked).first() {
            Some(call) if asked.results.is_empty() => {
                let written = json!({"name": call.name, "arguments": call.arguments});
                Self::says(&format!("<tool_call>\n{written}\n</tool_call>"))
            }
            Some(_) | None => Self::says(OK_TEXT),
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

    /// Nothing goes wrong and nothing is waited for.
    pub(crate) fn is_immediate(&self) -> bool {
        let pauses = [self.lead, self.pause].iter().any(|pause| !pause.is_zero());
        self.broken.is_none() && !pauses && self.pings == 0 && self.long_pause.is_none()
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
