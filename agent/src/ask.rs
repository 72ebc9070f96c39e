//! One question in words, and its answer, for a program that is no client of the API.

use std::sync::Arc;

use futures_util::StreamExt;
use jarvis_gateway::caller::Caller;
use jarvis_gateway::chat::{Gather, Message, Request, Role};
use jarvis_gateway::provider::{Call, Provider};

use crate::agent::Agent;
use crate::provider::MODEL;

/// What Jarvis answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// The cards that acts of it wait for.
    pub approvals: Vec<String>,
}

impl Agent {
    /// Asks as the model `jarvis` is asked: a turn of the caller's principal, with its limits and its budget. The error is a
    /// sentence. Nobody who waits stops the turn.
    pub async fn ask(&self, caller: &Caller, question: &str) -> Result<Answer, String> {
        if !caller.may_use(MODEL) {
            return Err(format!("this key may not ask the model `{MODEL}`"));
        }
        let request = Request {
            messages: vec![Message::text(Role::User, question)],
            caller: caller.clone(),
            ..Request::default()
        };
        let mut events = self.stream(Call {
            request: Arc::new(request),
            model: MODEL.to_owned(),
            left: Vec::new(),
        });
        let mut gather = Gather::default();
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| error.to_string())?;
            if let Some(reply) = gather.push(event) {
                return Ok(Answer {
                    text: reply.text,
                    approvals: reply.finish.approvals,
                });
            }
        }
        Err("the turn broke off".to_owned())
    }
}
