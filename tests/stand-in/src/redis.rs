//! A real Redis of one test's own, on a socket in a folder of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(20);
const INSTALL: &str = "install it with: sudo apt-get install -y redis-server";

pub struct Redis {
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server and waits until it answers. Fails with the command that installs it.
    pub async fn start() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("a folder for Redis: {error}"))?;
        let mut redis = Self { folder, child: None };
        redis.restart().await?;
        Ok(redis)
    }

    /// `unix:///…`.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Starts it again, with nothing of what it knew. One that runs is killed first.
    pub async fn restart(&mut self) -> Result<(), String> {
        self.kill().await;
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}; {INSTALL}"))?;
        self.child = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while self.run(&["PING"]).await.as_deref() != Ok("PONG") {
            if Instant::now() > deadline {
                return Err(format!("redis-server does not answer; {INSTALL}"));
            }
            // Only spares the machine; nothing depends on its length.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Ends it as a power cut does.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            drop(child.kill().await);
        }
        drop(std::fs::remove_file(self.socket()));
    }

    /// It keeps its connections and answers nothing until it is thawed.
    pub async fn freeze(&self) -> Result<(), String> {
        self.signal("-STOP").await
    }

    pub async fn thaw(&self) -> Result<(), String> {
        self.signal("-CONT").await
    }

    /// What `redis-cli` prints for a command.
    pub async fn run(&self, command: &[&str]) -> Result<String, String> {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(command)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| format!("redis-cli does not start: {error}; {INSTALL}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    async fn signal(&self, signal: &str) -> Result<(), String> {
        let id = self.child.as_ref().and_then(Child::id).ok_or("it does not run")?;
        let status = Command::new("kill").args([signal, &id.to_string()]).status().await;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("kill {signal}: {status}")),
            Err(error) => Err(format!("kill {signal}: {error}")),
        }
    }
}
