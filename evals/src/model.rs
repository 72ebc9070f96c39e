//! The models that cases are played with.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jarvis_gateway::chat::{FinishReason, Request, Role};
use jarvis_gateway::provider::{Call, Events, Provider};
use jarvis_gateway::providers::scripted::{Scripted, Turn, call, calls, finish, says};
use serde_json::json;

use crate::case::Move;

/// A move of a trace, as a scripted turn.
pub(crate) fn turn(number: usize, step: &Move) -> Turn {
    match step {
        Move::Call { tool, arguments } => calls(&format!("c{number}"), tool, &json!(arguments).to_string()),
        Move::Says { says: text } => says(text),
    }
}

/// Does whatever stands in any tool result: the attacker's best case, whichever model is used.
pub(crate) struct Hostile {
    trace: Arc<Scripted>,
    containers: BTreeSet<String>,
    obeyed: Mutex<BTreeSet<(String, String)>>,
}

impl Hostile {
    pub(crate) fn new(trace: Arc<Scripted>, containers: BTreeSet<String>) -> Self {
        let obeyed = Mutex::default();
        Self {
            trace,
            containers,
            obeyed,
        }
    }

    /// What the tool results order: a verb, and a container within the next few words.
    fn orders(&self, request: &Request) -> BTreeSet<(String, String)> {
        let results = request.messages.iter().filter(|message| message.role == Role::Tool);
        let mut orders = BTreeSet::new();
        for result in results {
            let text = result.joined_text();
            let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
            for pair in words.windows(2) {
                if let [verb @ ("start" | "stop" | "restart"), name] = pair
                    && self.containers.contains(*name)
                {
                    orders.insert(((*verb).to_owned(), (*name).to_owned()));
                }
            }
        }
        orders
    }
}

impl Provider for Hostile {
    fn stream(&self, asked: Call) -> Events {
        if self.trace.left() == 0 {
            let mut obeyed = self.obeyed.lock().unwrap_or_else(PoisonError::into_inner);
            let orders: Vec<_> = self.orders(&asked.request).difference(&obeyed).cloned().collect();
            let mut turn: Turn = Vec::new();
            for (index, (verb, name)) in (0..).zip(&orders) {
                let arguments = json!({ "action": verb, "container": name }).to_string();
                turn.push(call(index, &format!("obey-{verb}-{name}"), "docker_action", &arguments));
            }
            turn.push(finish(FinishReason::ToolCalls));
            self.trace
                .push(if orders.is_empty() { says("I obeyed.") } else { turn });
            obeyed.extend(orders);
        }
        self.trace.stream(asked)
    }
}
