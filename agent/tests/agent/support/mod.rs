//! What the tests of the agent stand on: a small world with tools over it, a house with one agent in it, and short forms
//! of rows and events to compare.

pub(crate) mod fate;
pub(crate) mod house;
pub(crate) mod short;
pub(crate) mod town;
pub(crate) mod voices;
pub(crate) mod wall;
pub(crate) mod world;

pub(crate) use house::{House, key, owner, until};
pub(crate) use world::{Manner, World};
