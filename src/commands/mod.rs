//! One file per command.

pub(crate) mod approve;
pub(crate) mod audit;
pub(crate) mod chat;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod freeze;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod key;
pub(crate) mod mcp;
pub(crate) mod memory;
pub(crate) mod migrate;
pub(crate) mod models;
pub(crate) mod targets;
pub(crate) mod trace;
pub(crate) mod transfer;
pub(crate) mod usage;
