//! A model that is another one for each system prompt: what Prime is asked and what a specialist is asked come in an order
//! that nobody knows when they are asked at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use jarvis_gateway::chat::Request;
use jarvis_gateway::provider::{Call, Events, Provider};
use jarvis_gateway::providers::scripted::{Scripted, Turn};

pub(crate) struct Voices {
    scripts: BTreeMap<&'static str, Scripted>,
}

impl Voices {
    /// Scripts by the name that the system prompt begins with: `You are Athena`.
    pub(crate) fn new(scripts: impl IntoIterator<Item = (&'static str, Vec<Turn>)>) -> Arc<Self> {
        let scripts = scripts.into_iter().map(|(name, turns)| (name, Scripted::new(turns)));
        Arc::new(Self {
            scripts: scripts.collect(),
        })
    }

    fn of(&self, name: &str) -> &Scripted {
        self.scripts
            .get(name)
            .unwrap_or_else(|| panic!("nobody speaks as {name}"))
    }

    /// What one of them was asked so far.
    pub(crate) fn asked(&self, name: &str) -> Vec<Arc<Request>> {
        self.of(name).calls().into_iter().map(|call| call.request).collect()
    }

    /// The last message of a request, as text.
    pub(crate) fn read(&self, name: &str, request: usize) -> String {
        let asked = self.asked(name);
        let last = asked[request].messages.last().expect("a message");
        last.joined_text()
    }

    /// The names of the tools that one of them was offered.
    pub(crate) fn offered(&self, name: &str, request: usize) -> Vec<String> {
        let asked = self.asked(name);
        asked[request].tools.iter().map(|tool| tool.name.clone()).collect()
    }
}

impl Provider for Voices {
    fn stream(&self, call: Call) -> Events {
        let system = call.request.messages[0].joined_text();
        let after = system.strip_prefix("You are ").expect("a system prompt");
        let name = after.split(|c: char| !c.is_alphabetic()).next().expect("a name");
        self.of(name).stream(call)
    }
}
