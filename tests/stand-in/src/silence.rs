use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// An address behind which nothing answers, not even with a refusal: a port with a full queue, for which Linux drops
/// what knocks.
#[derive(Debug)]
pub struct Silence {
    listener: TcpListener,
    /// Fill the queue for as long as they live.
    _knocking: Vec<TcpStream>,
}

impl Silence {
    pub async fn start() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut knocking = Vec::new();
        while let Ok(connected) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            knocking.push(connected?);
        }
        Ok(Self {
            listener,
            _knocking: knocking,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }
}
