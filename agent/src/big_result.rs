//! Results that are too long for a context: kept whole for a day, shown by their beginning and end, read on with
//! `read_result`.

use std::time::Duration;

use jarvis_gateway::chat::{ToolResult, ToolSpec};
use jarvis_memory::records::KeptResult;
use jarvis_tools::Prepared;
use jarvis_tools::risk::{Risk, Trust};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::coerce::coerce;
use crate::execute::Origin;
use crate::parts::Parts;

pub(crate) const READ_RESULT: &str = "read_result";

/// How long a result can be read on.
const KEPT_FOR: Duration = Duration::from_hours(24);
/// What is kept of one result.
const MOST_CHARS: usize = 1_000_000;
/// Longer lines are broken, so that every part of a result can be asked for by its lines.
const LINE_CHARS: usize = 400;
/// Lines that one call reads when it does not say how many, and at most.
const LINES: usize = 80;
const MOST_LINES: usize = 400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    id: String,
    from: Option<usize>,
    lines: Option<usize>,
    find: Option<String>,
}

/// How a model is told of it.
pub(crate) fn spec() -> ToolSpec {
    ToolSpec {
        name: READ_RESULT.to_owned(),
        description:
            "Reads on in a result of this conversation that was too long to be shown whole. Use it with the id \
                      that stands where something was left out: either lines by number, or the lines that hold a text."
                .to_owned(),
        parameters: parameters(),
        strict: None,
    }
}

fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "description": "The id of the result, such as r1f0c22aa." },
            "from": { "type": "integer", "minimum": 1, "description": "The first line to read; 1 when left out." },
            "lines": { "type": "integer", "minimum": 1, "maximum": MOST_LINES, "description": "How many lines to read." },
            "find": { "type": "string", "description": "Only lines that hold this text, in any case." },
        },
        "required": ["id"],
        "additionalProperties": false,
    })
}

/// Keeps `result` whole when it is longer than `limit`, in characters; then what a model is shown of it. When it cannot be
/// kept, the turn shortens it.
pub(crate) async fn keep(
    parts: &Parts,
    origin: &Origin,
    tool: &str,
    (risk, tainted): (Risk, bool),
    result: &ToolResult,
    limit: usize,
) -> Option<ToolResult> {
    let (ToolResult::Ok { summary, data }, Some(conversation_id)) = (result, &origin.conversation_id) else {
        return None;
    };
    if result.to_json().chars().count() <= limit {
        return None;
    }
    let kept = KeptResult {
        id: format!("r{:08x}", rand::random::<u32>()),
        conversation_id: conversation_id.clone(),
        tool: tool.to_owned(),
        text: lines_of(summary, data),
        min_trust: risk.min_trust.level(),
        tainted,
        private: risk.reads_private,
        expires_at: parts.now().plus(KEPT_FOR),
    };
    match parts.store.keep_result(&kept, parts.now()).await {
        Ok(()) => Some(ToolResult::Ok {
            summary: head_and_tail(&kept, limit),
            data: Value::Null,
        }),
        Err(error) => {
            tracing::warn!(tool, %error, "a long result could not be kept, so that a model is not shown all of it");
            None
        }
    }
}

/// The words, then the data unless they are all there is: people read the one, models the other.
fn lines_of(summary: &str, data: &Value) -> String {
    let mut text = summary.to_owned();
    if !data.is_null() {
        text += "\n\nData:\n";
        text += &serde_json::to_string_pretty(data).unwrap_or_default();
    }
    let mut broken = String::new();
    let mut column = 0;
    for c in text.chars().take(MOST_CHARS) {
        if column == LINE_CHARS && c != '\n' {
            broken.push('\n');
            column = 0;
        }
        broken.push(c);
        column = if c == '\n' { 0 } else { column + 1 };
    }
    broken
}

fn head_and_tail(kept: &KeptResult, limit: usize) -> String {
    let lines: Vec<&str> = kept.text.lines().collect();
    // What JSON makes of line breaks and quotation marks takes room too.
    let half = limit * 2 / 5;
    let within = |lines: &mut dyn Iterator<Item = &&str>| {
        let mut room = half;
        lines
            .take_while(|line| {
                let length = line.chars().count() + 2;
                let fits = length <= room;
                room = room.saturating_sub(length);
                fits
            })
            .count()
    };
    let head = within(&mut lines.iter());
    let tail = within(&mut lines.iter().skip(head).rev());
    let (first, last) = (head + 1, lines.len() - tail);
    let shown = |part: Option<&[&str]>| part.unwrap_or_default().join("\n");
    format!(
        "{}\n[lines {first} to {last} of {} are left out; `{READ_RESULT}` with id {} reads them]\n{}",
        shown(lines.get(..head)),
        lines.len(),
        kept.id,
        shown(lines.get(last..)),
    )
}

/// Looks a call up. What policy decides on are the flags of the call whose result is read.
pub(crate) async fn prepare(parts: &Parts, origin: &Origin, arguments: Value) -> Result<(Prepared, bool), ToolResult> {
    let arguments = coerce(&parameters(), arguments);
    let input: Input = Input::deserialize(&arguments)
        .map_err(|error| failed(format!("the arguments of `{READ_RESULT}` do not fit: {error}")))?;
    let kept = find(parts, origin, &input.id).await?;
    let risk = Risk::read(Trust::from_level(kept.min_trust));
    let prepared = Prepared {
        risk: if kept.private { risk.private() } else { risk },
        target: None,
        verbs: &[],
        arguments,
    };
    Ok((prepared, kept.tainted))
}

pub(crate) async fn read(parts: &Parts, origin: &Origin, arguments: &Value) -> ToolResult {
    let Ok(input) = Input::deserialize(arguments) else {
        return failed(format!("the arguments of `{READ_RESULT}` do not fit"));
    };
    let kept = match find(parts, origin, &input.id).await {
        Ok(kept) => kept,
        Err(result) => return result,
    };
    // With its marks and line numbers the part has to fit a context as it is.
    let room = parts.config.limits.result_chars * 4 / 5;
    ToolResult::Ok {
        summary: part(&kept.text, &input, room),
        data: Value::Null,
    }
}

fn part(text: &str, input: &Input, room: usize) -> String {
    let count = text.lines().count();
    let from = input.from.unwrap_or(1).max(1);
    let most = input.lines.unwrap_or(LINES).clamp(1, MOST_LINES);
    let wanted = input
        .find
        .as_ref()
        .map(|text| text.to_lowercase())
        .filter(|text| !text.is_empty());
    let holds = |line: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| line.to_lowercase().contains(wanted))
    };
    let mut shown = String::new();
    let mut left = room;
    let mut taken = 0;
    for (number, line) in (1..).zip(text.lines()).skip(from - 1).filter(|(_, line)| holds(line)) {
        let line = format!("{number}: {line}\n");
        let length = line.chars().count();
        if taken == most || length > left {
            return format!("{shown}[more follows: go on from line {number} of {count}]");
        }
        left -= length;
        taken += 1;
        shown += &line;
    }
    if taken == 0 {
        return format!("(nothing there; the result has {count} lines)");
    }
    format!("{shown}[the end: {count} lines]")
}

async fn find(parts: &Parts, origin: &Origin, id: &str) -> Result<KeptResult, ToolResult> {
    let conversation_id = origin.conversation_id.as_deref().unwrap_or_default();
    match parts.store.kept_result(conversation_id, id.trim(), parts.now()).await {
        Ok(Some(kept)) => Ok(kept),
        Ok(None) => Err(failed(
            "there is no such result in this conversation, or its day is over; call the tool again".to_owned(),
        )),
        Err(error) => {
            tracing::warn!(%error, "a kept result could not be read");
            Err(failed("the kept results cannot be read now".to_owned()))
        }
    }
}

fn failed(error: String) -> ToolResult {
    ToolResult::Error {
        error,
        hint: None,
        retry: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_bounded_and_says_how_to_go_on() {
        let text = "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\n";
        let check = |from: Option<usize>, lines: Option<usize>, find: Option<&str>, room: usize, expect: &str| {
            let input = Input {
                id: String::new(),
                from,
                lines,
                find: find.map(str::to_owned),
            };
            assert_eq!(part(text, &input, room), expect);
        };
        check(Some(8), None, None, 99, "8: line 8\n9: line 9\n[the end: 9 lines]");
        check(
            None,
            Some(1),
            None,
            99,
            "1: line 1\n[more follows: go on from line 2 of 9]",
        );
        check(
            Some(0),
            Some(0),
            None,
            99,
            "1: line 1\n[more follows: go on from line 2 of 9]",
        );
        check(None, None, Some("LINE 7"), 99, "7: line 7\n[the end: 9 lines]");
        check(
            None,
            None,
            None,
            25,
            "1: line 1\n2: line 2\n[more follows: go on from line 3 of 9]",
        );
        check(
            Some(usize::MAX),
            None,
            None,
            99,
            "(nothing there; the result has 9 lines)",
        );
        check(None, None, Some("x"), 99, "(nothing there; the result has 9 lines)");
    }

    #[test]
    fn one_endless_line_has_lines() {
        let text = lines_of(&"x".repeat(LINE_CHARS * 2 + 1), &json!({ "a": 1 }));
        assert_eq!(text.lines().count(), 8);
        assert!(text.lines().all(|line| line.chars().count() <= LINE_CHARS));
    }
}
