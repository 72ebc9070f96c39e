use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::control::{Control, State, lock};
use crate::log::Entry;
use crate::ollama::Shown;
use crate::route::{self, Connection};

/// A running stand-in. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    tasks: JoinSet<Infallible>,
}

impl Server {
    /// Listens on `address`, for instance `127.0.0.1:0`.
    pub async fn start(address: &str) -> io::Result<Self> {
        let listener = listen(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::<State>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(stand(listener, address, Arc::clone(&state)));
        Ok(Self { address, state, tasks })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Like `POST /control`.
    pub fn control(&self, control: Control) -> Result<(), String> {
        self.state.set(control)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Like `GET /runners`: which models were loaded, and how often.
    pub fn runners(&self) -> Vec<Shown> {
        self.state.runners.shown()
    }

    /// Like `GET /log`.
    pub fn log(&self) -> Vec<Entry> {
        self.state.log.entries()
    }

    /// Serves until the process ends.
    pub async fn run(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Listens with a longer queue than tokio's 128, so that many streams at once are not held up by their handshakes.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut addresses = tokio::net::lookup_host(address).await?;
    let address = addresses.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A test that stops a stand-in may start the next one at the same address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Accepts connections, but for the times when it is told to be down.
async fn stand(listener: TcpListener, address: SocketAddr, state: Arc<State>) -> Infallible {
    let mut listener = Some(listener);
    loop {
        let up = match listener.take() {
            Some(listener) => Ok(listener),
            None => listen(&address.to_string()).await,
        };
        match up {
            Ok(up) => {
                tokio::select! {
                    never = accept(up, Arc::clone(&state)) => match never {},
                    () = state.goes_down.notified() => {}
                }
                let down = lock(&state.down).take().unwrap_or_default();
                tokio::time::sleep(down).await;
            }
            // Somebody else has the port meanwhile: it may come free again.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) -> Infallible {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, number, Arc::clone(&state)));
                number += 1;
            }
            // Out of file descriptors: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, number: u64, state: Arc<State>) {
    // A connection that cannot be set up, or that ends badly, is the client's to notice.
    let Ok((stream, socket)) = prepared(stream) else {
        return;
    };
    let connection = Arc::new(Connection { number, socket });
    let service = service_fn(move |request| route::route(Arc::clone(&state), Arc::clone(&connection), request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served);
}

/// The connection without Nagle's algorithm, and a second handle on it by which it can be reset.
fn prepared(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

/// Makes the connection end in a reset instead of a proper close, as soon as it is dropped.
pub(crate) fn reset_on_close(handle: &std::net::TcpStream) -> io::Result<()> {
    TcpStream::from_std(handle.try_clone()?)?.set_zero_linger()
}
