//! Command mode: no model, a fixed grammar of plain commands.

mod form;

pub use form::{CallForm, Command};
