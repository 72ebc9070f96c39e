//! Containers that live as long as a test, and the tools as the agent calls them.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::clock::{Clock, System};
use jarvis_tools::catalog::{self, Catalog};
use jarvis_tools::{Config, Context, Error, Output, Plan};
use serde_json::{Value, json};

pub(crate) const IMAGE: &str = "jarvis-test/tiny";

/// Runs `docker` and returns what it says.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .expect("the program docker (apt-get install docker.io), then scripts/docker-for-tests.sh");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "docker {arguments:?}: {error}\nwithout an engine or the image {IMAGE}: start one with scripts/docker-for-tests.sh"
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(crate) fn unique(what: &str) -> String {
    format!("jarvis-test-{what}-{}", uuid::Uuid::now_v7().simple())
}

/// A container with a name of its own, removed at the end of the test, also of a failed one.
pub(crate) struct Container {
    pub(crate) name: String,
}

impl Container {
    /// Runs `script` by a shell. `options` are those of `docker run`.
    pub(crate) fn run(options: &[&str], script: &str) -> Self {
        let name = unique("run");
        let container = Self { name: name.clone() };
        let mut arguments = vec!["run", "-d", "--label", "jarvis-test", "--name", &name];
        arguments.extend(options);
        arguments.extend([IMAGE, "sh", "-c", script]);
        docker(&arguments);
        container
    }

    pub(crate) fn create(name: &str, command: &[&str]) -> Self {
        let container = Self { name: name.to_owned() };
        let mut arguments = vec!["create", "--label", "jarvis-test", "--name", name, IMAGE];
        arguments.extend(command);
        docker(&arguments);
        container
    }

    /// Ends when it is asked to, unlike a plain shell, which ignores it as the first process.
    pub(crate) fn obedient(options: &[&str]) -> Self {
        Self::run(
            options,
            "trap 'exit 0' TERM; echo ready; while true; do sleep 0.1; done",
        )
    }

    pub(crate) fn ended(script: &str) -> Self {
        let container = Self::run(&[], script);
        docker(&["wait", &container.name]);
        container
    }

    /// One field of `docker inspect`: `.State.Status`.
    pub(crate) fn field(&self, field: &str) -> String {
        docker(&["inspect", "--format", &format!("{{{{{field}}}}}"), &self.name])
    }

    /// The first digits of its id.
    pub(crate) fn id(&self, digits: usize) -> String {
        self.field(".Id").chars().take(digits).collect()
    }

    pub(crate) fn arguments(&self) -> Value {
        json!({"container": self.name})
    }

    pub(crate) fn action(&self, action: &str) -> Value {
        json!({"action": action, "container": self.name, "timeout_s": 2})
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let removed = Command::new("docker").args(["rm", "-f", "-v", &self.name]).output();
        assert!(removed.is_ok() || std::thread::panicking());
    }
}

pub(crate) fn tools(config: &Value) -> Catalog {
    let clock: Arc<dyn Clock> = Arc::new(System);
    let config: Config = serde_json::from_value(json!({"docker": config})).expect("a valid configuration");
    catalog::standard(config, &clock)
}

/// Calls a tool on the engine of this machine.
pub(crate) async fn call(tool: &str, arguments: Value) -> Result<Output, Error> {
    call_of(&tools(&json!({})), tool, arguments).await
}

pub(crate) async fn call_of(tools: &Catalog, tool: &str, arguments: Value) -> Result<Output, Error> {
    let tool = tools.get(tool).expect("a known tool");
    tool.run(&Context::default(), arguments).await
}

pub(crate) async fn plan(tool: &str, arguments: Value) -> Result<Plan, Error> {
    let tools = tools(&json!({}));
    let tool = tools.get(tool).expect("a known tool");
    tool.plan(&Context::default(), &arguments).await
}

/// Looks until it is so, and fails after a while.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain until {what}");
}

#[track_caller]
pub(crate) fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}
