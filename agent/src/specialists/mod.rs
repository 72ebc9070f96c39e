//! Specialists: a prompt, a list of tools and bounds each, as files. One is asked with the tool `consult`, reads, and
//! answers Jarvis. It never speaks to people, and it never acts.

mod consult;
mod profile;
mod roster;

pub use consult::CONSULT;
pub(crate) use consult::{Input, LEAST_TRUST, prepare, reads, spec};
pub use profile::Broken;
pub(crate) use profile::Profile;
pub use roster::Roster;
