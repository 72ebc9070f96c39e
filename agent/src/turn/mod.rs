//! One turn: a message goes in, models and tools are asked within bounds, one answer comes out.
//!
//! [`State::on`] is the whole logic and is pure: it takes an event and the time and returns effects. The driver in
//! `drive` carries the effects out and feeds back what came of them.

mod ask;
mod bounds;
mod consult;
mod drive;
mod effect;
mod ending;
mod event;
mod look_up;
mod offer;
mod outcome;
mod repeats;
mod setting;
mod shorten;
mod state;
mod told;

pub use bounds::Why;
pub(crate) use drive::{Brought, Driver};
pub use effect::Effect;
pub use event::{Brings, Event, More, ReadyCall, Standing};
pub(crate) use outcome::Outcome;
pub use setting::Setting;
pub use shorten::ShownResult;
pub(crate) use shorten::Talk;
pub use state::State;
pub(crate) use told::denied;
