//! The wire forms of OpenAI's responses. They are known in this folder only.

mod answer;
mod event;
mod fields;
mod item;
mod messages;
mod output;
mod part;
mod request;
mod response;
mod tools;

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod tests;

pub(in crate::http) use answer::Answer;
pub(in crate::http) use item::{reference, response_of, with_ids};
pub(in crate::http) use messages::messages;
pub(in crate::http) use output::Output;
pub(in crate::http) use request::{Asked, parse};
pub(in crate::http) use response::{Face, Status};
