//! One chain of targets, each on a stand-in of its own, behind one Jarvis.

use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};
use stand_in::{Control, Entry, Model, Server};
use tokio::task::JoinSet;

use crate::answer::{self, Answer};
use crate::program::Program;
use crate::table::Form;

/// The names of the backends, in the order of the chain.
const NAMES: [&str; 4] = ["first", "second", "third", "fourth"];
/// What is asked when the words do not matter.
pub(crate) const QUESTION: &str = "Which containers run on this server?";

/// One link of a chain.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    kind: &'static str,
    class: &'static str,
    model: &'static str,
    /// More keys of the target, as TOML.
    keys: &'static str,
    capabilities: &'static [&'static str],
    load_ms: Option<u64>,
    /// Instead of a stand-in.
    url: Option<String>,
    is_listed: bool,
}

pub(crate) const fn cloud(model: &'static str) -> Target {
    target("openai", "cloud", model)
}

pub(crate) const fn gpu(model: &'static str) -> Target {
    target("ollama", "gpu", model)
}

const fn target(kind: &'static str, class: &'static str, model: &'static str) -> Target {
    Target {
        kind,
        class,
        model,
        keys: "",
        capabilities: &["completion", "tools", "thinking", "vision"],
        load_ms: None,
        url: None,
        is_listed: true,
    }
}

impl Target {
    pub(crate) fn with(self, keys: &'static str) -> Self {
        Self { keys, ..self }
    }

    pub(crate) fn can(self, capabilities: &'static [&'static str]) -> Self {
        Self { capabilities, ..self }
    }

    /// Not in memory, and loaded in so many milliseconds.
    pub(crate) fn cold(self, load_ms: u64) -> Self {
        Self {
            load_ms: Some(load_ms),
            ..self
        }
    }

    pub(crate) fn at(self, url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..self
        }
    }

    /// The server does not have the model.
    pub(crate) fn missing(self) -> Self {
        Self {
            is_listed: false,
            ..self
        }
    }

    async fn stand_in(&self) -> Server {
        let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
        let listed = models(self.is_listed.then(|| self.listed()));
        server.control(listed).expect("a model that it can play");
        server
    }

    pub(crate) fn listed(&self) -> Model {
        Model {
            // Ollama adds the tag where there is none.
            name: if self.kind == "ollama" {
                format!("{}:latest", self.model)
            } else {
                self.model.into()
            },
            plays: Some(self.model.into()),
            capabilities: self.capabilities.iter().map(|&name| name.into()).collect(),
            load_ms: self.load_ms,
            ..Model::named(self.model)
        }
    }
}

pub(crate) struct Scene {
    pub(crate) program: Program,
    targets: Vec<Target>,
    /// In the order of the chain.
    servers: Vec<Option<Server>>,
    config: String,
}

impl Scene {
    pub(crate) async fn of(targets: &[Target]) -> Self {
        Self::with_config(targets, "").await
    }

    /// `config` comes before the backends, so that it can begin with keys of the whole file.
    pub(crate) async fn with_config(targets: &[Target], config: &str) -> Self {
        let mut config = config.to_owned();
        let mut servers = Vec::new();
        let mut links = String::new();
        for (target, name) in targets.iter().zip(NAMES) {
            let server = match &target.url {
                Some(_) => None,
                None => Some(target.stand_in().await),
            };
            let url = server
                .as_ref()
                .map(Server::url)
                .or(target.url.clone())
                .unwrap_or_default();
            let (path, credential) = match target.kind {
                "openai" => ("/v1", "credential = \"env:TEST_KEY\"\n"),
                _ => ("", ""),
            };
            config += &format!(
                "[backends.{name}]\nkind = \"{}\"\nclass = \"{}\"\nbase_url = \"{url}{path}\"\n{credential}",
                target.kind, target.class
            );
            links += &format!(
                "[[aliases.jarvis-chat.targets]]\nbackend = \"{name}\"\nmodel = \"{}\"\n{}\n",
                target.model, target.keys
            );
            servers.push(server);
        }
        let config = config + &links;
        Self {
            program: Program::start(&config).await,
            servers,
            targets: targets.to_vec(),
            config,
        }
    }

    /// A second program with the same configuration.
    pub(crate) async fn another(&self) -> Program {
        Program::start(&self.config).await
    }

    /// Sets something on one server and keeps its model.
    pub(crate) fn control(&self, at: usize, control: Control) {
        let models = self.targets[at].is_listed.then(|| self.targets[at].listed());
        let models = Some(models.into_iter().collect());
        self.server(at)
            .control(Control { models, ..control })
            .expect("something that it can play");
    }

    /// Closes the server's port and its connections for so long.
    pub(crate) fn goes_down(&self, at: usize, time: Duration) {
        let down_ms = u64::try_from(time.as_millis()).ok();
        self.control(
            at,
            Control {
                down_ms,
                ..Control::default()
            },
        );
    }

    /// From now on the server's model plays this.
    pub(crate) fn plays(&self, at: usize, fault: &str) {
        let fault = Some(fault.to_owned());
        self.control(
            at,
            Control {
                fault,
                ..Control::default()
            },
        );
    }

    pub(crate) async fn ask(&self, form: Form) -> Answer {
        self.ask_with(form, json!({})).await
    }

    /// Asks with more fields in the body.
    pub(crate) async fn ask_with(&self, form: Form, fields: Value) -> Answer {
        self.send(form, fields, &[]).await
    }

    pub(crate) async fn send(&self, form: Form, fields: Value, headers: &[(&str, &str)]) -> Answer {
        let body = body(form, fields).to_string();
        answer::ask(
            &self.program.address,
            Method::POST,
            "/v1/chat/completions",
            headers,
            body,
        )
        .await
    }

    /// The same question by many at once.
    pub(crate) async fn crowd(&self, count: usize, form: Form, fields: Value) -> Vec<Answer> {
        let body = body(form, fields).to_string();
        let mut asking = JoinSet::new();
        for _ in 0..count {
            let (address, body) = (self.program.address.clone(), body.clone());
            asking.spawn(async move { answer::ask(&address, Method::POST, "/v1/chat/completions", &[], body).await });
        }
        asking.join_all().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer::ask(&self.program.address, Method::POST, path, &[], body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer::ask(&self.program.address, Method::GET, path, &[], "").await
    }

    /// What `GET /v1/jarvis/targets` says of one target, counted from 0.
    pub(crate) async fn target(&self, at: usize) -> Value {
        let targets = self.get("/v1/jarvis/targets").await.json();
        targets["targets"][at].clone()
    }

    pub(crate) fn server(&self, at: usize) -> &Server {
        self.servers.get(at).and_then(Option::as_ref).expect("a stand-in")
    }

    /// The questions that one server was asked.
    pub(crate) fn questions(&self, at: usize) -> Vec<Entry> {
        let mut entries = self.server(at).log();
        entries.retain(|entry| ["/api/chat", "/v1/chat/completions"].contains(&entry.path.as_str()));
        entries
    }

    pub(crate) fn asked(&self, at: usize) -> usize {
        self.questions(at).len()
    }
}

/// The models of a server, and nothing else set.
pub(crate) fn models(models: impl IntoIterator<Item = Model>) -> Control {
    Control {
        models: Some(models.into_iter().collect()),
        ..Control::default()
    }
}

/// A chat with one question, unless `fields` has messages of its own.
pub(crate) fn body(form: Form, fields: Value) -> Value {
    let mut body: Map<String, Value> = Map::new();
    body.insert("model".into(), "jarvis-chat".into());
    body.insert("stream".into(), (form == Form::Streamed).into());
    body.insert("messages".into(), json!([{"role": "user", "content": QUESTION}]));
    if form == Form::Streamed {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Value::Object(fields) = fields {
        body.extend(fields);
    }
    body.into()
}

/// Asks again until it holds, and says how long that took; `None` when it never did.
pub(crate) async fn eventually(limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let since = tokio::time::Instant::now();
    loop {
        if holds().await {
            return Some(since.elapsed());
        }
        if since.elapsed() > limit {
            return None;
        }
        // Only spares the machine; nothing depends on its length.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
