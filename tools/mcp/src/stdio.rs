//! A server that is a program of this machine: a line of JSON per message over its standard input and output.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use jarvis_gateway::tasks::Tasks;
use jarvis_tools::outside_text::mask;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rmcp::RoleClient;
use rmcp::model::{ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::words;

/// The longest message of a server, in bytes. A picture in a result fits.
pub(crate) const MAX_MESSAGE: usize = 8 * 1024 * 1024;
/// A server that does not read what it is told for this long is not at work.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long a server may take to end when its input ends, and again when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Lines of its error stream that are kept for saying why it ended, and how long one is.
const LAST_LINES: usize = 3;
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(500);
const LINE: usize = 300;
/// Lines of its error stream that go to the log of one run of it.
const LOGGED: usize = 100;

/// The last lines of a program's error stream.
#[derive(Clone, Default)]
pub(crate) struct Said {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Cancelled when there will be no more.
    over: CancellationToken,
}

impl Said {
    /// Of a server that has no error stream.
    pub(crate) fn nothing() -> Self {
        let said = Self::default();
        said.over.cancel();
        said
    }

    fn add(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// What it said last. Of a program that just ended the rest is waited for, for a moment.
    pub(crate) async fn last(&self) -> Option<String> {
        timeout(LAST_WORDS_LIMIT, self.over.cancelled())
            .await
            .unwrap_or_default();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        (!lines.is_empty()).then(|| lines.join(" / "))
    }
}

/// A running server and the ends of its pipes.
pub(crate) struct Program {
    group: Group,
    input: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
    output: ChildStdout,
    buffer: BytesMut,
    /// Up to here the buffer holds no end of a line.
    searched: usize,
    /// Half a message was written, so that nothing after it could be read.
    broken: CancellationToken,
}

impl Program {
    /// Starts the server. It is in a group of its own, so that a Ctrl-C for Jarvis is none for it, and so that what it
    /// starts ends with it. It gets `environment` and nothing else.
    pub(crate) fn start(
        command: &str,
        args: &[String],
        environment: &[(String, SecretString)],
        tasks: &Tasks,
    ) -> io::Result<(Self, Said)> {
        let mut child = Command::new(command)
            .args(args)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value.expose_secret())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let said = Said::default();
        if let Some(errors) = child.stderr.take() {
            tasks.spawn(
                "errors of an MCP server",
                listen(errors, said.clone(), command.to_owned()),
            );
        }
        let program = Self {
            group: Group { child, id },
            input: Arc::new(tokio::sync::Mutex::new(Some(input))),
            output,
            buffer: BytesMut::new(),
            searched: 0,
            broken: CancellationToken::new(),
        };
        Ok((program, said))
    }

    /// The next whole line, or `None` when the output is over or a line does not end. It can be dropped while it waits.
    async fn line(&mut self) -> Option<BytesMut> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + at + 1);
                self.searched = 0;
                return Some(line);
            }
            self.searched = self.buffer.len();
            if self.searched > MAX_MESSAGE {
                tracing::warn!("an MCP server writes a message without end; it is ended");
                return None;
            }
            let read = tokio::select! {
                read = self.output.read_buf(&mut self.buffer) => read,
                () = self.broken.cancelled() => return None,
            };
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }
}

impl Transport<RoleClient> for Program {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let (input, broken) = (Arc::clone(&self.input), self.broken.clone());
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let write = async {
                let mut input = input.lock().await;
                let input = input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
                // From here on half a message may be out.
                let broken = broken.clone().drop_guard();
                input.write_all(&line).await?;
                input.flush().await?;
                broken.disarm();
                Ok(())
            };
            let written = timeout(WRITE_LIMIT, write).await;
            written.unwrap_or_else(|_| {
                broken.cancel();
                Err(io::ErrorKind::TimedOut.into())
            })
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let line = self.line().await?;
            if let Some(message) = understood(&line) {
                return Some(message);
            }
            // Many servers print a greeting.
            tracing::debug!("an MCP server writes a line that is no message");
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        // The end of its input is how a server is told to end.
        if let Ok(mut input) = self.input.try_lock() {
            input.take();
        }
        self.group.end().await;
        Ok(())
    }
}

/// A message, or `None` for what is none. An answer in a form that is not known is still an answer: whoever waits for it is
/// told.
pub(crate) fn understood(text: &[u8]) -> Option<RxJsonRpcMessage<RoleClient>> {
    if let Ok(message) = serde_json::from_slice(text) {
        return Some(message);
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    let is_answer = value.get("method").is_none() && (value.get("result").is_some() || value.get("error").is_some());
    let id: RequestId = serde_json::from_value(value.get("id").filter(|_| is_answer)?.clone()).ok()?;
    let fault = ErrorData::internal_error("the server answered in a form that is not known here", None);
    Some(JsonRpcMessage::error(fault, Some(id)))
}

/// Reads the error stream to its end, so that the program never waits for it. Of what it says a part is logged.
async fn listen(mut errors: ChildStderr, said: Said, command: String) {
    let _over = said.over.clone().drop_guard();
    let mut buffer = BytesMut::new();
    let mut logged = 0;
    while matches!(errors.read_buf(&mut buffer).await, Ok(1..)) {
        while let Some(at) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(at + 1);
            hear(&line, &said, &command, &mut logged);
        }
        if buffer.len() > 16 * LINE {
            hear(&buffer, &said, &command, &mut logged);
            buffer.clear();
        }
    }
    hear(&buffer, &said, &command, &mut logged);
}

fn hear(line: &[u8], said: &Said, command: &str, logged: &mut usize) {
    let line = mask(&words::line(&String::from_utf8_lossy(line), LINE));
    if line.is_empty() {
        return;
    }
    *logged += 1;
    match (*logged).cmp(&(LOGGED + 1)) {
        Ordering::Less => tracing::info!(mcp.command = command, "an MCP server says: {line}"),
        Ordering::Equal => tracing::info!(mcp.command = command, "an MCP server says more, which is not logged"),
        Ordering::Greater => {}
    }
    said.add(line);
}

/// A program and everything that it started. Nothing of it outlives this value.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // Everything of it can have ended already.
            killpg(id, signal).unwrap_or_default();
        }
    }

    /// It is asked to end before it is made to.
    async fn end(&mut self) {
        if timeout(END_LIMIT, self.child.wait()).await.is_err() {
            self.signal(Signal::SIGTERM);
            drop(timeout(END_LIMIT, self.child.wait()).await);
        }
        self.signal(Signal::SIGKILL);
        drop(self.child.wait().await);
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}
