//! The calls of a reply, looked up: unknown tools and unfit arguments become results that the model can act on.

use std::collections::HashSet;

use jarvis_gateway::chat::{self, FinishReason, Reply, ToolCall, ToolResult, ToolSpec};
use jarvis_tools::Prepared;
use jarvis_tools::risk::{Risk, Trust};
use serde_json::Value;

use super::event::{ReadyCall, Standing};
use super::offer::{FIND_TOOL, Offer};
use super::told::unprepared;
use crate::big_result::{self, READ_RESULT};
use crate::coerce::coerce;
use crate::execute::{self, Origin};
use crate::output_gate;
use crate::parts::Parts;
use crate::specialists::{self, CONSULT};

/// `ids` are those of the calls of this turn so far.
pub(super) async fn ready(
    parts: &Parts,
    origin: &Origin,
    offer: &Offer,
    ids: &mut HashSet<String>,
    reply: &Reply,
) -> Vec<ReadyCall> {
    let mut ready = Vec::with_capacity(reply.tool_calls.len());
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let mut call = call.clone();
        // Some servers send empty ids or number the calls of every reply anew, and every result has to find its own call.
        while call.id.is_empty() || !ids.insert(call.id.clone()) {
            call.id = format!("call_{index}_{}", parts.fresh_id().replace('-', ""));
        }
        let looked_up = if reply.finish.reason == FinishReason::Length {
            // What is left of the arguments can be valid JSON and still not be what the model meant.
            let error = format!(
                "`{}` was cut off by the limit of the answer's length; nothing was done",
                call.name
            );
            let hint = None;
            Err(ToolResult::Error {
                error,
                hint,
                retry: true,
            })
        } else {
            look_up(parts, origin, offer, &call).await
        };
        ready.push(match looked_up {
            Ok(found) => ReadyCall {
                call,
                prepared: Ok(found.prepared),
                untrusted_output: found.untrusted_output,
                listed: found.listed,
                standing: Standing::default(),
            },
            Err(result) => unprepared(call, result),
        });
    }
    ready
}

struct Found {
    prepared: Prepared,
    untrusted_output: bool,
    listed: bool,
}

async fn look_up(parts: &Parts, origin: &Origin, offer: &Offer, call: &ToolCall) -> Result<Found, ToolResult> {
    let name = call.name.as_str();
    if output_gate::holds_redacted(&call.arguments) {
        let error = format!("the arguments of `{name}` hold a secret that was taken out; nothing was done");
        let hint = "leave the field out, or ask the user to change it by hand";
        return Err(failed(error, Some(hint.to_owned())));
    }
    let told = offer.specs();
    let own = told
        .iter()
        .find(|spec| spec.name == name && matches!(name, READ_RESULT | FIND_TOOL | CONSULT));
    // What the room has and the model was not told of is as unknown as what nobody has. What the room does not have goes
    // on to policy, which refuses it by that name.
    let tool = parts.catalog.get(name).filter(|_| !offer.hides(name));
    if tool.is_none() && own.is_none() {
        let name: String = name.chars().take(80).collect();
        return Err(failed(format!("there is no tool `{name}`"), Some(offer.hint())));
    }
    let arguments = chat::parse_arguments(&call.arguments)
        .map(Value::Object)
        .map_err(|error| {
            failed(
                format!("the arguments of `{name}` are not a JSON object: {error}"),
                None,
            )
        })?;
    let Some(tool) = tool else {
        return of_the_loop(parts, origin, own, arguments).await;
    };
    let prepared = tool.prepare(&arguments).or_else(|error| {
        let coerced = coerce(tool.parameters(), arguments);
        // What is said of it is said of what the model wrote.
        tool.prepare(&coerced).map_err(|_| error)
    });
    Ok(Found {
        prepared: prepared.map_err(execute::of_error)?,
        untrusted_output: tool.untrusted_output(),
        listed: offer.lists(name),
    })
}

/// `read_result`, `consult` and `find_tool`.
async fn of_the_loop(
    parts: &Parts,
    origin: &Origin,
    own: Option<&ToolSpec>,
    arguments: Value,
) -> Result<Found, ToolResult> {
    let name = own.map_or(FIND_TOOL, |spec| spec.name.as_str());
    let (prepared, untrusted_output) = if name == READ_RESULT {
        big_result::prepare(parts, origin, arguments).await?
    } else if let Some(spec) = own.filter(|_| name == CONSULT) {
        // What it brings from outside is known when it has ended.
        (specialists::prepare(&spec.parameters, arguments)?, false)
    } else {
        let prepared = Prepared {
            risk: Risk::read(Trust::Public),
            target: None,
            verbs: &[],
            arguments,
        };
        (prepared, false)
    };
    Ok(Found {
        prepared,
        untrusted_output,
        listed: true,
    })
}

fn failed(error: String, hint: Option<String>) -> ToolResult {
    ToolResult::Error {
        error,
        hint,
        retry: false,
    }
}
