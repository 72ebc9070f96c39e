//! Who somebody is on a platform, what that gives them in a room, and what is heard there.

mod config;
mod hear;
mod here;
pub(crate) mod link;
pub(crate) mod rules;
mod standing;
pub(crate) mod trust;
pub(crate) mod whoami;

pub(crate) use config::word;
pub use config::{CurrentDirectory, Directory, People, PlatformId, RoomRules, Server, ToolList};
pub use hear::{Heard, Ignored};
pub(crate) use here::{Here, outlet};
pub(crate) use standing::{absent, is_owner, still};
pub use whoami::{PersonView, RoomView, WhoAmI};
