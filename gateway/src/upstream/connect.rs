use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceExt};

use super::http1::Io;

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

impl Connector {
    pub(super) async fn connect(&self, to: Uri) -> Result<Io, BoxError> {
        let connecting = self.https.clone().oneshot(to);
        Ok(Box::new(TokioIo::new(within(self.limit, connecting).await?)))
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

#[cfg(test)]
mod tests {
    use hyper_rustls::MaybeHttpsStream;
    use tokio::net::TcpListener;

    use super::*;

    /// With Nagle's algorithm on, small requests wait for acknowledgements, which costs up to 40 ms each.
    #[tokio::test]
    async fn connections_do_not_hold_back_small_writes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let connector = Connector::new(false, Duration::from_secs(1)).unwrap();
        let io = connector.connect(to).await.unwrap();
        let MaybeHttpsStream::Http(stream) = io.inner() else {
            panic!("TLS on an http:// address");
        };
        assert!(stream.inner().nodelay().unwrap());
    }
}
