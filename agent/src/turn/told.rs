//! What a result says: to the model when a call is not made or its result is too long, to people when no model speaks.

use jarvis_gateway::chat::{ToolCall, ToolResult};
use serde_json::Value;

use super::bounds::Why;
use super::event::{ReadyCall, Standing};

/// What people are told of a result when the turn ends without words of a model.
pub(super) fn spoken(result: &ToolResult) -> Option<String> {
    match result {
        ToolResult::Ok { summary, .. } => Some(summary.clone()),
        ToolResult::Error { error, .. } => Some(error.clone()),
        ToolResult::Pending { says, .. } | ToolResult::Interrupted { says } => Some(says.clone()),
        ToolResult::Denied { .. } | ToolResult::Skipped { .. } => None,
    }
}

pub(super) fn skipped(why: Why) -> ToolResult {
    ToolResult::Skipped {
        says: format!("not started: {}", why.sentence()),
    }
}

/// What the model is told of a refusal. It is told to pass it on and not to try again.
pub(crate) fn denied(rule: &'static str, public: bool) -> ToolResult {
    let reason = match rule {
        "frozen" => {
            "acts are frozen at the moment, or the database does not answer and nobody can tell; nothing was done"
        }
        "grant_used" => "the grant that allowed this is used up or was taken back, so nothing was done",
        "reads_only" => {
            "this was scheduled to look and not to act; a scheduled prompt acts only with the tools that its approval named"
        }
        "specialist_reads" => "you only read here; say in your answer what ought to be done",
        "trust" => "the person who asks may not do this",
        "not_in_this_room" if public => "this tool is not available in this room; ask in a direct message",
        "not_in_this_room" => "this tool is not available here",
        "private_in_public" => "private information is not shown in a public room; ask in a direct message",
        "room_ceiling" => "this is not done from this room; ask in a direct message",
        "not_their_words" => {
            let reason = "text of others is in the context, so only what the user asked you to remember is kept, and in \
                          their own words. If they asked for it, call again with the words that they wrote; if they did \
                          not, go on without";
            return ToolResult::Denied {
                reason: reason.to_owned(),
            };
        }
        _ => "policy refuses this",
    };
    ToolResult::Denied {
        reason: format!("{reason}. Do not try again; tell the user."),
    }
}

/// Keeps the beginning and the end of a result that is too long for a context.
pub(super) fn shortened(result: ToolResult, limit: usize) -> ToolResult {
    let json = result.to_json();
    if json.chars().count() <= limit {
        return result;
    }
    match result {
        ToolResult::Ok { summary, data } => {
            // The summary says it all by itself; the data is what can be spared.
            let summary = cut(&summary, limit);
            let room = limit.saturating_sub(summary.chars().count());
            let keep = !data.is_null() && data.to_string().chars().count() <= room;
            ToolResult::Ok {
                summary,
                data: if keep { data } else { Value::Null },
            }
        }
        ToolResult::Error { error, hint, retry } => ToolResult::Error {
            error: cut(&error, limit),
            hint,
            retry,
        },
        other => other,
    }
}

fn cut(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let half = limit / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head}\n[{} characters left out]\n{tail}", count - 2 * half)
}

/// A call as the catalogue could not prepare it.
pub(super) fn unprepared(call: ToolCall, result: ToolResult) -> ReadyCall {
    ReadyCall {
        call,
        prepared: Err(result),
        untrusted_output: false,
        listed: true,
        standing: Standing::default(),
    }
}
