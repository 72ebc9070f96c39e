//! How one alias treats its requests.

use std::time::Duration;

use serde::Deserialize;

use crate::caller::Waits;
use crate::demands::{Cold, Demands, Surface};

/// How long a request may look for a target that answers. Once one does, that target's own limits hold.
const DEADLINE: Duration = Duration::from_mins(2);
/// Nobody stays on the line for longer.
const DEADLINE_OF_VOICE: Duration = Duration::from_secs(15);

/// What an alias says beside its targets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manner {
    pub cold: ColdFor,
    /// A refusal by one server's content policy sends the request to the next target.
    pub fallback_on_policy: bool,
    /// How long a request may look for a target that answers; without it 2 minutes, and 15 s for who speaks.
    pub deadline: Option<Duration>,
    pub pace: PaceFor,
    /// Another target goes on with plain text that broke off while its caller read along; see [`Claims::prefill`].
    ///
    /// [`Claims::prefill`]: super::Claims::prefill
    pub goes_on: bool,
}

/// What is done about a model that is not loaded, by who waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColdFor {
    pub voice: Cold,
    pub chat: Cold,
    pub api: Cold,
}

/// Characters per second that an answer must bring over three seconds, or it is started anew elsewhere. Only where what
/// was said can be taken back. Without a number a slow answer is let be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaceFor {
    pub voice: Option<u32>,
    pub chat: Option<u32>,
    pub api: Option<u32>,
}

impl Default for ColdFor {
    fn default() -> Self {
        Self {
            voice: Cold::SkipAndWarm,
            chat: Cold::Race,
            api: Cold::Wait,
        }
    }
}

impl Manner {
    /// What the request says comes before what its key says, and that before what the alias says.
    pub(super) fn deadline(&self, demands: &Demands, waits: Waits, surface: Surface) -> Duration {
        let said = demands.deadline.or(waits.deadline).or(self.deadline);
        said.unwrap_or(match surface {
            Surface::Voice => DEADLINE_OF_VOICE,
            Surface::Chat | Surface::Api => DEADLINE,
        })
    }

    pub(super) fn cold(&self, demands: &Demands, surface: Surface) -> Cold {
        demands.cold.unwrap_or(match surface {
            Surface::Voice => self.cold.voice,
            Surface::Chat => self.cold.chat,
            Surface::Api => self.cold.api,
        })
    }
}

impl PaceFor {
    pub(super) fn of(self, surface: Surface) -> Option<u32> {
        match surface {
            Surface::Voice => self.voice,
            Surface::Chat => self.chat,
            Surface::Api => self.api,
        }
    }
}
