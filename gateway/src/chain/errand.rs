//! What a request needs of a target, whatever its words are.

use std::sync::Arc;

use super::estimate::prompt_tokens;
use crate::caller::Caller;
use crate::chat::{Part, ReasoningEffort, Request, ResponseFormat, Role, ToolChoice};
use crate::demands::{Demands, Origin};
use crate::health::Ability;
use crate::usage::Pieces;

/// A request as a [`Walk`](super::Walk) sees it. One for chat is made of its request; jobs of other kinds fill it in.
#[derive(Debug, Clone, Default)]
pub struct Errand {
    pub origin: Arc<Origin>,
    pub caller: Caller,
    pub demands: Demands,
    pub needs: Needs,
    /// An estimate of what the model has to read.
    pub prompt_tokens: u32,
    /// How much of that has to fit the model's context at once, where it is not all of it: texts of a list are read one
    /// by one.
    pub at_once: Option<u32>,
    /// Tokens that the answer may have at most, when the request says so.
    pub answer_tokens: Option<u32>,
    /// How many answers are wanted; 0 is one.
    pub answers: u32,
    /// The model is asked to think first, which takes longer.
    pub thinks: bool,
    /// Nothing of it was answered before, so that no server has a part of it in its cache.
    pub is_first_turn: bool,
    /// What beside tokens the answer is going to be, as far as it is known beforehand.
    pub pieces: Pieces,
}

/// What a model must be able to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub abilities: Vec<Ability>,
    pub json_schema: bool,
    /// A call of a tool is demanded.
    pub tool_choice: bool,
    /// The answer was begun by another model.
    pub prefill: bool,
}

impl Errand {
    pub fn of_chat(request: &Request) -> Self {
        Self {
            origin: Arc::new(request.origin.clone()),
            caller: request.caller.clone(),
            demands: request.demands.clone(),
            needs: Needs::of_chat(request),
            prompt_tokens: prompt_tokens(request),
            at_once: None,
            answer_tokens: request.options.max_tokens,
            answers: request.options.answers.unwrap_or(1),
            thinks: match request.options.reasoning_effort {
                None | Some(ReasoningEffort::None | ReasoningEffort::Minimal) => false,
                Some(
                    ReasoningEffort::Low | ReasoningEffort::Medium | ReasoningEffort::High | ReasoningEffort::Xhigh,
                ) => true,
            },
            is_first_turn: !request.messages.iter().any(|message| message.role == Role::Assistant),
            pieces: Pieces::default(),
        }
    }

    pub(super) fn is_local_only(&self) -> bool {
        self.demands.local_only || self.caller.is_local_only()
    }
}

impl Needs {
    /// Thinking is a wish and not a need: a model that cannot think answers all the same.
    fn of_chat(request: &Request) -> Self {
        let mut abilities = vec![Ability::Completion];
        let calls = !request.tools.is_empty() && request.tool_choice != ToolChoice::None;
        if calls {
            abilities.push(Ability::Tools);
        }
        let parts = || request.messages.iter().flat_map(|message| &message.content);
        if parts().any(|part| matches!(part, Part::Image { .. })) {
            abilities.push(Ability::Vision);
        }
        if parts().any(is_audio) {
            abilities.push(Ability::Audio);
        }
        Self {
            abilities,
            json_schema: matches!(request.options.response_format, Some(ResponseFormat::JsonSchema { .. })),
            prefill: false,
            tool_choice: calls && matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Named(_)),
        }
    }
}

fn is_audio(part: &Part) -> bool {
    match part {
        Part::Other(value) => value["type"] == "input_audio",
        Part::Text(_) | Part::Image { .. } => false,
    }
}
