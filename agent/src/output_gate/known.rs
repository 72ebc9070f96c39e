//! Values that are known to be secret, in the forms in which they are carried off.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

use super::REDACTED;

/// Shorter ones would be found in ordinary words.
const SHORTEST: usize = 6;
/// Below this length a value counts only as a word of its own.
const WORD: usize = 12;

#[derive(Default)]
pub(super) struct Known {
    /// Longest first.
    forms: Vec<String>,
    pattern: Option<Regex>,
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Known({} forms)", self.forms.len())
    }
}

impl Known {
    pub(super) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            let value = secret.expose_secret().trim();
            if value.chars().count() >= SHORTEST {
                forms.extend(forms_of(value));
            }
        }
        let mut forms: Vec<String> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let alternatives: Vec<String> = forms.iter().map(|form| pattern_of(form)).collect();
        let pattern = if alternatives.is_empty() {
            None
        } else {
            // What it is made of is escaped, so that only a size beyond all measure could make it fail; then every form
            // is looked for by itself.
            regex::RegexBuilder::new(&alternatives.join("|"))
                .size_limit(64 * 1024 * 1024)
                .build()
                .inspect_err(|error| tracing::error!(%error, "the known secrets are looked for one by one"))
                .ok()
        };
        Self { forms, pattern }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    pub(super) fn hide(&self, text: &str) -> String {
        if let Some(pattern) = &self.pattern {
            return pattern.replace_all(text, REDACTED).into_owned();
        }
        let hide = |text: String, form: &String| text.replace(form.as_str(), REDACTED);
        self.forms.iter().fold(text.to_owned(), hide)
    }

    /// The most of `text`, from its start, that neither ends inside of a value nor in what may be the beginning of one.
    pub(super) fn settled(&self, text: &str, upto: usize) -> usize {
        let mut cut = upto;
        loop {
            let before = cut;
            for form in &self.forms {
                let begun = text.char_indices().map(|(at, _)| at).filter(|at| *at < cut).find(|at| {
                    let rest = text.get(*at..).unwrap_or_default();
                    let whole = rest.starts_with(form.as_str()) && at + form.len() > cut;
                    whole || (rest.len() < form.len() && form.starts_with(rest))
                });
                cut = begun.unwrap_or(cut);
            }
            if cut == before {
                return cut;
            }
        }
    }
}

fn pattern_of(form: &str) -> String {
    let escaped = regex::escape(form);
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if form.len() >= WORD || !is_word(form.chars().next()) || !is_word(form.chars().next_back()) {
        return escaped;
    }
    format!(r"(?-u:\b){escaped}(?-u:\b)")
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn forms_of(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let hex = hex::encode(bytes);
    // As URLs have it; as a path keeps its slashes; as a form has its blanks; with every byte escaped.
    let kept: [fn(u8) -> bool; 4] = [
        is_unreserved,
        |byte| is_unreserved(byte) || byte == b'/',
        |byte| is_unreserved(byte) || byte == b' ',
        |_| false,
    ];
    let percent = |is_kept: fn(u8) -> bool, upper: bool| -> String {
        let escaped = |byte: &u8| match *byte {
            b' ' if is_kept(b' ') => "+".to_owned(),
            byte if is_kept(byte) => char::from(byte).to_string(),
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        bytes.iter().map(escaped).collect()
    };
    let json = serde_json::Value::from(value).to_string();
    let mut forms = vec![
        value.to_owned(),
        json.trim_matches('"').to_owned(),
        hex.to_uppercase(),
        hex,
    ];
    for is_kept in kept {
        forms.extend([percent(is_kept, true), percent(is_kept, false)]);
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        // A value in the middle of something that was encoded whole stands at one of three places in its group of three
        // bytes. The characters at both ends also hold bits of its neighbours, so the middle is what is looked for.
        for shift in 0..3_usize {
            let mut shifted = vec![0_u8; shift];
            shifted.extend_from_slice(bytes);
            let encoded = engine.encode(&shifted);
            let front = [0, 2, 3].get(shift).copied().unwrap_or_default();
            let back = usize::from(shifted.len() % 3 != 0);
            let middle = encoded
                .get(front..encoded.len().saturating_sub(back))
                .unwrap_or_default();
            if middle.len() >= SHORTEST {
                forms.push(middle.to_owned());
            }
        }
    }
    forms
}
