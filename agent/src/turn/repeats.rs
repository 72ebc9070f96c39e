//! When two results say the same: times, durations, ids and process numbers change with every reading, and nothing else
//! of them has to. Counts and measures stay, because they are what progress looks like.

use std::sync::LazyLock;

use regex::Regex;

/// In this order: what is longer first.
const CHANGING: [&str; 6] = [
    // Dates with times, as in RFC 3339 and in logs.
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?",
    // UUIDs, and ids and hashes in hex: seven digits or more, one of them 0 to 9.
    r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r"(?i)\b(?:0x)?(?:[0-9a-f]*[a-f][0-9a-f]*[0-9][0-9a-f]*|[0-9a-f]*[0-9][0-9a-f]*[a-f][0-9a-f]*|[0-9]{10,})\b",
    // Durations.
    concat!(
        r"(?i)\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?|months?|years?)\b",
        r"|\b(?:a|an|about an?|less than a) (?:second|minute|hour|day|week|month)\b",
    ),
    // Process numbers: `pid 17`, `"pid":17`, `sshd[17]`.
    r#"(?i)\b(?:pid|process|tid)["']?\s*[:=#]?\s*\d+|\[\d+\]"#,
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and every test here compiles them"
    )]
    let compile = |pattern: &&str| Regex::new(pattern).expect("a valid pattern");
    CHANGING.iter().map(compile).collect()
});

/// `text` with everything of that kind replaced.
pub(super) fn normalised(text: &str) -> String {
    let short_word = |found: &str| found.len() < 7 && !found.starts_with("0x");
    let mut text = text.to_owned();
    for (index, pattern) in PATTERNS.iter().enumerate() {
        let replaced = pattern.replace_all(&text, |found: &regex::Captures<'_>| {
            let found = found.get(0).map_or("", |all| all.as_str());
            // `2a`, `b12`: names as often as ids.
            if index == 3 && short_word(found) {
                found.to_owned()
            } else {
                "~".to_owned()
            }
        });
        text = replaced.into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_by_itself_is_left_out() {
        let check = |given: &str, expect: &str| assert_eq!(normalised(given), expect);
        check("at 2026-11-20T16:47:17.5Z up 3 s", "at ~ up ~");
        check("2026-11-20 16:47:17,123 INFO ok", "~ INFO ok");
        check("16:47 Up 2 hours, took 12ms, about an hour", "~ Up ~, took ~, ~");
        check("id 0199a7c2-0000-7000-8000-000000000001", "id ~");
        check("container 3f2a9bc81d0e, commit deadbeef1", "container ~, commit ~");
        check(r#"sshd[812]: x, pid 17, "pid":18"#, r#"sshd~: x, ~, "~"#);
        check("epoch 1795168000000", "epoch ~");
        check("cpu 12.5 %, 7 of 9, port 8080", "cpu 12.5 %, 7 of 9, port 8080");
        check("facade b12 web-2 decade", "facade b12 web-2 decade");
    }
}
