//! Records to test with. A test changes the fields that it is about.

use jarvis_gateway::caller::Allowance;
use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::records::{
    Approval, ApprovalStatus, AuditEvent, Conversation, KeyRow, Message, MessageRole, Person, Room, Run, ToolCall, Vote,
};
use serde_json::json;

pub(crate) const NOW: Millis = Millis(1_795_168_000_000);

pub(crate) fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

pub(crate) fn person(id: &str, trust: i64) -> Person {
    Person {
        id: id.into(),
        display: format!("{id} the person"),
        trust,
    }
}

pub(crate) fn room(external_id: &str) -> Room {
    Room {
        id: id(),
        platform: "local".into(),
        external_id: external_id.into(),
        ceiling: 4,
        public: false,
        server_id: None,
        direct: false,
    }
}

pub(crate) fn conversation(room: &Room) -> Conversation {
    Conversation {
        id: id(),
        room_id: room.id.clone(),
        title: String::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn message(conversation_id: &str, text: &str) -> Message {
    Message {
        id: id(),
        conversation_id: conversation_id.into(),
        run_id: None,
        person_id: None,
        trust: 0,
        role: MessageRole::User,
        text: text.into(),
        detail: json!({}),
        external_id: None,
        created_at: NOW,
    }
}

pub(crate) fn run(conversation_id: &str) -> Run {
    Run::begun(id(), conversation_id.into(), None, NOW)
}

pub(crate) fn tool_call(run_id: &str, call_id: &str) -> ToolCall {
    ToolCall {
        id: id(),
        run_id: run_id.into(),
        call_id: call_id.into(),
        tool: "docker_action".into(),
        arguments: json!({"container": "web", "action": "stop"}),
        effect: "destructive".into(),
        outcome: "started".into(),
        result: None,
        at: NOW,
        took_ms: None,
    }
}

pub(crate) fn approval(id: &str) -> Approval {
    Approval {
        id: id.into(),
        tool: "docker_action".into(),
        arguments: json!({"container": "web", "action": "stop"}),
        args_hash: "a1".into(),
        effect: "destructive".into(),
        rule: "destructive".into(),
        plan: json!({"title": "stop container web", "says": ["stop web"]}),
        state_hash: "s1".into(),
        requester_id: None,
        conversation_id: None,
        run_id: None,
        min_trust: 3,
        need: 1,
        status: ApprovalStatus::Pending,
        created_at: NOW,
        expires_at: Millis(NOW.0 + 1000),
        decided_at: None,
        decided_by: None,
        executed_at: None,
        result: None,
    }
}

pub(crate) fn vote(approval_id: &str, person_id: &str, yes: bool) -> Vote {
    Vote {
        approval_id: approval_id.into(),
        person_id: person_id.into(),
        yes,
        trust: 4,
        via: "console".into(),
        note: None,
    }
}

pub(crate) fn event(kind: &str) -> AuditEvent {
    AuditEvent {
        kind: kind.into(),
        via: "console".into(),
        ..AuditEvent::default()
    }
}

pub(crate) fn key(name: &str, hash: &str) -> KeyRow {
    KeyRow {
        id: id(),
        name: name.into(),
        hash: hash.into(),
        prefix: "jv_abcd".into(),
        scopes: "chat ops".into(),
        created_at: NOW,
        last_used_at: None,
        revoked_at: None,
        allowance: Allowance::default(),
        expires_at: None,
    }
}

/// A conversation in a room of its own, both stored.
pub(crate) async fn stored_conversation(store: &Store) -> Conversation {
    let room = store.room(&room(&id())).await.expect("room");
    let conversation = conversation(&room);
    store.create_conversation(&conversation).await.expect("conversation");
    conversation
}
