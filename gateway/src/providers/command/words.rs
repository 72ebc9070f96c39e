//! What somebody typed, as words that phrases can be compared with.

/// A message that is longer is no command.
const LONGEST: usize = 500;

/// Words around a command that change nothing, longest first.
const POLITE_BEFORE: [&[&str]; 16] = [
    &["can", "you"],
    &["could", "you"],
    &["would", "you"],
    &["will", "you"],
    &["i", "want", "you", "to"],
    &["please"],
    &["jarvis"],
    &["hey"],
    &["hi"],
    &["hello"],
    &["ok"],
    &["okay"],
    &["now"],
    &["just"],
    &["kindly"],
    &["and"],
];
const POLITE_AFTER: [&[&str]; 8] = [
    &["thank", "you"],
    &["for", "me"],
    &["right", "now"],
    &["please"],
    &["jarvis"],
    &["thanks"],
    &["now"],
    &["again"],
];
/// Words that are left out anywhere: articles, and what a container is called besides its name.
const FILLERS: [&str; 6] = ["the", "a", "an", "my", "our", "container"];
/// Questions that are often drawn together with their `is`.
const QUESTIONS: [&str; 5] = ["what", "why", "how", "where", "who"];

/// One word, or what stood between quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was typed, for names.
    pub(super) typed: String,
    /// In lower case, for comparing; empty for what was quoted, because a quoted word is a name and not part of a phrase.
    pub(super) lower: String,
}

/// Splits at blanks, keeps what is quoted together, and drops punctuation around words but not inside of them
/// (`plex-1`, `app.example.com`). `None` when there is more than a command can be.
pub(super) fn split(text: &str) -> Option<Vec<Word>> {
    if text.len() > LONGEST {
        return None;
    }
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&first) = characters.peek() {
        if first.is_whitespace() {
            characters.next();
        } else if let Some(close) = closing_quote(first) {
            characters.next();
            let quoted: String = characters
                .by_ref()
                .take_while(|&character| character != close)
                .collect();
            words.extend(Word::quoted(&quoted));
        } else {
            let mut typed = String::new();
            while let Some(character) = characters.next_if(|character| !character.is_whitespace()) {
                typed.push(character);
            }
            words.extend(Word::plain(&typed).into_iter().flat_map(Word::apart));
        }
    }
    Some(words)
}

/// The readings of a message that are tried one after the other: without politeness and fillers, without politeness, as
/// it is. The barest comes first, so that no hole takes a `please`.
pub(super) fn readings(words: &[Word]) -> [Vec<Word>; 3] {
    let mut bare = words;
    while let Some(rest) = POLITE_BEFORE.iter().find_map(|polite| strip_before(bare, polite)) {
        bare = rest;
    }
    while let Some(rest) = POLITE_AFTER.iter().find_map(|polite| strip_after(bare, polite)) {
        bare = rest;
    }
    let mut short = bare.to_vec();
    short.retain(|word| !FILLERS.contains(&word.lower.as_str()));
    [short, bare.to_vec(), words.to_vec()]
}

fn strip_before<'a>(words: &'a [Word], polite: &[&str]) -> Option<&'a [Word]> {
    let (start, rest) = words.split_at_checked(polite.len())?;
    is_phrase(start, polite).then_some(rest)
}

fn strip_after<'a>(words: &'a [Word], polite: &[&str]) -> Option<&'a [Word]> {
    let (rest, end) = words.split_at_checked(words.len().checked_sub(polite.len())?)?;
    is_phrase(end, polite).then_some(rest)
}

fn is_phrase(words: &[Word], phrase: &[&str]) -> bool {
    words.iter().map(|word| word.lower.as_str()).eq(phrase.iter().copied())
}

fn closing_quote(open: char) -> Option<char> {
    match open {
        '"' | '\'' | '`' => Some(open),
        '\u{201c}' => Some('\u{201d}'),
        '\u{201e}' => Some('\u{201c}'),
        '\u{2018}' => Some('\u{2019}'),
        _ => None,
    }
}

impl Word {
    fn plain(typed: &str) -> Option<Self> {
        let bare = typed.trim_matches(|character: char| {
            !character.is_alphanumeric() && !matches!(character, '/' | '@' | '#' | '_' | '-')
        });
        (!bare.is_empty()).then(|| Self {
            typed: bare.to_owned(),
            lower: bare.to_lowercase(),
        })
    }

    /// `what's` and `whats` are two words. Phones write the apostrophe as U+2019.
    fn apart(self) -> Vec<Self> {
        let question = self
            .lower
            .strip_suffix('s')
            .map(|start| start.trim_end_matches(['\'', '\u{2019}']));
        let Some(question) = question.filter(|question| QUESTIONS.contains(question)) else {
            return vec![self];
        };
        let word = |text: &str| Self {
            typed: text.to_owned(),
            lower: text.to_owned(),
        };
        vec![word(question), word("is")]
    }

    fn quoted(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        (!typed.is_empty()).then(|| Self {
            typed: typed.to_owned(),
            lower: String::new(),
        })
    }
}
