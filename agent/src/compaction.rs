//! When a conversation outgrows the window of the model that will read it: the oldest part in short, the newest part
//! whole. The messages stay where they are; only what a model is shown of them changes.

use std::time::Duration;

use futures_util::StreamExt;
use jarvis_gateway::chat::{Event, Gather, Message, Request, Role};
use jarvis_gateway::demands;
use jarvis_gateway::provider::Call;
use jarvis_gateway::usage::Bound;
use jarvis_memory::records::{self, MessageRole, Summary};
use jarvis_tools::risk::Trust;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::conversations;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::quarantine::{self, Marks};

/// How a context is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Making<'a> {
    /// Tokens of the window that it is for, where that is known.
    pub(crate) window: Option<u32>,
    /// Characters that the turn has added to it so far.
    pub(crate) taken: usize,
    /// What the turn may cost, a summary for it included.
    pub(crate) bound: &'a Bound,
    pub(crate) stop: &'a CancellationToken,
}

const PROMPT: &str = include_str!("../../prompts/summary.md");

/// Tokens of a window that nobody knows: what small local models have.
const UNKNOWN_WINDOW: u32 = 8_192;
/// Characters that a token has at least, over languages and code. English has four.
const CHARS_A_TOKEN: usize = 3;
/// The share of the window that is filled before the oldest part is summarised.
pub(crate) const FULL_PERCENT: u32 = 70;
/// Whatever the window is: below the one nothing could be said, above the other nothing gets better.
const LEAST_CHARS: usize = 4_000;
const MOST_CHARS: usize = 400_000;
/// Turns that are shown whole, as far as there is room: a message of the user and all that follows it.
const TURNS: usize = 6;
/// Characters of a summary, and of one message that goes into it.
const SUMMARY_CHARS: usize = 4_000;
const MESSAGE_CHARS: usize = 2_000;
/// How long the user waits for a summary. Without it the oldest messages are left out, as ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// Characters of messages for which a model has room, beside `taken` that are shown anyway: the one whose `window` is
/// given, in tokens, else the one that will most likely answer.
pub(crate) fn room(parts: &Parts, window: Option<u32>, taken: usize) -> usize {
    let likely = || parts.chain.context(&parts.config.alias);
    let chars = chars(window.or_else(likely).unwrap_or(UNKNOWN_WINDOW));
    chars.saturating_sub(taken).clamp(LEAST_CHARS, MOST_CHARS)
}

/// Characters that a window of so many tokens holds before it is full.
pub(crate) fn chars(window: u32) -> usize {
    let tokens = usize::try_from(window).unwrap_or(usize::MAX);
    tokens.saturating_mul(CHARS_A_TOKEN) / 100 * FULL_PERCENT as usize
}

/// Characters of a summary where messages have so much room.
pub(crate) fn summary_chars(room: usize) -> usize {
    SUMMARY_CHARS.min(room / 2)
}

/// Whether `history` is more than is shown whole.
pub(crate) fn is_due(parts: &Parts, history: &[records::Message], room: usize) -> bool {
    length(history) > room || history.len() > usize::from(parts.config.history_messages)
}

fn length(history: &[records::Message]) -> usize {
    history.iter().map(|message| message.text.len()).sum()
}

/// Where the part that stays whole begins: with the sixth turn from the end, or later, with the first that fits. The last
/// turn stays in any case.
fn cut(history: &[records::Message], room: usize) -> usize {
    let begins = |(index, message): (usize, &records::Message)| (message.role == MessageRole::User).then_some(index);
    let turns: Vec<usize> = history.iter().enumerate().filter_map(begins).collect();
    let is_long = length(history) > room;
    if turns.len() <= TURNS && !is_long {
        return 0;
    }
    let last_ones = turns.get(turns.len().saturating_sub(TURNS)..).unwrap_or_default();
    let fits = |from: &&usize| history.get(**from..).is_none_or(|rest| length(rest) <= room);
    let first = last_ones.iter().find(fits).or(last_ones.last());
    first.copied().unwrap_or(0)
}

/// Was written after outside text was read, or by somebody whom the house does not trust.
pub(crate) fn is_tainted(message: &records::Message) -> bool {
    let strangers = message.role == MessageRole::User && message.trust < Trust::Operator.level();
    strangers || message.detail.get("tainted") == Some(&true.into())
}

pub(crate) fn is_private(message: &records::Message) -> bool {
    message.detail.get("saw_private") == Some(&true.into())
}

/// The line that tells of a summary is for people.
pub(crate) fn is_notice(message: &records::Message) -> bool {
    message.detail.get("summarised").is_some()
}

/// Summarises the oldest part of `history`, which is taken out of it. When that does not work, nothing changes.
pub(crate) async fn compact(
    parts: &Parts,
    principal: &Principal,
    conversation_id: &str,
    history: &mut Vec<records::Message>,
    (before, room): (Option<Summary>, usize),
    making: Making<'_>,
) -> Option<Summary> {
    let cut = cut(history, room);
    let (old, _) = history.split_at_checked(cut)?;
    let Some(last) = old.last() else { return before };
    let asking = ask(parts, principal, conversation_id, (old, before.as_ref()), making);
    let asking = tokio::time::timeout(PATIENCE, asking);
    let text = making
        .stop
        .run_until_cancelled(asking)
        .await
        .and_then(Result::ok)
        .flatten();
    let Some(text) = text.map(|text| text.chars().take(summary_chars(room)).collect()) else {
        tracing::warn!(
            conversation.id = conversation_id,
            "older messages could not be summarised; they are left out"
        );
        return before;
    };
    let summary = Summary {
        text,
        upto: last.id.clone(),
        tainted: old.iter().any(is_tainted) || before.as_ref().is_some_and(|before| before.tainted),
        private: old.iter().any(is_private) || before.as_ref().is_some_and(|before| before.private),
    };
    if let Err(error) = parts.store.put_summary(conversation_id, Some(&summary)).await {
        tracing::warn!(conversation.id = conversation_id, %error, "a summary could not be stored; it is made anew");
        return before;
    }
    let notice =
        "Older messages of this conversation are summarised for the model from here on. They stay in the history.";
    let detail = json!({ "summarised": old.len() });
    if let Err(error) = conversations::add_event(parts, conversation_id, None, notice.to_owned(), detail).await {
        tracing::warn!(conversation.id = conversation_id, %error, "a summary could not be told");
    }
    history.drain(..cut);
    Some(summary)
}

/// Asks the same chain, without tools, for a text that is data from then on: whatever a message in it demanded, all that
/// can come of it is a wrong summary.
async fn ask(
    parts: &Parts,
    principal: &Principal,
    conversation_id: &str,
    (old, before): (&[records::Message], Option<&Summary>),
    making: Making<'_>,
) -> Option<String> {
    let marks = Marks::fresh();
    let mut left = room(parts, making.window, PROMPT.len());
    let mut lines: Vec<String> = Vec::new();
    for message in old.iter().rev().filter(|message| !is_notice(message)) {
        let text: String = parts.gate.hide(&message.text).chars().take(MESSAGE_CHARS).collect();
        let line = format!("{} said: {text}", message.role.as_str());
        let Some(rest) = left.checked_sub(line.len()) else {
            break;
        };
        left = rest;
        lines.push(line);
    }
    lines.extend(before.map(|summary| format!("what was before: {}", summary.text)));
    lines.reverse();
    let request = Request {
        messages: vec![
            Message::text(Role::System, PROMPT.trim()),
            Message::text(Role::User, marks.data("conversation", &lines.join("\n"))),
        ],
        caller: principal.account.clone(),
        origin: demands::Origin {
            model: parts.config.alias.clone(),
            conversation: Some(conversation_id.to_owned()),
            bound: Some(making.bound.clone()),
            ..demands::Origin::default()
        },
        ..Request::default()
    };
    let mut events = parts.chain.stream(Call {
        request: request.into(),
        model: parts.config.alias.clone(),
        left: Vec::new(),
    });
    let mut gather = Gather::default();
    while let Some(event) = events.next().await {
        let event = event.ok()?;
        // Command mode has no words of its own.
        if matches!(&event, Event::Served(served) if served.target == "command") {
            return None;
        }
        if let Some(reply) = gather.push(event) {
            let text = quarantine::without_marks(&parts.gate.hide(&reply.text));
            let text = quarantine::clean(text.trim());
            return (!text.is_empty() && reply.tool_calls.is_empty()).then_some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jarvis_gateway::clock::Millis;

    use super::*;

    fn message(role: MessageRole) -> records::Message {
        records::Message {
            id: String::new(),
            conversation_id: String::new(),
            run_id: None,
            person_id: None,
            trust: 4,
            role,
            text: "x".into(),
            detail: json!({}),
            external_id: None,
            created_at: Millis(0),
        }
    }

    #[test]
    fn the_last_turns_stay_whole() {
        use MessageRole::{Assistant, Event, User};
        let check = |roles: &[MessageRole], room: usize, expect: usize| {
            let history: Vec<records::Message> = roles.iter().map(|role| message(*role)).collect();
            assert_eq!(cut(&history, room), expect, "{} in {room}", history.len());
        };
        check(&[], 99, 0);
        check(&[User, Assistant].repeat(6), 99, 0);
        check(&[User, Assistant].repeat(7), 99, 2);
        check(&[User, Assistant, Event, Event].repeat(8), 99, 8);
        check(&[Event; 50], 99, 0);
        // Each message has one character.
        check(&[User, Assistant].repeat(7), 5, 10);
        check(&[User, Assistant].repeat(3), 5, 2);
        check(&[User, Assistant].repeat(3), 1, 4);
        check(&[User, Assistant], 1, 0);
    }
}
