//! Earlier calls of a conversation, made fit for a server that did not make them.
//!
//! Ids of calls come from whoever answered before: missing, twice the same, or longer than another server takes. Clients
//! lose results, and models write arguments that are no JSON. One server shrugs, the next one refuses the conversation
//! for ever.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::chat::{Message, Original, Protocol, Request, Role};

/// The longest id that `OpenAI` takes, in bytes.
const LONGEST_ID: usize = 64;

/// What is known of a call whose result never came.
const NO_RESULT: &str = "no result: it was interrupted";

/// One thing to be mended. Indexes are those of the messages as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Edit {
    CallId {
        message: usize,
        call: usize,
        id: String,
    },
    Arguments {
        message: usize,
        call: usize,
        json: String,
    },
    ResultId {
        message: usize,
        id: String,
    },
    /// The result of no known call is told as what somebody said.
    Orphan {
        message: usize,
    },
    /// A result is put after `message`.
    Missing {
        message: usize,
        id: String,
    },
}

/// A call of the conversation that waits for its result.
struct Open<'a> {
    given: &'a str,
    id: String,
    /// The last message of the step so far.
    after: usize,
}

/// `request` with its history mended for servers of `kind`, or itself when nothing is wrong. A body of the server's own
/// protocol is only rewritten when it must be.
pub(super) fn mended(request: &Arc<Request>, kind: &str) -> Arc<Request> {
    let has_calls = |message: &Message| message.role == Role::Tool || !message.tool_calls.is_empty();
    if !request.messages.iter().any(has_calls) {
        return request.clone();
    }
    let is_own = matches!(
        request.original.as_ref().map(|original| original.protocol),
        Some(Protocol::OllamaChat | Protocol::OllamaGenerate)
    );
    // Ollama needs no ids, and takes its own bodies as they are.
    if is_own && kind == "ollama" {
        return request.clone();
    }
    let edits = edits(&request.messages);
    if edits.is_empty() {
        return request.clone();
    }
    tracing::debug!(edits = edits.len(), "the calls in a conversation's history are mended");
    let mut mended = Request::clone(request);
    apply(&mut mended.messages, &edits);
    if let Some(original) = &mut mended.original
        && original.protocol == Protocol::OpenAiChat
        && let Some(body) = rewritten(original, &edits)
    {
        original.body = body.into();
    }
    Arc::new(mended)
}

/// What is wrong, in the order of the messages:
/// 1. an id that is missing, too long, or was used before gets another, in the call and in its result,
/// 2. arguments that are no JSON object are wrapped into one,
/// 3. a result without a known id belongs to the first call that waits; when none does, it is an orphan,
/// 4. a call that has no result when the conversation goes on gets one that says so.
fn edits(messages: &[Message]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message.role == Role::Tool {
            let given = message.tool_call_id.as_deref().unwrap_or_default();
            let of_id = open.iter().position(|call| call.given == given);
            match of_id.or((given.is_empty() && !open.is_empty()).then_some(0)) {
                Some(of) => {
                    let call = open.remove(of);
                    if call.id != given {
                        edits.push(Edit::ResultId {
                            message: at,
                            id: call.id,
                        });
                    }
                }
                None => edits.push(Edit::Orphan { message: at }),
            }
            for call in &mut open {
                call.after = at;
            }
            continue;
        }
        edits.extend(open.drain(..).map(Open::missing));
        for (index, call) in message.tool_calls.iter().enumerate() {
            let is_good = !call.id.is_empty() && call.id.len() <= LONGEST_ID && !used.contains(&call.id);
            let id = if is_good {
                call.id.clone()
            } else {
                fresh(&used, at, index)
            };
            if !is_good {
                edits.push(Edit::CallId {
                    message: at,
                    call: index,
                    id: id.clone(),
                });
            }
            if let Some(json) = object_of(&call.arguments) {
                edits.push(Edit::Arguments {
                    message: at,
                    call: index,
                    json,
                });
            }
            used.push(id.clone());
            open.push(Open {
                given: &call.id,
                id,
                after: at,
            });
        }
    }
    // Results may still be on their way to a conversation that ends with calls, but nobody asks a model for its next
    // step without them.
    edits.extend(open.drain(..).map(Open::missing));
    edits
}

impl Open<'_> {
    fn missing(self) -> Edit {
        Edit::Missing {
            message: self.after,
            id: self.id,
        }
    }
}

/// The same for the same conversation, so that caches of prompts hold.
fn fresh(used: &[String], message: usize, call: usize) -> String {
    let id = format!("call_{message}_{call}");
    if used.contains(&id) { format!("{id}_again") } else { id }
}

/// The object to put in the place of arguments that are none.
fn object_of(arguments: &str) -> Option<String> {
    let text = arguments.trim();
    if text.is_empty() {
        return Some("{}".into());
    }
    let is_object = text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    (!is_object).then(|| json!({ "_raw": arguments }).to_string())
}

fn apply(messages: &mut Vec<Message>, edits: &[Edit]) {
    for edit in edits.iter().rev() {
        match edit {
            Edit::CallId { message, call, id } => {
                let call = messages
                    .get_mut(*message)
                    .and_then(|message| message.tool_calls.get_mut(*call));
                if let Some(call) = call {
                    call.id.clone_from(id);
                }
            }
            Edit::Arguments { message, call, json } => {
                let call = messages
                    .get_mut(*message)
                    .and_then(|message| message.tool_calls.get_mut(*call));
                if let Some(call) = call {
                    call.arguments.clone_from(json);
                }
            }
            Edit::ResultId { message, id } => {
                if let Some(message) = messages.get_mut(*message) {
                    message.tool_call_id = Some(id.clone());
                }
            }
            Edit::Orphan { message } => {
                if let Some(message) = messages.get_mut(*message) {
                    message.role = Role::User;
                    message.tool_call_id = None;
                }
            }
            Edit::Missing { message, id } => {
                let result = Message {
                    tool_call_id: Some(id.clone()),
                    ..Message::text(Role::Tool, NO_RESULT)
                };
                messages.insert((*message + 1).min(messages.len()), result);
            }
        }
    }
}

/// The same edits in a body as it came.
fn rewritten(original: &Original, edits: &[Edit]) -> Option<String> {
    let mut body: Value = serde_json::from_slice(&original.body).ok()?;
    let messages = body.get_mut("messages")?.as_array_mut()?;
    for edit in edits.iter().rev() {
        match edit {
            Edit::CallId { message, call, id } => {
                *messages
                    .get_mut(*message)?
                    .pointer_mut(&format!("/tool_calls/{call}"))?
                    .get_mut("id")? = id.as_str().into();
            }
            Edit::Arguments { message, call, json } => {
                let path = format!("/tool_calls/{call}/function/arguments");
                *messages.get_mut(*message)?.pointer_mut(&path)? = json.as_str().into();
            }
            Edit::ResultId { message, id } => {
                let fields = messages.get_mut(*message)?.as_object_mut()?;
                fields.insert("tool_call_id".into(), id.as_str().into());
            }
            Edit::Orphan { message } => {
                let fields = messages.get_mut(*message)?.as_object_mut()?;
                fields.insert("role".into(), "user".into());
                fields.shift_remove("tool_call_id");
                fields.shift_remove("name");
            }
            Edit::Missing { message, id } => {
                let result = json!({"role": "tool", "tool_call_id": id, "content": NO_RESULT});
                messages.insert((*message + 1).min(messages.len()), result);
            }
        }
    }
    Some(body.to_string())
}
