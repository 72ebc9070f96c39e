//! Acts on the outside world, one folder per area.
//!
//! A tool is one type that implements [`Tool`]; [`catalog::Catalog`] lists them all. Tools know nothing of people,
//! policy or approvals: they say what a call would risk, what it would do, and do it when told.

pub mod catalog;
mod config;
pub mod docker;
pub mod outside_text;
pub mod risk;
pub mod server_status;
mod tool;
mod within;
mod words;

pub use config::Config;
pub use tool::{AnyTool, Context, Error, OnBehalf, Output, Plan, Prepared, Tool};
