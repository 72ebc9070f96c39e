//! Rows and events as one line each, without the ids that differ from run to run.

use jarvis_agent::view::{Happening, RunState};
use jarvis_gateway::chat;
use jarvis_memory::records::{AuditEntry, Message, MessageRole, Run, ToolCall};

/// `user: hello`, `assistant: hi`, `event: …`.
pub(crate) fn message(message: &Message) -> String {
    format!("{}: {}", message.role.as_str(), message.text)
}

/// `read_state {"name":"web"} read ok`.
pub(crate) fn tool_call(call: &ToolCall) -> String {
    format!("{} {} {} {}", call.tool, call.arguments, call.effect, call.outcome)
}

/// `done answered: 2 models, 1 tools`.
pub(crate) fn run(run: &Run) -> String {
    format!(
        "{} {}: {} models, {} tools",
        run.status.as_str(),
        run.stop_reason.as_deref().unwrap_or("-"),
        run.model_calls,
        run.tool_calls
    )
}

/// `tool.intent owner/console read_state {"name":"web"} allow read`: every field that is there and is a word.
pub(crate) fn audit(entry: &AuditEntry) -> String {
    let mut words = vec![entry.kind.clone()];
    words.push(format!("{}/{}", entry.person_id.as_deref().unwrap_or("-"), entry.via));
    words.extend(entry.tool.clone());
    words.extend(entry.arguments.as_ref().map(ToString::to_string));
    words.extend(entry.decision.clone());
    words.extend(entry.rule.clone());
    words.extend(entry.outcome.clone());
    words.join(" ")
}

/// `run started`, `tool read_state web running`, `delta "hi"`, `message assistant: hi`, `approval stop web pending`.
pub(crate) fn happening(happening: &Happening) -> String {
    match happening {
        Happening::Message { message: stored } => format!("message {}", message(stored)),
        Happening::Run {
            state: RunState::Started,
            ..
        } => "run started".to_owned(),
        Happening::Run {
            state: RunState::Finished,
            why,
            ..
        } => format!("run finished {}", why.unwrap_or("-")),
        Happening::Delta { text, .. } => format!("delta {text:?}"),
        Happening::Reset { .. } => "reset".to_owned(),
        Happening::Tool(line) => format!(
            "tool {} {} {}",
            line.name,
            line.target.as_deref().unwrap_or("-"),
            line.status
        ),
        Happening::Approval { approval } => format!(
            "approval {} {}",
            approval.plan["title"].as_str().unwrap_or("-"),
            approval.status.as_str()
        ),
        Happening::Frozen { frozen } => {
            let what: Vec<&str> = frozen.iter().map(|frozen| frozen.what.as_str()).collect();
            format!("frozen {}", what.join(" "))
        }
        Happening::Target { .. } => "target".to_owned(),
        Happening::Config { changes, fault } => {
            format!("config {} {}", changes.join("; "), fault.as_deref().unwrap_or("-"))
        }
        Happening::Reload => "reload".to_owned(),
    }
}

/// What a model is told, without the marks around what others wrote. They must be there in pairs.
pub(crate) fn unmarked(told: &chat::Message) -> String {
    let text = told.joined_text();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("⟨data src=") {
        let (head, after) = after.split_once('⟩').expect("a mark ends");
        let (_, id) = head.split_once(" id=").expect("a mark has an id");
        let (inside, after) = after.split_once(&format!("⟨/data {id}⟩")).expect("a quotation ends");
        let inside = inside
            .strip_prefix("\\n")
            .or(inside.strip_prefix('\n'))
            .expect("a line");
        let inside = inside
            .strip_suffix("\\n")
            .or(inside.strip_suffix('\n'))
            .expect("a line");
        plain += before;
        plain += inside;
        rest = after;
    }
    plain + rest
}

pub(crate) fn is_answer(message: &Message) -> bool {
    message.role == MessageRole::Assistant
}
