//! Conversations and their messages: stored first, published afterwards.

use jarvis_gateway::caller::Caller;
use jarvis_memory::records::{Conversation, Message, MessageRole, Room, Run};
use serde_json::Value;

use crate::error::Error;
use crate::output_gate::Outlet;
use crate::parts::Parts;
use crate::principal::{Principal, Surface};
use crate::view::Happening;

/// A message longer than this is refused: it would not fit a model's context either.
pub(crate) const MAX_CHARS: usize = 100_000;

/// The room that `principal` talks in; made when it is first needed.
pub(crate) async fn room(parts: &Parts, principal: &Principal) -> Result<Room, jarvis_memory::Error> {
    let wanted = wanted_room(parts, principal);
    if principal.room.is_own() {
        return parts.store.room(&wanted).await;
    }
    parts.store.placed_room(&wanted).await
}

fn wanted_room(parts: &Parts, principal: &Principal) -> Room {
    let here = &principal.room;
    Room {
        id: parts.fresh_id(),
        platform: here.platform.clone(),
        external_id: here.external_id.clone(),
        ceiling: here.ceiling.level(),
        public: here.public,
        server_id: here.server_id.clone(),
        direct: here.direct,
    }
}

pub(crate) async fn create(parts: &Parts, principal: &Principal) -> Result<Conversation, Error> {
    let now = parts.now();
    let room = room(parts, principal).await?;
    let conversation = Conversation {
        id: parts.fresh_id(),
        room_id: room.id,
        title: String::new(),
        created_at: now,
        updated_at: now,
    };
    parts.store.create_conversation(&conversation).await?;
    Ok(conversation)
}

/// The conversation of a platform's room: one for everybody, or of a direct room the person's own.
pub(crate) async fn of_room(parts: &Parts, principal: &Principal) -> Result<Conversation, jarvis_memory::Error> {
    let person = principal.room.direct.then_some(principal.person_id.as_str());
    if let Some(found) = parts.store.settled(person, &wanted_room(parts, principal)).await? {
        return Ok(found);
    }
    let room = room(parts, principal).await?;
    let now = parts.now();
    let wanted = Conversation {
        id: parts.fresh_id(),
        room_id: room.id,
        title: String::new(),
        created_at: now,
        updated_at: now,
    };
    parts.store.conversation_of_room(person, &wanted).await
}

/// The conversation `id`, when it is one of the principal's room. Others do not exist for them.
pub(crate) async fn find(parts: &Parts, principal: &Principal, id: &str) -> Result<Conversation, Error> {
    let missing = || Error::NoConversation(id.chars().take(64).collect());
    let (conversation, room) = tokio::try_join!(parts.store.conversation(id), room(parts, principal))?;
    let conversation = conversation.ok_or_else(missing)?;
    if conversation.room_id == room.id {
        Ok(conversation)
    } else {
        Err(missing())
    }
}

/// Something that happened, in words.
pub(crate) fn event(parts: &Parts, conversation_id: &str, text: String) -> Message {
    Message {
        id: parts.fresh_id(),
        conversation_id: conversation_id.to_owned(),
        run_id: None,
        person_id: None,
        trust: 0,
        role: MessageRole::Event,
        text,
        detail: Value::Object(serde_json::Map::new()),
        external_id: None,
        created_at: parts.now(),
    }
}

/// Something that happened, told in the conversation.
pub(crate) async fn add_event(
    parts: &Parts,
    conversation_id: &str,
    run_id: Option<String>,
    text: String,
    detail: Value,
) -> Result<(), jarvis_memory::Error> {
    let message = Message {
        run_id,
        detail,
        ..event(parts, conversation_id, text)
    };
    add(parts, message).await.map(|_| ())
}

/// Stores and publishes. `false` when a message with the same external id was there before.
pub(crate) async fn add(parts: &Parts, message: Message) -> Result<bool, jarvis_memory::Error> {
    let message = gated(parts, message);
    let is_new = parts.store.add_message(&message).await?;
    if is_new {
        publish(parts, message);
    }
    Ok(is_new)
}

/// Stores and publishes what a person says, with the run that will answer it; without one it is a command, which [`answer`]
/// answers. `false` when it was said before.
pub(crate) async fn take(
    parts: &Parts,
    author: &Principal,
    run: Option<&Run>,
    message: &Message,
) -> Result<bool, jarvis_memory::Error> {
    let is_new = parts.store.take_message(&author.person(), run, message).await?;
    if is_new {
        publish(parts, message.clone());
    }
    Ok(is_new)
}

/// Ends the command `id`, with an answer that is kept if there is one. Not twice.
pub(crate) async fn answer(parts: &Parts, id: &str, answer: Option<Message>) -> Result<(), jarvis_memory::Error> {
    let answer = answer.map(|message| gated(parts, message));
    if parts.store.answer_command(id, answer.as_ref()).await?
        && let Some(answer) = answer
    {
        publish(parts, answer);
    }
    Ok(())
}

/// What is stored of a message.
pub(crate) fn gated(parts: &Parts, mut message: Message) -> Message {
    if message.role == MessageRole::Event {
        message.text = parts.gate.text(Outlet::PRIVATE, &message.text);
    }
    message
}

/// Tells everybody of a message that is stored.
pub(crate) fn publish(parts: &Parts, message: Message) {
    parts.said.notify_one();
    match message.role {
        MessageRole::User => {}
        MessageRole::Assistant | MessageRole::Event => parts.outbox.ring(),
    }
    parts.bus.publish(Happening::Message { message });
}

/// Where the operators are told of what concerns no conversation: the newest one of the owner's home, made when there is
/// none.
pub(crate) async fn of_operators(parts: &Parts) -> Result<Conversation, Error> {
    let owner = Principal::of(&Caller::Loopback, Surface::Schedule);
    let home = room(parts, &owner).await?;
    match parts.store.conversations(&[home.id], 1).await?.pop() {
        Some(newest) => Ok(newest),
        None => create(parts, &owner).await,
    }
}

/// The message that was stored under the sender's own id, if there is one.
pub(crate) async fn delivered(
    parts: &Parts,
    conversation_id: &str,
    external_id: Option<&str>,
) -> Result<Option<Message>, jarvis_memory::Error> {
    match external_id {
        Some(id) => parts.store.message_by_external_id(conversation_id, id).await,
        None => Ok(None),
    }
}

/// Checks a text before it is stored.
pub(crate) fn check_text(text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::Empty);
    }
    let got = text.chars().count();
    if got > MAX_CHARS {
        Err(Error::TooLong { limit: MAX_CHARS, got })
    } else {
        Ok(())
    }
}
