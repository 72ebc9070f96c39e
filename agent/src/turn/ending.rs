//! What a turn says at its end when no model writes it.

use super::bounds::Why;
use super::effect::Effect;
use super::state::{Phase, State};

impl State {
    /// The end by a stop. The driver, who knows what was streamed, puts what was answered, that, and the reason before the
    /// text.
    pub(super) fn finish_stopped(&mut self, why: Why) -> Vec<Effect> {
        self.phase = Phase::Over;
        let text = if self.acted.is_empty() {
            String::new()
        } else {
            format!("What was done until then:\n\n{}", self.acted.join("\n\n"))
        };
        vec![Effect::Finish { text, why }]
    }

    pub(super) fn finish_over_bound(&mut self) -> Vec<Effect> {
        let mut text = format!("I stop here: {}.", self.over);
        if !self.done.is_empty() {
            text += "\n\nUntil then:\n\n";
            text += &self.done.join("\n\n");
        }
        self.finish(text, Why::Money)
    }

    pub(super) fn finish(&mut self, text: String, why: Why) -> Vec<Effect> {
        self.phase = Phase::Over;
        let mut texts = std::mem::take(&mut self.answered);
        texts.push(text);
        texts.retain(|text| !text.is_empty());
        vec![Effect::Finish {
            text: texts.join("\n\n"),
            why,
        }]
    }

    /// The ending when a model finished without a word.
    pub(super) fn unspoken(&self) -> String {
        if self.done.is_empty() {
            "The model gave no answer. Ask again, perhaps in other words.".to_owned()
        } else {
            self.done.join("\n\n")
        }
    }
}
