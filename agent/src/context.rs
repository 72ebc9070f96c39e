//! What a model is shown: the system prompt, the facts of the moment, the conversation so far, the new message.

use jarvis_gateway::chat::{Message, Part, Role};
use jarvis_memory::records::{self, Approval, MessageRole};
use jarvis_tools::risk::Trust;
use jiff::Timestamp;

use crate::approvals;
use crate::compaction::{self, Making};
use crate::freeze;
use crate::memory::{self, Facts};
use crate::parts::Parts;
use crate::principal::Principal;
use crate::quarantine::{self, Marks};

pub(crate) const LAST_STEP: &str = include_str!("../../prompts/last_step.md");

const FOLLOW_UP: &str = include_str!("../../prompts/follow_up.md");
const GO_ON: &str = include_str!("../../prompts/go_on.md");

/// Messages that one look into the history reads. Those before them are in the summary.
const HISTORY_ROWS: i64 = 200;
/// Cards of the conversation that a model is told of.
const OPEN_CARDS: i64 = 20;
/// Messages that are shown in a public room, where nothing is summarised.
const PUBLIC_MESSAGES: i64 = 20;
/// Characters that descriptions of tools take.
pub(crate) const TOOLS_CHARS: usize = 4_000;

const WITHOUT_DATABASE: &str = "The database of Jarvis does not answer: earlier messages are not shown, this one is not \
                                kept, and nothing can be acted on. Say so.";

/// A context, and what earlier turns left in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Context {
    pub(crate) messages: Vec<Message>,
    pub(crate) tainted: bool,
    pub(crate) saw_private: bool,
    /// Around what others wrote.
    pub(crate) marks: Marks,
}

/// The context for the newest message of a conversation.
pub(crate) async fn of_conversation(
    parts: &Parts,
    principal: &Principal,
    conversation_id: &str,
    message: &records::Message,
    making: Making<'_>,
) -> Result<Context, jarvis_memory::Error> {
    let public = principal.room.public;
    let rows = if public { PUBLIC_MESSAGES } else { HISTORY_ROWS };
    // Side by side: each is a wait for the database.
    let earlier = async {
        let summary = if public {
            None
        } else {
            parts.store.summary(conversation_id).await?
        };
        let upto = summary.as_ref().map_or("", |summary| &summary.upto);
        let history = parts.store.messages_after(conversation_id, upto, rows).await?;
        Ok((summary, history))
    };
    let open = parts.store.pending_approvals(conversation_id, OPEN_CARDS);
    let facts = async {
        match message.role {
            MessageRole::User => memory::of_asker(parts, principal, &message.text).await,
            MessageRole::Event | MessageRole::Assistant => Facts::default(),
        }
    };
    let ((mut summary, mut history), open, note, facts) =
        tokio::try_join!(earlier, open, async { Ok(freeze::note(parts).await) }, async {
            Ok(facts.await)
        })?;
    // Answers to earlier messages can be newer than this one, which waited for them; what people wrote after it has turns
    // of its own.
    history.retain(|other| other.id < message.id || (other.role != MessageRole::User && other.id != message.id));
    history.retain(|other| !compaction::is_notice(other));
    let marks = Marks::fresh();
    let mut system = system(parts, principal, &open);
    system.content.extend(note.map(|note| Part::Text(format!("\n{note}"))));
    let remembered = facts.message(parts, &marks);
    let taken = system.joined_text().len() + message.text.len() + TOOLS_CHARS + making.taken;
    let taken = taken + remembered.as_ref().map_or(0, |message| message.joined_text().len());
    let mut room = compaction::room(parts, making.window, taken);
    if !public && compaction::is_due(parts, &history, room) {
        summary = compaction::compact(parts, principal, conversation_id, &mut history, (summary, room), making).await;
    }
    let mut messages = vec![system];
    let in_short = summary.as_ref().map(|summary| {
        // It can have been made for a larger window.
        let text = summary
            .text
            .chars()
            .take(compaction::summary_chars(room))
            .collect::<String>();
        room = room.saturating_sub(text.len());
        let text = marks.data("summary", &parts.gate.hide(&text));
        Message::text(
            Role::User,
            format!("(What was said before, in short, not written by a person)\n{text}"),
        )
    });
    messages.extend(in_short);
    let kept = newest_that_fit(&history, room);
    messages.extend(kept.iter().map(|message| of_record(parts, principal, &marks, message)));
    messages.extend(remembered);
    messages.push(match message.role {
        MessageRole::Event => {
            let mut event = of_record(parts, principal, &marks, message);
            let goes_on = message.detail.pointer("/follow_up/goes_on") == Some(&true.into());
            let task = if goes_on { GO_ON } else { FOLLOW_UP };
            event.content.push(Part::Text(format!("\n{}", task.trim())));
            event
        }
        MessageRole::User | MessageRole::Assistant => Message::text(Role::User, said(parts, principal, message)),
    });
    Ok(Context {
        messages,
        tainted: kept.iter().any(|message| compaction::is_tainted(message))
            || summary.as_ref().is_some_and(|summary| summary.tainted),
        saw_private: compaction::is_private(message)
            || facts.is_private()
            || kept.iter().any(|message| compaction::is_private(message))
            || summary.as_ref().is_some_and(|summary| summary.private),
        marks,
    })
}

/// The context for a message whose conversation cannot be read. What that holds is not known, so the worst is assumed.
pub(crate) fn of_message(parts: &Parts, principal: &Principal, message: &records::Message) -> Context {
    let mut system = system(parts, principal, &[]);
    system.content.push(Part::Text(WITHOUT_DATABASE.to_owned()));
    Context {
        messages: vec![system, Message::text(Role::User, parts.gate.hide(&message.text))],
        tainted: true,
        saw_private: true,
        marks: Marks::fresh(),
    }
}

/// The context for an API client that brings its own history.
pub(crate) fn of_client(parts: &Parts, principal: &Principal, theirs: &[Message]) -> Context {
    let mut messages = vec![system(parts, principal, &[])];
    messages.extend(
        theirs
            .iter()
            .filter(|message| message.role != Role::Tool)
            .cloned()
            .map(|message| Message {
                // Calls and results in a client's history were not made here, so they are not shown as if they had been.
                tool_calls: Vec::new(),
                tool_call_id: None,
                reasoning: None,
                ..message
            }),
    );
    // Whatever stands in a history that the client kept may have been written by anybody, and so may what it puts beside
    // the question: pages that it looked up, pasted files, pictures.
    let is_plain = |part: &Part| part.as_text().is_some();
    let tainted = theirs.len() > 1 || !theirs.iter().flat_map(|message| &message.content).all(is_plain);
    Context {
        messages,
        tainted,
        saw_private: tainted,
        marks: Marks::fresh(),
    }
}

/// The system prompt is rebuilt each turn, so that no summary and no message can change it.
fn system(parts: &Parts, principal: &Principal, open: &[Approval]) -> Message {
    let mut text = format!("{}\n\n{} {}", parts.roster.prime, time(parts), principal.scene());
    for card in open {
        text += &format!(
            "\nOpen approval {}: {}. Not done yet.",
            card.id,
            quarantine::one_line(&parts.gate.hide(approvals::title(card)))
        );
    }
    Message::text(Role::System, text)
}

pub(crate) fn time(parts: &Parts) -> String {
    let time = Timestamp::from_millisecond(parts.now().0).unwrap_or_default();
    format!("Now: {time:.0} (UTC).")
}

fn newest_that_fit(history: &[records::Message], mut room: usize) -> Vec<&records::Message> {
    let mut kept: Vec<&records::Message> = Vec::new();
    for message in history.iter().rev() {
        let Some(left) = room.checked_sub(message.text.len()) else {
            break;
        };
        room = left;
        kept.push(message);
    }
    kept.reverse();
    kept
}

/// What a person wrote. Whoever is not trusted speaks without a model's markup, and where several people are, with their
/// name in front.
pub(crate) fn said(parts: &Parts, principal: &Principal, message: &records::Message) -> String {
    let mut text = parts.gate.hide(&message.text);
    if message.trust < Trust::Operator.level() {
        text = quarantine::clean(&text);
    }
    if principal.room.is_own() || principal.room.direct {
        return text;
    }
    let word = |name: &str, unknown: &'static str| {
        let word = message.detail.get(name).and_then(serde_json::Value::as_str);
        word.unwrap_or(unknown).to_owned()
    };
    let rank = match Trust::from_level(message.trust) {
        Trust::Public => "stranger",
        Trust::Member => "member",
        Trust::Moderator => "moderator",
        Trust::Operator => "operator",
        Trust::Owner => "owner",
    };
    quarantine::author(&word("name", "somebody"), &word("via", "here"), rank) + &text
}

fn of_record(parts: &Parts, principal: &Principal, marks: &Marks, message: &records::Message) -> Message {
    let text = parts.gate.hide(&message.text);
    match message.role {
        MessageRole::User => Message::text(Role::User, said(parts, principal, message)),
        MessageRole::Assistant => Message::text(Role::Assistant, text),
        // Not in the system's voice: it can quote what a tool read somewhere.
        MessageRole::Event => Message::text(
            Role::User,
            format!("(Event, not written by a person)\n{}", marks.data("event", &text)),
        ),
    }
}
