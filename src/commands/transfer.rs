//! `jarvis export` and `jarvis import`: the whole database through a file, to any engine.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use jarvis_memory::{Moved, Store};

use crate::config::Config;
use crate::data;
use crate::output::line;

pub(crate) async fn export(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    data::need(config)?;
    if file.exists() {
        bail!("{} is there already; name a new file", file.display());
    }
    let unfinished = Unfinished::beside(file)?;
    let mut writer = BufWriter::new(&unfinished.file);
    let moved = Store::export(config.database_url(), &mut writer).await?;
    writer.flush().with_context(|| format!("write {}", file.display()))?;
    drop(writer);
    unfinished.becomes(file)?;
    show(&moved);
    line(&format!(
        "Everything of {} is in {}. It holds private messages: keep it as you keep the database.",
        Store::name_of(config.database_url())?,
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn import(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    data::make(&config.data)?;
    // A server that runs meanwhile would have read an empty database.
    let _alone = data::lock(&config.data)?;
    let from = File::open(file).with_context(|| format!("read {}", file.display()))?;
    let moved = Store::import(config.database_url(), &mut BufReader::new(from)).await?;
    show(&moved);
    line(&format!(
        "Everything of {} is in {}; every table was read again and is the same by count and hash.",
        file.display(),
        Store::name_of(config.database_url())?
    ));
    Ok(ExitCode::SUCCESS)
}

fn show(moved: &[Moved]) {
    for Moved { table, rows, sha256 } in moved {
        let short: String = sha256.chars().take(16).collect();
        line(&format!("  {table:<20} {rows:>9} rows  {short}"));
    }
}

/// The file under another name until it is whole. It goes away when it does not become so.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn beside(file: &Path) -> anyhow::Result<Self> {
        let mut name = file.file_name().context("name a file to write")?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = file.with_file_name(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let made = made.with_context(|| format!("write {}", path.display()))?;
        Ok(Self { path, file: made })
    }

    fn becomes(self, file: &Path) -> anyhow::Result<()> {
        let done = self.file.sync_all().and_then(|()| std::fs::rename(&self.path, file));
        done.with_context(|| format!("write {}", file.display()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Not there any more once it has its name.
        drop(std::fs::remove_file(&self.path));
    }
}
