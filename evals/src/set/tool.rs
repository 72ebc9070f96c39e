//! The tools of a set, with the risk that somebody who adds them to Jarvis would write down.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jarvis_gateway::providers::command::Command;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{AnyTool, Context, Error, Output, Plan, Prepared};
use serde::Deserialize;
use serde_json::Value;

use super::child::{Child, Given};
use crate::world::{plan, says};

/// What a set says of a tool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    name: String,
    description: String,
    /// JSON Schema of the arguments.
    parameters: Value,
    effect: Effect,
    private: bool,
    untrusted: bool,
    egress: bool,
    /// Arguments that name what a call is about.
    target: Vec<String>,
    verbs: Vec<String>,
    #[serde(default)]
    with_argument: Option<WithArgument>,
}

/// What the tool does beside that when an argument is given and not empty: an event with guests sends invitations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithArgument {
    argument: String,
    effect: Effect,
    egress: bool,
}

pub(super) struct OfSet {
    about: About,
    verbs: &'static [&'static str],
    child: Arc<Child>,
}

impl OfSet {
    pub(super) fn new(about: About, child: Arc<Child>) -> Self {
        let verbs: Vec<&'static str> = about.verbs.iter().map(|verb| forever(verb)).collect();
        Self {
            verbs: verbs.leak(),
            about,
            child,
        }
    }

    fn risk(&self, arguments: &Value) -> Risk {
        let about = &self.about;
        let is_given = |with: &&WithArgument| match arguments.get(&with.argument) {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        };
        let more = about.with_argument.as_ref().filter(is_given);
        Risk {
            effect: more.map_or(about.effect, |more| more.effect),
            min_trust: Trust::Operator,
            reads_private: about.private,
            over_budget: false,
            egress: about.egress || more.is_some_and(|more| more.egress),
            keeps: false,
        }
    }

    /// The values of the arguments that say what the call is about.
    fn target(&self, arguments: &Value) -> Option<String> {
        let values = self.about.target.iter().filter_map(|name| arguments.get(name));
        let words: Vec<String> = values
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                other => vec![other],
            })
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The words of tools are constants of the program; those of a set live as long as it.
fn forever(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[async_trait]
impl AnyTool for OfSet {
    fn name(&self) -> &str {
        &self.about.name
    }

    fn description(&self) -> &str {
        &self.about.description
    }

    fn parameters(&self) -> &Value {
        &self.about.parameters
    }

    fn untrusted_output(&self) -> bool {
        self.about.untrusted
    }

    fn only_acts(&self) -> bool {
        self.about.effect != Effect::Read
    }

    fn least_trust(&self) -> Trust {
        Trust::Operator
    }

    fn commands(&self) -> &'static [Command] {
        &[]
    }

    fn time_limit(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn prepare(&self, arguments: &Value) -> Result<Prepared, Error> {
        Ok(Prepared {
            risk: self.risk(arguments),
            target: self.target(arguments),
            verbs: self.verbs,
            arguments: arguments.clone(),
        })
    }

    /// Nothing is known of the state behind a tool from outside but what its calls tell.
    async fn plan(&self, _context: &Context, arguments: &Value) -> Result<Plan, Error> {
        Ok(plan(format!("{} {arguments}", self.about.name), "not done", "done"))
    }

    async fn run(&self, _context: &Context, arguments: Value) -> Result<Output, Error> {
        match self.child.call(&self.about.name, &arguments).await {
            Ok(Given::Text(text)) => Ok(says(text)),
            Ok(Given::Error(error)) => Err(Error::refused(error)),
            Err(error) => Err(Error::unavailable(format!("{error:#}"))),
        }
    }
}
