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

/// Messages in one [`WINDOW`]. A busy server's log has some hundreds, and answers are as many as calls.
const MOST: u32 = 20_000;
const WINDOW: Duration = Duration::from_secs(10);
/// Requests of the server that have not been answered yet. A client that can do nothing for it is asked little.
const MOST_OPEN: usize = 32;

/// A transport that lets through answers, and the few other messages that matter.
pub(crate) struct Sieve<T> {
    inner: T,
    since: Instant,
    received: u32,
    /// Requests of the server, less the answers to them that were handed over for sending.
    open: usize,
    /// Cancelled when nothing more comes, or the client lets go of the transport: it does not tell by itself.
    ended: CancellationToken,
    _when_dropped: DropGuard,
}

impl<T> Sieve<T> {
    pub(crate) fn new(inner: T, ended: CancellationToken) -> Self {
        Self {
            inner,
            since: Instant::now(),
            received: 0,
            open: 0,
            _when_dropped: ended.clone().drop_guard(),
            ended,
        }
    }

    fn is_too_much(&mut self) -> bool {
        if self.since.elapsed() >= WINDOW {
            (self.since, self.received) = (Instant::now(), 0);
        }
        self.received += 1;
        self.received > MOST || self.open > MOST_OPEN
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
            let Some(message) = self.inner.receive().await else {
                self.ended.cancel();
                return None;
            };
            let passes = match &message {
                JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => true,
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
                self.ended.cancel();
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
