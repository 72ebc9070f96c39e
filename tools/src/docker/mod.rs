//! Docker: what runs, why something died, and starting and stopping it.
//!
//! Only `client/` touches bollard. A name from a model or a chat is a [`Name`] (checked characters) and is looked up
//! in the engine's own list before anything else is asked; every later request carries the [`Id`] found there.
//! bollard puts what it is given into the path as it is: `../images/x` as a container would reach an image.

mod client;
mod config;
mod container_stats;
mod docker_action;
mod get_container_logs;
mod inspect_container;
mod list_containers;
mod name;
mod probe;
mod state_words;
mod usage;

pub use client::Client;
pub use config::{Config, Host, Only};
pub use container_stats::ContainerStats;
pub use docker_action::DockerAction;
pub use get_container_logs::GetContainerLogs;
pub use inspect_container::InspectContainer;
pub use list_containers::ListContainers;
pub use name::{Id, Name};
pub use probe::probe;
