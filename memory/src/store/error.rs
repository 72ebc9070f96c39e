//! Why the store could not do something, by what the caller can do about it.

use std::fmt;
use std::future::Future;

use sqlx::error::ErrorKind;

use super::{Result, postgres, sqlite};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What an operation of the store can fail with. The engine's own words are in `source`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured address is not one that can be opened. The configuration has to change.
    #[error("{0}")]
    Address(String),
    /// The database cannot be reached or written now: locked, full, read-only, gone. The same call may work later.
    #[error("{tried}: {why}")]
    Unavailable {
        tried: String,
        why: &'static str,
        source: Cause,
    },
    /// The database holds something that cannot be right. Somebody has to restore a backup.
    #[error("{tried}: {why}")]
    Corrupt {
        tried: String,
        why: &'static str,
        source: Cause,
    },
    /// The tables were made by a newer Jarvis, or by migrations that differ from the ones in this program.
    #[error("{tried}: {why}")]
    Schema { tried: String, why: String, source: Cause },
    /// An export cannot be taken in: the file is damaged, cut off or of a newer Jarvis, or the target is not empty.
    #[error("{0}")]
    Transfer(String),
    /// A row with this id, or something else that must be unique, exists already.
    #[error("{tried}: it exists already")]
    Conflict { tried: String, source: Cause },
    /// The row, or one that it refers to, does not exist.
    #[error("{tried}: it, or something that it refers to, does not exist")]
    Missing { tried: String, source: Cause },
    /// Another instance holds it by now, because this one was declared dead or too late. Whatever was to follow is not its to do.
    #[error("{tried}: another instance has taken it over")]
    Fenced { tried: String },
    /// The database does not take such a value or such a change, ever.
    #[error("{tried}: the database refuses it")]
    Refused { tried: String, source: Cause },
}

/// Which variant of [`Error`] an engine's error becomes, and the sentence for it.
pub(super) enum Nature {
    Unavailable(&'static str),
    Corrupt(&'static str),
    Conflict,
    Missing,
    Refused,
}

impl Error {
    pub(super) fn new(tried: impl fmt::Display, cause: sqlx::Error) -> Self {
        let tried = tried.to_string();
        let nature = nature(&cause);
        let source = Cause::from(cause);
        match nature {
            Nature::Unavailable(why) => Self::Unavailable { tried, why, source },
            Nature::Corrupt(why) => Self::Corrupt { tried, why, source },
            Nature::Conflict => Self::Conflict { tried, source },
            Nature::Missing => Self::Missing { tried, source },
            Nature::Refused => Self::Refused { tried, source },
        }
    }

    pub(super) fn unavailable(tried: impl fmt::Display, why: &'static str, source: impl Into<Cause>) -> Self {
        Self::Unavailable {
            tried: tried.to_string(),
            why,
            source: source.into(),
        }
    }
}

fn nature(cause: &sqlx::Error) -> Nature {
    match cause {
        sqlx::Error::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation | ErrorKind::ExclusionViolation => Nature::Conflict,
            ErrorKind::ForeignKeyViolation => Nature::Missing,
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation => Nature::Refused,
            _ => match error.code().as_deref().unwrap_or_default() {
                // SQLite's are numbers below 10,000.
                code if code.len() == 5 => postgres::nature(code),
                code => sqlite::nature(code),
            },
        },
        sqlx::Error::RowNotFound => Nature::Missing,
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::TypeNotFound { .. } => Nature::Corrupt("a stored value is not one that Jarvis writes"),
        sqlx::Error::PoolTimedOut => {
            Nature::Unavailable("no connection came free in time; the database is busy or away")
        }
        sqlx::Error::PoolClosed => Nature::Unavailable("the database has been closed"),
        sqlx::Error::Tls(_) => {
            Nature::Unavailable("no encrypted connection came about; see `sslmode` and `sslrootcert` of the address")
        }
        _ => Nature::Unavailable("the connection to the database failed; see that it runs and can be reached"),
    }
}

/// What was tried, with the row's id: ``vote on approval `K7QX` ``.
pub(super) struct Named<'a>(pub(super) &'static str, pub(super) &'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.0, self.1)
    }
}

/// Runs the statements of one operation and says what was tried when they fail.
pub(super) async fn tried<T>(what: impl fmt::Display, work: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
    work.await.map_err(|cause| Error::new(what, cause))
}
