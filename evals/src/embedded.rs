//! The cases and worlds of this repository, as a part of the program, so that an installed one has them.

use anyhow::{Context, Result};
use rust_embed::RustEmbed;

use crate::case::Suite;

#[derive(RustEmbed)]
#[folder = "cases"]
#[prefix = "cases/"]
struct Cases;

#[derive(RustEmbed)]
#[folder = "worlds"]
#[prefix = "worlds/"]
struct Worlds;

/// Every case that comes with Jarvis.
pub fn suite() -> Result<Suite> {
    let named = Cases::iter().map(|path| (Cases::get(&path), path));
    let named = named.chain(Worlds::iter().map(|path| (Worlds::get(&path), path)));
    let mut files = Vec::new();
    for (file, path) in named {
        let file = file.with_context(|| format!("{path} is listed and not there"))?;
        let text = String::from_utf8(file.data.into_owned()).with_context(|| format!("{path} is not text"))?;
        files.push((path.into_owned(), text));
    }
    Suite::read(files.iter().map(|(path, text)| (path.clone(), text.as_str())))
}
