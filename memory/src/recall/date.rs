//! Days that a question names: "in July 2023", "on 16 August".

use jiff::Timestamp;
use jiff::tz::TimeZone;

use jarvis_gateway::clock::Millis;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The parts of dates in a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dates {
    /// 1 to 12.
    months: Vec<i8>,
    years: Vec<i16>,
    days: Vec<i8>,
}

impl Dates {
    pub(super) fn of(text: &str) -> Self {
        let mut dates = Self::default();
        for word in text.split(|letter: char| !letter.is_alphanumeric()) {
            let lower = word.to_lowercase();
            // "may" is a month when it is written as one.
            let month = MONTHS
                .iter()
                .position(|month| *month == lower && (lower != "may" || word == "May"));
            if let Some(month) = month.and_then(|index| i8::try_from(index + 1).ok()) {
                dates.months.push(month);
            } else if let Ok(year @ 1970..=2200) = word.parse() {
                dates.years.push(year);
            } else if let Ok(day @ 1..=31) = word
                .trim_end_matches(|letter: char| letter.is_ascii_lowercase())
                .parse()
            {
                dates.days.push(day);
            }
        }
        dates
    }

    /// How well a time fits what is named, 0 to 1. The day is that of UTC.
    pub(super) fn fit(&self, at: Millis) -> f64 {
        if self.months.is_empty() && self.years.is_empty() {
            return 0.0;
        }
        let Ok(at) = Timestamp::from_millisecond(at.0) else {
            return 0.0;
        };
        let day = at.to_zoned(TimeZone::UTC);
        let month = self.months.contains(&day.month());
        let parts = [
            (month, 0.4),
            (month && self.days.contains(&day.day()), 0.4),
            (self.years.contains(&day.year()), 0.2),
        ];
        parts.iter().filter(|(fits, _)| *fits).map(|(_, worth)| worth).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_fits_the_date_that_is_named() {
        let at = Millis("2023-08-16T10:00:00Z".parse::<Timestamp>().unwrap().as_millisecond());
        let check = |question: &str, expect: f64| {
            let fit = Dates::of(question).fit(at);
            assert!((fit - expect).abs() < 1e-9, "{question}: {fit}");
        };
        check("when did she paint?", 0.0);
        check("what happened in August?", 0.4);
        check("what happened in august 2023?", 0.6);
        check("what was on 16 August, 2023?", 1.0);
        check("what was on August 16th?", 0.8);
        check("what was on 17 August 2024?", 0.4);
        check("what happened in 2023?", 0.2);
        check("who has 16 cats?", 0.0);
        check("may I?", 0.0);
        assert_eq!(Dates::of("in May 2024").months, [5]);
        assert_eq!(Dates::of("99999999999999999999 0 32 40th"), Dates::default());
    }
}
