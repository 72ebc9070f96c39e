//! The report as one page.

use std::fmt::Display;

use super::{How, Report, Row};

const STYLE: &str = include_str!("page.css");

pub(super) fn page(report: &Report) -> String {
    let title = match &report.how {
        How::Replayed => "Jarvis: replayed cases".to_owned(),
        How::Live { model, times } => format!("Jarvis: {model}, {times} times each"),
    };
    let sentences: Vec<String> = report
        .sentences()
        .iter()
        .map(|text| format!("<p>{}</p>\n", escaped(text)))
        .collect();
    let rows: String = report.rows.iter().map(of_row).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{sentences}\
         <h2>By theme</h2>\n{themes}<h2>Cases</h2>\n<ul>\n{rows}</ul>\n</main>\n</body>\n</html>\n",
        title = escaped(&title),
        sentences = sentences.concat(),
        themes = themes(report),
    )
}

fn themes(report: &Report) -> String {
    let head = match report.how {
        How::Replayed => String::new(),
        How::Live { times, .. } => format!("<th scope=\"col\">pass@1</th><th scope=\"col\">pass^{times}</th>"),
    };
    let line = |(theme, sum): (&str, super::Sum)| {
        let figures = match report.how {
            How::Replayed => String::new(),
            How::Live { .. } => format!("<td>{:.1} %</td><td>{:.1} %</td>", sum.pass_at_1(), sum.pass_all()),
        };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{} of {}</td><td><meter min=\"0\" max=\"100\" low=\"99.9\" optimum=\"100\" value=\"{:.1}\">\
             {:.0} %</meter></td>{figures}</tr>\n",
            escaped(theme),
            sum.good,
            sum.cases,
            sum.pass_all(),
            sum.pass_all(),
        )
    };
    let lines: String = report.by_theme().into_iter().map(line).collect();
    format!(
        "<table>\n<thead><tr><th scope=\"col\">Theme</th><th scope=\"col\">Good</th><th scope=\"col\">Share</th>{head}</tr></thead>\n\
         <tbody>\n{lines}</tbody>\n</table>\n"
    )
}

fn of_row(row: &Row) -> String {
    let (class, word) = if row.is_good() {
        ("good", "good")
    } else {
        ("bad", "not good")
    };
    let complaint = row
        .complaint
        .as_deref()
        .map(|thread| format!(" <small>answers {}</small>", escaped(thread)));
    let mut faults = row.faults.clone();
    faults.dedup();
    let faults: Vec<String> = faults
        .iter()
        .map(|fault| format!("<li><code>{}</code></li>\n", escaped(fault)))
        .collect();
    let faults = if faults.is_empty() {
        String::new()
    } else {
        format!("<ul class=\"faults\">\n{}</ul>\n", faults.concat())
    };
    format!(
        "<li class=\"{class}\"><b>{word}</b> {} of {} <span class=\"name\">{}</span>{}<br>{}\n{faults}</li>\n",
        row.passed,
        row.of,
        escaped(&row.name),
        complaint.unwrap_or_default(),
        escaped(&row.shows),
    )
}

/// Text in HTML. What models and attackers wrote is in the faults.
fn escaped(text: impl Display) -> String {
    let text = text.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Direction marks could show a line as another than it is.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{live, row};

    #[test]
    fn nothing_that_a_model_wrote_becomes_markup() {
        let fault = "says: \"<script>alert(1)</script>\" & '\u{202e}x'";
        let page = live(vec![row("injection/<i>", 1, 4, &[fault])]).to_html();
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<b>another"), "{page}");
        assert!(!page.contains("<i>"), "{page}");
        assert!(!page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(page.contains("default-src 'none'"), "{page}");
    }
}
