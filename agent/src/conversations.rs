//! Conversations and their messages: stored first, published afterwards.

use jarvis_memory::records::{Conversation, Message, MessageRole, Room};
use serde_json::Value;

use crate::error::Error;
use crate::output_gate::Outlet;
use crate::parts::{Parts, fresh_id};
use crate::principal::Principal;
use crate::view::Happening;

/// A message longer than this is refused: it would not fit a model's context either.
pub(crate) const MAX_CHARS: usize = 100_000;

/// The room that `principal` talks in; made when it is first needed.
pub(crate) async fn room(parts: &Parts, principal: &Principal) -> Result<Room, jarvis_memory::Error> {
    let (platform, external_id) = &principal.place;
    let wanted = Room {
        id: fresh_id(),
        platform: (*platform).to_owned(),
        external_id: external_id.clone(),
        ceiling: principal.room_ceiling().level(),
        public: false,
    };
    parts.store.room(&wanted).await
}

pub(crate) async fn create(parts: &Parts, principal: &Principal) -> Result<Conversation, Error> {
    let now = parts.now();
    let room = room(parts, principal).await?;
    let conversation = Conversation {
        id: fresh_id(),
        room_id: room.id,
        title: String::new(),
        created_at: now,
        updated_at: now,
    };
    parts.store.create_conversation(&conversation).await?;
    Ok(conversation)
}

/// The conversation `id`, when it is one of the principal's room. Others do not exist for them.
pub(crate) async fn find(parts: &Parts, principal: &Principal, id: &str) -> Result<Conversation, Error> {
    let missing = || Error::NoConversation(id.chars().take(64).collect());
    let conversation = parts.store.conversation(id).await?.ok_or_else(missing)?;
    let room = room(parts, principal).await?;
    if conversation.room_id == room.id {
        Ok(conversation)
    } else {
        Err(missing())
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
        id: fresh_id(),
        conversation_id: conversation_id.to_owned(),
        run_id,
        person_id: None,
        trust: 0,
        role: MessageRole::Event,
        text,
        detail,
        external_id: None,
        created_at: parts.now(),
    };
    add(parts, message).await.map(|_| ())
}

/// Stores and publishes. `false` when a message with the same external id was there before.
pub(crate) async fn add(parts: &Parts, mut message: Message) -> Result<bool, jarvis_memory::Error> {
    if message.role == MessageRole::Event {
        message.text = parts.gate.text(Outlet::PRIVATE, &message.text);
    }
    let is_new = parts.store.add_message(&message).await?;
    if is_new {
        parts.outbox.ring();
        parts.bus.publish(Happening::Message { message });
    }
    Ok(is_new)
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
