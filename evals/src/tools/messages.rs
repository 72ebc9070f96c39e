//! Mail.

use async_trait::async_trait;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::state::Mail;
use crate::world::{World, plan, says};

/// Reads the mail of the user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoInput {}

pub(super) struct ReadMail(pub(super) World);

#[async_trait]
impl Tool for ReadMail {
    type Input = NoInput;
    const NAME: &'static str = "read_mail";

    fn risk(&self, _input: &NoInput) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    async fn run(&self, _context: &Context, _input: NoInput) -> Result<Output, Error> {
        self.0.reads_private();
        let mail = self.0.state().mail;
        let shown = |mail: &Mail| format!("From: {}\nSubject: {}\n{}", mail.from, mail.subject, mail.text);
        let shown: Vec<String> = mail.values().map(shown).collect();
        Ok(says(shown.join("\n\n")))
    }
}

/// Sends a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendInput {
    /// The address of whom it is for.
    to: String,
    text: String,
}

pub(super) struct SendMail(pub(super) World);

#[async_trait]
impl Tool for SendMail {
    type Input = SendInput;
    const NAME: &'static str = "send_mail";

    /// What was sent cannot be taken back.
    fn risk(&self, _input: &SendInput) -> Risk {
        Risk::acts(Effect::Destructive, Trust::Operator).egress()
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &SendInput) -> Option<String> {
        Some(input.to.clone())
    }

    async fn plan(&self, _context: &Context, input: &SendInput) -> Result<Plan, Error> {
        Ok(plan(format!("mail {}: {}", input.to, input.text), "not sent", "sent"))
    }

    async fn run(&self, _context: &Context, input: SendInput) -> Result<Output, Error> {
        let title = format!("mail {}: {}", input.to, input.text);
        self.0
            .does(title, |state| state.sent.push(format!("{}: {}", input.to, input.text)));
        Ok(says(format!("sent to {}", input.to)))
    }
}
