//! `jarvis health`: whether the server on this machine takes requests, for container engines and service managers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::output::line;

const LIMIT: Duration = Duration::from_secs(3);
/// More of an answer is not read.
const LONGEST: u64 = 4096;

pub(crate) async fn health(listen: SocketAddr) -> ExitCode {
    let address = reachable(listen);
    let asked = tokio::time::timeout(LIMIT, asked(address)).await;
    let says = match asked {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => {
            line("ready");
            return ExitCode::SUCCESS;
        }
        Ok(Ok(answer)) => answer.lines().last().unwrap_or_default().to_owned(),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    line(&format!("http://{address}/readyz: {says}"));
    ExitCode::FAILURE
}

async fn asked(address: SocketAddr) -> anyhow::Result<String> {
    let connected = TcpStream::connect(address).await;
    let mut stream = connected.context("nothing listens there; is the server up, and is --listen the same?")?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A server that listens everywhere is reached here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        let check = |listen: &str, expect: &str| {
            let reachable = reachable(listen.parse().unwrap());
            assert_eq!(reachable.to_string(), expect, "{listen}");
        };
        check("0.0.0.0:7878", "127.0.0.1:7878");
        check("[::]:7878", "[::1]:7878");
        check("10.0.0.2:80", "10.0.0.2:80");
    }
}
