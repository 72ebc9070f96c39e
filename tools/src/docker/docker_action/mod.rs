//! The tool `docker_action`: starts, stops and restarts, and tells what came of it.

mod act;
mod guard;
mod plan;
mod tool;

pub use tool::DockerAction;
