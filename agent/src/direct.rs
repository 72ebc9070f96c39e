//! Calls that a program makes without a turn of ours, such as a client of MCP: one call, decided and written down as in a turn.

use jarvis_gateway::chat::{ToolCall, ToolResult, ToolSpec};
use jarvis_memory::records::{Message, MessageRole};
use jarvis_tools::catalog;
use jarvis_tools::risk::Effect;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::answer;
use crate::approvals::{self, grant};
use crate::coerce::coerce;
use crate::conversations;
use crate::error::Error;
use crate::execute::{self, Allowed, Origin, execute};
use crate::freeze;
use crate::output_gate;
use crate::parts::Parts;
use crate::policy::{self, Caller, Decision, Flags};
use crate::principal::Principal;
use crate::provider;
use crate::turn::{Outcome, ReadyCall, Standing, Why, denied};

/// A tool as a program is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub spec: ToolSpec,
    /// No call of it is a read.
    pub only_acts: bool,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// For the program, in words.
    pub text: String,
    /// The same facts as JSON. `Null` when the words say it all.
    pub data: Value,
    /// It was done. What waits for a card was not.
    pub is_done: bool,
    /// The card that it waits for.
    pub approval: Option<String>,
}

impl Agent {
    /// The tools that `principal` may call directly: those that a model of theirs would be offered, but for those that are
    /// part of a turn.
    pub fn tools(&self, principal: &Principal) -> Vec<Listed> {
        let parts = self.parts();
        let offered = answer::offered(parts, principal).into_iter();
        let listed = offered.filter_map(|spec| {
            let tool = parts.catalog.get(&spec.name)?;
            Some(Listed {
                spec: catalog::spec(tool.as_ref()),
                only_acts: tool.only_acts(),
            })
        });
        listed.collect()
    }

    /// Makes one call for `principal`, as policy decides. What the program has read before nobody here knows, so the call
    /// counts as the idea of an outside text that came with private ones: reads are made, acts are asked for. When nobody
    /// waits for it any more, a read is stopped; an act that has begun is finished, and both are written down.
    pub async fn call(&self, principal: &Principal, name: &str, arguments: Value) -> Result<Called, Error> {
        let tasks = self.parts().tasks.clone();
        if tasks.stopping().is_cancelled() {
            return Err(Error::Stopping);
        }
        let stop = CancellationToken::new();
        let _stop_when_dropped = stop.clone().drop_guard();
        let (done, called) = oneshot::channel();
        let (agent, principal) = (self.clone(), principal.clone());
        let name: String = name.chars().take(80).collect();
        tasks.spawn("direct call", async move {
            // A program that left is no error: the rows tell.
            drop(done.send(agent.called(&principal, &name, arguments, &stop).await));
        });
        called.await.map_err(|_| Error::Stopping)?
    }

    /// All of it, from its first row to its last.
    async fn called(
        &self,
        principal: &Principal,
        name: &str,
        arguments: Value,
        stop: &CancellationToken,
    ) -> Result<Called, Error> {
        let parts = self.parts();
        let conversation = provider::api_conversation(parts, principal).await?;
        let run = answer::fresh_run(parts, principal, &conversation.id);
        let message = Message {
            run_id: Some(run.id.clone()),
            person_id: Some(principal.person_id.clone()),
            trust: principal.trust.level(),
            role: MessageRole::User,
            // A program wrote it, and not the person whose key it has.
            detail: json!({ "direct": true, "tainted": true }),
            ..conversations::event(parts, &conversation.id, format!("calls `{}`", name.replace('`', "'")))
        };
        conversations::take(parts, principal, Some(&run), &message).await?;
        let origin = Origin {
            person_id: Some(principal.person_id.clone()),
            via: principal.surface.as_str().to_owned(),
            conversation_id: Some(conversation.id),
            run_id: run.id.clone(),
            approval_id: None,
            tainted: true,
            trace: None,
        };
        let ready = self.ready(principal, &origin, name, arguments).await;
        let result = Box::pin(decided(parts, principal, &origin, &ready, stop)).await;
        let acted = ready
            .prepared
            .as_ref()
            .is_ok_and(|prepared| prepared.risk.effect > Effect::Read);
        let called = told(result);
        let outcome = Outcome {
            why: Why::Answered,
            counts: (0, 1, 0, 0),
            acted,
            ..Outcome::failed(&called.text)
        };
        if answer::close(parts, run, &outcome, Vec::new()).await {
            Ok(called)
        } else {
            Err(Error::BrokeOff)
        }
    }

    async fn ready(&self, principal: &Principal, origin: &Origin, name: &str, arguments: Value) -> ReadyCall {
        let parts = self.parts();
        let is_listed = self.tools(principal).iter().any(|listed| listed.spec.name == name);
        let call = ToolCall {
            id: format!("direct_{}", parts.fresh_id()),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        let tool = parts.catalog.get(name).filter(|_| is_listed);
        let prepared = match &tool {
            None => Err(failed(format!("there is no tool `{name}` here"))),
            Some(_) if output_gate::holds_redacted(&call.arguments) => Err(failed(format!(
                "the arguments of `{name}` hold a secret that was taken out; nothing was done"
            ))),
            Some(tool) => {
                let prepared = tool.prepare(&arguments).or_else(|error| {
                    let coerced = coerce(tool.parameters(), arguments);
                    tool.prepare(&coerced).map_err(|_| error)
                });
                prepared.map_err(execute::of_error)
            }
        };
        let standing = match &prepared {
            Ok(prepared) => Standing {
                frozen: freeze::holds(parts, name, prepared.risk.effect).await,
                granted: grant::fits(parts, origin, name, prepared).await,
            },
            Err(_) => Standing::default(),
        };
        ReadyCall {
            call,
            prepared,
            untrusted_output: tool.is_none_or(|tool| tool.untrusted_output()),
            listed: is_listed,
            standing,
        }
    }
}

async fn decided(
    parts: &Parts,
    principal: &Principal,
    origin: &Origin,
    ready: &ReadyCall,
    stop: &CancellationToken,
) -> ToolResult {
    let prepared = match &ready.prepared {
        Ok(prepared) => prepared,
        Err(result) => {
            noted(parts, origin, ready, None, result).await;
            return result.clone();
        }
    };
    let room = policy::Room {
        ceiling: principal.room.ceiling,
        public: principal.room.public,
        lists_tool: ready.listed,
    };
    let flags = Flags {
        frozen: ready.standing.frozen,
        granted: ready.standing.granted,
        tainted: true,
        saw_private: true,
        ..Flags::default()
    };
    let decision = policy::decide(Caller::Person(principal.trust), room, flags, prepared.risk);
    match decision {
        Decision::Allow(_) => {
            let allowed = Allowed {
                call_id: ready.call.id.clone(),
                tool: ready.call.name.clone(),
                prepared: prepared.clone(),
                decision,
            };
            execute(parts, origin, allowed, stop).await
        }
        Decision::Ask(_) => approvals::raise(parts, origin, ready, decision).await,
        Decision::Deny(rule) => {
            let result = denied(rule, principal.room.public);
            noted(parts, origin, ready, Some(decision), &result).await;
            result
        }
    }
}

async fn noted(parts: &Parts, origin: &Origin, ready: &ReadyCall, decision: Option<Decision>, result: &ToolResult) {
    if let Err(error) = execute::write_note(parts, origin, ready, decision, result).await {
        tracing::warn!(tool = ready.call.name, %error, "a refused call is not in the audit");
    }
}

fn told(result: ToolResult) -> Called {
    let not_done = |text: String| Called {
        text,
        data: Value::Null,
        is_done: false,
        approval: None,
    };
    match result {
        ToolResult::Ok { summary, data } => Called {
            text: summary,
            data,
            is_done: true,
            approval: None,
        },
        ToolResult::Error { error, hint, .. } => not_done(match hint {
            Some(hint) => format!("{error}. {hint}"),
            None => error,
        }),
        ToolResult::Denied { reason } => not_done(reason),
        ToolResult::Pending { approval, says } => Called {
            approval: Some(approval),
            ..not_done(says)
        },
        ToolResult::Interrupted { says } | ToolResult::Skipped { says } => not_done(says),
    }
}

fn failed(error: String) -> ToolResult {
    ToolResult::Error {
        error,
        hint: None,
        retry: false,
    }
}
