use super::scan::plain;

/// A chunk of a stream, and where in it stands the text by which the chunks after it differ.
///
/// Servers write the hundreds of chunks of an answer alike but for the new text. A chunk that follows the pattern of one
/// that was read has the same fields with the same values, so that comparing its bytes takes the place of reading it.
#[derive(Debug)]
pub(crate) struct Pattern {
    chunk: Box<[u8]>,
    /// Where the text begins, after its quote, and where it ends, at its quote.
    from: usize,
    to: usize,
}

impl Pattern {
    /// `text` is what stands between the quotes of a JSON string of `chunk`: the same memory, not only the same bytes.
    pub(crate) fn new(chunk: &[u8], text: &str) -> Option<Self> {
        let from = text.as_ptr().addr().checked_sub(chunk.as_ptr().addr())?;
        let to = from.checked_add(text.len())?;
        let (before, rest) = chunk.split_at_checked(from)?;
        let after = rest.strip_prefix(text.as_bytes())?;
        (before.ends_with(b"\"") && after.starts_with(b"\"")).then(|| Self {
            chunk: chunk.into(),
            from,
            to,
        })
    }

    /// The text of a chunk that follows the pattern. `None` too when a part of the text is escaped, because that has to
    /// be read.
    pub(crate) fn text<'c>(&self, chunk: &'c [u8]) -> Option<&'c str> {
        let (before, rest) = self.chunk.split_at_checked(self.from)?;
        let after = rest.get(self.to.checked_sub(self.from)?..)?;
        let text = chunk.strip_prefix(before)?.strip_suffix(after)?;
        let is_plain = plain(text) == text.len();
        std::str::from_utf8(text).ok().filter(|_| is_plain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    const FIRST: &str = r#"{"id":"a","delta":{"content":"hel\nlo"},"end":null}"#;

    const TEXT: &str = "hel\\nlo";

    fn pattern(chunk: &str, text: &str) -> Option<Pattern> {
        let (_, rest) = chunk.split_at(chunk.find(text).unwrap());
        Pattern::new(chunk.as_bytes(), rest.split_at(text.len()).0)
    }

    #[test]
    fn a_chunk_that_differs_in_its_text_follows_the_pattern() {
        let pattern = pattern(FIRST, TEXT).unwrap();
        let check = |given: &str, expect: Option<&str>| assert_eq!(pattern.text(given.as_bytes()), expect, "{given}");
        check(
            r#"{"id":"a","delta":{"content":"café 東京"},"end":null}"#,
            Some("café 東京"),
        );
        check(r#"{"id":"a","delta":{"content":""},"end":null}"#, Some(""));
        check(r#"{"id":"a","delta":{"content":"a\u0041"},"end":null}"#, None);
        check(r#"{"id":"a","delta":{"content":"a","x":"b"},"end":null}"#, None);
        check("{\"id\":\"a\",\"delta\":{\"content\":\"a\tb\"},\"end\":null}", None);
        check(r#"{"id":"b","delta":{"content":"a"},"end":null}"#, None);
        check(r#"{"id":"a","delta":{"content":"a"},"end":1}"#, None);
        check(r#"{"id":"a","delta":{"content":"},"end":null}"#, None);
        check("", None);
    }

    #[test]
    fn there_is_no_pattern_around_what_is_no_text_of_the_chunk() {
        assert!(pattern(FIRST, "null").is_none());
        assert!(pattern(FIRST, "hel").is_none());
        let elsewhere = String::from(TEXT);
        assert!(Pattern::new(FIRST.as_bytes(), &elsewhere).is_none());
    }

    proptest! {
        /// What a pattern says about a chunk is what a reader of JSON finds in it.
        #[test]
        fn a_pattern_never_says_what_reading_would_not(
            first in ".{0,8}",
            second in prop_oneof![".{0,12}", r#"[\\"nu0-9a,:{}\[\] ]{0,12}"#],
            raw in any::<bool>(),
        ) {
            let chunk = |text: &str| format!(r#"{{"a":["x",1],"content":{text},"z":"content"}}"#);
            let quoted = |text: &str| Value::from(text).to_string();
            let learnt = chunk(&quoted(&first));
            let fields: std::collections::HashMap<String, &RawValue> = serde_json::from_str(&learnt).unwrap();
            let text = fields["content"].get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let pattern = Pattern::new(learnt.as_bytes(), text.unwrap()).unwrap();
            let given = chunk(&if raw { format!("\"{second}\"") } else { quoted(&second) });
            if let Some(text) = pattern.text(given.as_bytes()) {
                let read: Value = serde_json::from_str(&given).unwrap();
                prop_assert_eq!(read, json!({"a": ["x", 1], "content": text, "z": "content"}));
            }
        }
    }
}
