//! For whom, where, and within which bounds a turn runs.

use jarvis_tools::risk::Trust;

use crate::limits::Limits;
use crate::policy;
use crate::quarantine::Marks;

/// What does not change while a turn runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    pub caller: policy::Caller,
    pub ceiling: Trust,
    pub public: bool,
    pub limits: Limits,
    /// What operators and owners wrote in this run: a target named here is grounded.
    pub operator_text: String,
    /// What the one who asks wrote in this run, whatever they are trusted with.
    pub asker_text: String,
    /// Told to the model when it must answer without tools; `{why}` is replaced by the reason.
    pub last_step: String,
    /// Around what others wrote, in the results of this run.
    pub marks: Marks,
}

impl Setting {
    /// The words of this turn are those of an operator or owner.
    pub(super) fn is_trusted(&self) -> bool {
        matches!(self.caller, policy::Caller::Person(trust) if trust >= Trust::Operator)
    }

    /// What is said here stays among those who may see private things.
    pub(super) fn is_of_the_house(&self) -> bool {
        self.is_trusted() && !self.public
    }
}
