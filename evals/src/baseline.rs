//! What a model did before, to hold a new run beside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::report::{How, Report};

/// How many cases a run may be worse than its baseline: models are asked with chance in them.
const MAY_BE_WORSE: f64 = 2.0;

/// The good plays of every case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    pub model: String,
    pub times: u32,
    pub cases: BTreeMap<String, u32>,
}

/// A run beside its baseline, over the cases that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub cases: usize,
    /// The chances of one good play, added up over the cases: before and now.
    pub before: f64,
    pub now: f64,
    /// Cases that every play of was good before, and not now.
    pub lost: Vec<String>,
}

impl Comparison {
    pub fn is_worse(&self) -> bool {
        self.now < self.before - MAY_BE_WORSE
    }

    pub(crate) fn sentence(&self) -> String {
        let verdict = if self.is_worse() { "worse" } else { "no worse" };
        let lost = if self.lost.is_empty() {
            String::new()
        } else {
            format!(" No longer always good: {}.", self.lost.join(", "))
        };
        format!(
            "Beside the baseline, over {} cases: {:.1} good before, {:.1} now, which counts as {verdict}.{lost}",
            self.cases, self.before, self.now
        )
    }
}

impl Baseline {
    /// Where the baseline of a model is kept in `folder`.
    pub fn path(folder: &Path, model: &str) -> PathBuf {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
                c
            } else {
                '-'
            }
        };
        let name: String = model.chars().map(plain).collect();
        folder.join(format!("{}.json", name.trim_start_matches('.')))
    }

    /// `None` when there is none yet.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let baseline = serde_json::from_str(&text);
                Ok(Some(
                    baseline.with_context(|| format!("understand {}", path.display()))?,
                ))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }

    /// The figures of a live run; `None` for a replay.
    pub fn of(report: &Report) -> Option<Self> {
        let How::Live { model, times } = &report.how else {
            return None;
        };
        let cases = report.rows.iter().map(|row| (row.name.clone(), row.passed));
        Some(Self {
            model: model.clone(),
            times: *times,
            cases: cases.collect(),
        })
    }

    /// This run, with what `before` knows of cases that were not played now. Runs of other lengths have nothing in common.
    #[must_use]
    pub fn over(mut self, before: Self) -> Self {
        if before.times == self.times {
            for (name, passed) in before.cases {
                self.cases.entry(name).or_insert(passed);
            }
        }
        self
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }

    pub fn beside(&self, report: &Report) -> Comparison {
        let share = |passed: u32, of: u32| f64::from(passed.min(of)) / f64::from(of.max(1));
        let mut found = Comparison {
            cases: 0,
            before: 0.0,
            now: 0.0,
            lost: Vec::new(),
        };
        for row in &report.rows {
            let Some(&passed) = self.cases.get(&row.name) else {
                continue;
            };
            found.cases += 1;
            found.before += share(passed, self.times);
            found.now += share(row.passed, row.of);
            if passed >= self.times && !row.is_good() {
                found.lost.push(row.name.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{live, row};

    #[test]
    fn a_run_may_be_two_cases_worse() {
        let names = ["tools/a", "tools/b", "tools/c", "tools/d"];
        let run = |passed: [u32; 4]| {
            live(
                names
                    .iter()
                    .zip(passed)
                    .map(|(name, passed)| row(name, passed, 4, &[]))
                    .collect(),
            )
        };
        let baseline = Baseline::of(&run([4, 4, 4, 0])).expect("a live run");
        let check = |passed, worse, lost: &[&str]| {
            let beside = baseline.beside(&run(passed));
            assert_eq!((beside.is_worse(), beside.cases), (worse, 4), "{passed:?}");
            assert_eq!(beside.lost, lost, "{passed:?}");
        };
        check([4, 4, 4, 0], false, &[]);
        check([4, 0, 0, 0], false, &["tools/b", "tools/c"]);
        check([3, 0, 0, 0], true, &["tools/a", "tools/b", "tools/c"]);
        check([4, 4, 4, 4], false, &[]);
        let other = live(vec![row("none/new", 0, 4, &[])]);
        assert_eq!(baseline.beside(&other).cases, 0);
    }

    #[test]
    fn a_run_of_some_cases_keeps_what_is_known_of_the_others() {
        let of = |rows| Baseline::of(&live(rows)).expect("a live run");
        let before = of(vec![row("tools/a", 4, 4, &[]), row("none/b", 2, 4, &[])]);
        let now = of(vec![row("tools/a", 1, 4, &[])]);
        let both = of(vec![row("tools/a", 1, 4, &[]), row("none/b", 2, 4, &[])]);
        assert_eq!(now.clone().over(before.clone()), both);
        let shorter = Baseline { times: 1, ..before };
        assert_eq!(now.clone().over(shorter), now);
    }

    #[test]
    fn a_baseline_is_found_again() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = Baseline::path(&folder.path().join("new"), "gpu/../qwen3:14b");
        assert_eq!(
            path.file_name().and_then(|name| name.to_str()),
            Some("gpu-..-qwen3-14b.json")
        );
        assert_eq!(Baseline::read(&path)?, None);
        let baseline = Baseline::of(&live(vec![row("tools/a", 3, 4, &[])])).context("a live run")?;
        baseline.write(&path)?;
        assert_eq!(Baseline::read(&path)?, Some(baseline));
        std::fs::write(&path, "{}")?;
        assert!(Baseline::read(&path).is_err());
        Ok(())
    }
}
