//! What is asked, taken apart.

use super::date::Dates;
use super::words::words;

/// Words of a question that are looked for: those that come first. Longer ones are pasted texts.
const MOST_WORDS: usize = 16;

/// What somebody wants to find.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Stems, each once.
    pub(crate) words: Vec<String>,
    pub(crate) dates: Dates,
}

impl Question {
    pub fn new(text: &str) -> Self {
        let mut distinct: Vec<String> = Vec::new();
        for word in words(text) {
            if distinct.len() == MOST_WORDS {
                break;
            }
            if !distinct.contains(&word) {
                distinct.push(word);
            }
        }
        Self {
            words: distinct,
            dates: Dates::of(text),
        }
    }

    /// There is nothing in it that could be found by its words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}
