//! Vectors, kept and given again.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::answer::{late, tell_spared};
use super::flight::{Turn, Waited};
use super::question::of_vectors;
use super::shelf::Answer;
use super::wish::{HEADER, HIT, JOINED, MISS, wish};
use crate::chain::{Chain, Errand};
use crate::chat::{Served, Timings, Usage};
use crate::http::error::Error;
use crate::http::router;
use crate::jobs::{self, Done, Embed, Embedded, Vectors};
use crate::provider;

/// Where a request for vectors came in, and what it says.
pub(in crate::http) struct Asked<'a> {
    pub(in crate::http) route: &'static str,
    pub(in crate::http) model: &'a str,
    pub(in crate::http) body: &'a [u8],
    pub(in crate::http) job: &'a Embed,
}

/// Vectors, and who made them.
pub(in crate::http) struct Found {
    pub(in crate::http) done: Arc<Done<Embedded>>,
    pub(in crate::http) served: Served,
    told: Option<&'static str>,
}

impl Found {
    fn made(done: Arc<Done<Embedded>>, told: Option<&'static str>) -> Self {
        let served = done.served.clone();
        Self { done, served, told }
    }

    /// `x-jarvis-cache: hit`, `miss` or `joined`; nothing when the cache has no part in it.
    pub(in crate::http) fn tell(&self, headers: &mut HeaderMap) {
        headers.extend(self.told.map(|told| (HEADER, HeaderValue::from_static(told))));
    }
}

/// The vectors, from the cache when that is wanted, or from whoever is asked.
pub(in crate::http) async fn vectors(
    state: &router::State,
    headers: &HeaderMap,
    chain: &Chain,
    mut errand: Errand,
    asked: Asked<'_>,
) -> Result<Found, Failed> {
    let (cache, health) = (&state.cache, state.registry.health());
    let ask = async |errand| jobs::embed(chain, health, errand, asked.job).await.map(Arc::new);
    let Some(time) = wish(cache, headers, &errand.caller).map_err(Failed::Wish)? else {
        return Ok(Found::made(ask(errand).await?, None));
    };
    // Vectors of another model must not be given, when the chain or what its servers have has changed.
    let space = jobs::spaces(chain, health);
    let of = (asked.route, asked.model, space.as_str());
    let Some(question) = of_vectors(&errand, asked.body, of, cache.is_shared()) else {
        return Ok(Found::made(ask(errand).await?, None));
    };
    let (lead, told) = match cache.turn(question) {
        Turn::Kept(Answer::Vectors(done)) => return Ok(again(state, &errand, done, HIT)),
        // A question for words has another digest.
        Turn::Kept(Answer::Said(_)) => (None, MISS),
        Turn::Lead(lead) => match cache.fetch(&question).await {
            Some(Answer::Vectors(done)) => return Ok(again(state, &errand, done, HIT)),
            Some(Answer::Said(_)) | None => (Some(lead), MISS),
        },
        Turn::Wait(ends) => {
            let began = Instant::now();
            let deadline = errand.demands.deadline;
            let waited = cache
                .wait(question, ends, deadline.map(|deadline| began + deadline))
                .await;
            errand.demands.deadline = deadline.map(|deadline| deadline.saturating_sub(began.elapsed()));
            match waited {
                Waited::Kept(Answer::Vectors(done)) => return Ok(again(state, &errand, done, JOINED)),
                _ if errand.demands.deadline.is_some_and(|rest| rest.is_zero()) => return Err(late().into()),
                Waited::Lead(lead) => (Some(lead), JOINED),
                Waited::Kept(Answer::Said(_)) | Waited::Alone => (None, JOINED),
            }
        }
    };
    let done = ask(errand).await?;
    if let Some(lead) = lead {
        let bytes = match &done.answer.vectors {
            Vectors::Wire(body) => body.len(),
            Vectors::Numbers(rows) => rows.len() * (done.answer.dimensions * size_of::<f32>() + size_of::<Vec<f32>>()),
        };
        cache.keep(question, Answer::Vectors(Arc::clone(&done)), bytes, time);
        drop(lead);
    }
    Ok(Found::made(done, Some(told)))
}

/// Why there are no vectors.
pub(in crate::http) enum Failed {
    Wish(Error),
    Asking(provider::Error),
}

impl From<provider::Error> for Failed {
    fn from(error: provider::Error) -> Self {
        Self::Asking(error)
    }
}

/// Who answers from the cache asks no target.
fn again(state: &router::State, errand: &Errand, done: Arc<Done<Embedded>>, told: &'static str) -> Found {
    let usage = Usage {
        prompt_tokens: done.answer.tokens.unwrap_or_default(),
        ..Usage::default()
    };
    let by = (Arc::clone(&errand.origin), &errand.caller);
    tell_spared(state, by, Some(&done.served), (usage, Timings::default()));
    let served = Served {
        attempts: 0,
        left: Vec::new(),
        ..done.served.clone()
    };
    Found {
        done,
        served,
        told: Some(told),
    }
}
