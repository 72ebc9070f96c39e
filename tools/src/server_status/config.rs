//! The section `[tools.server_status]`.

use http::Uri;
use serde::Deserialize;

/// Which services are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub services: Vec<Service>,
}

/// An address that should answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What people call it: `plex`.
    pub name: String,
    /// Asked with `GET`; redirects are not followed.
    pub url: Url,
    /// The status that means that it is well. Without it every status below 400 does.
    #[serde(default)]
    pub expect: Option<u16>,
}

/// An absolute `http` or `https` URL without user name or password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(Uri);

impl Url {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The text is not repeated in these messages, because it may hold a password.
        let uri: Uri = text
            .parse()
            .map_err(|_| "the URL of a service is malformed".to_owned())?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => {
                Err("the URL of a service must not hold a user name or password".to_owned())
            }
            Some(_) if is_web => Ok(Self(uri)),
            _ => Err("the URL of a service must begin with http:// or https://".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_a_plain_web_address() {
        let check = |url: &str, expect: Result<(), &str>| {
            let parsed = serde_json::from_value::<Service>(serde_json::json!({"name": "a", "url": url}));
            match (parsed, expect) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                other => panic!("{other:?}"),
            }
        };
        check("http://127.0.0.1:32400/identity", Ok(()));
        check("https://jarvis.test", Ok(()));
        check("ftp://x", Err("must begin with"));
        check("/identity", Err("must begin with"));
        check("http://u:secret@x", Err("must not hold"));
        check("http://a b", Err("malformed"));
    }
}
