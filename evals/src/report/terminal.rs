//! The report in 80 columns.

use super::{How, Report};

const WIDTH: usize = 80;

pub(super) fn text(report: &Report) -> String {
    let mut lines: Vec<String> = report.sentences().iter().flat_map(|text| wrapped(text, "")).collect();
    lines.push(String::new());
    for (theme, sum) in report.by_theme() {
        let figures = match report.how {
            How::Replayed => String::new(),
            How::Live { times, .. } => {
                format!(
                    "   pass@1 {:>5.1} %   pass^{times} {:>5.1} %",
                    sum.pass_at_1(),
                    sum.pass_all()
                )
            }
        };
        lines.push(format!("  {theme:<12} {:>3} of {:>3}{figures}", sum.good, sum.cases));
    }
    for row in report.rows.iter().filter(|row| !row.is_good()) {
        lines.push(String::new());
        let of = if row.of > 1 {
            format!(" ({} of {})", row.passed, row.of)
        } else {
            String::new()
        };
        lines.push(format!("{}{of}", row.name));
        lines.extend(wrapped(&row.shows, "  "));
        let mut faults = row.faults.clone();
        faults.dedup();
        lines.extend(faults.iter().flat_map(|fault| wrapped(fault, "    ")));
    }
    lines.join("\n")
}

/// Lines of at most [`WIDTH`] characters. A word that is longer than a line is broken; what a terminal would act on is
/// left out.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let room = WIDTH - indent.len();
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().filter(|c| !c.is_control()).collect();
        for piece in word.chunks(room) {
            if length > 0 && length + 1 + piece.len() > room {
                lines.push(format!("{indent}{line}"));
                line.clear();
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.extend(piece);
            length += piece.len();
        }
    }
    lines.push(format!("{indent}{line}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::tests::{live, row};

    #[test]
    fn everything_fits_into_eighty_columns() {
        let long = format!("changed: \u{1b}[31m{} {}", "x".repeat(200), "word ".repeat(60));
        let text = live(vec![
            row("tools/good", 4, 4, &[]),
            row("injection/logs/bad", 1, 4, &[&long, &long]),
        ])
        .to_text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.contains("injection/logs/bad (1 of 4)"), "{text}");
        assert!(
            text.contains("  injection      0 of   1   pass@1  25.0 %   pass^4   0.0 %"),
            "{text}"
        );
        assert_eq!(text.matches("changed:").count(), 1, "{text}");
        assert!(!text.contains("tools/good"), "{text}");
    }
}
