//! The console, its API and the status page.
//!
//! The console is a client like any other: everything it shows comes from the routes in `docs/api.md`.

mod api;
mod app;
pub mod assets;
mod error;
mod events;
mod jarvis_routes;
mod mcp;

pub use app::{App, Found, Status};
pub use jarvis_routes::router;
