//! The card of rule `budget`: a turn that has cost what it may cost is gone on with when a person says so, once, for as much
//! again. The tool does nothing by itself; what follows its card is a turn, as after other acts.

use async_trait::async_trait;
use jarvis_gateway::chat::{ToolCall, ToolResult};
use jarvis_gateway::usage::{Bound, MicroUsd};
use jarvis_memory::records::Approval;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::execute::of_error;
use crate::parts::Parts;
use crate::principal::Principal;
use crate::turn::{ReadyCall, Standing};

/// Goes on with an answer that stopped because of its cost. Only a person's approval calls it.
pub(crate) struct GoOn;

/// Goes on with an answer that stopped because of its cost.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The run that stopped.
    run: String,
    /// What it has cost, in millionths of a dollar.
    spent: i64,
    /// What going on may cost, in millionths of a dollar.
    more: i64,
}

#[async_trait]
impl Tool for GoOn {
    type Input = Input;
    const NAME: &'static str = "go_on";

    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk {
            over_budget: true,
            ..Risk::acts(Effect::Destructive, Trust::Operator)
        }
    }

    fn untrusted_output(&self) -> bool {
        false
    }

    async fn plan(&self, _context: &Context, input: &Self::Input) -> Result<Plan, Error> {
        let (spent, more) = (MicroUsd(input.spent), MicroUsd(input.more));
        Ok(Plan {
            title: format!("go on with an answer for up to {more} more"),
            says: vec![
                format!("The answer stopped, because it has cost {spent}."),
                format!("It is gone on with once, with what was found so far, and may cost {more} more."),
            ],
            before: format!("stopped after {spent}"),
            after: format!("gone on with, for {} in all at most", spent.plus(more)),
            // It rests on the run alone, which is over.
            state_hash: hex::encode(input.run.as_bytes()),
            undo: None,
        })
    }

    async fn run(&self, _context: &Context, input: Self::Input) -> Result<Output, Error> {
        let more = MicroUsd(input.more);
        Ok(Output {
            summary: format!("It is gone on with, and may cost {more} more."),
            data: serde_json::Value::Null,
        })
    }
}

/// The call that asks for as much again as `bound` was, or for what the next model call needs when that is more.
pub(crate) fn call(parts: &Parts, run_id: &str, bound: &Bound) -> ReadyCall {
    let input = Input {
        run: run_id.to_owned(),
        spent: bound.spent().0,
        more: bound.most().max(bound.refused()).0,
    };
    let arguments = serde_json::to_value(input).unwrap_or_default();
    let prepared = match parts.catalog.get(GoOn::NAME) {
        Some(tool) => tool.prepare(&arguments).map_err(of_error),
        None => Err(ToolResult::Denied {
            reason: "nobody can be asked".to_owned(),
        }),
    };
    ReadyCall {
        call: ToolCall {
            id: format!("more_{}", parts.fresh_id()),
            name: GoOn::NAME.to_owned(),
            arguments: arguments.to_string(),
        },
        prepared,
        untrusted_output: false,
        listed: true,
        standing: Standing::default(),
    }
}

/// What going on may cost, when this is a card about that.
pub(crate) fn allows(approval: &Approval) -> Option<MicroUsd> {
    let input = (approval.tool == GoOn::NAME).then(|| Input::deserialize(&approval.arguments).ok());
    input.flatten().map(|input| MicroUsd(input.more))
}

/// Why a turn ends, for people.
pub(crate) fn says(bound: &Bound) -> String {
    let (spent, most, next) = (bound.spent(), bound.most(), bound.refused());
    format!(
        "this answer has cost {spent} of the {most} that one may cost, and the next question to a model would cost about \
         {next}"
    )
}

/// Whether a card leads anywhere: a turn can be begun for whoever asks by the row of their person alone, and they could
/// go on with their own.
pub(crate) fn may_ask(principal: &Principal) -> bool {
    principal.is_at_home() && principal.trust >= Trust::Operator
}
