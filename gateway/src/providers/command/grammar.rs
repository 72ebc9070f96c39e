//! Which command a message is, and which calls that makes.

use serde_json::{Map, Value};

use super::form::{CallForm, Command};
use super::words::{Word, readings};
use crate::chat::ToolSpec;

/// At most this many commands are proposed for what was not understood.
const PROPOSED: usize = 3;

/// A command with what its holes took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    pub(super) command: &'a Command,
    taken: Vec<(&'static str, String)>,
}

/// The command that says `words` most literally: `logs all` wins over `logs {container}`.
pub(super) fn find<'a>(commands: &'a [Command], words: &[Word]) -> Option<Match<'a>> {
    readings(words).iter().find_map(|reading| {
        let matches = commands
            .iter()
            .flat_map(|command| command.phrases.iter().map(move |phrase| (command, *phrase)));
        let matches = matches.filter_map(|(command, phrase)| Some((command, take(phrase, reading)?)));
        let (command, taken) = matches.min_by_key(|(_, taken)| taken.len())?;
        Some(Match { command, taken })
    })
}

/// The commands that share the most words with what was not understood.
pub(super) fn nearest<'a>(commands: &[&'a Command], words: &[Word]) -> Vec<&'a Command> {
    let shared = |command: &Command| {
        let phrases = command.phrases.iter();
        let in_phrase = phrases.map(|phrase| phrase.split(' ').filter(|word| is_typed(word, words)).count());
        in_phrase.max().unwrap_or_default()
    };
    let mut ranked: Vec<(usize, &Command)> = commands.iter().map(|command| (shared(command), *command)).collect();
    ranked.retain(|(shared, _)| *shared > 0);
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    ranked.into_iter().take(PROPOSED).map(|(_, command)| command).collect()
}

/// Whether a word of a phrase was typed, give or take a slip: the same beginning, or one letter off.
fn is_typed(word: &str, words: &[Word]) -> bool {
    word.len() >= 3
        && hole(word).is_none()
        && words.iter().any(|typed| {
            let typed = typed.lower.as_str();
            typed.len() >= 3 && (typed.starts_with(word) || word.starts_with(typed) || is_one_slip(word, typed))
        })
}

fn is_one_slip(one: &str, other: &str) -> bool {
    let same_start = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let same_end = one
        .chars()
        .rev()
        .zip(other.chars().rev())
        .take_while(|(one, other)| one == other)
        .count();
    let longer = one.chars().count().max(other.chars().count());
    // Two letters in the wrong order count as one slip.
    longer >= 4 && same_start + same_end + 2 >= longer
}

fn take(phrase: &'static str, words: &[Word]) -> Option<Vec<(&'static str, String)>> {
    let mut taken = Vec::new();
    let mut words = words.iter();
    for part in phrase.split(' ') {
        let word = words.next()?;
        match hole(part) {
            Some(name) => taken.push((name, word.typed.clone())),
            None if word.lower == part => {}
            None => return None,
        }
    }
    words.next().is_none().then_some(taken)
}

fn hole(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

impl Match<'_> {
    /// The arguments of one of its calls; one whose hole the phrase does not have is left out. `spec` tells apart a
    /// container named `42` and a number of lines.
    pub(super) fn arguments(&self, form: &CallForm, spec: &ToolSpec) -> Map<String, Value> {
        let arguments = form.arguments.iter().filter_map(|(name, value)| {
            let text = match hole(value) {
                Some(hole) => self.taken(hole)?,
                None => value,
            };
            let value = typed(text, &spec.parameters["properties"][*name]);
            Some(((*name).to_owned(), value))
        });
        arguments.collect()
    }

    fn taken(&self, name: &str) -> Option<&str> {
        let found = self.taken.iter().find(|(hole, _)| *hole == name);
        found.map(|(_, word)| word.as_str())
    }
}

fn typed(text: &str, schema: &Value) -> Value {
    let is_text = match &schema["type"] {
        Value::String(name) => name == "string",
        Value::Array(names) => !names
            .iter()
            .any(|name| name == "integer" || name == "number" || name == "boolean"),
        _ => false,
    };
    if is_text {
        return Value::from(text);
    }
    match (text.parse::<i64>(), text) {
        (Ok(number), _) => Value::from(number),
        (_, "true") => Value::from(true),
        (_, "false") => Value::from(false),
        _ => Value::from(text),
    }
}
