//! Learning from what people say of themselves, after their turn is over.
//!
//! 1. Only the words of a person are read, and only as facts about that person: never what a tool, a page or somebody else
//!    says, and never what somebody says of others.
//! 2. The person is a member at least, and did not say `/memory off`.
//! 3. A local model is asked, with a bound; what does not fit the form to the letter changes nothing.
//! 4. What it writes is in the person's words, begins with "The user", and is kept for the audience of the place.

use futures_util::StreamExt;
use jarvis_gateway::chat::{Event, Gather, Message, Request, Role};
use jarvis_gateway::demands::{Demands, Origin};
use jarvis_gateway::provider::Call;
use jarvis_gateway::usage::{Bound, MicroUsd};
use jarvis_memory::recall::{Kept, Remembered, Whose};
use jarvis_memory::records::{self, MessageRole};
use jarvis_tools::risk::Trust;
use tokio::sync::mpsc;

use super::desk::{About, Fact, fact};
use super::place::Place;
use crate::agent::Agent;
use crate::asked_for::is_in_words_of;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::quarantine::{self, Marks};

const PROMPT: &str = include_str!("../../../prompts/extract.md");

/// Facts of one message.
const MOST: usize = 3;
/// Characters of a fact that is learned.
const FACT_CHARS: usize = 300;
/// Characters of a message that are read.
const MESSAGE_CHARS: usize = 4_000;
/// Facts that the model is shown.
const SHOWN: i64 = 30;
/// Tokens and money that one message may take.
const TOKENS: u32 = 400;
const DOLLARS: MicroUsd = MicroUsd(10_000);
/// Messages that wait to be learned from. More are not, rather than being late.
const WAITING: usize = 32;

/// A message whose turn is over.
pub(crate) struct Lesson {
    principal: Principal,
    message: records::Message,
}

impl Lesson {
    /// What may be learned from: a person's own words, said just now by somebody who may be remembered.
    pub(crate) fn of(principal: &Principal, message: &records::Message) -> Option<Self> {
        let own = message.person_id.as_deref() == Some(principal.person_id.as_str());
        let is_said = message.role == MessageRole::User && message.detail.get("direct").is_none();
        (own && is_said && principal.trust >= Trust::Member).then(|| Self {
            principal: principal.clone(),
            message: message.clone(),
        })
    }
}

/// What changes, by the model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Add(String),
    /// The number of the fact as it was shown.
    Replace(usize, String),
}

/// Learns from messages until the process stops.
pub async fn learn(agent: Agent) {
    let parts = agent.parts();
    let (send, mut lessons) = mpsc::channel(WAITING);
    if parts.lessons.set(send).is_err() {
        return;
    }
    let stopping = parts.tasks.stopping();
    while let Some(Some(lesson)) = stopping.run_until_cancelled(lessons.recv()).await {
        match stopping.run_until_cancelled(learn_from(parts, &lesson)).await {
            Some(Ok(0)) => {}
            Some(Ok(count)) => tracing::debug!(memories = count, "something was learned from a message"),
            Some(Err(error)) => tracing::warn!(%error, "nothing was learned from a message"),
            None => return,
        }
    }
}

async fn learn_from(parts: &Parts, lesson: &Lesson) -> Result<usize, jarvis_memory::Error> {
    let person = lesson.principal.person_id.as_str();
    if !parts.store.is_remembered(person).await? {
        return Ok(0);
    }
    let place = Place::of(parts, &lesson.principal).await?;
    let audience = place.audience();
    let mut known = parts
        .store
        .memories(Whose::Person(person), &place.scope(), None, SHOWN)
        .await?;
    known.retain(|known| {
        let memory = &known.memory;
        let is_own = memory.author_id == memory.subject_id && memory.subject_id.as_deref() == Some(person);
        is_own && (memory.audience, memory.whose.as_str()) == (audience.0, audience.1.as_str())
    });
    let Some(answer) = ask(parts, lesson, &known).await else {
        return Ok(0);
    };
    let mut count = 0;
    for change in changes(&answer, known.len()) {
        let (text, replaced) = match &change {
            Change::Add(text) => (text, None),
            Change::Replace(number, text) => (text, known.get(*number).map(|known| known.memory.id.as_str())),
        };
        if !is_in_words_of(&lesson.message.text, text) {
            continue;
        }
        let wanted = Fact {
            text,
            about: About::Asker,
            source: Some(lesson.message.id.clone()),
        };
        let Ok(memory) = fact(&parts.store, &place, parts.clock.as_ref(), wanted).await? else {
            continue;
        };
        count += usize::from(parts.store.keep_memory(&memory, replaced).await? == Kept::New);
    }
    Ok(count)
}

async fn ask(parts: &Parts, lesson: &Lesson, known: &[Remembered]) -> Option<String> {
    let marks = Marks::fresh();
    let facts: Vec<String> = (1..)
        .zip(known)
        .map(|(number, known)| format!("{number}. {}", quarantine::line(&known.memory.text, FACT_CHARS)))
        .collect();
    let facts = if facts.is_empty() {
        "(none)".to_owned()
    } else {
        facts.join("\n")
    };
    let text: String = lesson.message.text.chars().take(MESSAGE_CHARS).collect();
    let mut request = Request {
        messages: vec![
            Message::text(Role::System, PROMPT.trim()),
            Message::text(
                Role::User,
                format!(
                    "{}\n{}",
                    marks.data("facts", &facts),
                    marks.data("message", &parts.gate.hide(&text))
                ),
            ),
        ],
        caller: lesson.principal.account.clone(),
        demands: Demands {
            local_only: true,
            ..Demands::default()
        },
        origin: Origin {
            model: parts.config.alias.clone(),
            conversation: Some(lesson.message.conversation_id.clone()),
            bound: Some(Bound::new(DOLLARS)),
            ..Origin::default()
        },
        ..Request::default()
    };
    request.options.max_tokens = Some(TOKENS);
    let mut events = parts.chain.stream(Call {
        request: request.into(),
        model: parts.config.alias.clone(),
        left: Vec::new(),
    });
    let mut gather = Gather::default();
    while let Some(event) = events.next().await {
        let event = event.ok()?;
        // Command mode learns nothing.
        if matches!(&event, Event::Served(served) if served.target == "command") {
            return None;
        }
        if let Some(reply) = gather.push(event) {
            return reply.tool_calls.is_empty().then_some(reply.text);
        }
    }
    None
}

/// What an answer changes: every line is of the form, or nothing is.
fn changes(answer: &str, known: usize) -> Vec<Change> {
    let lines = answer.lines().map(str::trim).filter(|line| !line.is_empty());
    let changes: Option<Vec<Change>> = lines.map(|line| change(line, known)).collect();
    let changes = changes.unwrap_or_default();
    if changes.len() > MOST { Vec::new() } else { changes }
}

fn change(line: &str, known: usize) -> Option<Change> {
    let (verb, text) = line.split_once(':')?;
    let text = quarantine::clean(text.trim());
    let fits = text.starts_with("The user ") && text.chars().count() <= FACT_CHARS;
    if !fits {
        return None;
    }
    if verb == "ADD" {
        return Some(Change::Add(text));
    }
    let number: usize = verb.strip_prefix("REPLACE ")?.parse().ok()?;
    (1..=known).contains(&number).then(|| Change::Replace(number - 1, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_the_form_changes_anything() {
        let check = |answer: &str, expect: &[Change]| assert_eq!(changes(answer, 2), expect, "{answer:?}");
        let add = |text: &str| Change::Add(text.to_owned());
        check("ADD: The user has a cat.", &[add("The user has a cat.")]);
        check(
            "ADD: The user has a cat.\n\nREPLACE 2: The user lives in Wien.\n",
            &[
                add("The user has a cat."),
                Change::Replace(1, "The user lives in Wien.".into()),
            ],
        );
        check("NOTHING", &[]);
        check("", &[]);
        check("REPLACE 3: The user lives in Wien.", &[]);
        check("REPLACE 0: The user lives in Wien.", &[]);
        check("REPLACE x: The user lives in Wien.", &[]);
        check("DELETE 1: The user lives in Wien.", &[]);
        check("ADD: Sam likes tea.", &[]);
        check("Sure! Here it is:\nADD: The user has a cat.", &[]);
        check("ADD: The user has a cat.\nADD: Sam is the owner.", &[]);
        check(&"ADD: The user has a cat.\n".repeat(4), &[]);
        check(&format!("ADD: The user {}", "x".repeat(300)), &[]);
        check("{\"add\":\"The user has a cat\"}", &[]);
    }
}
