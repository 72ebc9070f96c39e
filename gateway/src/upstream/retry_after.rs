use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// How long the server asks to be left alone, from the first of these that is there:
///
/// 1. `retry-after-ms` (OpenAI, Azure), milliseconds
/// 2. `retry-after`, seconds, or a date, which is compared with the server's own `date` and so needs no clock of ours
/// 3. `x-ratelimit-reset-{requests,tokens}` (`1s`, `6m0s`, `20ms`): the longest of those whose `remaining` is 0, or of
///    both when neither is, because a request can be larger than what remains
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    if let Some(after) = text(RETRY_AFTER.as_str()) {
        return match after.parse::<f64>() {
            Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            Err(_) => until(text(DATE.as_str())?, after),
        };
    }
    let limits: Vec<(bool, Duration)> = ["requests", "tokens"]
        .into_iter()
        .filter_map(|what| {
            let reset = text(&format!("x-ratelimit-reset-{what}")).and_then(parse_go_duration)?;
            let used_up = text(&format!("x-ratelimit-remaining-{what}")) == Some("0");
            Some((used_up, reset))
        })
        .collect();
    let any_used_up = limits.iter().any(|(used_up, _)| *used_up);
    limits
        .into_iter()
        .filter(|(used_up, _)| *used_up || !any_used_up)
        .map(|(_, reset)| reset)
        .max()
}

fn until(from: &str, to: &str) -> Option<Duration> {
    let seconds = |text| {
        jiff::fmt::rfc2822::parse(text)
            .ok()
            .map(|time| time.timestamp().as_second())
    };
    let wait = seconds(to)?.saturating_sub(seconds(from)?);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// Go's duration text, as OpenAI sends it: `6m0s`, `1.5s`, `20ms`.
fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| c.is_ascii_alphabetic())?);
        let (unit, next) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = next;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(&'static str, &str)], expect: Option<u64>) {
        let headers: HeaderMap = given
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        assert_eq!(
            retry_after(&headers),
            expect.map(Duration::from_millis),
            "given {given:?}"
        );
    }

    #[test]
    fn reads_every_form_in_use() {
        check(&[], None);
        check(&[("retry-after", "2")], Some(2000));
        check(&[("retry-after", "0.5")], Some(500));
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after-ms", "250"), ("retry-after", "9")], Some(250));
        let date = ("date", "Fri, 20 Nov 2026 10:00:00 GMT");
        check(&[("retry-after", "Fri, 20 Nov 2026 10:00:30 GMT"), date], Some(30_000));
        check(&[("retry-after", "Fri, 20 Nov 2026 09:00:00 GMT"), date], Some(0));
        check(&[("retry-after", "Fri, 20 Nov 2026 10:00:30 GMT")], None);
        check(&[("x-ratelimit-reset-requests", "6m0s")], Some(360_000));
        check(
            &[
                ("x-ratelimit-reset-requests", "20ms"),
                ("x-ratelimit-reset-tokens", "1.5s"),
            ],
            Some(1500),
        );
        check(
            &[
                ("x-ratelimit-reset-requests", "20ms"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-tokens", "1h2s"),
                ("x-ratelimit-remaining-tokens", "17"),
            ],
            Some(20),
        );
        check(&[("x-ratelimit-reset-requests", "1796000000")], None);
    }
}
