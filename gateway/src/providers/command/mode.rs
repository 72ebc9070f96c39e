//! Command mode as a [`Provider`].

use super::form::Command;
use super::grammar::{Match, find, nearest};
use super::words::split;
use crate::chat::{
    Event, Finish, FinishReason, Left, Message, Request, Role, ToolCallDelta, ToolChoice, ToolResult, ToolSpec,
};
use crate::provider::{Call, Events, Provider};

const HELP: [&str; 3] = ["help", "commands", "what can you do"];
/// Who says this wants to know whom they talk to.
const GREETINGS: [&str; 8] = [
    "hello",
    "hi",
    "hey",
    "hello jarvis",
    "hi jarvis",
    "hey jarvis",
    "good morning",
    "jarvis",
];

/// Answers without a model, from a list of commands.
#[derive(Debug, Clone)]
pub struct Mode {
    commands: Vec<Command>,
}

impl Mode {
    pub fn new(commands: Vec<Command>) -> Self {
        Self { commands }
    }

    fn answer(&self, call: &Call) -> Vec<Event> {
        let request = &*call.request;
        let results = trailing_results(&request.messages);
        if !results.is_empty() {
            return say(&results.join("\n\n"), &call.left);
        }
        let text = last_question(&request.messages);
        let offered = offered(request);
        let available = self.available(offered);
        let Some(words) = split(&text) else {
            return say("That is too long for a command. `help` lists them.", &call.left);
        };
        if let Some(found) = find(&self.commands, &words) {
            return make_calls(&found, offered).unwrap_or_else(|| {
                let phrase = found.command.phrases.first().copied().unwrap_or_default();
                say(&format!("`{phrase}` is not available to you here."), &call.left)
            });
        }
        let is_one_of = |phrases: &[&str]| {
            phrases.iter().any(|phrase| {
                let asked = words.iter().map(|word| word.lower.as_str());
                asked.eq(phrase.split(' '))
            })
        };
        if is_one_of(&GREETINGS) {
            return say(&list("Hello. I understand these commands:", &available), &call.left);
        }
        if is_one_of(&HELP) || words.is_empty() {
            return say(&list("I understand these commands:", &available), &call.left);
        }
        let near = nearest(&available, &words);
        let text = if near.is_empty() {
            "I did not understand that. `help` lists what I understand.".to_owned()
        } else {
            list(
                "I did not understand that. Did you mean one of these? `help` lists all.",
                &near,
            )
        };
        say(&text, &call.left)
    }

    fn available(&self, offered: &[ToolSpec]) -> Vec<&Command> {
        let is_offered = |tool: &str| offered.iter().any(|spec| spec.name == tool);
        let commands = self.commands.iter();
        commands
            .filter(|command| command.calls.iter().all(|call| is_offered(call.tool)))
            .collect()
    }
}

impl Provider for Mode {
    fn stream(&self, call: Call) -> Events {
        let events = self.answer(&call);
        Box::pin(futures_util::stream::iter(events.into_iter().map(Ok)))
    }
}

fn offered(request: &Request) -> &[ToolSpec] {
    match request.tool_choice {
        ToolChoice::None => &[],
        ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_) => &request.tools,
    }
}

/// What the calls came to that the conversation ends with, for people.
fn trailing_results(messages: &[Message]) -> Vec<String> {
    let mut results: Vec<String> = messages
        .iter()
        .rev()
        .take_while(|message| message.role == Role::Tool)
        .map(|message| render(&message.joined_text()))
        .collect();
    results.reverse();
    // Two looks at a container that is not there fail with the same words.
    results.dedup();
    results
}

fn render(json: &str) -> String {
    match serde_json::from_str::<ToolResult>(json) {
        Ok(ToolResult::Ok { summary, .. }) => summary,
        Ok(ToolResult::Error { error, hint, .. }) => match hint {
            // A full stop right behind a log would stand on the line that closes it.
            Some(hint) if error.ends_with("```") => format!("That did not work: {error}\n\n{}", sentence(&hint)),
            Some(hint) => format!("That did not work: {error}. {}", sentence(&hint)),
            None if error.ends_with("```") => format!("That did not work: {error}"),
            None => format!("That did not work: {error}."),
        },
        Ok(ToolResult::Denied { reason }) => format!("Not allowed: {reason}"),
        Ok(ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } | ToolResult::Skipped { says }) => says,
        // A tool of an API client answers in a form of its own.
        Err(_) => json.to_owned(),
    }
}

/// A hint, which is written without a capital and a full stop, as a sentence of its own.
fn sentence(hint: &str) -> String {
    let mut characters = hint.chars();
    let start: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if hint.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{start}{}{stop}", characters.as_str())
}

fn last_question(messages: &[Message]) -> String {
    let question = messages.iter().rev().find(|message| message.role == Role::User);
    question.map(Message::joined_text).unwrap_or_default()
}

/// `None` when one of the tools is not offered: a command is made whole or not at all.
fn make_calls(found: &Match<'_>, offered: &[ToolSpec]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    for (index, form) in (0..).zip(found.command.calls) {
        let spec = offered.iter().find(|spec| spec.name == form.tool)?;
        let arguments = serde_json::Value::Object(found.arguments(form, spec));
        events.push(Event::ToolCall(ToolCallDelta {
            index,
            id: Some(format!("call_{}", uuid::Uuid::now_v7().simple())),
            name: Some(form.tool.to_owned()),
            arguments: arguments.to_string(),
        }));
    }
    events.push(finish(FinishReason::ToolCalls));
    Some(events)
}

fn list(title: &str, commands: &[&Command]) -> String {
    let mut lines = vec![title.to_owned()];
    lines.extend(commands.iter().map(|command| {
        let phrase = command.phrases.first().copied().unwrap_or_default();
        format!("- `{phrase}` {}", command.help)
    }));
    lines.join("\n")
}

fn say(text: &str, left: &[Left]) -> Vec<Event> {
    let text = format!("{text}\n\n{}", why(left));
    vec![Event::Text(text), finish(FinishReason::Stop)]
}

/// The line that every answer ends with.
fn why(left: &[Left]) -> String {
    if left.is_empty() {
        return "No model is set up, so this is command mode (start Ollama, or set OPENAI_API_KEY).".to_owned();
    }
    let reasons: Vec<String> = left
        .iter()
        .map(|left| format!("{}: {}", left.target, left.reason))
        .collect();
    format!("No model answered ({}), so this is command mode.", reasons.join("; "))
}

fn finish(reason: FinishReason) -> Event {
    Event::Finish(Finish::because(reason))
}
