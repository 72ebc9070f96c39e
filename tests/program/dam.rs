//! Stands between Jarvis and the Docker engine, and holds one request, or the answer to it, for ever.

use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::jarvis::Setup;
use crate::wire::PATIENCE;

const ENGINE: &str = "/var/run/docker.sock";

/// Which of the two is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Request,
    Answer,
}

type Hold = Arc<Mutex<Option<(&'static str, Held)>>>;

pub(crate) struct Dam {
    folder: TempDir,
    hold: Hold,
    arrived: Arc<Semaphore>,
}

impl Dam {
    /// Lets everything through until it is told otherwise.
    pub(crate) fn build() -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let (hold, arrived) = (Hold::default(), Arc::new(Semaphore::new(0)));
        let dam = Self {
            folder,
            hold: Arc::clone(&hold),
            arrived: Arc::clone(&arrived),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&hold), Arc::clone(&arrived)));
            }
        });
        dam
    }

    /// The same setup, with the engine behind the dam.
    pub(crate) fn before(&self, setup: Setup) -> Setup {
        let mut setup = setup;
        let host = format!("unix://{}", self.folder.path().join("docker.sock").display());
        setup.variables.push(("DOCKER_HOST", host));
        setup
    }

    /// From now on, what has `path` in its first line is held.
    pub(crate) fn hold(&self, path: &'static str, held: Held) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some((path, held));
    }

    /// Waits until something is held.
    pub(crate) async fn arrived(&self) {
        let waiting = tokio::time::timeout(PATIENCE, self.arrived.acquire());
        waiting
            .await
            .expect("nothing came to the dam")
            .expect("it stands")
            .forget();
    }
}

async fn carry(mut client: UnixStream, hold: Hold, arrived: Arc<Semaphore>) {
    let mut engine = UnixStream::connect(ENGINE).await.expect("a Docker engine");
    let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_held = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(bytes) = read.ok().and_then(|length| asked.get(..length)).filter(|bytes| !bytes.is_empty()) else {
                    return;
                };
                let line = String::from_utf8_lossy(bytes);
                let line = line.lines().next().unwrap_or_default();
                let held = hold.lock().unwrap_or_else(PoisonError::into_inner).filter(|(path, _)| line.contains(path));
                is_held = held.is_some();
                if matches!(held, Some((_, Held::Request))) {
                    arrived.add_permits(1);
                    return std::future::pending().await;
                }
                if engine.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = engine.read(&mut said) => {
                let Some(bytes) = read.ok().and_then(|length| said.get(..length)).filter(|bytes| !bytes.is_empty()) else {
                    return;
                };
                if is_held {
                    arrived.add_permits(1);
                    return std::future::pending().await;
                }
                if client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}
