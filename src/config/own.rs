//! The address of this Jarvis, by which it must not ask itself.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::bail;
use axum::http::Uri;

use super::file::Config;

/// Where this Jarvis listens, and what its machine is called.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) address: SocketAddr,
    pub(crate) machine: Option<String>,
}

impl Own {
    /// Whether `url` leads to this Jarvis, as far as that is seen without asking anybody. Names that only a name server
    /// knows are not: a request that goes in a circle by them ends after a few rounds.
    pub(crate) fn is_named_by(&self, url: &str) -> bool {
        let Ok(uri) = url.trim().parse::<Uri>() else {
            return false;
        };
        let usual_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let Some(host) = uri.host() else {
            return false;
        };
        if uri.port_u16().unwrap_or(usual_port) != self.address.port() {
            return false;
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        match host.parse::<IpAddr>() {
            Ok(ip) => self.has(ip.to_canonical()),
            Err(_) => self.is_called(&host.to_ascii_lowercase()),
        }
    }

    fn has(&self, ip: IpAddr) -> bool {
        let own = self.address.ip().to_canonical();
        let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        // Only an address of this machine can be bound.
        let is_of_machine = || UdpSocket::bind((ip, 0)).is_ok();
        ip == own || (is_here(ip) && is_here(own)) || (own.is_unspecified() && is_of_machine())
    }

    fn is_called(&self, host: &str) -> bool {
        if host == "localhost" || host.ends_with(".localhost") {
            let own = self.address.ip();
            return own.is_loopback() || own.is_unspecified();
        }
        let machine = self.machine.as_deref().map(str::to_ascii_lowercase);
        machine.is_some_and(|name| host == name || host.strip_suffix(".local") == Some(&name))
    }
}

impl Config {
    /// The backends that are this Jarvis, each with what to do about it.
    pub(crate) fn asks_itself(&self, own: &Own) -> Vec<(&str, String)> {
        let named = self
            .backends
            .iter()
            .filter(|(_, backend)| own.is_named_by(&backend.base_url));
        let says = |(name, backend): (&'_ String, &super::Backend)| {
            format!(
                "[backends.{name}] base_url = \"{}\" is this Jarvis itself, which listens on {}: it would ask itself in a \
                 circle; write the address of the model server (an Ollama on this machine is http://127.0.0.1:11434), or \
                 let Jarvis listen on another port",
                backend.base_url, own.address
            )
        };
        named
            .map(|(name, backend)| (name.as_str(), says((name, backend))))
            .collect()
    }

    pub(crate) fn refuse_itself(&self, own: &Own) -> anyhow::Result<()> {
        match self.asks_itself(own).first() {
            Some((_, says)) => bail!("{says}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_its_own_is_seen() {
        let check = |url: &str, own: &str, expect: bool| {
            let own = Own {
                address: own.parse().unwrap(),
                machine: Some("Attic".into()),
            };
            assert_eq!(own.is_named_by(url), expect, "{url} {own:?}");
        };
        for here in ["127.0.0.1:7878", "0.0.0.0:7878", "[::1]:7878", "[::]:7878"] {
            check("http://127.0.0.1:7878/v1", here, true);
            check("http://127.8.0.1:7878", here, true);
            check("http://LOCALHOST:7878/v1/", here, true);
            check("http://localhost.:7878", here, true);
            check("http://[::1]:7878", here, true);
            check("http://[::ffff:127.0.0.1]:7878", here, true);
            check("http://0.0.0.0:7878", here, true);
            check("http://attic:7878/v1", here, true);
            check("http://attic.local:7878", here, true);
            check("http://attic.example.org:7878", here, false);
            check("http://cellar:7878", here, false);
            check("http://localhost:11434", here, false);
            check("http://localhost", here, false);
            check("http://203.0.113.7:7878", here, false);
            check("", here, false);
            check("not a url", here, false);
        }
        check("http://localhost", "127.0.0.1:80", true);
        check("https://localhost", "127.0.0.1:443", true);
        check("http://10.0.0.5:7878", "10.0.0.5:7878", true);
        check("http://10.0.0.5:7878", "127.0.0.1:7878", false);
        check("http://127.0.0.1:7878", "10.0.0.5:7878", false);
        check("http://localhost:7878", "10.0.0.5:7878", false);
    }
}
