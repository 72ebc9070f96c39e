//! Everything that can answer a chat request, one folder each.

pub mod command;
