//! All tools by name: the one list that offers, policy and command mode are made from.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use jarvis_gateway::chat::ToolSpec;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::providers::command::Command;
use serde_json::Value;

use crate::docker::{ContainerStats, DockerAction, GetContainerLogs, InspectContainer, ListContainers};
use crate::risk::Trust;
use crate::server_status::ServerStatus;
use crate::tool::{AnyTool, Context, Error, Output, Plan, Prepared, Tool};
use crate::{Config, docker};

/// Every tool that comes with Jarvis. A new one is one more line here.
pub fn standard(config: Config, clock: &Arc<dyn Clock>) -> Catalog {
    let client = docker::Client::new(&config.docker);
    Catalog::default()
        .with(ListContainers::new(client.clone()))
        .with(InspectContainer::new(client.clone(), Arc::clone(clock)))
        .with(GetContainerLogs::new(client.clone(), Arc::clone(clock)))
        .with(ContainerStats::new(client.clone()))
        .with(DockerAction::new(client, config.docker, Arc::clone(clock)))
        .with(ServerStatus::new(config.server_status))
}

/// The tools of one installation, by their names.
#[derive(Clone, Default)]
pub struct Catalog {
    tools: BTreeMap<String, Arc<dyn AnyTool>>,
    shelf: Shelf,
}

/// The tools that come and go while the program runs, by whoever brings them: a server outside. Clones are one shelf.
#[derive(Clone, Default)]
pub struct Shelf(Arc<RwLock<ByBringer>>);

type ByBringer = BTreeMap<String, Vec<Arc<dyn AnyTool>>>;

impl Shelf {
    /// From now on these are the tools of `bringer`, and none of those that it had before.
    pub fn put(&self, bringer: &str, tools: Vec<Arc<dyn AnyTool>>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(bringer.to_owned(), tools);
    }

    fn find(&self, name: &str) -> Option<Arc<dyn AnyTool>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().flatten().find(|tool| tool.name() == name).cloned()
    }

    fn all(&self) -> Vec<Arc<dyn AnyTool>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().flatten().cloned().collect()
    }
}

impl Catalog {
    /// Adds a tool; the last one of a name wins, so a caller that wants to notice duplicates compares [`Self::len`].
    #[must_use]
    pub fn with<T: Tool>(self, tool: T) -> Self {
        self.with_any(Arc::new(Erased::new(tool)))
    }

    /// The same for a tool whose arguments have no type here: it comes from outside.
    #[must_use]
    pub fn with_any(mut self, tool: Arc<dyn AnyTool>) -> Self {
        self.tools.insert(tool.name().to_owned(), tool);
        self
    }

    /// Where tools are put that come and go. All clones of the catalogue have them. A tool of the catalogue's own is
    /// never replaced by one of the same name.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    pub fn get(&self, name: &str) -> Option<Arc<dyn AnyTool>> {
        self.tools.get(name).cloned().or_else(|| self.shelf.find(name))
    }

    /// The names of the catalogue's own tools.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// All that can be called now.
    pub fn iter(&self) -> impl Iterator<Item = Arc<dyn AnyTool>> {
        let own = self.tools.values().cloned();
        let visiting = self.shelf.all().into_iter();
        own.chain(visiting.filter(|tool| !self.tools.contains_key(tool.name())))
    }

    /// How many tools are the catalogue's own.
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The commands of all tools, for command mode, in the order of the alphabet that its help shows.
    pub fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = self.iter().flat_map(|tool| tool.commands().iter().copied()).collect();
        commands.sort_by_key(|command| command.phrases.first());
        commands
    }
}

/// How a model is told of a tool.
pub fn spec(tool: &dyn AnyTool) -> ToolSpec {
    ToolSpec {
        name: tool.name().to_owned(),
        description: tool.description().to_owned(),
        parameters: tool.parameters().clone(),
        strict: None,
    }
}

struct Erased<T> {
    tool: T,
    description: String,
    parameters: Value,
}

impl<T: Tool> Erased<T> {
    fn new(tool: T) -> Self {
        let mut parameters = schemars::generate::SchemaSettings::draft07()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<T::Input>()
            .to_value();
        let mut description = String::new();
        if let Some(object) = parameters.as_object_mut() {
            // The description goes beside the schema, and the rest is noise for a model.
            if let Some(Value::String(text)) = object.remove("description") {
                description = text.replace('\n', " ");
            }
            object.remove("$schema");
            object.remove("title");
            // Some servers refuse a tool without it.
            object
                .entry("properties")
                .or_insert_with(|| Value::Object(serde_json::Map::default()));
        }
        Self {
            tool,
            description,
            parameters,
        }
    }

    fn parse(arguments: &Value) -> Result<T::Input, Error> {
        serde_path_to_error::deserialize(arguments).map_err(|error| {
            let at = match error.path().to_string() {
                // The message of an unknown or a missing field names it, and the path is the whole.
                path if path == "." => String::new(),
                path => format!("`{path}`: "),
            };
            Error::refused(format!(
                "the arguments of `{}` do not fit: {at}{}",
                T::NAME,
                error.inner()
            ))
        })
    }
}

#[async_trait]
impl<T: Tool> AnyTool for Erased<T> {
    fn name(&self) -> &str {
        T::NAME
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn parameters(&self) -> &Value {
        &self.parameters
    }

    fn untrusted_output(&self) -> bool {
        self.tool.untrusted_output()
    }

    fn only_acts(&self) -> bool {
        self.tool.only_acts()
    }

    fn least_trust(&self) -> Trust {
        self.tool.least_trust()
    }

    fn commands(&self) -> &'static [Command] {
        self.tool.commands()
    }

    fn time_limit(&self) -> std::time::Duration {
        self.tool.time_limit()
    }

    fn prepare(&self, arguments: &Value) -> Result<Prepared, Error> {
        let input = Self::parse(arguments)?;
        Ok(Prepared {
            risk: self.tool.risk(&input),
            target: self.tool.target(&input),
            verbs: self.tool.verbs(&input),
            arguments: arguments.clone(),
        })
    }

    async fn plan(&self, context: &Context, arguments: &Value) -> Result<Plan, Error> {
        self.tool.plan(context, &Self::parse(arguments)?).await
    }

    async fn run(&self, context: &Context, arguments: Value) -> Result<Output, Error> {
        self.tool.run(context, Self::parse(&arguments)?).await
    }
}
