//! What people say, and what is understood.

use jarvis_gateway::clock::Millis;
use jiff::tz::TimeZone;

use super::{read, say, zone};

/// Friday, 2026-11-20 10:00 in Berlin.
const NOW: &str = "2026-11-20T09:00:00Z";

fn now() -> Millis {
    at(NOW)
}

fn at(text: &str) -> Millis {
    Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn berlin() -> TimeZone {
    zone("Europe/Berlin").unwrap()
}

/// The rule in words and its next two times.
fn understood(text: &str) -> String {
    let zone = berlin();
    match read(text, now(), &zone) {
        Ok(rule) => {
            let next: Vec<String> = rule
                .upcoming(&zone, now(), 2)
                .iter()
                .map(|at| say(*at, &zone))
                .collect();
            format!("{} -> {}", rule.words(&zone), next.join(", "))
        }
        Err(unclear) => unclear.to_string(),
    }
}

#[track_caller]
fn once(text: &str, expect: &str) {
    assert_eq!(understood(text), format!("once, {expect} -> {expect}"), "{text:?}");
}

#[track_caller]
fn says(text: &str, expect: &str) {
    assert_eq!(understood(text), expect, "{text:?}");
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let refused = read(text, now(), &berlin()).map_err(|error| error.to_string());
    assert!(
        refused.as_ref().is_err_and(|says| says.contains(part)),
        "{text:?}: {refused:?}"
    );
}

#[test]
fn one_moment() {
    once("in 20 min", "Fri 2026-11-20 10:20");
    once("In 20 minutes.", "Fri 2026-11-20 10:20");
    once("in 1h30m", "Fri 2026-11-20 11:30");
    once("in an hour and 10 minutes", "Fri 2026-11-20 11:10");
    once("in half an hour", "Fri 2026-11-20 10:30");
    once("in 2 days", "Sun 2026-11-22 10:00");
    once("in 1 week", "Fri 2026-11-27 10:00");
    once("in 3 months", "Sat 2027-02-20 10:00");
    once("in 45 s", "Fri 2026-11-20 10:00:45");
    once("18:30", "Fri 2026-11-20 18:30");
    once("at 9:30", "Sat 2026-11-21 09:30");
    once("at 6pm", "Fri 2026-11-20 18:00");
    once("at 6:15 pm", "Fri 2026-11-20 18:15");
    once("12am", "Sat 2026-11-21 00:00");
    once("12pm", "Fri 2026-11-20 12:00");
    once("noon", "Fri 2026-11-20 12:00");
    once("at midnight", "Sat 2026-11-21 00:00");
    once("at 18", "Fri 2026-11-20 18:00");
    once("tomorrow 9:00", "Sat 2026-11-21 09:00");
    once("9:00 tomorrow", "Sat 2026-11-21 09:00");
    once("tomorrow at noon", "Sat 2026-11-21 12:00");
    once("today at 17:00", "Fri 2026-11-20 17:00");
    once("tonight 22:00", "Fri 2026-11-20 22:00");
    once("monday 9:00", "Mon 2026-11-23 09:00");
    once("on Mon at 9:00", "Mon 2026-11-23 09:00");
    once("this saturday 9:00", "Sat 2026-11-21 09:00");
    once("friday 8:00", "Fri 2026-11-27 08:00");
    once("2026-12-24 18:00", "Thu 2026-12-24 18:00");
    once("2026-12-24T18:00", "Thu 2026-12-24 18:00");
    once("2026-12-24T18:00:00Z", "Thu 2026-12-24 19:00");
    once("2026-12-24T18:00:00-05:00", "Fri 2026-12-25 00:00");
    once("24.12. 18:00", "Thu 2026-12-24 18:00");
    once("at 18:00 on 24.12.2027", "Fri 2027-12-24 18:00");
    once("24 dec 18:00", "Thu 2026-12-24 18:00");
    once("on the 24th of december at 18:00", "Thu 2026-12-24 18:00");
    once("Dec 24, 2027 18:00", "Fri 2027-12-24 18:00");
    once("12/24/2026 18:00", "Thu 2026-12-24 18:00");
    once("24/12 18:00", "Thu 2026-12-24 18:00");
    once("1 march 9:00", "Mon 2027-03-01 09:00");
    once("29 feb 9:00", "Tue 2028-02-29 09:00");
}

#[test]
fn what_comes_again() {
    says("every 2h", "every 2 h -> Fri 2026-11-20 12:00, Fri 2026-11-20 14:00");
    says(
        "every 90 minutes",
        "every 90 min -> Fri 2026-11-20 11:30, Fri 2026-11-20 13:00",
    );
    says("every hour", "every 1 h -> Fri 2026-11-20 11:00, Fri 2026-11-20 12:00");
    says(
        "hourly",
        "by cron `0 * * * *` -> Fri 2026-11-20 11:00, Fri 2026-11-20 12:00",
    );
    says(
        "daily 08:30",
        "every day at 08:30 -> Sat 2026-11-21 08:30, Sun 2026-11-22 08:30",
    );
    says(
        "every day at 18:00",
        "every day at 18:00 -> Fri 2026-11-20 18:00, Sat 2026-11-21 18:00",
    );
    says(
        "every other day at 18:00",
        "every 2 days at 18:00 -> Fri 2026-11-20 18:00, Sun 2026-11-22 18:00",
    );
    says(
        "daily at midnight",
        "every day at 00:00 -> Sat 2026-11-21 00:00, Sun 2026-11-22 00:00",
    );
    says(
        "every monday at 9:00",
        "by cron `0 9 * * 1` -> Mon 2026-11-23 09:00, Mon 2026-11-30 09:00",
    );
    says(
        "every Thursday and Monday at 9am",
        "by cron `0 9 * * 1,4` -> Mon 2026-11-23 09:00, Thu 2026-11-26 09:00",
    );
    says(
        "weekdays 8:00",
        "by cron `0 8 * * 1,2,3,4,5` -> Mon 2026-11-23 08:00, Tue 2026-11-24 08:00",
    );
    says(
        "weekly on sunday 20:00",
        "by cron `0 20 * * 0` -> Sun 2026-11-22 20:00, Sun 2026-11-29 20:00",
    );
    says(
        "every 2 weeks on tue at 9:00",
        "every 14 days at 09:00 -> Tue 2026-11-24 09:00, Tue 2026-12-08 09:00",
    );
    says(
        "monthly on the 1st at 9:00",
        "by cron `0 9 1 * *` -> Tue 2026-12-01 09:00, Fri 2027-01-01 09:00",
    );
    says(
        "every month on the last day at 18:00",
        "by cron `0 18 L * *` -> Mon 2026-11-30 18:00, Thu 2026-12-31 18:00",
    );
    says(
        "yearly on 24 dec at 18:00",
        "by cron `0 18 24 12 *` -> Thu 2026-12-24 18:00, Fri 2027-12-24 18:00",
    );
    says(
        "yearly on feb 29 at 9:00",
        "by cron `0 9 29 2 *` -> Tue 2028-02-29 09:00, Sun 2032-02-29 09:00",
    );
    says(
        "cron 30 8 * * 1-5",
        "by cron `30 8 * * 1-5` -> Mon 2026-11-23 08:30, Tue 2026-11-24 08:30",
    );
    says(
        "`0,30 9 * * mon,fri`",
        "by cron `0,30 9 * * mon,fri` -> Mon 2026-11-23 09:00, Mon 2026-11-23 09:30",
    );
}

#[test]
fn what_can_mean_two_things_names_both() {
    refused("tomorrow at 9", "`9` can be 09:00 or 21:00");
    refused("at 12", "`12` can be 12:00 or 00:00");
    refused("friday 18:00", "it can be Fri 2026-11-20 18:00 or Fri 2026-11-27 18:00");
    refused("next monday 9:00", "can be 2026-11-23 or 2026-11-30");
    refused("3/4 9:00", "the day 3 of month 4 or the day 4 of month 3");
    refused("tomorrow midnight", "the beginning or the end of that day");
    refused("every weekend at 9:00", "saturday, sunday or both");
    refused("monthly on the 31st at 9:00", "`cron 0 9 31 * *`");
    refused("tomorrow", "there is no time of the day");
    refused("every day", "at what time of the day?");
    refused("every month at 9:00", "on which day of the month?");
    refused("weekly at 9:00", "on which day of the week?");
}

#[test]
fn what_is_no_time_is_refused() {
    refused("", "there is no time");
    refused("soon", "`soon` was not understood");
    refused("today 9:00", "is in the past; it is Fri 2026-11-20 10:00 now");
    refused("2020-01-01 9:00", "is in the past");
    refused("2020-01-01T09:00:00Z", "is in the past");
    refused("in 0 min", "is in the past");
    refused("in 20 years", "more than 10 years ahead");
    refused("in 99999999999999999999 min", "was not understood");
    refused("in 9223372036854775807 s", "too far ahead");
    refused("in 9000 years", "too far ahead");
    refused("tomorrow 25:00", "`25:00` is no time of the day");
    refused("tomorrow 13pm", "`13pm` is no time of the day");
    refused("2026-02-30 9:00", "was not understood");
    refused("30.2.2027 9:00", "there is no 2027-02-30");
    refused("30 feb 9:00", "month 2 has no day 30");
    refused("monday tuesday 9:00", "more than one day");
    refused("9:00 10:00", "more than one time");
    refused("every 30 seconds", "once a minute at most");
    refused("every 0 min", "`every 0` is no rule");
    refused("every 100000 h", "more than a year apart");
    refused("every 4294967295 weeks on monday at 9:00", "more than a year apart");
    refused("every blue moon", "`every blue` was not understood");
    refused("cron * * * *", "this one has 4");
    refused("cron 60 * * * *", "`60` in the field minute");
    refused("cron 0 9 31 2 *", "names a day that no month has");
    refused("cron 5-1 * * * *", "goes backwards");
    refused("cron */0 * * * *", "has a step");
    refused(&"x".repeat(1000), "too long");
    refused("tomorrow 9:00\u{0}; drop table jobs", "was not understood");
}

#[test]
fn a_zone_is_one_that_exists() {
    assert!(zone("America/New_York").is_ok());
    assert!(
        zone("Mars/Olympus").is_err_and(|error| error.to_string().contains("there is no time zone `Mars/Olympus`"))
    );
    assert!(zone("../../etc/passwd").is_err());
    assert!(zone("").is_err());
}
