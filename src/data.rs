//! The data folder: private to its user, and used by one server at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;

/// Makes the folder when it is missing.
pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| {
            format!(
                "make the data folder {}; name another with --data DIR",
                folder.display()
            )
        })
}

/// Commands that read need what a start has made, and make nothing themselves: a mistyped folder stays one.
pub(crate) fn need(config: &Config) -> anyhow::Result<()> {
    let database = config.data.join("jarvis.db");
    if config.database.url.is_some() || database.is_file() {
        return Ok(());
    }
    bail!(
        "there is no database {}: nothing was kept here yet. Start Jarvis once, or name the folder of another with \
         --data DIR",
        database.display()
    )
}

/// Held for the life of a server.
pub(crate) struct Lock {
    /// The lock lasts as long as the file is open, also when the process is killed.
    _file: File,
}

/// Refuses when another server uses the folder.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<Lock> {
    let path = folder.join("jarvis.lock");
    let file = private_file(&path).with_context(|| cannot_write(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => bail!(
            "another Jarvis uses the data folder {}: stop it first, or give this one its own with --data DIR",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}

/// What other instances on the same database know this folder's server by. Made once, and kept.
pub(crate) fn instance_name(_held: &Lock, folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("instance.name");
    if let Ok(name) = std::fs::read_to_string(&path)
        && !name.trim().is_empty()
    {
        return Ok(name.trim().to_owned());
    }
    let name = uuid::Uuid::now_v7().to_string();
    let write = || private_file(&path)?.write_all(name.as_bytes());
    write().with_context(|| cannot_write(&path))?;
    Ok(name)
}

/// The key with which commands of the folder's owner talk to the running server. Made anew at each start and removed at
/// its end; reading the folder is what proves the owner.
pub(crate) struct LocalKey {
    path: PathBuf,
    pub(crate) secret: SecretString,
}

impl LocalKey {
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let secret = SecretString::from(crate::keys::fresh_secret());
        let path = folder.join("local.key");
        let write = || -> std::io::Result<()> {
            let mut file = private_file(&path)?;
            file.set_len(0)?;
            file.write_all(secret.expose_secret().as_bytes())
        };
        write().with_context(|| cannot_write(&path))?;
        Ok(Self { path, secret })
    }

    /// The key of the server that runs on this folder, if one does.
    pub(crate) fn read(folder: &Path) -> Option<SecretString> {
        let text = std::fs::read_to_string(folder.join("local.key")).ok()?;
        Some(SecretString::from(text.trim().to_owned()))
    }
}

impl Drop for LocalKey {
    fn drop(&mut self) {
        // A key that stays behind opens nothing: the next start makes another.
        drop(std::fs::remove_file(&self.path));
    }
}

/// What would keep a server from using the folder, without making it.
pub(crate) fn check(folder: &Path) -> anyhow::Result<()> {
    let there = folder.ancestors().find(|path| path.exists());
    if let Some(file) = there.filter(|path| !path.is_dir()) {
        bail!("{} is no folder; name another with --data DIR", file.display());
    }
    if folder.exists() {
        // The file that every start opens for writing, so nothing is left that would not come anyway.
        let path = folder.join("jarvis.lock");
        private_file(&path).with_context(|| cannot_write(&path))?;
    }
    Ok(())
}

fn cannot_write(path: &Path) -> String {
    format!(
        "write {}; give it to this user, or name another data folder with --data DIR",
        path.display()
    )
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_name() {
        let place = tempfile::tempdir().unwrap();
        let held = lock(place.path()).unwrap();
        let name = instance_name(&held, place.path()).unwrap();
        assert_eq!(instance_name(&held, place.path()).unwrap(), name);
        let other = tempfile::tempdir().unwrap();
        let held = lock(other.path()).unwrap();
        assert_ne!(instance_name(&held, other.path()).unwrap(), name);
    }

    #[test]
    fn a_file_is_no_data_folder() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        let check = |folder: &Path, expect: bool| assert_eq!(check(folder).is_ok(), expect, "{}", folder.display());
        check(place.path(), true);
        check(&place.path().join("not/there/yet"), true);
        check(&file, false);
        check(&file.join("below"), false);
    }
}
