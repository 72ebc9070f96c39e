//! A Jarvis in a process of its own, in a folder of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// Processes that start at the same time take the processor from the cases that run.
static STARTING: Semaphore = Semaphore::const_new(2);

/// A copy, so that a build that runs meanwhile does not exchange the program.
static BINARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("jarvis");
    std::fs::copy(env!("CARGO_BIN_EXE_jarvis"), &copy).expect("a copy of the program");
    (folder, copy)
});

pub(crate) struct Program {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    _folder: TempDir,
    _child: Child,
}

impl Program {
    pub(crate) async fn start(config: &str) -> Self {
        let _starting = STARTING.acquire().await.expect("nobody closes it");
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("jarvis.toml"), config).expect("a configuration");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut child = Command::new(&BINARY.1)
            .env_clear()
            .env("HOME", folder.path())
            .env("JARVIS_DATA", folder.path())
            .env("JARVIS_LISTEN", "127.0.0.1:0")
            .env("JARVIS_LOG", "info")
            // Nothing listens there, so that an Ollama on this machine is not found.
            .env("OLLAMA_HOST", "127.0.0.1:9")
            .env("TEST_KEY", "sk-of-the-stand-in")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("jarvis starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut address = None;
        while address.is_none() {
            let Ok(Some(line)) = lines.next_line().await else {
                let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                panic!("jarvis did not start: {log}");
            };
            address = line
                .split_once("http://")
                .and_then(|(_, rest)| Some(rest.split_once('/')?.0.to_owned()));
        }
        // What it prints later must not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            address: address.expect("an address"),
            _folder: folder,
            _child: child,
        }
    }
}
