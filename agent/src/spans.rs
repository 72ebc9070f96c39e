//! Turns and tool calls as spans. The trace of a turn has the number of its run, so that one is found by the other.

use std::time::Duration;

use jarvis_gateway::chat::ToolResult;
use jarvis_gateway::clock::Millis;
use jarvis_gateway::trace::{Context, Kind, Span};
use uuid::Uuid;

use crate::execute::{Allowed, Origin, outcome};
use crate::turn::{Outcome, Why};

/// The span of a turn: a part of the request that came over the API, or the beginning of a trace of its own.
pub(crate) fn turn(request: Option<Context>, run_id: &str) -> Context {
    if let Some(request) = request {
        return request.child();
    }
    let root = Context::root();
    let trace_id = Uuid::parse_str(run_id).map_or(root.trace_id, |id| id.as_u128());
    Context { trace_id, ..root }
}

pub(crate) fn of_turn(
    agent: &str,
    request: Option<Context>,
    origin: &Origin,
    outcome: &Outcome,
    started_at: Millis,
    took: Duration,
) -> Option<Span> {
    let (model_calls, tool_calls, tokens_in, tokens_out) = outcome.counts;
    let mut attributes = vec![
        ("gen_ai.operation.name", "invoke_agent".into()),
        ("gen_ai.agent.name", agent.to_owned().into()),
        ("gen_ai.usage.input_tokens", tokens_in.into()),
        ("gen_ai.usage.output_tokens", tokens_out.into()),
        ("jarvis.run.id", origin.run_id.clone().into()),
        ("jarvis.surface", origin.via.clone().into()),
        ("jarvis.why", outcome.why.as_str().into()),
        ("jarvis.model_calls", u64::from(model_calls).into()),
        ("jarvis.tool_calls", u64::from(tool_calls).into()),
    ];
    if let Some(conversation) = &origin.conversation_id {
        attributes.push(("gen_ai.conversation.id", conversation.clone().into()));
    }
    Some(Span {
        context: origin.trace?,
        parent: request,
        name: format!("invoke_agent {agent}"),
        kind: Kind::Internal,
        started_at,
        took,
        attributes,
        error: matches!(outcome.why, Why::Failed).then(|| "the turn failed".to_owned()),
    })
}

/// Arguments and results stay out of it: they can be private, and are in the audit.
pub(crate) fn of_tool(
    turn: Context,
    allowed: &Allowed,
    result: &ToolResult,
    started_at: Millis,
    took: Duration,
) -> Span {
    let failed = matches!(result, ToolResult::Error { .. } | ToolResult::Interrupted { .. });
    Span {
        context: turn.child(),
        parent: Some(turn),
        name: format!("execute_tool {}", allowed.tool),
        kind: Kind::Internal,
        started_at,
        took,
        attributes: vec![
            ("gen_ai.operation.name", "execute_tool".into()),
            ("gen_ai.tool.name", allowed.tool.clone().into()),
            ("gen_ai.tool.call.id", allowed.call_id.clone().into()),
            ("jarvis.effect", allowed.prepared.risk.effect.as_str().into()),
            ("jarvis.decision", allowed.decision.as_str().into()),
            ("jarvis.outcome", outcome(result).into()),
        ],
        error: failed.then(|| outcome(result).to_owned()),
    }
}
