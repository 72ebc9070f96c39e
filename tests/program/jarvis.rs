//! A Jarvis in a process of its own, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::wire::{self, Answer, PATIENCE};

/// What a start is given.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) config: String,
    pub(crate) variables: Vec<(&'static str, String)>,
}

pub(crate) struct Jarvis {
    pub(crate) address: String,
    /// The lines of its start.
    pub(crate) lines: Vec<String>,
    pub(crate) folder: TempDir,
    child: Child,
}

/// The program with nothing of this machine's environment, so that no test finds what lies around here.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jarvis"));
    command
        .env_clear()
        .env("HOME", data)
        .env("JARVIS_DATA", data)
        .env("JARVIS_LISTEN", "127.0.0.1:0")
        // A port on which nothing listens, so that an Ollama on this machine is not found.
        .env("OLLAMA_HOST", "127.0.0.1:9")
        .current_dir(data)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Jarvis {
    pub(crate) async fn start(setup: &Setup) -> Self {
        Self::start_in(TempDir::new().expect("a folder"), setup).await
    }

    /// Starts on a folder that another one may have used before.
    pub(crate) async fn start_in(folder: TempDir, setup: &Setup) -> Self {
        if !setup.config.is_empty() {
            std::fs::write(folder.path().join("jarvis.toml"), &setup.config).expect("a configuration");
        }
        let mut command = command(folder.path());
        command.envs(setup.variables.iter().map(|(name, value)| (*name, value.as_str())));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("jarvis starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = Vec::new();
        let reading = async {
            while let Ok(Some(line)) = out.next_line().await {
                let is_last = line.trim_start().starts_with("Docker");
                lines.push(line);
                if is_last {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("jarvis says that it is ready");
        let address = lines
            .iter()
            .find_map(|line| line.split_once("http://").and_then(|(_, rest)| rest.split_once('/')))
            .map_or_else(|| panic!("no address in {lines:?}"), |(address, _)| address.to_owned());
        // What it prints later must not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
        Self {
            address,
            lines,
            folder,
            child,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The most memory that it has had, in MiB.
    pub(crate) fn peak_memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id().expect("it runs"));
        let status = std::fs::read_to_string(path).expect("its status");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("its peak");
        let kibibytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes / 1024
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        wire::send(&self.address, "GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        wire::send(&self.address, "POST", path, &headers, body.to_string()).await
    }

    /// A command line of the same installation: what it printed, and whether it succeeded.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (String, bool) {
        let mut command = command(self.folder.path());
        command.env("JARVIS_LISTEN", &self.address).args(arguments);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .expect("an end")
            .expect("it runs");
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        (text, output.status.success())
    }

    pub(crate) async fn conversation(&self) -> String {
        let made = self.post("/v1/jarvis/conversations", json!({})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Says something and waits for what is said back.
    pub(crate) async fn ask(&self, conversation: &str, text: &str) -> Value {
        let path = format!("/v1/jarvis/conversations/{conversation}/messages");
        let said = self.post(&path, json!({ "text": text })).await;
        assert_eq!(said.status, 202, "{}", said.text);
        let id = said.json()["message"]["id"].as_str().expect("an id").to_owned();
        self.message(conversation, |message| {
            message["role"] != "user" && message["id"].as_str().is_some_and(|other| other > id.as_str())
        })
        .await
    }

    /// Waits for a message that fits.
    pub(crate) async fn message(&self, conversation: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/jarvis/conversations/{conversation}/messages");
        eventually("a message", async || {
            let messages = self.get(&path).await.json()["messages"].clone();
            messages
                .as_array()
                .expect("messages")
                .iter()
                .find(|message| fits(message))
                .cloned()
        })
        .await
    }

    /// Waits until a card has a status.
    pub(crate) async fn card(&self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} to be {status}"), async || {
            let card = self.get(&format!("/v1/jarvis/approvals/{id}")).await.json();
            (card["status"] == status).then_some(card)
        })
        .await
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).expect("a pid")
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn terminate(&self) {
        let status = std::process::Command::new("kill")
            .args(["-TERM", &self.pid().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Ends it between two lines of its code, and keeps its folder.
    pub(crate) async fn kill(mut self) -> TempDir {
        self.child.kill().await.expect("it is killed");
        self.folder
    }

    pub(crate) fn into_folder(self) -> TempDir {
        self.folder
    }

    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("an end")
            .expect("a status")
            .code()
    }
}

/// Asks again until there is an answer. The pause only spares the machine; nothing depends on its length.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
