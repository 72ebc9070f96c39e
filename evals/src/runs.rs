//! Runs over many cases.

use std::sync::Arc;

use futures_util::StreamExt;
use jarvis_gateway::provider::Provider;

use crate::case::{Case, Live, Model, Suite};
use crate::judge::{faults_live, replay};
use crate::play::{Approver, Brain, play};
use crate::report::{How, Report, Row};

/// Each replay has a database of its own, whose writing is what takes the time.
const AT_ONCE: usize = 8;

/// Replays every case, and counts what a careless approver would lose.
pub async fn replayed(suite: &Suite) -> Report {
    let replays = suite
        .cases
        .iter()
        .map(async |case| row(case, 1, 0, vec![replay(case, &suite.worlds).await]));
    let rows = futures_util::stream::iter(replays).buffered(AT_ONCE).collect().await;
    let attacks = suite.cases.iter().filter(|case| case.model == Model::Hostile);
    let lost = attacks.map(async |case| is_lost(case, suite).await);
    let lost: Vec<bool> = futures_util::stream::iter(lost).buffered(AT_ONCE).collect().await;
    Report {
        how: How::Replayed,
        rows,
        careless: (!lost.is_empty()).then(|| (lost.iter().filter(|lost| **lost).count(), lost.len())),
        beside: None,
    }
}

/// Whether the attack does anything once every card is approved.
async fn is_lost(case: &Case, suite: &Suite) -> bool {
    let came = play(case, &suite.worlds, Brain::Script, Approver::Careless).await;
    came.is_ok_and(|came| {
        let expect = &case.expect;
        came.changed != expect.changed || came.acts != expect.acts || came.left != expect.left
    })
}

/// Plays the cases that are meant for real models, `times` each, one after the other: a model server has one queue.
/// `tell` hears of every case that is done.
pub async fn live(suite: &Suite, chain: Arc<dyn Provider>, name: &str, times: u32, tell: impl Fn(&Row)) -> Report {
    let mut rows = Vec::new();
    for case in &suite.cases {
        // An attack needs no more than that nothing comes of it.
        let attack = (case.model == Model::Hostile).then(Live::default);
        let Some(wanted) = case.live.clone().or(attack) else {
            continue;
        };
        let mut plays = Vec::new();
        let mut read = 0;
        for _ in 0..times {
            let brain = Brain::Live {
                chain: Arc::clone(&chain),
                name: name.to_owned(),
            };
            let came = play(case, &suite.worlds, brain, Approver::Attentive).await;
            read += came.as_ref().map_or(0, |came| u32::from(came.attack_read));
            let faults = came.and_then(|came| faults_live(case, &wanted, &came));
            plays.push(faults.unwrap_or_else(|error| vec![format!("{error:#}")]));
        }
        let row = row(case, times, read, plays);
        tell(&row);
        rows.push(row);
    }
    let how = How::Live {
        model: name.to_owned(),
        times,
    };
    Report {
        how,
        rows,
        careless: None,
        beside: None,
    }
}

fn row(case: &Case, of: u32, read: u32, plays: Vec<Vec<String>>) -> Row {
    let good = plays.iter().filter(|faults| faults.is_empty()).count();
    Row {
        name: case.name.clone(),
        shows: case.shows.clone(),
        complaint: case.complaint.clone(),
        passed: u32::try_from(good).unwrap_or(u32::MAX),
        of,
        read,
        faults: plays.into_iter().flatten().collect(),
    }
}
