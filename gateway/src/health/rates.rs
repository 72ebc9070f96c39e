//! How fast a model is, learned from the times that servers report.

use std::time::Duration;

use super::facts::Rates;
use crate::chat::Finish;

/// A server whose model was loaded already reports some milliseconds of loading too.
const REAL_LOAD: Duration = Duration::from_millis(500);
/// Below this a rate says more about the server's rounding than about its speed.
const TOKENS_TO_MEASURE: u64 = 32;
/// What is faster pulls the average a little, what is slower pulls it much: a prompt from the cache looks fast, and a
/// limit made of too high a speed gives up on a healthy target.
const TOWARDS_FASTER: f64 = 0.1;
const TOWARDS_SLOWER: f64 = 0.4;
const TOWARDS_ESTIMATE: f64 = 0.3;
/// A server that counts less than this share of the estimate has dropped or cached a part of the prompt.
const LEAST_RATIO: f64 = 0.6;
const RATIOS: std::ops::RangeInclusive<f64> = 0.7..=1.6;

impl Rates {
    /// Learns from an answer. `estimate` is what its prompt was estimated at, in tokens; `size` the bytes of the model.
    pub(super) fn learn(&mut self, finish: &Finish, estimate: u32, size: Option<u64>) {
        if let Some(time) = finish.timings.load {
            self.loaded(size, time);
        }
        let Some(usage) = finish.usage else { return };
        let read = usage.prompt_tokens.saturating_sub(usage.cached_tokens);
        if let Some(time) = finish.timings.prompt.filter(|time| !time.is_zero())
            && read >= TOKENS_TO_MEASURE
        {
            self.prompt = Some(mixed(self.prompt, per_second(read, time)));
        }
        if let Some(time) = finish.timings.answer.filter(|time| !time.is_zero())
            && usage.completion_tokens >= TOKENS_TO_MEASURE
        {
            self.answer = Some(mixed(self.answer, per_second(usage.completion_tokens, time)));
        }
        self.learn_ratio(usage.prompt_tokens, estimate, finish.truncated);
    }

    /// Learns from a load of `size` bytes.
    pub(super) fn loaded(&mut self, size: Option<u64>, time: Duration) {
        if let Some(size) = size.filter(|_| time >= REAL_LOAD) {
            let rate = mixed(self.load.map(as_float), per_second(size, time));
            self.load = Some(as_count(rate));
        }
    }

    fn learn_ratio(&mut self, counted: u64, estimate: u32, truncated: bool) {
        if truncated || u64::from(estimate) < TOKENS_TO_MEASURE {
            return;
        }
        let ratio = as_float(counted) / f64::from(estimate);
        if ratio >= LEAST_RATIO {
            let old = self.per_estimate.unwrap_or(1.0);
            let new = old + TOWARDS_ESTIMATE * (ratio - old);
            self.per_estimate = Some(new.clamp(*RATIOS.start(), *RATIOS.end()));
        }
    }
}

fn mixed(old: Option<f64>, new: f64) -> f64 {
    match old {
        None => new,
        Some(old) if new > old => old + TOWARDS_FASTER * (new - old),
        Some(old) => old + TOWARDS_SLOWER * (new - old),
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    as_float(count) / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "an average; the last digits do not matter")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive average, and the cast saturates"
)]
fn as_count(rate: f64) -> u64 {
    rate as u64
}
