//! Newline-delimited JSON, as Ollama streams it.

use bytes::Bytes;

use super::lines::{Lines, MAX_LINE, Malformed};

/// Turns network chunks into the JSON texts of the lines. It does not parse them.
#[derive(Debug)]
pub struct Decoder(Lines);

impl Default for Decoder {
    fn default() -> Self {
        Self(Lines::new(MAX_LINE))
    }
}

impl Decoder {
    pub fn push(&mut self, bytes: Bytes) {
        self.0.push(bytes);
    }

    /// No more bytes will come: a last line without a line end counts too.
    pub fn end(&mut self) {
        self.0.end();
    }

    /// The next line that is not blank, or `None` until more bytes came.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, Malformed> {
        while let Some(line) = self.0.next_line()? {
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Bytes, Malformed>> {
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        for piece in pieces {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Some(item) = decoder.next_line().transpose() {
                seen.push(item);
            }
        }
        decoder.end();
        while let Some(item) = decoder.next_line().transpose() {
            seen.push(item);
        }
        seen
    }

    #[test]
    fn skips_blank_lines_and_keeps_an_unended_last_one() {
        let seen = decode([&b"{\"a\":1}\r\n\r\n \n{\"b\":\"caf\xc3"[..], &b"\xa9\"}"[..]]);
        assert_eq!(
            seen,
            [
                Ok(Bytes::from_static(b"{\"a\":1}")),
                Ok(Bytes::from_static("{\"b\":\"café\"}".as_bytes()))
            ]
        );
    }

    proptest! {
        #[test]
        fn cutting_the_bytes_anywhere_changes_nothing(
            text in "([a\"{}é\u{1F600}]|\r|\n| ){0,60}",
            noise in proptest::collection::vec(any::<u8>(), 0..12),
            cuts in proptest::collection::vec(0_usize..160, 0..12),
        ) {
            let mut bytes = text.into_bytes();
            bytes.extend(noise);
            prop_assert_eq!(decode(crate::upstream::sse::tests::cut(&bytes, cuts)), decode([&bytes[..]]));
        }
    }
}
