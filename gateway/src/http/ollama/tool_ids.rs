//! Ids for tool calls of conversations that have none.

use crate::chat::{Message, Role};

/// Many of Ollama's clients leave ids out: a result then follows its call in order, or names the tool. Others need ids,
/// so every call gets one that stays the same when the conversation is sent again.
///
/// `named` holds the tool that each message names as the one that it is the result of.
pub(super) fn fill_in(messages: &mut [Message], named: &[Option<String>]) {
    // Calls without a result so far: id and name.
    let mut open: Vec<(String, String)> = Vec::new();
    for (at, (message, named)) in messages.iter_mut().zip(named).enumerate() {
        for (index, call) in message.tool_calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = format!("call_{at}_{index}");
            }
            open.push((call.id.clone(), call.name.clone()));
        }
        if message.role != Role::Tool {
            continue;
        }
        let answered = match (&message.tool_call_id, named) {
            (Some(id), _) => open.iter().position(|(open, _)| open == id),
            (None, Some(name)) => open.iter().position(|(_, open)| open == name),
            (None, None) => (!open.is_empty()).then_some(0),
        };
        if let Some(position) = answered {
            let (id, _) = open.remove(position);
            message.tool_call_id = Some(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ToolCall;

    #[test]
    fn results_find_their_calls() {
        let calls = |calls: &[(&str, &str)]| Message {
            tool_calls: calls
                .iter()
                .map(|(id, name)| ToolCall {
                    id: (*id).into(),
                    name: (*name).into(),
                    arguments: "{}".into(),
                })
                .collect(),
            ..Message::text(Role::Assistant, "")
        };
        let check = |calls_made: &[(&str, &str)], results: &[(Option<&str>, Option<&str>)], expect: &[Option<&str>]| {
            let mut messages = vec![Message::text(Role::User, "x"), calls(calls_made)];
            let mut named = vec![None, None];
            for (id, name) in results {
                messages.push(Message {
                    tool_call_id: id.map(str::to_owned),
                    ..Message::text(Role::Tool, "")
                });
                named.push(name.map(str::to_owned));
            }
            fill_in(&mut messages, &named);
            let ids: Vec<Option<&str>> = messages
                .iter()
                .skip(2)
                .map(|message| message.tool_call_id.as_deref())
                .collect();
            assert_eq!(ids, expect, "given {calls_made:?} {results:?}");
        };
        check(
            &[("", "a"), ("", "b")],
            &[(None, None), (None, None)],
            &[Some("call_1_0"), Some("call_1_1")],
        );
        check(
            &[("", "a"), ("", "b")],
            &[(None, Some("b")), (None, Some("a"))],
            &[Some("call_1_1"), Some("call_1_0")],
        );
        check(
            &[("x", "a"), ("y", "a")],
            &[(Some("y"), None), (None, Some("a"))],
            &[Some("y"), Some("x")],
        );
        check(
            &[("x", "a")],
            &[(Some("z"), None), (None, Some("c"))],
            &[Some("z"), None],
        );
        check(&[], &[(None, None)], &[None]);
    }
}
