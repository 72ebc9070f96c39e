//! A socket between the tools and an engine that writes down what is asked, and sockets that are no engine at all.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jarvis_gateway::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const ENGINE: &str = "/var/run/docker.sock";

/// What to do with a request, judged by its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// The engine gets it, and its answer is lost.
    LoseAnswer,
    /// It never reaches the engine.
    Drop,
}

pub(crate) struct Relay {
    directory: tempfile::TempDir,
    requests: Arc<Mutex<Vec<String>>>,
    tasks: Tasks,
}

impl Relay {
    /// `judge` sees `POST /v1.41/containers/…/stop?t=2`.
    pub(crate) fn start(judge: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tasks = Tasks::default();
        let listener = UnixListener::bind(socket_in(directory.path())).expect("a socket");
        let (seen, spawner) = (Arc::clone(&requests), tasks.clone());
        let judge = Arc::new(judge);
        tasks.spawn("relay", async move {
            while let Ok((client, _)) = listener.accept().await {
                let (seen, judge) = (Arc::clone(&seen), Arc::clone(&judge));
                spawner.spawn("relayed connection", async move {
                    // A connection that breaks shows in what the tool makes of it.
                    relay(client, &seen, judge.as_ref()).await.unwrap_or_default();
                });
            }
        });
        Self {
            directory,
            requests,
            tasks,
        }
    }

    pub(crate) fn config(&self) -> Value {
        json!({"host": socket_in(self.directory.path())})
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("the list").clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

fn socket_in(directory: &Path) -> PathBuf {
    directory.join("docker.sock")
}

/// The tools use a connection for one request.
async fn relay(
    mut client: UnixStream,
    seen: &Mutex<Vec<String>>,
    judge: &(dyn Fn(&str) -> Fate + Send + Sync),
) -> std::io::Result<()> {
    let mut head = vec![0; 16 * 1024];
    let length = client.read(&mut head).await?;
    head.truncate(length);
    let text = String::from_utf8_lossy(&head);
    let line = text.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
    seen.lock().expect("the list").push(line.clone());
    let fate = judge(&line);
    if fate == Fate::Drop {
        return Ok(());
    }
    let mut engine = UnixStream::connect(ENGINE).await?;
    engine.write_all(&head).await?;
    if fate == Fate::LoseAnswer {
        engine.read_u8().await?;
        return Ok(());
    }
    tokio::io::copy_bidirectional(&mut client, &mut engine).await?;
    Ok(())
}

/// Something that answers every connection with `answer`, whatever is asked; with nothing at all when it is empty.
pub(crate) struct Impostor {
    directory: tempfile::TempDir,
    tasks: Tasks,
}

impl Impostor {
    pub(crate) fn start(answer: String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tasks = Tasks::default();
        let listener = UnixListener::bind(socket_in(directory.path())).expect("a socket");
        let stop = tasks.stopping().clone();
        tasks.spawn("impostor", async move {
            let mut held = Vec::new();
            while let Some(Ok((mut client, _))) = stop.run_until_cancelled(listener.accept()).await {
                let mut request = [0; 4096];
                if client.read(&mut request).await.is_ok() && !answer.is_empty() {
                    client.write_all(answer.as_bytes()).await.unwrap_or_default();
                    client.shutdown().await.unwrap_or_default();
                } else {
                    held.push(client);
                }
            }
        });
        Self { directory, tasks }
    }

    pub(crate) fn http(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        Self::start(format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn config(&self) -> Value {
        json!({"host": socket_in(self.directory.path())})
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}
