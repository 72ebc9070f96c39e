//! How long jobs take. An image or an hour of speech takes minutes where the first word of a chat takes seconds.

use std::time::Duration;

use super::forward::{Forward, Task};
use crate::caller::Waits;
use crate::chain::{HostClass, Limits, Target};

/// How long a request may look for a target that answers, whatever the chain says for chat.
pub(super) const EMBED_DEADLINE: Duration = Duration::from_mins(5);

const MIB: usize = 1024 * 1024;

impl Task {
    pub(super) fn deadline(self) -> Duration {
        match self {
            Self::Images | Self::ImageEdits => Duration::from_mins(10),
            Self::Transcription => Duration::from_mins(20),
            Self::Speech => Duration::from_mins(3),
        }
    }

    /// Between two pieces of an answer.
    pub(super) fn idle(self, target: &Target) -> Duration {
        let own = target.limits().idle;
        let is_configured = own != Limits::of(target.class()).idle;
        match self {
            // Nothing is told between two stages of a picture.
            Self::Images | Self::ImageEdits if !is_configured => own.max(Duration::from_mins(2)),
            Self::Images | Self::ImageEdits | Self::Transcription | Self::Speech => own,
        }
    }
}

/// Until the answer begins. A limit that was configured for the target holds for its jobs as it stands; otherwise it
/// depends on the kind of work, its size and the kind of machine. The figures are guesses with room: connecting has its
/// own short limit, so only a server that accepts a job and then hangs is waited for this long.
pub(super) fn forward_limit(job: &Forward, target: &Target) -> Duration {
    let class = target.class();
    if let Some(own) = configured(target) {
        return own;
    }
    let seconds = Duration::from_secs;
    let mebibytes = u32::try_from(job.body.len() / MIB).unwrap_or(u32::MAX);
    let kibibytes = u32::try_from(job.body.len() / 1024).unwrap_or(u32::MAX);
    let limit = match (job.task, class) {
        (Task::Images | Task::ImageEdits, HostClass::Gpu | HostClass::Cloud) => seconds(240),
        (Task::Images | Task::ImageEdits, HostClass::Cpu) => seconds(600),
        (Task::Transcription, HostClass::Gpu | HostClass::Cloud) => seconds(60) + seconds(10) * mebibytes,
        (Task::Transcription, HostClass::Cpu) => seconds(120) + seconds(60) * mebibytes,
        // Some servers make all of the sound before they send the first of it.
        (Task::Speech, HostClass::Gpu | HostClass::Cloud) => seconds(30) + seconds(5) * kibibytes,
        (Task::Speech, HostClass::Cpu) => seconds(45) + seconds(20) * kibibytes,
    };
    limit.min(target.limits().total)
}

/// Until all vectors are there.
pub(super) fn embed_limit(tokens: u32, target: &Target) -> Duration {
    if let Some(own) = configured(target) {
        return own;
    }
    let limits = target.limits();
    let load = limits.load.max(Duration::from_secs(30));
    // Embedding models are small, so they read much faster than those that chat.
    let per_token = limits.per_prompt_token.max(Duration::from_millis(1)) / 4;
    limits
        .first_token
        .saturating_add(load)
        .saturating_add(per_token.saturating_mul(tokens))
        .min(limits.total)
}

/// The same for a caller whose key says how long it waits: its limit takes the place of the target's own, and the time
/// for the work itself comes on top, as with chat.
pub(super) fn for_caller(limit: Duration, target: &Target, waits: Waits) -> Duration {
    let own = target.limits().first_token;
    let limit = waits
        .first_token
        .map_or(limit, |first| limit.saturating_sub(own).saturating_add(first));
    waits.total.map_or(limit, |total| limit.min(total))
}

fn configured(target: &Target) -> Option<Duration> {
    let own = target.limits().first_token;
    (own != Limits::of(target.class()).first_token).then_some(own)
}
