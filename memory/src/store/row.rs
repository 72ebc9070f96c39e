//! From columns to values. A value that does not parse is an error of the database, not of the caller.

use std::borrow::Cow;

use jarvis_gateway::clock::Millis;
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

pub(super) fn unreadable(column: &str, why: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("column `{column}`: {why}").into())
}

pub(super) fn flag(row: &AnyRow, column: &str) -> sqlx::Result<bool> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}

pub(super) fn millis(row: &AnyRow, column: &str) -> sqlx::Result<Millis> {
    row.try_get(column).map(Millis)
}

pub(super) fn millis_or_null(row: &AnyRow, column: &str) -> sqlx::Result<Option<Millis>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Millis))
}

pub(super) fn json(row: &AnyRow, column: &str) -> sqlx::Result<Value> {
    parse(column, row.try_get(column)?)
}

pub(super) fn json_or_null(row: &AnyRow, column: &str) -> sqlx::Result<Option<Value>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| parse(column, text)).transpose()
}

pub(super) fn parse(column: &str, text: &str) -> sqlx::Result<Value> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

/// What others wrote, as it is kept: without the character 0, which `PostgreSQL` has in no text, and nobody can see.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// One word of a fixed list.
pub(super) fn word<T: Copy>(row: &AnyRow, column: &str, all: &[T], name: fn(T) -> &'static str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    all.iter()
        .copied()
        .find(|word| name(*word) == text)
        .ok_or_else(|| unreadable(column, format_args!("`{text}` is not known")))
}

/// All rows through one function.
pub(super) fn all<T>(rows: &[AnyRow], read: fn(&AnyRow) -> sqlx::Result<T>) -> sqlx::Result<Vec<T>> {
    rows.iter().map(read).collect()
}
