//! JSON read in place: it is checked and passed over, and nothing is built.
//!
//! `serde_json` spends some thirty instructions per byte on the short chunks of streamed answers, most of them on being
//! general. This spends five, which is what makes it worth having beside it.

use std::borrow::Cow;

/// Nesting beyond this is refused, as `serde_json` does it.
const DEEPEST: u32 = 128;

/// What is read is not JSON, or is nested too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotJson;

/// A place in a text of JSON.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'j> {
    json: &'j str,
    at: usize,
}

/// Where the elements of an object or a list are looked for.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    began: bool,
}

impl<'j> Scanner<'j> {
    pub(crate) fn new(json: &'j str) -> Self {
        Self { json, at: 0 }
    }

    /// The first byte of the next value.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Enters an object.
    pub(crate) fn object(&mut self) -> Result<Elements, NotJson> {
        self.expect(b'{').map(|()| Elements::default())
    }

    /// The next key of an object, or `None` at its end. Its value must be read next.
    pub(crate) fn key(&mut self, object: &mut Elements) -> Result<Option<Cow<'j, str>>, NotJson> {
        if !self.more(object, b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Enters a list.
    pub(crate) fn list(&mut self) -> Result<Elements, NotJson> {
        self.expect(b'[').map(|()| Elements::default())
    }

    /// Whether there is another element in a list. It must be read next.
    pub(crate) fn element(&mut self, list: &mut Elements) -> Result<bool, NotJson> {
        self.more(list, b']')
    }

    /// The text of a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'j, str>, NotJson> {
        self.peek();
        let from = self.at;
        let is_plain = self.quoted()?;
        if is_plain {
            return self.json.get(from + 1..self.at - 1).map(Cow::Borrowed).ok_or(NotJson);
        }
        let quoted = self.json.get(from..self.at).ok_or(NotJson)?;
        serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| NotJson)
    }

    /// Passes over a value and tells how it is written.
    pub(crate) fn value(&mut self) -> Result<&'j str, NotJson> {
        self.peek();
        let from = self.at;
        self.skip(0)?;
        self.json.get(from..self.at).ok_or(NotJson)
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_none() { Ok(()) } else { Err(NotJson) }
    }

    fn skip(&mut self, depth: u32) -> Result<(), NotJson> {
        if depth >= DEEPEST {
            return Err(NotJson);
        }
        match self.peek().ok_or(NotJson)? {
            b'"' => self.quoted().map(drop),
            b'{' => {
                let mut object = self.object()?;
                while self.more(&mut object, b'}')? {
                    self.peek();
                    self.quoted()?;
                    self.expect(b':')?;
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            b'[' => {
                let mut list = self.list()?;
                while self.more(&mut list, b']')? {
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn more(&mut self, elements: &mut Elements, end: u8) -> Result<bool, NotJson> {
        let byte = self.peek().ok_or(NotJson)?;
        if byte == end {
            self.at += 1;
            return Ok(false);
        }
        if std::mem::replace(&mut elements.began, true) {
            self.expect(b',')?;
            // A comma before the end is not followed by anything.
            if self.peek() == Some(end) {
                return Err(NotJson);
            }
        }
        Ok(true)
    }

    /// Passes over a string and tells whether nothing in it is escaped.
    fn quoted(&mut self) -> Result<bool, NotJson> {
        if self.byte() != Some(b'"') {
            return Err(NotJson);
        }
        self.at += 1;
        let mut is_plain = true;
        loop {
            let rest = self.json.as_bytes().get(self.at..).ok_or(NotJson)?;
            self.at += plain(rest);
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) | None => return Err(NotJson),
            }
            is_plain = false;
        }
        self.at += 1;
        Ok(is_plain)
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        let bytes = self.json.as_bytes();
        self.at += match bytes.get(self.at + 1).ok_or(NotJson)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' => {
                let digits = bytes.get(self.at + 2..self.at + 6).ok_or(NotJson)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(NotJson);
                }
                6
            }
            _ => return Err(NotJson),
        };
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || (leading_zero && digits > 1) {
            return Err(NotJson);
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(NotJson);
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(NotJson);
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn word(&mut self, word: &str) -> Result<(), NotJson> {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

/// How many bytes the plain part of a string has, which ends at a quote, a backslash, or a control character.
///
/// Eight at once: of a word of bytes, those that are zero, or less than a space, borrow from their top bit when one, or a
/// space, is subtracted. What a borrow marks too much stands behind the first that is right.
pub(crate) fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        let ends = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * u64::from(b' ')) & !word);
        if ends & TOPS != 0 {
            return at + (ends & TOPS).trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest
        .iter()
        .position(|byte| matches!(byte, ..b' ' | b'"' | b'\\'))
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What is read as one value, if all of it is one.
    fn whole(json: &str) -> Result<&str, NotJson> {
        let mut scanner = Scanner::new(json);
        let value = scanner.value()?;
        scanner.end().map(|()| value)
    }

    /// The same rebuilt element by element.
    fn rebuilt(scanner: &mut Scanner<'_>) -> Result<Value, NotJson> {
        match scanner.peek() {
            Some(b'{') => {
                let (mut object, mut fields) = (scanner.object()?, serde_json::Map::new());
                while let Some(key) = scanner.key(&mut object)? {
                    fields.insert(key.into_owned(), rebuilt(scanner)?);
                }
                Ok(fields.into())
            }
            Some(b'[') => {
                let (mut list, mut elements) = (scanner.list()?, Vec::new());
                while scanner.element(&mut list)? {
                    elements.push(rebuilt(scanner)?);
                }
                Ok(elements.into())
            }
            Some(b'"') => Ok(scanner.string()?.into()),
            _ => serde_json::from_str(scanner.value()?).map_err(|_| NotJson),
        }
    }

    fn check(json: &str) {
        let expect = serde_json::from_str::<&serde_json::value::RawValue>(json).ok();
        assert_eq!(
            whole(json).ok(),
            expect.map(serde_json::value::RawValue::get),
            "{json:?}"
        );
    }

    #[test]
    fn what_is_json_is_what_serde_takes_for_it() {
        for json in [
            "null",
            " true ",
            "false",
            "nul",
            "nullx",
            "tru",
            "\"a\"",
            "\"a",
            "\"\\\"\"",
            "\"\\x\"",
            "\"\\u00e9\"",
            "\"\\u00g9\"",
            "\"\\u00",
            "\"a\nb\"",
            "0",
            "-0",
            "01",
            "-",
            "1.",
            ".5",
            "1.5",
            "1e5",
            "1e",
            "1E+5",
            "1e-",
            "+1",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\" : 1 , \"b\":[]}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":}",
            "[]",
            "[1,2]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[",
            "{",
            "]",
            "",
            " ",
            "1 2",
            "{\"a\":{\"b\":[1,{\"c\":null}]}}",
            "\u{feff}1",
            "\"\u{7f}\u{e9}\"",
        ] {
            check(json);
        }
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(whole(&nested(127)).is_ok());
        assert_eq!(whole(&nested(200_000)), Err(NotJson));
    }

    proptest! {
        #[test]
        fn noise_is_judged_as_serde_judges_it(json in r#"([\[\]{},:" ]|"a"|"b\\n"|-?[0-9.eE]{1,4}|true|null|\\u00e9){0,12}"#) {
            check(&json);
        }

        #[test]
        fn everything_in_it_is_read_right(text in "(\\PC|[\"\\\\\n]){0,12}", number in any::<f64>(), flag in any::<bool>()) {
            let value = serde_json::json!({ text.clone(): [text.clone(), number, {"x": flag, "y": null}], "z": {} });
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let expect: Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(rebuilt(&mut Scanner::new(&json)), Ok(expect));
            }
        }
    }
}
