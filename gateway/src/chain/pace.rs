//! Whether an answer comes fast enough to be listened to.

use std::time::Duration;

use tokio::time::Instant;

use crate::chat::Event;

/// A pause for breath is no slowness, hence a window.
const OVER: Duration = Duration::from_secs(3);

/// Counts the characters of windows of three seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_second: u32,
    since: Instant,
    characters: usize,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            since: Instant::now(),
            characters: 0,
        }
    }

    pub(super) fn window_ends(&self) -> Instant {
        self.since + OVER
    }

    pub(super) fn note(&mut self, event: &Event) {
        self.characters += match event {
            Event::Text(text) | Event::Reasoning(text) => text.chars().count(),
            Event::ToolCall(call) => call.arguments.chars().count(),
            Event::Served(_) | Event::Logprobs(_) | Event::Wire(_) | Event::Reset | Event::Finish(_) => 0,
        };
    }

    /// Whether too little came in the window that ended just now, if one did. Begins the next one.
    pub(super) fn is_slow(&mut self, now: Instant) -> bool {
        if now < self.window_ends() {
            return false;
        }
        let took = now.duration_since(self.since).as_secs_f64();
        let least = f64::from(self.per_second) * took;
        let came = u32::try_from(self.characters).map_or(f64::MAX, f64::from);
        *self = Self::new(self.per_second);
        came < least
    }

    pub(super) fn says(&self) -> String {
        format!("it wrote fewer than {} characters per second", self.per_second)
    }
}
