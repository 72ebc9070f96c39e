//! One connection to a server: from its handshake to its end.

use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::tasks::Tasks;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    JsonObject, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Resource, ResourceTemplate, Tool,
};
use rmcp::service::{ClientInitializeError, NotificationContext, Peer, RunningService, ServiceError, serve_client};
use rmcp::transport::Transport;
use rmcp::{ClientHandler, RoleClient};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::launch::{Launch, Way};
use crate::sieve::Sieve;
use crate::stdio::{Program, Said};
use crate::streamable;
use crate::words;

/// Tools of one server, and pages of the list of them. More than this nobody can have looked at.
const MOST_TOOLS: usize = 200;
const PAGES: usize = 20;
/// Resources, and as many patterns, that are listed for a model.
const MOST_RESOURCES: usize = 500;
/// Characters of a server's name, version or fault.
const WORDS: usize = 200;
/// How long a connection may take to be closed: twice asking the program to end, and then making it.
const CLOSE_LIMIT: Duration = Duration::from_secs(6);

/// What Jarvis is to a server: a client that offers nothing. Requests for a model, for folders or for the user's input are
/// refused by the protocol's client as it comes.
struct Client {
    changed: Arc<Notify>,
}

impl ClientHandler for Client {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }

    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("jarvis", env!("CARGO_PKG_VERSION"));
        // The newest that begins with a handshake, which every server has. An older one is agreed on with those that
        // know no newer.
        ClientConfig::new(ClientCapabilities::default(), own)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }
}

/// A server that answers.
pub(crate) struct Connection {
    service: RunningService<RoleClient, Client>,
    /// `name version, protocol 2025-11-25`, in the server's words.
    pub(crate) about: String,
    /// Cancelled when the connection is over.
    pub(crate) ended: CancellationToken,
    /// The server says that its tools are others now.
    pub(crate) changed: Arc<Notify>,
    said: Said,
}

/// What a server has.
pub(crate) struct Offers {
    pub(crate) tools: Vec<Tool>,
    pub(crate) resources: bool,
}

/// Why a call brought no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server answered, and refused.
    Refused(String),
    /// The connection ended, or nothing came in time: what was done is not known.
    Lost(String),
}

impl Connection {
    /// Connects within the server's limit of time. The error is a sentence.
    pub(crate) async fn open(launch: &Launch, tasks: &Tasks) -> Result<Self, String> {
        let limit = launch.server.start_limit();
        let opened = match &launch.way {
            Way::Program {
                command,
                args,
                environment,
            } => {
                let started = Program::start(command, args, environment, tasks);
                let (program, said) = started.map_err(|error| format!("`{command}` does not start: {error}"))?;
                timeout(limit, Self::greet(program, said)).await
            }
            Way::Address { url, credential } => {
                let transport = streamable::open(url, credential.clone())?;
                timeout(limit, Self::greet(transport, Said::nothing())).await
            }
        };
        opened.unwrap_or_else(|_| Err(format!("it did not answer within {} s", limit.as_secs())))
    }

    async fn greet<T>(transport: T, said: Said) -> Result<Self, String>
    where
        T: Transport<RoleClient> + 'static,
    {
        let ended = CancellationToken::new();
        let changed = Arc::new(Notify::new());
        let client = Client {
            changed: Arc::clone(&changed),
        };
        let service = serve_client(client, Sieve::new(transport, ended.clone())).await;
        let service = match service {
            Ok(service) => service,
            Err(error) => return Err(with_last_words(&not_begun(&error), &said).await),
        };
        let info = service.peer_info();
        let own = info.as_ref().and_then(|info| info.server_info.as_ref());
        let own = own.map_or_else(|| "a server".to_owned(), |own| format!("{} {}", own.name, own.version));
        let version = info.as_ref().map_or("?", |info| info.protocol_version.as_str());
        let about = words::line(&format!("{own}, protocol {version}"), WORDS);
        Ok(Self {
            service,
            about,
            ended,
            changed,
            said,
        })
    }

    pub(crate) fn line(&self) -> Line {
        Line {
            peer: self.service.peer().clone(),
            ended: self.ended.clone(),
        }
    }

    /// All tools, as far as anybody can have that many, and whether there are resources.
    pub(crate) async fn offers(&self, limit: Duration) -> Result<Offers, String> {
        let info = self.service.peer_info();
        let resources = info.is_some_and(|info| info.capabilities.resources.is_some());
        match timeout(limit, self.pages()).await {
            Ok(tools) => Ok(Offers {
                tools: tools?,
                resources,
            }),
            Err(_) => Err(format!("it did not list its tools within {} s", limit.as_secs())),
        }
    }

    async fn pages(&self) -> Result<Vec<Tool>, String> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let asked = PaginatedRequestParams::default().with_cursor(cursor);
            let page = self.service.list_tools(Some(asked));
            let page = tokio::select! {
                page = page => page.map_err(|error| format!("it does not list its tools: {}", spoken(&error)))?,
                () = self.ended.cancelled() => return Err("it ended while it listed its tools".to_owned()),
            };
            tools.extend(page.tools);
            if tools.len() > MOST_TOOLS {
                return Err(format!("it has more than {MOST_TOOLS} tools"));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        Err(format!("its list of tools has more than {PAGES} pages"))
    }

    /// Why it ended, as far as it said so.
    pub(crate) async fn last_words(&self) -> String {
        with_last_words("the connection ended", &self.said).await
    }

    pub(crate) async fn close(mut self) {
        if let Err(error) = self.service.close_with_timeout(CLOSE_LIMIT).await {
            tracing::warn!(%error, "the connection to an MCP server broke off");
        }
    }
}

async fn with_last_words(fault: &str, said: &Said) -> String {
    match said.last().await {
        Some(last) => format!("{fault}; it said: {last}"),
        None => fault.to_owned(),
    }
}

/// A hand on a connection, for its tools. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Line {
    peer: Peer<RoleClient>,
    ended: CancellationToken,
}

impl Line {
    /// Calls a tool. Nothing that the server sends on the way makes the limit longer; when it is reached, the server is told
    /// that nobody waits any more.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: JsonObject,
        limit: Duration,
    ) -> Result<CallToolResult, Fault> {
        let asked = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match self.within(limit, self.peer.call_tool_once(asked)).await? {
            CallToolResponse::Complete(result) => Ok(result),
            CallToolResponse::InputRequired(_) => Err(wants_to_ask()),
            _ => Err(Fault::Lost(
                "the server goes on by itself and has no answer yet".to_owned(),
            )),
        }
    }

    /// Reads a resource, under the same rules.
    pub(crate) async fn resource(&self, uri: String, limit: Duration) -> Result<ReadResourceResult, Fault> {
        let asked = ReadResourceRequestParams::new(uri);
        match self.within(limit, self.peer.read_resource_once(asked)).await? {
            ReadResourceResponse::Complete(result) => Ok(result),
            _ => Err(wants_to_ask()),
        }
    }

    /// The resources and the patterns of their addresses, as far as they are no more than a few pages.
    pub(crate) async fn resources(&self, limit: Duration) -> Result<Resources, Fault> {
        let deadline = Instant::now() + limit;
        let mut all = Resources::default();
        let mut cursor = None;
        for _ in 0..PAGES {
            let asked = PaginatedRequestParams::default().with_cursor(cursor);
            let left = deadline.saturating_duration_since(Instant::now());
            let page = self.within(left, self.peer.list_resources(Some(asked))).await?;
            all.listed.extend(page.resources);
            cursor = page.next_cursor;
            if cursor.is_none() || all.listed.len() > MOST_RESOURCES {
                break;
            }
        }
        all.is_cut = cursor.is_some() || all.listed.len() > MOST_RESOURCES;
        all.listed.truncate(MOST_RESOURCES);
        let left = deadline.saturating_duration_since(Instant::now());
        match self.within(left, self.peer.list_resource_templates(None)).await {
            Ok(page) => {
                all.is_cut |= page.next_cursor.is_some() || page.resource_templates.len() > MOST_RESOURCES;
                all.patterns = page.resource_templates;
                all.patterns.truncate(MOST_RESOURCES);
            }
            // Many servers have no patterns and do not know the question.
            Err(Fault::Refused(_)) => {}
            Err(lost @ Fault::Lost(_)) => return Err(lost),
        }
        Ok(all)
    }

    async fn within<T>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, Fault> {
        let answered = tokio::select! {
            answered = timeout(limit, asking) => answered,
            () = self.ended.cancelled() => return Err(Fault::Lost("the server ended".to_owned())),
        };
        match answered {
            Err(_) => Err(Fault::Lost(format!("no answer came within {} s", limit.as_secs()))),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ServiceError::McpError(error))) => Err(Fault::Refused(words::line(&error.message, 1_000))),
            Ok(Err(error)) => Err(Fault::Lost(spoken(&error))),
        }
    }
}

/// What a server lets be read.
#[derive(Default)]
pub(crate) struct Resources {
    pub(crate) listed: Vec<Resource>,
    pub(crate) patterns: Vec<ResourceTemplate>,
    pub(crate) is_cut: bool,
}

fn wants_to_ask() -> Fault {
    Fault::Refused("the server wants to ask the user something, which is not done here".to_owned())
}

fn spoken(error: &ServiceError) -> String {
    match error {
        // The rest of it names types of the program.
        ServiceError::TransportSend(failed) => words::line(&failed.error.to_string(), WORDS),
        other => words::line(&other.to_string(), WORDS),
    }
}

fn not_begun(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => words::line(&error.error.to_string(), WORDS),
        other => words::line(&other.to_string(), WORDS),
    }
}
