//! What of a server's messages goes on to the protocol's client, and when a server is taken to have gone mad.
//!
//! The client of the protocol spawns a task for every message and writes it to the log. Neither is bounded, so that only
//! what is of use here reaches it.

use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{JsonRpcMessage, ServerNotification, ServerRequest};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Messages that nobody asked for, in one [`WINDOW`]. A busy server's log has some hundreds.
const MOST: u32 = 20_000;
const WINDOW: Duration = Duration::from_secs(10);
/// Requests of the server that have not been answered yet. A client that can do nothing for it is asked little.
const MOST_OPEN: usize = 32;

/// A transport that lets through answers, and the few other messages that matter.
pub(crate) struct Sieve<T> {
    inner: T,
    since: Instant,
    unasked: u32,
    /// Requests of the server, less the answers to them that were handed over for sending.
    open: usize,
    /// Cancelled when the client lets go of the transport, for whatever reason: it does not tell by itself.
    _ended: DropGuard,
}

impl<T> Sieve<T> {
    pub(crate) fn new(inner: T, ended: CancellationToken) -> Self {
        Self {
            inner,
            since: Instant::now(),
            unasked: 0,
            open: 0,
            _ended: ended.drop_guard(),
        }
    }

    fn is_too_much(&mut self) -> bool {
        if self.since.elapsed() >= WINDOW {
            (self.since, self.unasked) = (Instant::now(), 0);
        }
        self.unasked += 1;
        self.unasked > MOST || self.open > MOST_OPEN
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Sieve<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        if matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)) {
            self.open = self.open.saturating_sub(1);
        }
        self.inner.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = self.inner.receive().await?;
            let passes = match &message {
                JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => return Some(message),
                JsonRpcMessage::Request(request) => {
                    self.open += 1;
                    if !matches!(request.request, ServerRequest::PingRequest(_)) {
                        tracing::debug!("an MCP server asks for what is not done for it");
                    }
                    true
                }
                JsonRpcMessage::Notification(notification) => matches!(
                    notification.notification,
                    ServerNotification::ToolListChangedNotification(_)
                ),
            };
            if self.is_too_much() {
                tracing::warn!("an MCP server sends more than anybody asked for; the connection is closed");
                return None;
            }
            if passes {
                return Some(message);
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}
