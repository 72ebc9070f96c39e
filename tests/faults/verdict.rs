//! How a case ended.

use std::fmt;
use std::time::Duration;

use crate::answer::Answer;

/// From bad to good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Half an answer as if it were whole, a wrong one, a hang, or no proper error.
    Fail,
    /// No answer, but the caller was told so properly.
    Safe,
    /// The whole answer, but too late, with too many attempts, or without something that belongs to it.
    Partial,
    /// The whole answer as it should be.
    Pass,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fail => "fail",
            Self::Safe => "safe",
            Self::Partial => "partial",
            Self::Pass => "pass",
        })
    }
}

/// What a case has come to so far: the worst of what was seen.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// In the order in which it was seen.
    pub(crate) seen: Vec<String>,
}

impl Judged {
    pub(crate) fn new() -> Self {
        Self {
            verdict: Verdict::Pass,
            seen: Vec::new(),
        }
    }

    /// Worth printing, whatever it means.
    pub(crate) fn note(&mut self, seen: impl Into<String>) {
        self.seen.push(seen.into());
    }

    /// What must hold, and what it is otherwise.
    pub(crate) fn expect(&mut self, holds: bool, otherwise: Verdict, seen: impl Into<String>) {
        if !holds {
            self.verdict = self.verdict.min(otherwise);
            self.seen.push(format!("{otherwise}: {}", seen.into()));
        }
    }

    /// The caller has `text` as a whole answer.
    pub(crate) fn complete(&mut self, answer: &Answer, text: &str) {
        let problem = answer.problem(text);
        let Some(problem) = problem else {
            self.seen.push(answer.target());
            return;
        };
        if answer.is_proper_error() {
            self.expect(false, Verdict::Safe, format!("{problem}: {}", answer.error_text()));
        } else {
            self.expect(false, Verdict::Fail, problem);
        }
    }

    /// The caller was told of the failure and has nothing that looks whole.
    pub(crate) fn told(&mut self, answer: &Answer) {
        let seen = answer.error_text();
        self.expect(
            answer.is_proper_error(),
            Verdict::Fail,
            format!("no proper error: {answer:?}"),
        );
        self.note(format!("told: {seen}"));
    }

    #[expect(clippy::needless_pass_by_value, reason = "a call reads better without borrows")]
    pub(crate) fn equal<T: PartialEq + fmt::Debug>(&mut self, what: &str, seen: T, wanted: T) {
        self.expect(
            seen == wanted,
            Verdict::Fail,
            format!("{what} is {seen:?} and not {wanted:?}"),
        );
    }

    /// How often a server was asked.
    pub(crate) fn asked(&mut self, server: &str, times: usize, wanted: impl std::ops::RangeBounds<usize>) {
        self.expect(
            wanted.contains(&times),
            Verdict::Partial,
            format!("{server} was asked {times} times"),
        );
    }

    pub(crate) fn within(&mut self, what: &str, took: Duration, limit: Duration) {
        self.note(format!("{what} {} ms", took.as_millis()));
        let over = format!("{what} took longer than {} ms", limit.as_millis());
        self.expect(took <= limit, Verdict::Partial, over);
    }
}
