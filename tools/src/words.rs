//! Figures as people read them.

use std::time::Duration;

/// `12.3 MiB`; whole below a KiB.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut amount = count as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = next;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{amount:.1} {unit}")
    }
}

/// The two largest units: `45 s`, `3 min 20 s`, `3 h 12 min`, `12 d 4 h`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match seconds {
        0 => "less than 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 => two(minutes, "min", seconds % 60, "s"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// `1 container`, `2 containers`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_keeps_them_short() {
        let check = |given, expect: &str| assert_eq!(bytes(given), expect);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(12_897_484, "12.3 MiB");
        check(8 * 1024 * 1024 * 1024, "8.0 GiB");
        check(u64::MAX, "16384.0 PiB");
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let check = |given, expect: &str| assert_eq!(span(Duration::from_secs(given)), expect);
        check(0, "less than 1 s");
        check(59, "59 s");
        check(60, "1 min");
        check(200, "3 min 20 s");
        check(3 * 3600 + 12 * 60 + 9, "3 h 12 min");
        check(12 * 86_400 + 4 * 3600, "12 d 4 h");
    }
}
