//! Jarvis as an MCP server: `/mcp`, streamable HTTP without sessions and without streams of its own.
//!
//! Written by hand: of the protocol a server needs four methods, and what comes from a client is a stranger's text that is
//! bounded and read strictly.

mod message;
mod route;
mod tools;

pub(crate) use route::answer;
