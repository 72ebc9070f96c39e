//! `jarvis trace`. Reads the database itself, so that it works when no server runs.

use std::process::ExitCode;
use std::time::Duration;

use jarvis_adapters::terminal::clean;
use jarvis_agent::trace::{self, Consulted, Step, Trace, What};
use jarvis_gateway::clock::Millis;
use jarvis_gateway::usage::MicroUsd;

use crate::config::Config;
use crate::data;
use crate::output::{line, when};

const WIDTH: usize = 80;
/// The column in which the words of a step begin.
const INDENT: usize = 10;
/// Further columns for what happened within a step.
const NESTED: usize = 2;
/// Characters of one step; `--json` has more.
const LONGEST: usize = 400;

pub(crate) async fn trace(config: &Config, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    data::need(config)?;
    let store = config.store().await?;
    let trace = trace::read(&store, id).await;
    store.close().await;
    let trace = trace?;
    if json {
        line(&serde_json::to_string(&trace)?);
        return Ok(ExitCode::SUCCESS);
    }
    for shown in words(&trace) {
        line(&shown);
    }
    Ok(ExitCode::SUCCESS)
}

fn words(trace: &Trace) -> Vec<String> {
    let mut lines = vec![format!("Turn {}, {} UTC", trace.id, when(trace.started_at))];
    lines.extend(wrapped("", 2, &asked(trace)));
    let used = Used {
        model_calls: trace.model_calls,
        tool_calls: trace.tool_calls,
        tokens: (trace.tokens_in, trace.tokens_out),
        cost: (trace.cost, trace.cost_unknown),
        flags: (trace.tainted, trace.saw_private),
    };
    lines.extend(wrapped("", 2, &totals(&used)));
    lines.push(String::new());
    lines.extend(steps(trace.started_at, &trace.steps, INDENT));
    let end = match (&trace.ended_by, trace.ended_at) {
        (Some(by), Some(at)) => (since(trace.started_at, at), format!("ended: {by}")),
        _ => (String::new(), format!("not ended: {}", trace.status.as_str())),
    };
    lines.extend(wrapped(&format!("{:>8}", end.0), INDENT, &end.1));
    lines
}

/// The steps behind their times, and under a call of `consult` what the specialist did.
fn steps(start: Millis, steps_of: &[Step], indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps_of {
        let after = format!("{:>8}", since(start, step.at));
        lines.extend(wrapped(&after, indent, &what(step)));
        if let What::Tool {
            consulted: Some(consulted),
            ..
        } = &step.what
        {
            lines.extend(wrapped("", indent + NESTED, &specialist(consulted)));
            lines.extend(steps(start, &consulted.steps, indent + NESTED));
        }
    }
    lines
}

fn specialist(consulted: &Consulted) -> String {
    let used = Used {
        model_calls: consulted.model_calls,
        tool_calls: consulted.tool_calls,
        tokens: (consulted.tokens_in, consulted.tokens_out),
        cost: (consulted.cost, consulted.cost_unknown),
        flags: (consulted.tainted, consulted.saw_private),
    };
    let end = match &consulted.ended_by {
        Some(by) => format!("ended: {by}"),
        None => format!("not ended: {}", consulted.status.as_str()),
    };
    let by = consulted
        .target
        .as_ref()
        .map(|target| format!(" by {target}"))
        .unwrap_or_default();
    format!("{}{by}; {}; {end}", consulted.agent, totals(&used))
}

fn asked(trace: &Trace) -> String {
    let mut text = format!(
        "asked by {}",
        trace.asked_by.as_deref().unwrap_or("somebody who was forgotten")
    );
    if let Some(via) = &trace.via {
        text += &format!(" via {via}");
    }
    if let Some(room) = &trace.room {
        text += &format!(" in {}/{}", room.platform, room.id);
    }
    text + &format!(", conversation {}", trace.conversation_id)
}

/// What a turn took, and what it read.
struct Used {
    model_calls: i64,
    tool_calls: i64,
    tokens: (i64, i64),
    /// What is known of it, and of how many calls nothing is.
    cost: (MicroUsd, usize),
    /// What others wrote, and what is private.
    flags: (bool, bool),
}

fn totals(used: &Used) -> String {
    let (tokens_in, tokens_out) = used.tokens;
    let (cost, unknown) = used.cost;
    let mut text = format!(
        "model calls: {}, tool calls: {}, tokens: {tokens_in} in and {tokens_out} out, cost: {cost}",
        used.model_calls, used.tool_calls
    );
    if unknown > 0 {
        text += &format!(" + {unknown} unknown");
    }
    if used.flags.0 {
        text += "; read what others wrote";
    }
    if used.flags.1 {
        text += "; read what is private";
    }
    text
}

fn what(step: &Step) -> String {
    match &step.what {
        What::Asked { name, text } => format!("{}: {text}", name.as_deref().unwrap_or("user")),
        What::Model { .. } => model(&step.what),
        What::Tool { .. } => tool(&step.what),
        What::Card {
            id,
            title,
            rule,
            need,
            status,
            decided_by,
            ..
        } => {
            let votes = if *need > 1 {
                format!(", needs {need} votes")
            } else {
                String::new()
            };
            let by = decided_by
                .as_ref()
                .map(|by| format!(", decided by {by}"))
                .unwrap_or_default();
            format!(
                "card {id}: {title} (asked by {rule}{votes}), {} now{by}",
                status.as_str()
            )
        }
        What::Vote {
            approval,
            by,
            yes,
            via,
            note,
        } => {
            let word = if *yes { "yes" } else { "no" };
            let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{word} to {approval} by {by} via {via}{note}")
        }
        What::Event { text } => format!("event: {text}"),
        What::Answer { text } => format!("answer: {text}"),
        What::Delivery {
            shows,
            platform,
            room,
            state,
            attempts,
            fault,
        } => {
            let tries = if *attempts > 1 {
                format!(" after {attempts} tries")
            } else {
                String::new()
            };
            let fault = fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
            format!("{shows} for {platform}/{room}: {state}{tries}{fault}")
        }
    }
}

fn model(what: &What) -> String {
    let What::Model {
        alias,
        target,
        outcome,
        fault,
        reason,
        tokens_in,
        tokens_out,
        estimated,
        cost,
        took_ms,
        ..
    } = what
    else {
        return String::new();
    };
    let about = if *estimated { "about " } else { "" };
    let cost = cost.map_or_else(|| "cost unknown".to_owned(), |cost| cost.to_string());
    let mut text = format!(
        "model {target} of {alias}: {outcome}, {about}{tokens_in} in, {tokens_out} out, {cost}, {}",
        took(*took_ms)
    );
    for why in [fault, reason].into_iter().flatten() {
        text += &format!("; {why}");
    }
    text
}

fn tool(what: &What) -> String {
    let What::Tool {
        tool,
        arguments,
        decision,
        rule,
        approval,
        outcome,
        says,
        took_ms,
        ..
    } = what
    else {
        return String::new();
    };
    let arguments = arguments.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut text = format!("{tool} {arguments}: {outcome}");
    if let (Some(decision), Some(rule)) = (decision, rule) {
        text += &format!(", {decision} by {rule}");
    }
    if let Some(approval) = approval {
        text += &format!(", card {approval}");
    }
    if let Some(took_ms) = took_ms {
        text += &format!(", {}", took(*took_ms));
    }
    if let Some(says) = says {
        text += &format!("\n{says}");
    }
    text
}

fn took(millis: i64) -> String {
    let time = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    format!("{:.2} s", time.as_secs_f64())
}

/// `+1.20s`; what came much later in minutes or hours.
fn since(start: Millis, at: Millis) -> String {
    let time = at.since(start);
    match time.as_secs() {
        0..=599 => format!("+{:.2}s", time.as_secs_f64()),
        600..=35_999 => format!("+{}min", time.as_secs() / 60),
        _ => format!("+{}h", time.as_secs() / 3600),
    }
}

/// `text` behind `head`, its lines under one another from column `indent` on. It can hold what a stranger wrote, and a
/// terminal must not obey that.
fn wrapped(head: &str, indent: usize, text: &str) -> Vec<String> {
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let room = WIDTH - indent;
    let mut lines = Vec::new();
    for paragraph in clean(&shown).lines() {
        let mut row = String::new();
        let mut used = 0;
        for word in paragraph.split_whitespace() {
            let mut word: Vec<char> = word.chars().collect();
            if used > 0 && used + 1 + word.len() > room {
                lines.push(std::mem::take(&mut row));
                used = 0;
            }
            // A word that is longer than a line.
            while word.len() > room {
                let rest = word.split_off(room);
                lines.push(word.into_iter().collect());
                word = rest;
            }
            if used > 0 {
                row.push(' ');
                used += 1;
            }
            used += word.len();
            row.extend(word);
        }
        if !row.is_empty() {
            lines.push(row);
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    let mut first = Some(head);
    let placed = lines
        .iter()
        .map(|row| format!("{:<indent$}{row}", first.take().unwrap_or_default()));
    placed.map(|row| row.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use jarvis_memory::records::RunStatus;

    use super::*;

    #[test]
    fn a_step_stands_in_its_columns_and_obeys_nobody() {
        let check = |text: &str, expect: &[&str]| assert_eq!(wrapped("  +0.00s", INDENT, text), expect, "{text:?}");
        check("", &["  +0.00s"]);
        check("owner: is web up?", &["  +0.00s  owner: is web up?"]);
        check("a\n\n  b\u{1b}[2Kc", &["  +0.00s  a", "          bc"]);
        let (head, full, rest) = ("  +0.00s  y", "x".repeat(70), "          xxxxx");
        check(&format!("y {full}xxxxx"), &[head, &format!("          {full}"), rest]);
        assert!(wrapped("", 2, &"é ".repeat(4000)).len() < 20);
    }

    #[test]
    fn what_a_specialist_did_stands_under_the_call() {
        let tool = |tool: &str, consulted| Step {
            at: Millis(1_500),
            what: What::Tool {
                tool: tool.into(),
                arguments: None,
                effect: None,
                decision: None,
                rule: None,
                approval: None,
                outcome: "ok".into(),
                says: None,
                took_ms: None,
                consulted,
            },
        };
        let athena = Consulted {
            agent: "athena".into(),
            run_id: "1".into(),
            status: RunStatus::Done,
            ended_by: Some("answered".into()),
            target: Some("gpu/small".into()),
            model_calls: 2,
            tool_calls: 1,
            tokens_in: 30,
            tokens_out: 4,
            cost: MicroUsd(0),
            cost_unknown: 0,
            tainted: true,
            saw_private: false,
            steps: vec![tool("logs", None)],
        };
        assert_eq!(
            steps(Millis(1_000), &[tool("consult", Some(Box::new(athena)))], INDENT),
            [
                "  +0.50s  consult : ok",
                "            athena by gpu/small; model calls: 2, tool calls: 1, tokens: 30 in",
                "            and 4 out, cost: $0.00; read what others wrote; ended: answered",
                "  +0.50s    logs : ok",
            ]
        );
    }

    #[test]
    fn time_is_as_fine_as_it_is_worth() {
        let check = |millis: i64, expect: &str| assert_eq!(since(Millis(1000), Millis(1000 + millis)), expect);
        check(0, "+0.00s");
        check(-5, "+0.00s");
        check(599_990, "+599.99s");
        check(600_000, "+10min");
        check(86_400_000, "+24h");
    }
}
