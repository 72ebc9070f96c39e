//! Pictures of other hosts become words, in every room: to show one is to send what stands in its address.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::public::host_of;

/// What has longer words is taken for a picture, so that a text full of beginnings is looked through in time.
const LONGEST: usize = 1_000;

const PLAIN: &str = r"!\[([^\[\]\n]*)\]\(\s*<?([^)\s>]+)>?[^)\n]*\)";
/// A path of whoever shows the text. What could name a host in any way is none: `https:/`, `/\`, `&#47;`.
const OWN: &str = r"^!\[[^\[\]\n`\\<]*\]\(/?[A-Za-z0-9._~%=?+-][A-Za-z0-9._~%=?+/-]*\)";
/// `[name]: https://…`, which a picture can name its address by.
const DEFINITION: &str = concat!(
    r"(?im)^([ \t>*+\d.)-]*\[(?:\\.|[^\]\\]){1,999}\]):",
    r"([ \t]*\n?[ \t]*<?(?:[a-z][a-z0-9+.-]*:|//|\\|&))"
);

static PATTERNS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and every test here compiles them"
    )]
    [PLAIN, OWN, DEFINITION].map(|pattern| Regex::new(pattern).expect("a valid pattern"))
});

/// What stands before a text where it is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// The beginning of something that a definition would make a picture.
    opened: bool,
    defined: bool,
}

impl Seen {
    pub(super) fn and(self, shown: &str) -> Self {
        let [_, _, definition] = &*PATTERNS;
        Self {
            opened: self.opened || shown.contains("!["),
            defined: self.defined || definition.is_match(shown),
        }
    }
}

/// 1. In the plain form the words and the host stay.
/// 2. Every other form becomes a link: words with brackets or of several lines, pictures in pictures, an address that
///    stands elsewhere in the text.
/// 3. A definition that comes after a beginning was shown is none any more.
pub(super) fn without_remote(text: &str, seen: Seen) -> String {
    let [plain, _, definition] = &*PATTERNS;
    let mut text = text.to_owned();
    if text.contains("![") {
        let words = |found: &Captures<'_>| {
            let group = |index| found.get(index).map_or("", |group| group.as_str());
            match host_of(group(2)) {
                Some(host) => format!("{} (picture at {host})", group(1)),
                None => group(0).to_owned(),
            }
        };
        text = without_marks(
            &plain.replace_all(&text, words),
            seen.defined || definition.is_match(&text),
        );
    }
    if seen.opened {
        text = definition.replace_all(&text, "$1$2").into_owned();
    }
    text
}

fn without_marks(text: &str, defined: bool) -> String {
    let [_, own, _] = &*PATTERNS;
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, words)) = rest.split_once("![") {
        shown.push_str(before);
        let stays = match end_of(words) {
            End::None | End::Open => !defined,
            End::Address => own.is_match(rest.get(before.len()..).unwrap_or_default()),
        };
        if stays {
            shown.push('!');
        } else {
            shown.truncate(shown.trim_end_matches('!').len());
        }
        shown.push('[');
        rest = words;
    }
    shown + rest
}

/// Where at the end of a text something begins that may become a picture, or what one is named by.
pub(super) fn begun(text: &str) -> Option<usize> {
    let picture = text
        .match_indices("![")
        .find(|(at, mark)| matches!(end_of(text.get(at + mark.len()..).unwrap_or_default()), End::Open))
        .and_then(|(at, _)| text.get(..at))
        .map(|before| before.trim_end_matches('!').len());
    // The address of a definition may stand in the next line.
    let last = text.rfind('\n').map_or(0, |at| at + 1);
    let former = text
        .get(..last.saturating_sub(1))
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let is_definition = |line: &&usize| {
        let line = text.get(**line..).unwrap_or_default();
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || " \t>*+-.)".contains(c));
        line.starts_with('[')
    };
    let definition = [former, last].iter().find(is_definition).copied();
    [picture, definition].into_iter().flatten().min()
}

/// What comes after the words of something that begins with `![`.
enum End {
    /// It is no picture, but a definition of its words could make it one.
    None,
    /// The text ends first.
    Open,
    /// An address, the name of one, or nobody can tell.
    Address,
}

fn end_of(words: &str) -> End {
    let mut depth = 1_usize;
    let mut is_odd = false;
    for (count, (at, letter)) in words.char_indices().enumerate() {
        let after = words.get(at + letter.len_utf8()..).unwrap_or_default();
        match letter {
            _ if count == LONGEST => return End::Address,
            '[' => depth += 1,
            ']' if depth > 1 => depth -= 1,
            ']' => match after.chars().next() {
                Some('(' | '[') => return End::Address,
                // In code and tags, and behind a backslash, a bracket ends nothing.
                Some(_) | None if is_odd => {}
                Some(_) => return End::None,
                None => return End::Open,
            },
            '\\' | '`' | '<' => is_odd = true,
            '\n' if after.trim_start_matches([' ', '\t']).starts_with('\n') => return End::None,
            _ => {}
        }
    }
    End::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_picture_of_another_host_stays() {
        let check = |given: &str, expect: &str| {
            let shown = without_remote(given, Seen::default());
            assert_eq!(shown, expect, "given {given:?}");
            assert_eq!(without_remote(&shown, Seen::default()), shown, "again {given:?}");
        };
        check("![cat](https://e.test/?d=1)", "cat (picture at e.test)");
        check("![own](/v1/files/1) ![a](b.png)", "![own](/v1/files/1) ![a](b.png)");
        check("![a [b] c](https://e.test/?d=1)", "[a [b] c](https://e.test/?d=1)");
        check("![a\nb](https://e.test/?d=1)", "[a\nb](https://e.test/?d=1)");
        check("![a \\] b](https://e.test/?d=1)", "[a \\] b](https://e.test/?d=1)");
        check("![a `]` b](https://e.test/?d=1)", "[a `]` b](https://e.test/?d=1)");
        check("!!![a](https:/e.test/?d=1)", "[a](https:/e.test/?d=1)");
        check("![a](/\\e.test/?d=1)", "[a](/\\e.test/?d=1)");
        check("![a](&#47;/e.test/?d=1)", "[a](&#47;/e.test/?d=1)");
        check(
            "![a][b]\n\n[b]: https://e.test/?d=1",
            "[a][b]\n\n[b]: https://e.test/?d=1",
        );
        check("![b]\n\n> [b]:\n//e.test/?d=1", "[b]\n\n> [b]:\n//e.test/?d=1");
        check(
            "![![![![![![a](https://e.test/1)](https://e.test/2)](https://e.test/3)](https://e.test/4)](https://e.test/5)](https://e.test/6)",
            "[[[[[a (picture at e.test)](https://e.test/2)](https://e.test/3)](https://e.test/4)](https://e.test/5)](https://e.test/6)",
        );
    }

    #[test]
    fn code_stays() {
        for code in [
            "let v = vec![1, 2]; v.get(0)",
            "#![allow(dead_code)]",
            "vec![a[0], b]",
            "x![",
            "a ! [b](c)",
        ] {
            assert_eq!(without_remote(code, Seen::default()), code);
        }
        let seen = Seen::default().and("see [1]\n\n[1]: https://docs.test/");
        assert_eq!(without_remote("![1]", seen), "[1]");
        let seen = Seen::default().and("vec![1]");
        assert_eq!(
            without_remote("[1]: https://e.test/?d=1", seen),
            "[1] https://e.test/?d=1"
        );
        assert_eq!(without_remote("[1]: x", seen), "[1]: x");
    }

    #[test]
    fn many_beginnings_cost_no_time() {
        let many = "![".repeat(100_000);
        assert!(without_remote(&many, Seen::default()).len() <= many.len());
        assert!(begun(&many).is_some());
    }
}
