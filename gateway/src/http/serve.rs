//! The accept loop.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use super::stall::Impatient;
use crate::seldom::Seldom;
use crate::tasks::Tasks;

/// A listener that cannot accept, because the process is out of file descriptors, is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Connections that the kernel may hold before they are accepted. With tokio's 128, clients that come in a crowd wait a
/// second for their handshake to be tried again (seen with 200 streams at once).
const QUEUE: u32 = 1024;

/// Bounds of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// For a request's header, and between two requests of one connection.
    pub header: Duration,
    /// For requests in flight, after the process was asked to stop.
    pub finish: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            header: Duration::from_secs(30),
            finish: Duration::from_secs(10),
        }
    }
}

/// Listens where a crowd may come at once.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart need not wait for the last connections of the process before it to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves `router` until the process is asked to stop, then lets requests in flight finish. What is not finished in time
/// is cut, which a client can tell from an end. Returns when the last connection is closed.
pub async fn serve(listener: TcpListener, router: Router, tasks: &Tasks, limits: Limits) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let stopping = tasks.stopping().clone();
    loop {
        let accepted = stopping.run_until_cancelled(accept(&listener, &slots)).await;
        let Some((stream, peer, slot)) = accepted else {
            break;
        };
        let connection = connection(stream, peer, router.clone(), tasks.clone(), limits);
        tasks.spawn_one_of_many("connection", async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    // The semaphore is never closed, so this only waits.
    drop(slots.acquire_many(all).await);
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<tokio::sync::OwnedSemaphorePermit>) {
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, tasks: Tasks, limits: Limits) {
    if let Err(error) = send_at_once(&stream) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.header);
    let mut connection = pin!(server.serve_connection(TokioIo::new(Impatient::new(stream)), service));
    let mut stop = Seldom::new(tasks.stopping().cancelled());
    let ended = poll_fn(|context| match connection.as_mut().poll(context) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => stop.poll(context).map(|()| None),
    });
    let ended = if let Some(ended) = ended.await {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        let Ok(ended) = tokio::time::timeout(limits.finish, connection).await else {
            tracing::warn!(peer.address = %peer, "a connection was cut because it did not finish in time");
            return;
        };
        ended
    };
    if let Err(error) = ended {
        tracing::debug!(peer.address = %peer, %error, "a connection ended with an error");
    }
}

/// With Nagle's algorithm the first tokens of a stream wait for the client's acknowledgement, 40 ms of it.
fn send_at_once(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}
