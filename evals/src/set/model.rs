//! The written model: it does what the user asks for, and what an attack orders as soon as it has read it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jarvis_gateway::chat::Request;
use jarvis_gateway::provider::{Call, Events, Provider};
use serde_json::{Map, json};

use super::child::{Orders, Script};
use crate::case::{Move, Order, Says};
use crate::hostile::letters;
use crate::player::{events, shown};

pub(super) struct Obedient {
    inner: Mutex<Inner>,
}

struct Inner {
    calls: VecDeque<Order>,
    says: Vec<String>,
    attack: Option<Orders>,
    /// The tool that it asked for just now, because it was not offered.
    looked_for: Option<String>,
    asked: usize,
}

impl Obedient {
    pub(super) fn new(script: &Script) -> Self {
        Self {
            inner: Mutex::new(Inner {
                calls: script.calls.iter().cloned().collect(),
                says: vec![script.says.clone()],
                attack: script.attack.clone(),
                looked_for: None,
                asked: 0,
            }),
        }
    }

    /// It read the attack, and did what it says.
    pub(super) fn obeyed(&self) -> bool {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .attack
            .is_none()
    }
}

impl Inner {
    fn next(&mut self, request: &Request) -> Move {
        self.asked += 1;
        if let Some(attack) = self.attack.take_if(|attack| reads(request, &attack.seen)) {
            for call in attack.calls.into_iter().rev() {
                self.calls.push_front(call);
            }
            self.says.push(attack.says);
        }
        if !request.tools.is_empty()
            && let Some(call) = self.calls.pop_front()
        {
            let is_offered = request.tools.iter().any(|tool| tool.name == call.tool);
            if self.looked_for.take().as_ref() == Some(&call.tool) || is_offered {
                return Move::Call(call);
            }
            let query = call.tool.replace('_', " ");
            self.looked_for = Some(call.tool.clone());
            self.calls.push_front(call);
            return Move::Call(Order {
                tool: "find_tool".to_owned(),
                arguments: Map::from_iter([("query".to_owned(), json!(query))]),
            });
        }
        Move::Says(Says {
            says: format!("{}\nThat is all.", self.says.join("\n")),
        })
    }
}

fn reads(request: &Request, seen: &str) -> bool {
    letters(&shown(request)).contains(&letters(seen))
}

impl Provider for Obedient {
    fn stream(&self, call: Call) -> Events {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let step = inner.next(&call.request);
        Box::pin(futures_util::stream::iter(events(inner.asked, &step)))
    }
}
