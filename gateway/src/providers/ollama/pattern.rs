/// A line of an answer, and where in it stand the time and the text by which the lines after it differ.
///
/// Ollama writes the hundreds of lines of an answer alike but for these two. A line that follows the pattern of one that
/// was read has the same fields with the same values, so that comparing its bytes takes the place of reading it.
#[derive(Debug)]
pub(super) struct Pattern {
    before_time: Box<[u8]>,
    between: Box<[u8]>,
    after_text: Box<[u8]>,
    pub(super) is_thinking: bool,
}

impl Pattern {
    /// `time` and `text` stand between the quotes of JSON strings of `line`: the same memory, not only the same bytes.
    pub(super) fn new(line: &str, time: &str, text: &str, is_thinking: bool) -> Option<Self> {
        let at = |part: &str| part.as_ptr().addr().checked_sub(line.as_ptr().addr());
        let (time_at, text_at) = (at(time)?, at(text)?);
        let before_time = line.get(..time_at)?;
        let between = line.get(time_at.checked_add(time.len())?..text_at)?;
        let after_text = line.get(text_at.checked_add(text.len())?..)?;
        let quoted = |before: &str, after: &str| before.ends_with('"') && after.starts_with('"');
        (quoted(before_time, between) && quoted(between, after_text)).then(|| Self {
            before_time: before_time.as_bytes().into(),
            between: between.as_bytes().into(),
            after_text: after_text.as_bytes().into(),
            is_thinking,
        })
    }

    /// The text of a line that follows the pattern. `None` too when a part of the text is escaped, because that has to be
    /// read.
    pub(super) fn text<'a>(&self, line: &'a [u8]) -> Option<&'a str> {
        let rest = line.strip_prefix(&*self.before_time)?;
        let (time, _) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
        let rest = rest.get(time.len()..)?;
        let text = rest.strip_prefix(&*self.between)?.strip_suffix(&*self.after_text)?;
        (is_plain(time) && is_plain(text)).then(|| std::str::from_utf8(text).ok())?
    }
}

/// Stands for itself between the quotes of a JSON string.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| !matches!(byte, ..b' ' | b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const FIRST: &str =
        r#"{"model":"m","created_at":"TIME","message":{"role":"assistant","content":"TEXT"},"done":false}"#;

    fn part_of<'a>(line: &'a str, part: &str) -> &'a str {
        line.matches(part).next().unwrap()
    }

    fn pattern() -> Pattern {
        Pattern::new(FIRST, part_of(FIRST, "TIME"), part_of(FIRST, "TEXT"), false).unwrap()
    }

    #[test]
    fn lines_that_differ_in_time_and_text_follow_the_pattern() {
        let check = |line: &str, expect: Option<&str>| assert_eq!(pattern().text(line.as_bytes()), expect, "{line}");
        check(FIRST, Some("TEXT"));
        check(
            &FIRST.replace("TIME", "2026-11-20T10:00:00.1Z").replace("TEXT", " café"),
            Some(" café"),
        );
        check(&FIRST.replace("TEXT", ""), Some(""));
        check(&FIRST.replace("TEXT", "a\\n"), None);
        check(&FIRST.replace("TIME", "a\\"), None);
        check(&FIRST.replace("false", "true"), None);
        check(&FIRST.replace("TEXT", r#"a","thinking":"b"#), None);
        check(&FIRST.replace("TEXT", "a\u{1}"), None);
        check(r#"{"model":"m","created_at":"TIME"#, None);
        check("", None);
    }

    #[test]
    fn parts_of_another_line_make_no_pattern() {
        let other = FIRST.to_owned();
        let [time, text] = ["TIME", "TEXT"].map(|part| part_of(FIRST, part));
        assert!(Pattern::new(FIRST, part_of(&other, "TIME"), text, false).is_none());
        assert!(Pattern::new(FIRST, text, time, false).is_none());
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_a_reader_reads(text in ".{0,12}", time in "[^\"\\\\]{0,8}", thinks in any::<bool>()) {
            let mut line = json!({"model": "m", "created_at": time, "message": {"role": "assistant", "content": text}});
            if thinks {
                line["message"]["thinking"] = "x".into();
            }
            line["done"] = false.into();
            let line = line.to_string();
            if let Some(told) = pattern().text(line.as_bytes()) {
                let read: Value = serde_json::from_str(&line).unwrap();
                prop_assert_eq!(read["message"]["content"].as_str(), Some(told));
                prop_assert!(read["message"].get("thinking").is_none());
            }
        }
    }
}
