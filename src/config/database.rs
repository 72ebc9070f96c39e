//! Where the database is.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::environment::Environment;

/// Without a `url` it is the file `jarvis.db` in the data folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// `postgres://USER@HOST/DATABASE`, or `env:NAME` with a variable that holds such an address and may hold a password.
    pub(crate) url: Option<String>,
    /// `env:NAME`, the password.
    pub(crate) credential: Option<String>,
}

impl Database {
    /// The address as the store reads it, with its password.
    pub(super) fn address(&self, data: &Path, environment: &Environment) -> anyhow::Result<SecretString> {
        let Some(url) = &self.url else {
            if self.credential.is_some() {
                bail!("database.credential is the password of a server; write its address as database.url, too");
            }
            return Ok(SecretString::from(format!(
                "sqlite:{}",
                data.join("jarvis.db").display()
            )));
        };
        let is_named = url.starts_with("env:");
        let address = if is_named {
            environment.secret(url).context("database.url")?
        } else {
            SecretString::from(url.clone())
        };
        // Nothing of it is repeated: it may hold a password.
        if !["postgres:", "postgresql:"]
            .iter()
            .any(|scheme| address.expose_secret().starts_with(scheme))
        {
            bail!(
                "database.url is the address of a PostgreSQL database: postgres://USER@HOST/DATABASE. Without it the \
                 database is a file in the data folder"
            );
        }
        let mut parsed = Url::parse(address.expose_secret()).map_err(|error| anyhow!("database.url: {error}"))?;
        if !is_named && parsed.password().is_some() {
            bail!(
                "database.url holds a password; write that as database.credential = \"env:NAME\", the name of an \
                 environment variable, or the whole address as database.url = \"env:NAME\""
            );
        }
        let Some(reference) = &self.credential else {
            return Ok(address);
        };
        let password = environment.secret(reference).context("database.credential")?;
        // What looks like an encoded letter would be left as it is, and decoded when it is used.
        let password = password.expose_secret().replace('%', "%25");
        if parsed.set_password(Some(&password)).is_err() {
            bail!("database.url names no host; write postgres://USER@HOST/DATABASE");
        }
        Ok(SecretString::from(parsed.to_string()))
    }

    /// The variables that hold secrets.
    pub(super) fn credentials(&self) -> impl Iterator<Item = &str> {
        let url = self.url.as_deref().filter(|url| url.starts_with("env:"));
        url.into_iter().chain(self.credential.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;

    #[test]
    fn an_address_is_found_with_its_password_and_never_told_with_it() {
        let environment = Environment::of(&[("PASSWORD", "a b/c@d%41"), ("PLACE", "postgres://me:secret@db/home")]);
        let check = |text: &str, expect: Result<&str, &str>| {
            let address = parse(&format!("[database]\n{text}")).and_then(|config| {
                let address = config.database.address(Path::new("/data"), &environment)?;
                Ok(address.expose_secret().to_owned())
            });
            let address = address.map_err(|error| format!("{error:#}"));
            assert_eq!(address.as_deref().map_err(String::as_str), expect, "{text}");
        };
        check("", Ok("sqlite:/data/jarvis.db"));
        check("url = \"postgres://me@db/home\"", Ok("postgres://me@db/home"));
        check("url = \"env:PLACE\"", Ok("postgres://me:secret@db/home"));
        let with = "url = \"postgres://me@db:5433/home?sslmode=require\"\ncredential = \"env:PASSWORD\"";
        check(
            with,
            Ok("postgres://me:a%20b%2Fc%40d%2541@db:5433/home?sslmode=require"),
        );
        check(
            "credential = \"env:PASSWORD\"",
            Err("database.credential is the password of a server; write its address as database.url, too"),
        );
        check(
            "url = \"postgres://me:secret@db/home\"",
            Err(
                "database.url holds a password; write that as database.credential = \"env:NAME\", the name of an \
                 environment variable, or the whole address as database.url = \"env:NAME\"",
            ),
        );
        check(
            "url = \"mysql://me:secret@db/home\"",
            Err(
                "database.url is the address of a PostgreSQL database: postgres://USER@HOST/DATABASE. Without it the \
                 database is a file in the data folder",
            ),
        );
        check(
            "url = \"env:NONE\"",
            Err("database.url: the environment variable `NONE` is not set"),
        );
        check(
            "url = \"env:postgres://me:secret@db/home\"",
            Err("database.url: what follows `env:` is the name of an environment variable, of letters, digits and `_`"),
        );
        check(
            "url = \"postgres://me@db/home\"\ncredential = \"secret\"",
            Err(
                "database.credential: a credential is written as `env:NAME`, the name of an environment variable, never \
                 as the secret itself",
            ),
        );
    }
}
