use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::{BoxError, Service};

/// A TLS handshake may take this much longer than the connection under it.
const TLS_ALLOWANCE: Duration = Duration::from_secs(3);

/// Keeps idle connections alive through NAT and notices a host that vanished in the middle of an answer.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Opens connections: resolves, connects, shakes hands, all within their limits.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<TimedTcp>,
    limit: Duration,
}

impl Connector {
    /// `tls` says whether the system's root certificates are needed; a machine without any can still speak HTTP.
    pub(super) fn new(tls: bool, limit: Duration) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        // Also divides the limit among the addresses of a name, so that the second one gets its turn.
        tcp.set_connect_timeout(Some(limit));
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let config = if tls {
            builder.with_native_roots()?.with_no_client_auth()
        } else {
            builder
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        };
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(TimedTcp { inner: tcp, limit });
        Ok(Self {
            https,
            limit: if tls { limit + TLS_ALLOWANCE } else { limit },
        })
    }
}

impl Service<Uri> for Connector {
    type Response = Tracked;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Tracked, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.https.call(to);
        let limit = self.limit;
        Box::pin(async move {
            let io = within(limit, connecting).await?;
            Ok(Tracked {
                io,
                used: Used::default(),
            })
        })
    }
}

/// TCP, name resolution included, within `limit`.
#[derive(Clone)]
struct TimedTcp {
    inner: HttpConnector,
    limit: Duration,
}

impl Service<Uri> for TimedTcp {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(within(self.limit, self.inner.call(to)))
    }
}

async fn within<T, E: Into<BoxError>>(
    limit: Duration,
    connecting: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(limit, connecting).await {
        Ok(connected) => connected.map_err(Into::into),
        Err(_) => Err(TooSlow.into()),
    }
}

/// No connection came about in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection in time")]
pub(super) struct TooSlow;

/// Whether a connection has answered before. A used one may have been closed by the server while it was idle.
#[derive(Debug, Clone, Default)]
pub(super) struct Used(Arc<AtomicBool>);

impl Used {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that says whether it has been used.
pub(super) struct Tracked {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    used: Used,
}

impl Connection for Tracked {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.used.clone())
    }
}

impl Read for Tracked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Tracked {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// With Nagle's algorithm on, small requests wait for acknowledgements, which costs up to 40 ms each.
    #[tokio::test]
    async fn connections_do_not_hold_back_small_writes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let mut connector = Connector::new(false, Duration::from_secs(1)).unwrap();
        let tracked = connector.call(to).await.unwrap();
        let MaybeHttpsStream::Http(stream) = &tracked.io else {
            panic!("TLS on an http:// address");
        };
        assert!(stream.inner().nodelay().unwrap());
    }
}
