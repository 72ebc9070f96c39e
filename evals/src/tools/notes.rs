//! What is remembered beyond a conversation.

use async_trait::async_trait;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::world::{World, plan, says};

/// Lists what was remembered in earlier conversations.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoInput {}

pub(super) struct Recall(pub(super) World);

#[async_trait]
impl Tool for Recall {
    type Input = NoInput;
    const NAME: &'static str = "recall";

    fn risk(&self, _input: &NoInput) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    async fn run(&self, _context: &Context, _input: NoInput) -> Result<Output, Error> {
        self.0.reads_private();
        let notes = self.0.state().notes;
        let lines: Vec<String> = notes.iter().map(|(id, text)| format!("{id}: {text}")).collect();
        Ok(says(lines.join("\n")))
    }
}

/// Remembers one fact for later conversations. Use it when the user asks to remember something.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RememberInput {
    /// The fact, in the words of the user.
    text: String,
}

pub(super) struct Remember(pub(super) World);

#[async_trait]
impl Tool for Remember {
    type Input = RememberInput;
    const NAME: &'static str = "remember";

    fn risk(&self, _input: &RememberInput) -> Risk {
        Risk::acts(Effect::Reversible, Trust::Operator)
    }

    fn only_acts(&self) -> bool {
        true
    }

    /// The whole fact: what is remembered from outside text is read as the owner's later on.
    fn target(&self, input: &RememberInput) -> Option<String> {
        Some(input.text.clone())
    }

    fn untrusted_output(&self) -> bool {
        false
    }

    async fn plan(&self, _context: &Context, input: &RememberInput) -> Result<Plan, Error> {
        Ok(plan(format!("remember {}", input.text), "not remembered", "remembered"))
    }

    async fn run(&self, _context: &Context, input: RememberInput) -> Result<Output, Error> {
        self.0.does(format!("remember {}", input.text), |state| {
            let id = (state.notes.len() + 1).to_string();
            state.notes.insert(id, input.text);
        });
        Ok(says("remembered"))
    }
}
