//! Containers of the real Docker engine, made for one test and removed after it.

use std::process::Command;

/// Labels what these tests may touch.
const LABEL: &str = "jarvis-test=program";
const IMAGE: &str = "jarvis-test/tiny";

pub(crate) struct Container {
    pub(crate) name: String,
}

impl Container {
    /// Runs a shell script in a container with a name of its own.
    pub(crate) fn run(purpose: &str, script: &str) -> Self {
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let name = format!("jarvis-test-{purpose}-{}", unique.get(24..).unwrap_or_default());
        let made = docker(&[
            "run",
            "-d",
            "--network",
            "none",
            "--label",
            LABEL,
            "--stop-timeout",
            "1",
            "--name",
            &name,
            IMAGE,
            "sh",
            "-c",
            script,
        ]);
        assert!(
            made.is_ok(),
            "{}\nstart an engine with scripts/docker-for-tests.sh",
            made.unwrap_err()
        );
        Self { name }
    }

    /// `running`, `exited`, as the engine itself says.
    pub(crate) fn state(&self) -> String {
        docker(&["inspect", "-f", "{{.State.Status}}", &self.name]).expect("the container is there")
    }

    pub(crate) fn started_at(&self) -> String {
        docker(&["inspect", "-f", "{{.State.StartedAt}}", &self.name]).expect("the container is there")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(docker(&["rm", "-f", &self.name]));
    }
}

pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .map_err(|error| format!("docker: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}
