//! What a client of MCP may call: the tools of its principal, and Jarvis itself.

use jarvis_agent::{Listed, Principal};
use jarvis_gateway::caller::Caller;
use serde_json::{Value, json};

use super::message::Fault;
use crate::app::App;

/// The tool that asks Jarvis.
const ASK: &str = "ask_jarvis";

/// Every tool, with hints for the client. Jarvis decides without them.
pub(super) fn list(app: &App, who: &Principal) -> Value {
    let tools = app.agent.tools(who);
    let tools: Vec<Value> = std::iter::once(ask()).chain(tools.iter().map(told)).collect();
    json!({ "tools": tools })
}

fn ask() -> Value {
    json!({
        "name": ASK,
        "description": "Asks Jarvis, who looks after this home, in words, and answers in words. Jarvis reads and acts by \
            itself with its own tools; what needs a person's approval it says, with the id of the card.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "question": { "type": "string", "description": "The question or the request, whole in itself." },
            },
            "required": ["question"],
            "additionalProperties": false,
        },
        "annotations": { "readOnlyHint": false },
    })
}

fn told(listed: &Listed) -> Value {
    let spec = &listed.spec;
    json!({
        "name": spec.name,
        "description": spec.description,
        "inputSchema": spec.parameters,
        "annotations": { "readOnlyHint": !listed.only_acts },
    })
}

/// Calls a tool. A fault is one of the call itself; that a tool could not do it is a result.
pub(super) async fn call(app: &App, who: &Principal, caller: &Caller, params: &Value) -> Result<Value, Fault> {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Err(Fault::params("`name` is missing"));
    };
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => json!({}),
        Some(arguments @ Value::Object(_)) => arguments.clone(),
        Some(_) => return Err(Fault::params("`arguments` must be an object")),
    };
    if name == ASK {
        return asked(app, caller, &arguments).await;
    }
    if !app.agent.tools(who).iter().any(|listed| listed.spec.name == name) {
        let name: String = name.chars().take(80).collect();
        return Err(Fault::params(format!(
            "there is no tool `{name}` here; `tools/list` names them"
        )));
    }
    match app.agent.call(who, name, arguments).await {
        Ok(called) => {
            let mut result = text(&called.text, !called.is_done);
            if called.data.is_object() {
                result["structuredContent"] = called.data;
            }
            if let Some(approval) = called.approval {
                result["_meta"] = json!({ "jarvis/approval": approval });
            }
            Ok(result)
        }
        Err(error) => Ok(text(&error.to_string(), true)),
    }
}

async fn asked(app: &App, caller: &Caller, arguments: &Value) -> Result<Value, Fault> {
    let question = arguments.get("question").and_then(Value::as_str);
    let Some(question) = question.filter(|question| !question.trim().is_empty()) else {
        return Err(Fault::params("`question` is missing"));
    };
    Ok(match app.agent.ask(caller, question).await {
        Ok(answer) => {
            let mut result = text(&answer.text, false);
            if !answer.approvals.is_empty() {
                result["_meta"] = json!({ "jarvis/approvals": answer.approvals });
            }
            result
        }
        Err(why) => text(&why, true),
    })
}

fn text(says: &str, is_error: bool) -> Value {
    json!({ "content": [{ "type": "text", "text": says }], "isError": is_error })
}
