//! The gate for a text that comes in pieces: what may still become something to hide waits.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::pictures::{self, Seen};
use super::{Outlet, OutputGate};

/// Text that is looked through again with every piece at most. What is longer waits until all of it is there: to cut it
/// anywhere could be to cut a secret.
const WAITING_BYTES: usize = 16 * 1024;

/// The beginnings of what has no fixed length: a name with its value, an authorization, an option with its value.
const BEGUN: &str = concat!(
    r"(?i)[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key",
    r"|encryption[_-]?key|credentials?|cookie|authorization|bearer|basic|digest|negotiate)[\w.-]*",
    r#"\\?["']?[ \t]*(?:[:=][ \t]*)?(?:["']?(?:basic|bearer|digest|token|negotiate)[ \t]+)?"#,
    r#"(?:\\?"[^"\n]*"?|'[^'\n]*'?|[^\s,;&"'\\]*)$"#,
);

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the pattern is a constant, and every test here compiles it"
    )]
    Regex::new(BEGUN).expect("a valid pattern")
});

/// A text on its way out.
#[derive(Debug)]
pub struct Stream {
    gate: Arc<OutputGate>,
    outlet: Outlet,
    waiting: String,
    at_start: bool,
    seen: Seen,
}

impl Stream {
    pub fn new(gate: Arc<OutputGate>, outlet: Outlet) -> Self {
        Self {
            gate,
            outlet,
            waiting: String::new(),
            at_start: true,
            seen: Seen::default(),
        }
    }

    /// What may be shown now. Nothing of it changes by what comes.
    pub fn push(&mut self, text: &str) -> String {
        let is_long = self.waiting.len() > WAITING_BYTES;
        self.waiting.push_str(text);
        if is_long {
            return String::new();
        }
        let cut = self.settled();
        let rest = self.waiting.split_off(cut);
        let ready = std::mem::replace(&mut self.waiting, rest);
        self.leave(&ready)
    }

    /// The rest, when the text is complete.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.waiting);
        let shown = self.leave(&rest);
        self.at_start = true;
        self.seen = Seen::default();
        shown
    }

    /// What waits is void, and another text begins.
    pub fn reset(&mut self) {
        self.waiting.clear();
        self.at_start = true;
        self.seen = Seen::default();
    }

    fn leave(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let shown = self.gate.part(self.outlet, text, self.at_start, self.seen);
        self.seen = self.seen.and(&shown);
        // On a stream chat a line whose beginning was all taken away still begins.
        self.at_start = if shown.is_empty() {
            self.at_start
        } else {
            shown.ends_with('\n')
        };
        shown
    }

    /// How much of what waits can no longer be a part of anything.
    fn settled(&self) -> usize {
        let text = self.waiting.as_str();
        let mut cut = if self.outlet.public {
            // A word that goes on: a name, an address. Letters beyond ASCII end one, so that scripts without spaces
            // stream too.
            word_start(text)
        } else {
            key_begun(text).unwrap_or(text.len())
        };
        if self.outlet.stream_chat && text.get(..cut).is_none_or(|word| word.trim_end().is_empty()) {
            cut = 0;
        }
        for literal in ["-----BEGIN ", "!["] {
            let begun = (1..literal.len())
                .rev()
                .find(|length| text.ends_with(literal.get(..*length).unwrap_or_default()));
            cut = cut.min(text.len() - begun.unwrap_or_default());
        }
        for open in ["⟨", "-----BEGIN "] {
            let close = if open == "⟨" { "⟩" } else { "-----END " };
            if let Some(at) = text.rfind(open)
                && !text.get(at..).unwrap_or_default().contains(close)
            {
                cut = cut.min(at);
            }
        }
        // A picture, and in public rooms a link, up to the end of its line.
        let begun = |text: &str| {
            PATTERN
                .find(text)
                .filter(|_| self.outlet.public)
                .map(|found| found.start())
        };
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line..).unwrap_or_default();
        if let Some(at) = rest.find('[').filter(|_| self.outlet.public || rest.contains("![")) {
            let at = at.saturating_sub(usize::from(rest.get(..at).unwrap_or_default().ends_with('!')));
            cut = cut.min(line + at);
        }
        if let Some(at) = pictures::begun(text) {
            cut = cut.min(at);
        }
        // What waits first: a value can itself be the beginning of another. Then what stands before it, until that holds.
        if let Some(at) = begun(text) {
            cut = cut.min(at);
        }
        loop {
            let before = cut;
            if let Some(at) = begun(text.get(..cut).unwrap_or_default()) {
                cut = at;
            }
            cut = self.gate.kept().known.settled(text, cut);
            // What is taken out of public rooms is taken out as whole words.
            if self.outlet.public {
                cut = word_start(text.get(..cut).unwrap_or_default());
            }
            if cut == before {
                return cut;
            }
        }
    }
}

/// Where the word at the end of `text` begins.
fn word_start(text: &str) -> usize {
    text.trim_end_matches(|c: char| c.is_ascii_graphic()).len()
}

/// Where the word at the end of `text` may be a key: it begins as one, it is too short to tell, or it is long.
fn key_begun(text: &str) -> Option<usize> {
    const BEGINNINGS: [&str; 24] = [
        "sk-",
        "sk_",
        "pk-",
        "pk_",
        "rk-",
        "rk_",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "AKIA",
        "ASIA",
        "AROA",
        "AIDA",
        "AIza",
        "hf_",
        "npm_",
        "eyJ",
        "bearer ",
        "Bearer ",
    ];
    const LONG: usize = 20;
    let bearer = text.trim_end_matches(|c: char| c.is_ascii_graphic());
    let bearer = bearer.trim_end_matches([' ', '\t']);
    if bearer.len() < text.len() && bearer.to_ascii_lowercase().ends_with("bearer") {
        return Some(bearer.len() - "bearer".len());
    }
    let word = text
        .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "_-.~+/=".contains(c))
        .len();
    let tail = text.get(word..).unwrap_or_default();
    if tail.len() >= LONG {
        return Some(word);
    }
    let starts = tail.char_indices().filter(|(at, _)| {
        let before = tail.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
    });
    let may_be_key = |rest: &str| {
        BEGINNINGS
            .iter()
            .any(|beginning| rest.starts_with(beginning) || beginning.starts_with(rest))
    };
    starts
        .map(|(at, _)| at)
        .find(|at| may_be_key(tail.get(*at..).unwrap_or_default()))
        .map(|at| word + at)
}
