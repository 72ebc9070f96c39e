//! The order in which entries are recalled.
//!
//! The figures below are round ones, chosen by hand on a public set. `docs/evals.md` says which, what each part is worth, and
//! what a search over one half of it gives on the other half.

use std::collections::HashMap;

use jarvis_gateway::clock::Millis;

use super::question::Question;

/// How far words of neighbours count.
pub(crate) const NEIGHBOURS: i64 = 3;
/// How much a word counts that stands so many messages away, the nearest first. What comes before a message, such as the
/// question that it answers, says more about it than what follows.
const BEFORE: [f64; 3] = [0.5, 0.3, 0.15];
const AFTER: [f64; 3] = [0.3, 0.15, 0.05];

/// BM25's own: how soon a word that is repeated stops to count, and how much a long text is held back.
const REPEATED: f64 = 1.2;
const LENGTH: f64 = 0.5;

/// What is added to a text's score, of which the best one has 1. Somebody whom the question names said it.
const AUTHOR: f64 = 0.4;
/// It was said on the day that the question names.
const DATE: f64 = 0.75;
/// Who asks does not tell.
const ASKS: f64 = 0.1;
/// Times the cosine, and the larger one of those of the messages before and after it.
const MEANING: f64 = 1.0;
const MEANING_BESIDE: f64 = 0.5;

/// What can be recalled. Neighbours in one conversation have keys that follow one another; what has none stands alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: i64,
    /// The stems of its text and of its author's name, with blanks between them.
    pub(crate) words: String,
    /// The stems of its author's name, the same way.
    pub(crate) author: String,
    /// Its text ends with a question mark.
    pub(crate) asks: bool,
    pub(crate) at: Millis,
}

/// What is known of all that could be recalled.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) entries: f64,
    /// Words of an entry, on average.
    pub(crate) length: f64,
    /// In how many entries each word of the question stands.
    pub(crate) holding: Vec<f64>,
}

/// The keys that are worth something with their scores, the best first. `entries` are in the order of their keys.
pub(crate) fn rank(
    question: &Question,
    entries: &[Entry],
    statistics: &Statistics,
    cosines: &HashMap<i64, f64>,
) -> Vec<(i64, f64)> {
    let texts = texts(question, entries, statistics);
    let best = texts.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut ranked: Vec<(i64, f64)> = entries
        .iter()
        .zip(texts)
        .filter(|(entry, text)| *text > 0.0 || cosines.contains_key(&entry.key))
        .map(|(entry, text)| {
            (
                entry.key,
                text / best + around(question, entry) + meaning(cosines, entry.key),
            )
        })
        .collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then(other.0.cmp(&one.0)));
    ranked
}

/// How much it says that a word stands somewhere: the inverse document frequency of BM25.
pub(super) fn rarity(entries: f64, holding: f64) -> f64 {
    ((entries.max(holding) + 1.0) / (holding + 0.5)).ln()
}

/// Who said it, when, and how.
fn around(question: &Question, entry: &Entry) -> f64 {
    let named = entry
        .author
        .split(' ')
        .any(|word| question.words.iter().any(|asked| asked == word));
    let mut score = DATE * question.dates.fit(entry.at);
    if named {
        score += AUTHOR;
    }
    if entry.asks {
        score -= ASKS;
    }
    score
}

fn meaning(cosines: &HashMap<i64, f64>, key: i64) -> f64 {
    let of = |key: i64| cosines.get(&key).copied().unwrap_or(0.0);
    MEANING * of(key) + MEANING_BESIDE * of(key - 1).max(of(key + 1))
}

/// BM25 of every entry with its neighbours.
fn texts(question: &Question, entries: &[Entry], statistics: &Statistics) -> Vec<f64> {
    let places: HashMap<&str, usize> = question
        .words
        .iter()
        .enumerate()
        .map(|(at, word)| (word.as_str(), at))
        .collect();
    let rarities: Vec<f64> = statistics
        .holding
        .iter()
        .map(|holding| rarity(statistics.entries, *holding))
        .collect();
    let counted: Vec<Counted> = entries.iter().map(|entry| Counted::of(entry, &places)).collect();
    let usual = statistics.length * (1.0 + BEFORE.iter().sum::<f64>() + AFTER.iter().sum::<f64>());
    let score = |at: usize| {
        let around = with_neighbours(&counted, at)?;
        let longer = if usual > 0.0 { around.length / usual } else { 1.0 };
        let held_back = REPEATED * (1.0 - LENGTH + LENGTH * longer);
        let words = around.counts.iter().zip(&rarities);
        Some(
            words
                .map(|(count, rarity)| rarity * count * (REPEATED + 1.0) / (count + held_back))
                .sum(),
        )
    };
    (0..counted.len()).filter_map(score).collect()
}

/// How often each word of the question stands in a text, and how long that is.
#[derive(Debug, Clone, PartialEq)]
struct Counted {
    key: i64,
    counts: Vec<f64>,
    length: f64,
}

impl Counted {
    fn of(entry: &Entry, places: &HashMap<&str, usize>) -> Self {
        let mut counted = Self {
            key: entry.key,
            counts: vec![0.0; places.len()],
            length: 0.0,
        };
        for word in entry.words.split_ascii_whitespace() {
            counted.length += 1.0;
            if let Some(count) = places.get(word).and_then(|at| counted.counts.get_mut(*at)) {
                *count += 1.0;
            }
        }
        counted
    }

    fn add(&mut self, other: &Self, weight: f64) {
        self.length += weight * other.length;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += weight * more;
        }
    }
}

/// The words of an entry and, the further away the less, of what was said around it.
fn with_neighbours(counted: &[Counted], at: usize) -> Option<Counted> {
    let own = counted.get(at)?;
    let mut sum = own.clone();
    let before = counted.iter().take(at).rev();
    let after = counted.iter().skip(at + 1);
    add_near(&mut sum, before, &BEFORE);
    add_near(&mut sum, after, &AFTER);
    Some(sum)
}

fn add_near<'a>(sum: &mut Counted, others: impl Iterator<Item = &'a Counted>, weights: &[f64]) {
    for other in others.take(weights.len()) {
        // Where an entry is missing between two, they are still apart.
        let apart = usize::try_from(other.key.abs_diff(sum.key)).unwrap_or(usize::MAX);
        if let Some(weight) = weights.get(apart - 1) {
            sum.add(other, *weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUGUST: Millis = Millis(1_692_180_000_000);

    fn entry(key: i64, author: &str, text: &str) -> Entry {
        Entry {
            key,
            author: author.to_owned(),
            words: format!("{author} {}", crate::recall::words(text).join(" ")),
            asks: text.ends_with('?'),
            at: Millis(0),
        }
    }

    fn check(question: &str, entries: &[Entry], cosines: &[(i64, f64)], expect: &[i64]) {
        let question = Question::new(question);
        let hold = |word: &String| {
            entries
                .iter()
                .filter(|entry| entry.words.split(' ').any(|other| other == word))
                .count()
        };
        let float = |count: usize| f64::from(u32::try_from(count).unwrap());
        let statistics = Statistics {
            entries: 100.0,
            length: 5.0,
            holding: question.words.iter().map(|word| float(hold(word))).collect(),
        };
        let cosines = cosines.iter().copied().collect();
        let ranked: Vec<i64> = rank(&question, entries, &statistics, &cosines)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert_eq!(ranked, expect, "{question:?}");
    }

    #[test]
    fn words_of_neighbours_count_less_the_further_away_they_are() {
        let chat = [
            entry(10, "anna", "the disk of the nas is full"),
            entry(11, "ben", "oh no"),
            entry(12, "anna", "I ordered another"),
            entry(13, "ben", "fine"),
            entry(14, "ben", "bye"),
        ];
        check("full disk", &chat, &[], &[10, 11, 12, 13]);
        // A gap is a distance, and another conversation is no neighbour.
        let apart = [
            entry(10, "anna", "disk"),
            entry(12, "ben", "hm"),
            entry(15, "ben", "hm"),
            entry(99, "ben", "hm"),
        ];
        check("disk", &apart, &[], &[10, 12]);
        check("", &chat, &[], &[]);
        check("disk", &[], &[], &[]);
    }

    #[test]
    fn author_date_and_form_decide_between_equal_words() {
        let said = |key: i64, author: &str| entry(key, author, "painted the kitchen");
        check(
            "what did ben paint?",
            &[said(10, "anna"), said(20, "ben")],
            &[],
            &[20, 10],
        );
        let dated = Entry {
            at: AUGUST,
            ..said(10, "anna")
        };
        check(
            "what was painted in August 2023?",
            &[dated, said(20, "anna")],
            &[],
            &[10, 20],
        );
        let asked = entry(20, "anna", "painted the kitchen?");
        check("who painted the kitchen", &[said(10, "anna"), asked], &[], &[10, 20]);
        // The newer one, when nothing else tells them apart.
        check("paint", &[said(10, "anna"), said(20, "anna")], &[], &[20, 10]);
    }

    #[test]
    fn meaning_finds_what_no_word_does() {
        let chat = [
            entry(10, "anna", "the server is slow"),
            entry(20, "anna", "it takes ages"),
        ];
        check("slow", &chat, &[], &[10]);
        check("slow", &chat, &[(10, 0.1), (20, 0.2)], &[10, 20]);
        check("quick", &chat, &[(10, 0.1), (20, 0.2)], &[20, 10]);
    }
}
