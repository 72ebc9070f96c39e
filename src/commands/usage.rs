//! `jarvis usage`. Reads the database itself, so that it works when no server runs.

use std::process::ExitCode;

use jarvis_adapters::terminal::clean;
use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::usage::{By, Report, Since, Sums};

use crate::config::Config;
use crate::data;
use crate::output::line;

const HEAD: [&str; 10] = [
    "",
    "attempts",
    "answered",
    "cached",
    "left",
    "in",
    "out",
    "wasted",
    "cost",
    "of it wasted",
];
const LONGEST_NAME: usize = 48;

pub(crate) async fn usage(config: &Config, since: Since, by: By, json: bool) -> anyhow::Result<ExitCode> {
    data::need(config)?;
    let store = config.store().await?;
    let report = Report::read(&store, since, by, System.now()).await;
    store.close().await;
    let report = report?;
    if json {
        line(&serde_json::to_string(&report)?);
        return Ok(ExitCode::SUCCESS);
    }
    if report.lines.is_empty() {
        line(&format!("No model was asked {since}."));
        return Ok(ExitCode::SUCCESS);
    }
    line(&format!("Usage {since} by {by}, in tokens; days are those of UTC."));
    for row in table(&report) {
        line(&row);
    }
    for note in notes(&report.total) {
        line(&note);
    }
    Ok(ExitCode::SUCCESS)
}

/// Numbers stand under one another at their right end.
fn table(report: &Report) -> Vec<String> {
    let mut head = HEAD.map(str::to_owned).to_vec();
    if let Some(first) = head.first_mut() {
        *first = report.by.to_string();
    }
    let lines = report.lines.iter().chain([&report.total]);
    let rows: Vec<Vec<String>> = [head].into_iter().chain(lines.map(cells)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        })
        .collect();
    let written = |row: &Vec<String>| {
        let cells: Vec<String> = (0..)
            .zip(row.iter().zip(&widths))
            .map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        cells.join("  ")
    };
    rows.iter().map(written).collect()
}

fn cells(sums: &Sums) -> Vec<String> {
    let name = if sums.name.is_empty() { "(none)" } else { &sums.name };
    // Names of models and conversations come from outside.
    let name: String = clean(name).chars().take(LONGEST_NAME).collect();
    let cost = if sums.cost_unknown > 0 {
        format!("{} + {} unknown", sums.cost, sums.cost_unknown)
    } else {
        sums.cost.to_string()
    };
    vec![
        name,
        sums.attempts.to_string(),
        sums.answered.to_string(),
        sums.cached.to_string(),
        sums.left.to_string(),
        grouped(sums.tokens_in),
        grouped(sums.tokens_out),
        grouped(sums.tokens_wasted),
        cost,
        sums.cost_wasted.to_string(),
    ]
}

fn notes(total: &Sums) -> Vec<String> {
    let mut notes = Vec::new();
    if total.cost_unknown > 0 {
        notes.push(format!(
            "What {} attempts cost is not known and not in the sums: their models have no price, or the server did not \
             say what it used. Prices are added with `[budget] prices` of the configuration.",
            total.cost_unknown
        ));
    }
    if total.estimated > 0 {
        notes.push(format!(
            "The tokens of {} attempts are an estimate, because the server reported none.",
            total.estimated
        ));
    }
    notes
}

/// `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 0 && place % 3 == 0 {
            text.push(',');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use jarvis_gateway::clock::Millis;
    use jarvis_gateway::usage::MicroUsd;

    use super::*;

    #[test]
    fn a_report_is_a_table_with_its_totals() {
        let gpu = Sums {
            name: "gpu/qwen3:14b".into(),
            attempts: 12,
            answered: 11,
            left: 1,
            tokens_in: 1_234_567,
            tokens_out: 999,
            tokens_wasted: 15,
            ..Sums::default()
        };
        let cloud = Sums {
            name: "cloud/\u{7}odd".into(),
            attempts: 2,
            answered: 2,
            tokens_in: 1000,
            tokens_out: 10,
            cost: MicroUsd(1_500_042),
            cost_unknown: 1,
            ..Sums::default()
        };
        let lines = vec![cloud, gpu];
        let report = Report {
            since: Millis(0),
            until: Millis(0),
            by: By::Target,
            total: Sums::total(&lines),
            lines,
        };
        let expect = [
            "target         attempts  answered  cached  left         in    out  wasted                   cost  of it wasted",
            "cloud/odd             2         2       0     0      1,000     10       0  $1.500042 + 1 unknown         $0.00",
            "gpu/qwen3:14b        12        11       0     1  1,234,567    999      15                  $0.00         $0.00",
            "total                14        13       0     1  1,235,567  1,009      15  $1.500042 + 1 unknown         $0.00",
        ];
        assert_eq!(table(&report), expect);
        assert_eq!(notes(&report.total).len(), 1);
    }
}
