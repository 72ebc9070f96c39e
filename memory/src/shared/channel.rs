//! Published words on their way through Redis.

use std::sync::Arc;

use bytes::Bytes;
use jarvis_gateway::channel::{Heard, Message};
use redis::{FromRedisValue, PushInfo, PushKind, Value};
use uuid::Uuid;

use super::link::Redis;

/// Behind the prefix of the installation, before the topic.
pub(super) const CHANNELS: &str = "ev:";
const ID: usize = 16;

/// Who publishes stands before what is published.
pub(super) fn written(from: Uuid, bytes: &[u8]) -> Vec<u8> {
    [from.as_bytes(), bytes].concat()
}

/// Passes on what was published; anything else that Redis says by itself is for its driver.
pub(super) fn heard(redis: &Redis, push: &PushInfo) {
    if push.kind == PushKind::PMessage
        && let [_, channel, payload] = push.data.as_slice()
        && let Some(message) = read(redis, channel, payload)
    {
        redis.tell(Heard::Message(message));
    }
}

fn read(redis: &Redis, channel: &Value, payload: &Value) -> Option<Message> {
    let channel = String::from_redis_value_ref(channel).ok()?;
    let topic: Arc<str> = channel.strip_prefix(&redis.key(CHANNELS))?.into();
    let Value::BulkString(payload) = payload else {
        return None;
    };
    let (from, bytes) = payload.split_at_checked(ID)?;
    Some(Message {
        from: Uuid::from_slice(from).ok()?,
        topic,
        bytes: Bytes::copy_from_slice(bytes),
    })
}
