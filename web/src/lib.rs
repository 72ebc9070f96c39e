//! The console, its API and the status page.

pub mod assets;
