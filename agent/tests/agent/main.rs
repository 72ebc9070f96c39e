//! The agent over a real store, tools with state and a scripted model: what people say, what is stored, told and done.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod big_results;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod compaction;
#[cfg(test)]
mod consult;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod follow_up;
#[cfg(test)]
mod forgetting;
#[cfg(test)]
mod freezing;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod instances;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod links;
#[cfg(test)]
mod many_rooms;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod money;
#[cfg(test)]
mod order;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod people;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod schedule_faults;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod windows;
