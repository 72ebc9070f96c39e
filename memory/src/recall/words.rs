//! What of a text is looked for: its words without the most frequent ones, without accents, as stems.
//!
//! What is stored and what is asked go through the same function, on every engine, so a ranking does not depend on how a
//! database takes words apart.

use super::irregular::first_form;
use super::stem::stem;

/// Words of one text that are kept. A pasted log is not found by its ten thousandth word.
const MOST_WORDS: usize = 2_000;
/// Longer ones are keys, hashes and encoded files.
const LONGEST_WORD: usize = 40;

/// Words that stand in nearly every sentence, in alphabetical order.
const FREQUENT: &[&str] = &[
    "a",
    "about",
    "above",
    "after",
    "again",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "between",
    "both",
    "but",
    "by",
    "can",
    "could",
    "d",
    "did",
    "do",
    "does",
    "doing",
    "don",
    "down",
    "during",
    "each",
    "few",
    "for",
    "from",
    "further",
    "had",
    "has",
    "have",
    "having",
    "he",
    "her",
    "here",
    "hers",
    "herself",
    "him",
    "himself",
    "his",
    "how",
    "i",
    "id",
    "if",
    "im",
    "in",
    "into",
    "is",
    "it",
    "its",
    "itself",
    "ive",
    "just",
    "let",
    "ll",
    "m",
    "me",
    "more",
    "most",
    "my",
    "myself",
    "no",
    "nor",
    "not",
    "now",
    "of",
    "off",
    "on",
    "once",
    "only",
    "or",
    "other",
    "our",
    "ours",
    "ourselves",
    "out",
    "over",
    "own",
    "re",
    "s",
    "same",
    "she",
    "should",
    "so",
    "some",
    "such",
    "t",
    "than",
    "that",
    "the",
    "their",
    "theirs",
    "them",
    "themselves",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "to",
    "too",
    "under",
    "until",
    "up",
    "us",
    "ve",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whom",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
    "yours",
    "yourself",
    "yourselves",
];

/// The stems of `text` in their order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in text.split(|letter: char| !letter.is_alphanumeric() && !is_apostrophe(letter) && !is_accent(letter)) {
        if words.len() == MOST_WORDS {
            break;
        }
        words.extend(word(run));
    }
    words
}

/// One word without what an apostrophe appends: "Anna's" is found by "Anna".
fn word(run: &str) -> Option<String> {
    let run = run.trim_matches(is_apostrophe);
    let run = match run.rsplit_once(is_apostrophe) {
        Some((before, "s" | "S" | "ll" | "ve" | "re" | "d" | "m" | "t")) => before,
        Some(_) | None => run,
    };
    let mut plain = String::with_capacity(run.len());
    for letter in run.chars().filter(|letter| !is_apostrophe(*letter)) {
        letter
            .to_lowercase()
            .for_each(|letter| without_accent(letter, &mut plain));
    }
    if plain.is_empty() || plain.chars().count() > LONGEST_WORD || FREQUENT.binary_search(&plain.as_str()).is_ok() {
        return None;
    }
    Some(stem(first_form(&plain).map_or(plain, str::to_owned)))
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’')
}

fn is_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// Letters of European languages are often typed without what stands above them.
fn without_accent(letter: char, into: &mut String) {
    let plain = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => 'i',
        'ł' | 'ľ' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'ş' | 'š' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ß' => return into.push_str("ss"),
        'æ' => return into.push_str("ae"),
        'œ' => return into.push_str("oe"),
        // A letter with its accent as a character of its own.
        accent if is_accent(accent) => return,
        other => other,
    };
    into.push(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_stems_of_its_rarer_words() {
        let check = |text: &str, expect: &[&str]| assert_eq!(words(text), expect, "{text:?}");
        check("", &[]);
        check("When did Plex's transcoder die, and why?", &["plex", "transcod", "die"]);
        check("She went; they go", &["go", "go"]);
        check(
            "plex.service @ nas-01: OOM (137)",
            &["plex", "servic", "na", "01", "oom", "137"],
        );
        check("I don’t know; they'll say 'no'", &["know", "sai"]);
        check(
            "Grüße aus Köln, CAFÉ cafe\u{301}",
            &["gruss", "au", "koln", "cafe", "cafe"],
        );
        check("冷蔵庫 привет", &["冷蔵庫", "привет"]);
        check(&"x".repeat(LONGEST_WORD + 1), &[]);
        check("'' ’ '", &[]);
        assert_eq!(words(&"word ".repeat(MOST_WORDS + 5)).len(), MOST_WORDS);
    }

    #[test]
    fn frequent_words_are_in_order() {
        assert!(FREQUENT.is_sorted());
    }
}
