//! Items as the conversation that a model is given.

use std::collections::HashSet;

use serde_json::Value;

use super::part;
use crate::chat::{Message, Part, Role, ToolCall};
use crate::http::error::Error;

/// Pictures cannot stand in the result of a tool, so they follow it.
const PICTURES: &str = "Pictures from the results of the tools:";

/// `items` are complete, oldest first.
///
/// What a model did in one step is one message: its thinking, then its words, then its calls. Every result must belong
/// to a call, and every call must have a result.
pub(in crate::http) fn messages(instructions: Option<&str>, items: &[Value]) -> Result<Vec<Message>, Error> {
    let mut reader = Reader::default();
    reader
        .messages
        .extend(instructions.map(|text| Message::text(Role::System, text)));
    for item in items {
        reader.push(item)?;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    messages: Vec<Message>,
    pictures: Vec<Part>,
    calls: HashSet<String>,
    unanswered: Vec<String>,
}

impl Reader {
    fn push(&mut self, item: &Value) -> Result<(), Error> {
        let kind = item["type"].as_str().unwrap_or_default();
        if kind != "function_call_output" {
            self.flush_pictures();
        }
        match kind {
            "message" => self.message(item),
            "reasoning" => self.reasoning(item),
            "function_call" => self.call(item),
            "function_call_output" => return self.result(item),
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, item: &Value) {
        let content = part::read(&item["content"]);
        let role = match item["role"].as_str() {
            Some("assistant") => Role::Assistant,
            Some("system" | "developer") => Role::System,
            _ => Role::User,
        };
        match self.step() {
            Some(step) if role == Role::Assistant && (step.content.is_empty() || !step.tool_calls.is_empty()) => {
                step.content.extend(content);
            }
            _ => self.messages.push(of(role, content)),
        }
    }

    fn reasoning(&mut self, item: &Value) {
        let texts = |name: &str| {
            let parts = item[name].as_array().into_iter().flatten();
            let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        };
        let text = Some(texts("content"))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| texts("summary"));
        if text.is_empty() {
            return;
        }
        match self.step() {
            Some(step) if !step.tool_calls.is_empty() => {
                let known = step.reasoning.get_or_insert_default();
                known.push('\n');
                known.push_str(&text);
            }
            _ => self.messages.push(Message {
                reasoning: Some(text),
                ..of(Role::Assistant, Vec::new())
            }),
        }
    }

    fn call(&mut self, item: &Value) {
        // A call that was cut off was never made.
        if item["status"] == "incomplete" {
            return;
        }
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let call = ToolCall {
            id: text("call_id"),
            name: text("name"),
            arguments: text("arguments"),
        };
        self.calls.insert(call.id.clone());
        self.unanswered.push(call.id.clone());
        match self.step() {
            Some(step) => step.tool_calls.push(call),
            None => self.messages.push(Message {
                tool_calls: vec![call],
                ..of(Role::Assistant, Vec::new())
            }),
        }
    }

    fn result(&mut self, item: &Value) -> Result<(), Error> {
        let id = item["call_id"].as_str().unwrap_or_default();
        if !self.calls.contains(id) {
            let message = format!("No tool call found for function call output with call_id {id}.");
            return Err(part::invalid("input", message));
        }
        self.unanswered.retain(|call| call != id);
        let parts = match &item["output"] {
            Value::String(text) => vec![Part::Text(text.clone())],
            output => part::read(output),
        };
        let (texts, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| matches!(part, Part::Text(_)));
        self.pictures.extend(others);
        self.messages.push(Message {
            tool_call_id: Some(id.to_owned()),
            ..of(Role::Tool, texts)
        });
        Ok(())
    }

    /// The step of the model that is not over: nothing came after it yet.
    fn step(&mut self) -> Option<&mut Message> {
        self.messages
            .last_mut()
            .filter(|message| message.role == Role::Assistant)
    }

    fn flush_pictures(&mut self) {
        if self.pictures.is_empty() {
            return;
        }
        let mut content = vec![Part::Text(PICTURES.to_owned())];
        content.append(&mut self.pictures);
        self.messages.push(of(Role::User, content));
    }

    fn finish(mut self) -> Result<Vec<Message>, Error> {
        self.flush_pictures();
        if let Some(call) = self.unanswered.first() {
            let message = format!("No tool output found for function call {call}.");
            return Err(part::invalid("input", message));
        }
        // Thinking belongs to the turn in progress; of earlier turns only what was said counts.
        let turn = self.messages.iter().rposition(|message| message.role == Role::User);
        for message in self.messages.iter_mut().take(turn.unwrap_or_default()) {
            message.reasoning = None;
        }
        self.messages.retain(|message| {
            message.role != Role::Assistant || !message.content.is_empty() || !message.tool_calls.is_empty()
        });
        if self.messages.is_empty() {
            return Err(part::invalid("input", "`input` must not be empty"));
        }
        Ok(self.messages)
    }
}

fn of(role: Role, content: Vec<Part>) -> Message {
    Message {
        role,
        content,
        reasoning: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}
