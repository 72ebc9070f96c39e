//! When rules are due: across changes of the clocks, at the ends of months, and against a slow reference.

use jarvis_gateway::clock::Millis;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::cron::Cron;
use super::{Rule, local, read, zone};

fn at(text: &str) -> Millis {
    Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// The next times of `rule`, made at `from`, as wall-clock times with their offsets.
#[track_caller]
fn check(rule: &str, of: &str, from: &str, expect: &[&str]) {
    let zone = zone(of).unwrap();
    let rule = read(rule, at(from), &zone).unwrap();
    let next = rule.upcoming(&zone, at(from), expect.len());
    let next: Vec<String> = next
        .iter()
        .map(|at| local(*at, &zone).strftime("%m-%d %H:%M%:z").to_string())
        .collect();
    assert_eq!(next, expect);
}

#[test]
fn a_time_that_the_clocks_leave_out_runs_once_and_later() {
    let expect = ["03-28 02:30+01:00", "03-29 03:30+02:00", "03-30 02:30+02:00"];
    check("daily 02:30", "Europe/Berlin", "2026-03-27T12:00:00Z", &expect);
    check("cron 30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", &expect);
    let expect = [
        "03-29 01:30+01:00",
        "03-29 03:00+02:00",
        "03-29 03:30+02:00",
        "03-29 04:00+02:00",
    ];
    check("cron */30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", &expect);
    check(
        "2026-03-29 02:30",
        "Europe/Berlin",
        "2026-03-27T12:00:00Z",
        &["03-29 03:30+02:00"],
    );
    // A whole day that a zone left out.
    let expect = ["12-30 09:00-10:00", "12-31 09:00+14:00", "01-01 09:00+14:00"];
    check("daily 09:00", "Pacific/Apia", "2011-12-29T20:00:00Z", &expect[1..]);
}

#[test]
fn a_time_that_the_clocks_show_twice_runs_once() {
    let expect = ["10-24 02:30+02:00", "10-25 02:30+02:00", "10-26 02:30+01:00"];
    check("daily 02:30", "Europe/Berlin", "2026-10-23T12:00:00Z", &expect);
    check("cron 30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", &expect);
    // Every hour means every hour, also the one that comes twice.
    let expect = ["10-25 02:00+02:00", "10-25 02:00+01:00", "10-25 03:00+01:00"];
    check("hourly", "Europe/Berlin", "2026-10-24T23:30:00Z", &expect);
    // By elapsed time, the clocks do not matter.
    let expect = [
        "10-25 01:30+02:00",
        "10-25 02:30+02:00",
        "10-25 02:30+01:00",
        "10-25 03:30+01:00",
    ];
    check("every 1h", "Europe/Berlin", "2026-10-24T22:30:00Z", &expect);
}

#[test]
fn ends_of_months_and_leap_days() {
    let expect = [
        "01-31 09:00+00:00",
        "02-28 09:00+00:00",
        "03-31 09:00+00:00",
        "04-30 09:00+00:00",
    ];
    check(
        "monthly on the last day at 9:00",
        "UTC",
        "2027-01-05T00:00:00Z",
        &expect,
    );
    let expect = ["01-31 09:00+00:00", "03-31 09:00+00:00", "05-31 09:00+00:00"];
    check("cron 0 9 31 * *", "UTC", "2027-01-05T00:00:00Z", &expect);
    let expect = ["02-28 09:00+00:00", "02-29 09:00+00:00", "03-01 09:00+00:00"];
    check("daily 9:00", "UTC", "2028-02-28T00:00:00Z", &expect);
    // 2100 is no leap year.
    check("cron 0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["02-29 00:00+00:00"]);
    // Both day fields: either.
    let expect = ["06-01 00:00+00:00", "06-07 00:00+00:00", "06-14 00:00+00:00"];
    check("cron 0 0 1 * 0", "UTC", "2026-05-31T12:00:00Z", &expect);
}

#[test]
fn the_ends_of_the_calendar_are_no_panic() {
    let zone = zone("Europe/Berlin").unwrap();
    let rules =
        ["every 2h", "daily 02:30", "cron 0 9 * * *", "in 20 min"].map(|text| read(text, Millis(0), &zone).unwrap());
    for rule in rules {
        for at in [
            Millis(i64::MIN),
            Millis(i64::MAX),
            Millis(253_402_207_200_000),
            Millis(-377_705_023_201_000),
        ] {
            let next = rule.next(&zone, at);
            assert!(next.is_none_or(|next| next > at), "{rule:?} after {at:?}: {next:?}");
        }
    }
}

#[test]
fn what_was_missed_is_counted() {
    let zone = TimeZone::UTC;
    let from = at("2026-11-20T09:00:00Z");
    let rule = read("every 1 min", from, &zone).unwrap();
    assert_eq!(rule.count(&zone, from, at("2026-11-20T09:10:30Z")), 10);
    assert_eq!(rule.count(&zone, from, at("2036-11-20T09:10:30Z")), 1000);
    assert_eq!(Rule::Once { at: from }.count(&zone, from, Millis(i64::MAX)), 0);
}

/// Walks minute by minute through UTC, where no clock changes.
fn slowly(expression: &str, after: Timestamp) -> Option<Timestamp> {
    let fields: Vec<&str> = expression.split(' ').collect();
    let fits = |field: &str, value: i8, lowest: i8| {
        field.split(',').any(|item| {
            let (range, step) = item
                .split_once('/')
                .map_or((item, 1), |(range, step)| (range, step.parse().unwrap()));
            let (from, to) = match range.split_once('-') {
                Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
                None if range == "*" => (lowest, 59),
                None => (range.parse().unwrap(), range.parse::<i8>().unwrap()),
            };
            (from..=to).contains(&value) && (value - from) % step == 0
        })
    };
    let mut minute = Timestamp::from_second(after.as_second().div_euclid(60) * 60 + 60).unwrap();
    for _ in 0..60 * 24 * 70 {
        let wall = minute.to_zoned(TimeZone::UTC);
        let day = fits(fields[2], wall.day(), 1);
        let weekday = fits(fields[4], wall.weekday().to_sunday_zero_offset(), 0);
        let both = fields[2].starts_with('*') || fields[4].starts_with('*');
        let on_day = if both { day && weekday } else { day || weekday };
        let fit =
            fits(fields[0], wall.minute(), 0) && fits(fields[1], wall.hour(), 0) && fits(fields[3], wall.month(), 1);
        if fit && on_day {
            return Some(minute);
        }
        minute = minute.checked_add(1.minute()).unwrap();
    }
    None
}

fn any_field(lowest: i8, highest: i8) -> impl Strategy<Value = String> {
    let number = lowest..=highest;
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (2..=highest).prop_map(|step| format!("*/{step}")),
        2 => number.clone().prop_map(|number| number.to_string()),
        1 => (number.clone(), number.clone()).prop_map(|(one, other)| format!("{one},{other}")),
        1 => (number.clone(), number).prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn cron_agrees_with_a_walk_through_the_minutes(
        fields in (any_field(0, 59), any_field(0, 23), any_field(1, 28), any_field(0, 6)),
        after in 1_790_000_000_i64..1_900_000_000,
    ) {
        let (minute, hour, day, weekday) = fields;
        let expression = format!("{minute} {hour} {day} * {weekday}");
        let after = Timestamp::from_second(after).unwrap();
        let cron = Cron::parse(&expression).unwrap();
        let slow = slowly(&expression, after);
        prop_assume!(slow.is_some());
        prop_assert_eq!(cron.next(&TimeZone::UTC, after), slow, "{}", expression);
    }

    /// In every zone, times only go forward, and what comes again comes again.
    #[test]
    fn due_times_go_forward(
        after in 1_700_000_000_i64..1_900_000_000,
        of in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        text in prop::sample::select(vec!["daily 02:30", "cron */7 * * * *", "cron 15,45 1-3 * * *", "every 3 days at 1:59",
            "every 25h", "monthly on the last day at 2:00"]),
    ) {
        let zone = zone(of).unwrap();
        let after = Millis(after * 1000);
        let rule = read(text, after, &zone).unwrap();
        let next = rule.upcoming(&zone, after, 12);
        prop_assert_eq!(next.len(), 12);
        prop_assert!(next.first().is_some_and(|first| *first > after));
        prop_assert!(next.is_sorted_by(|one, other| one < other), "{:?}", next);
        // Asked from in between, the same times come.
        let between = Millis(next[4].0 - 1);
        prop_assert_eq!(rule.next(&zone, between), Some(next[4]));
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,60}", number in 0_u64..) {
        let zone = zone("Europe/Berlin").unwrap();
        for text in [text.clone(), format!("every {text}"), format!("in {number} {text}"), format!("cron {text} * * * *")] {
            drop(read(&text, at("2026-11-20T09:00:00Z"), &zone));
        }
    }
}
