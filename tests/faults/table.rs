//! The table: which cases there are, and how they are played and printed.

use std::fmt;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::verdict::{Judged, Verdict};

/// How an answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    Streamed,
}

pub(crate) type Playing = Pin<Box<dyn Future<Output = Judged>>>;

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) forms: &'static [Form],
    /// What is enough when the answer is streamed; a whole one must pass.
    pub(crate) streamed_may_be: Verdict,
    pub(crate) play: fn(Form) -> Playing,
}

pub(crate) const BOTH: &[Form] = &[Form::Whole, Form::Streamed];
pub(crate) const WHOLE: &[Form] = &[Form::Whole];
pub(crate) const STREAMED: &[Form] = &[Form::Streamed];

pub(crate) const fn case(
    name: &'static str,
    what: &'static str,
    forms: &'static [Form],
    play: fn(Form) -> Playing,
) -> Case {
    Case {
        name,
        what,
        forms,
        streamed_may_be: Verdict::Pass,
        play,
    }
}

/// A case in which a caller who reads along can only be told that the answer broke off.
pub(crate) const fn told(
    name: &'static str,
    what: &'static str,
    forms: &'static [Form],
    play: fn(Form) -> Playing,
) -> Case {
    Case {
        streamed_may_be: Verdict::Safe,
        ..case(name, what, forms, play)
    }
}

/// No case takes longer, whatever goes wrong.
const LONGEST: Duration = Duration::from_secs(90);
/// Cases that wait for minutes of the same kind cost nothing, so that many can be played at once.
const AT_ONCE: usize = 24;

struct Line {
    name: &'static str,
    what: &'static str,
    form: Form,
    wanted: Verdict,
    judged: Judged,
    took: Duration,
}

/// Plays all cases and fails when one is worse than it may be.
pub(crate) async fn play(cases: Vec<Case>) {
    let chosen = std::env::var("FAULTS").unwrap_or_default();
    let is_chosen = |case: &Case| chosen.split(',').any(|begin| case.name.starts_with(begin));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for case in cases.into_iter().filter(is_chosen) {
        for &form in case.forms {
            let place = Arc::clone(&places);
            playing.spawn(async move {
                let _place = place.acquire_owned().await.expect("nobody closes it");
                let began = Instant::now();
                let judged = played(case.play, form).await;
                Line {
                    name: case.name,
                    what: case.what,
                    form,
                    wanted: if form == Form::Streamed {
                        case.streamed_may_be
                    } else {
                        Verdict::Pass
                    },
                    judged,
                    took: began.elapsed(),
                }
            });
        }
    }
    let mut lines: Vec<Line> = playing.join_all().await;
    lines.sort_by_key(|line| (line.name, line.form == Form::Streamed));
    let mut wrong = Vec::new();
    for line in &lines {
        print(line);
        if line.judged.verdict < line.wanted {
            wrong.push(format!("{} {:?}", line.name, line.form));
        }
    }
    print_sum(&lines);
    assert!(wrong.is_empty(), "worse than they may be: {}", wrong.join(", "));
}

/// Not by `println!`, which a test that passes keeps to itself.
fn say(line: fmt::Arguments) {
    writeln!(std::io::stdout(), "{line}").expect("somewhere to print to");
}

async fn played(play: fn(Form) -> Playing, form: Form) -> Judged {
    let runtime = Handle::current();
    // On a thread of its own, where a panic ends this case only.
    let played = tokio::task::spawn_blocking(move || {
        runtime.block_on(async { tokio::time::timeout(LONGEST, play(form)).await })
    });
    match played.await {
        Ok(Ok(judged)) => judged,
        Ok(Err(_)) => failed(format!("no end after {} s", LONGEST.as_secs())),
        Err(panic) => failed(format!("panicked: {panic}")),
    }
}

fn failed(seen: String) -> Judged {
    Judged {
        verdict: Verdict::Fail,
        seen: vec![seen],
    }
}

fn print(line: &Line) {
    let form = match line.form {
        Form::Whole => "whole",
        Form::Streamed => "streamed",
    };
    let seen = line.judged.seen.join("; ");
    say(format_args!(
        "{:4} {:8} {form:8} {:>6} ms  {}: {seen}",
        line.name,
        line.judged.verdict,
        line.took.as_millis(),
        line.what
    ));
}

/// One case counts as its worst form.
fn print_sum(lines: &[Line]) {
    for kind in ["S", "O", "N", "C"] {
        let of_kind = lines
            .chunk_by(|a, b| a.name == b.name)
            .filter(|case| case[0].name.starts_with(kind));
        let worst: Vec<Verdict> = of_kind
            .filter_map(|case| case.iter().map(|line| line.judged.verdict).min())
            .collect();
        let count = |verdict| worst.iter().filter(|other| **other == verdict).count();
        let [pass, partial, safe, fail] = [Verdict::Pass, Verdict::Partial, Verdict::Safe, Verdict::Fail].map(count);
        if !worst.is_empty() {
            say(format_args!(
                "{kind}: {pass} pass, {partial} partial, {safe} safe, {fail} fail of {}",
                worst.len()
            ));
        }
    }
}
