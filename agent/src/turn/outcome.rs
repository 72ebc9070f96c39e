//! How a turn came out, and what people read at its end.

use jarvis_gateway::chat::Served;

use super::bounds::Why;
use super::drive::{Driver, Work};
use super::state::State;
use crate::view::ToolLine;

/// How a turn came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) why: Why,
    pub(crate) tools: Vec<ToolLine>,
    pub(crate) served: Option<Served>,
    pub(crate) tainted: bool,
    pub(crate) saw_private: bool,
    /// More than a reading was tried.
    pub(crate) acted: bool,
    pub(crate) counts: (u32, u32, u64, u64),
    /// How many of the messages that came while the turn ran it answers.
    pub(crate) taken: usize,
}

impl Outcome {
    /// An end that no turn machine made. What the context held is not known, so the worst is assumed.
    pub(crate) fn failed(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            why: Why::Failed,
            tools: Vec::new(),
            served: None,
            tainted: true,
            saw_private: true,
            acted: true,
            counts: (0, 0, 0, 0),
            taken: 0,
        }
    }
}

impl Driver {
    pub(super) fn outcome(&self, state: &State, work: Work, text: &str, why: Why) -> Outcome {
        let (tainted, saw_private) = state.flags();
        let fit = |text: &str| self.parts.gate.text(self.outlet, text);
        let cut_off = |ending| cut_off(&fit(&state.answered.join("\n\n")), &work.shown, ending, &fit(text));
        let text = match why {
            Why::Cancelled => cut_off("Stopped."),
            Why::Shutdown => cut_off("Jarvis was shut down during this answer."),
            // To the letter what people have read already.
            _ if text == work.said => work.shown,
            _ => fit(text),
        };
        Outcome {
            text,
            why,
            tools: work.tools,
            served: work.served,
            tainted,
            saw_private,
            acted: !state.acted.is_empty(),
            counts: state.counts(),
            taken: state.taken(),
        }
    }
}

/// What was answered or streamed before the stop is kept, because people have read it already; then what was done, if
/// anything.
fn cut_off(answered: &str, partial: &str, ending: &str, done: &str) -> String {
    let mut said = vec![answered, partial];
    said.retain(|text| !text.trim().is_empty());
    let mut text = if said.is_empty() {
        ending.to_owned()
    } else {
        format!("{}\n\n*{ending}*", said.join("\n\n"))
    };
    if !done.is_empty() {
        text.push(' ');
        text.push_str(done);
    }
    text
}
