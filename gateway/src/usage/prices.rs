//! What models cost. The figures are data, in `gateway/prices.toml`; here is only how they are looked up and applied.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Deserialize;

use super::attempt::{Attempt, Outcome, Pieces, Planned};
use super::money::{Dollars, MicroUsd};
use crate::chain::HostClass;
use crate::chat::Usage;
use crate::glob;

const EMBEDDED: &str = include_str!("../../prices.toml");
/// Names of models that are remembered with their price. They come from the configuration, so there are few.
const MOST_REMEMBERED: usize = 1024;
/// What an answer is taken to be long, in tokens, when the request does not bound it.
const USUAL_ANSWER: u64 = 1024;
/// How fast a text is spoken, for speech that is paid for by its time.
const LETTERS_A_SECOND: u64 = 15;
const PER_MILLION: i128 = 1_000_000;

/// The price list. It can be replaced while it is in use.
#[derive(Default)]
pub struct Prices {
    list: RwLock<List>,
}

#[derive(Default)]
struct List {
    entries: Vec<Arc<Entry>>,
    /// By backend and model, so that patterns are not tried for every attempt.
    found: HashMap<Target, Option<Arc<Entry>>>,
}

/// Backend and model.
type Target = (Arc<str>, Arc<str>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Entry>,
}

/// All of it in dollars: per million tokens or letters, per image, per minute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    model: String,
    /// The name of a backend, or a pattern; without it the entry is for all.
    backend: Option<String>,
    input: Option<Dollars>,
    /// Without it, what the server had read before costs as much as the rest.
    cached_input: Option<Dollars>,
    output: Option<Dollars>,
    long: Option<Long>,
    image: Option<Dollars>,
    audio_minute: Option<Dollars>,
    characters: Option<Dollars>,
}

/// Prices that hold for the whole request when its question is longer than `over` tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    over: u64,
    input: Option<Dollars>,
    cached_input: Option<Dollars>,
    output: Option<Dollars>,
}

/// What an attempt costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    Known(MicroUsd),
    /// There is no price for it, or the server did not say what it used.
    Unknown,
}

impl Cost {
    pub fn known(self) -> Option<MicroUsd> {
        match self {
            Self::Known(cost) => Some(cost),
            Self::Unknown => None,
        }
    }
}

impl Prices {
    /// The list that is part of the program, after the entries of `own` (the text of a file of the same form).
    pub fn with(own: &str) -> Result<Self, toml::de::Error> {
        let mut entries = toml::from_str::<File>(own)?.price;
        entries.extend(toml::from_str::<File>(EMBEDDED)?.price);
        let list = List {
            entries: entries.into_iter().map(Arc::new).collect(),
            found: HashMap::new(),
        };
        Ok(Self {
            list: RwLock::new(list),
        })
    }

    /// Takes over the figures of another list. Attempts that are over keep what they were said to cost.
    pub fn replace(&self, by: Self) {
        let by = by.list.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = by;
    }

    /// What an attempt that is over costs.
    pub fn cost(&self, attempt: &Attempt) -> Cost {
        if attempt.class != HostClass::Cloud || attempt.outcome == Outcome::Cached {
            return Cost::Known(MicroUsd(0));
        }
        let used = attempt.usage != Usage::default() || attempt.pieces != Pieces::default();
        if !used {
            // What failed before anything was read is not charged; an answer without a count was.
            return match attempt.outcome {
                Outcome::Answered => Cost::Unknown,
                Outcome::Cached | Outcome::Left { .. } | Outcome::Cancelled => Cost::Known(MicroUsd(0)),
            };
        }
        let price = self.find(&attempt.backend, &attempt.model);
        price.map_or(Cost::Unknown, |price| price.of(&attempt.usage, attempt.pieces))
    }

    /// What an attempt will cost, roughly.
    pub fn estimate(&self, planned: &Planned<'_>) -> Cost {
        let usage = Usage {
            prompt_tokens: planned.prompt_tokens,
            completion_tokens: planned
                .answer_tokens
                .unwrap_or(USUAL_ANSWER)
                .saturating_mul(planned.answers.max(1).into()),
            ..Usage::default()
        };
        let price = self.find(&planned.backend.into(), &planned.model.into());
        price.map_or(Cost::Unknown, |price| match price.of(&usage, planned.pieces) {
            Cost::Known(cost) => Cost::Known(cost),
            // A model that is paid by the piece, and nobody knows yet how many.
            Cost::Unknown if planned.pieces.characters == 0 => Cost::Known(MicroUsd(0)),
            Cost::Unknown => Cost::Unknown,
        })
    }

    fn find(&self, backend: &Arc<str>, model: &Arc<str>) -> Option<Arc<Entry>> {
        let name = (Arc::clone(backend), Arc::clone(model));
        if let Some(known) = self
            .list
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .found
            .get(&name)
        {
            return known.clone();
        }
        let fits = |entry: &&Arc<Entry>| {
            let of_backend = entry.backend.as_ref().is_none_or(|of| glob::fits(of, backend));
            of_backend && (glob::fits(&entry.model, model) || glob::fits(&entry.model, undated(model)))
        };
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let entry = list.entries.iter().find(fits).map(Arc::clone);
        if list.found.len() < MOST_REMEMBERED {
            list.found.insert(name, entry.clone());
        }
        entry
    }
}

impl Entry {
    /// Tokens are charged where the list has a price for tokens and some were reported; else the pieces are.
    fn of(&self, usage: &Usage, pieces: Pieces) -> Cost {
        let (input, cached_input, output) = match &self.long {
            Some(long) if usage.prompt_tokens > long.over => (long.input, long.cached_input, long.output),
            Some(_) | None => (self.input, self.cached_input, self.output),
        };
        let has_tokens = usage.prompt_tokens > 0 || usage.completion_tokens > 0;
        if has_tokens && (input.is_some() || output.is_some()) {
            let cached = usage.cached_tokens.min(usage.prompt_tokens);
            return sum([
                (usage.prompt_tokens - cached, input),
                (cached, cached_input.or(input)),
                (usage.completion_tokens, output),
            ]);
        }
        let million = |count: u64| count.saturating_mul(1_000_000);
        // What is spoken is paid for by its time, of which only the letters are known.
        let spoken = Duration::from_secs(pieces.characters.div_ceil(LETTERS_A_SECOND));
        let audio = if pieces.audio.is_zero() { spoken } else { pieces.audio };
        let minutes = u64::try_from(audio.as_micros() / 60).unwrap_or(u64::MAX);
        let all = [
            (million(pieces.images.into()), self.image),
            (minutes, self.audio_minute),
            (pieces.characters, self.characters),
        ];
        if all
            .iter()
            .all(|(millionths, price)| *millionths == 0 || price.is_none())
        {
            return Cost::Unknown;
        }
        // A model is paid for by one kind of piece; the others are only known by the way.
        sum(all.map(|(millionths, price)| (if price.is_some() { millionths } else { 0 }, price)))
    }
}

/// Amounts in millionths, with the price of a whole one. Rounded up once.
fn sum<const N: usize>(parts: [(u64, Option<Dollars>); N]) -> Cost {
    let mut total: i128 = 0;
    for (millionths, price) in parts {
        let Some(Dollars(MicroUsd(price))) = price else {
            if millionths == 0 {
                continue;
            }
            return Cost::Unknown;
        };
        total = total.saturating_add(i128::from(millionths).saturating_mul(price.into()));
    }
    let micros = total.saturating_add(PER_MILLION - 1) / PER_MILLION;
    Cost::Known(MicroUsd(i64::try_from(micros).unwrap_or(i64::MAX)))
}

/// `gpt-5.4` of `gpt-5.4-2026-03-05`.
fn undated(model: &str) -> &str {
    let is_date = |text: &str| {
        let of = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('-');
        let lengths = [4, 2, 2].map(|length| parts.next().is_some_and(|part| of(part, length)));
        lengths == [true; 3]
    };
    let cut = model.len().saturating_sub("-2026-03-05".len());
    match model.split_at_checked(cut) {
        Some((name, date)) if date.strip_prefix('-').is_some_and(is_date) => name,
        Some(_) | None => model,
    }
}

#[cfg(test)]
#[path = "prices_tests.rs"]
mod tests;
