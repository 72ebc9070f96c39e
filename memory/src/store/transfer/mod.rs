//! Moving a whole installation from one database to another, of any engine, through a file.
//!
//! The file is JSON lines: what it is, and for each table its columns, its rows in the order of its key, how many there are,
//! and the SHA-256 over their lines. The last line says that it is whole.

mod export;
mod import;
mod line;
mod tables;

pub use line::Moved;
