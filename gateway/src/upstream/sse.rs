//! Server-sent events, as OpenAI-compatible servers stream them.
//!
//! Source: WHATWG HTML, "Interpreting an event stream". One deliberate difference: an event that is complete but for
//! its closing blank line counts when the stream ends, because real servers leave that line out after `[DONE]`.

use bytes::{Bytes, BytesMut};

use super::lines::{Lines, MAX_LINE, Malformed};

/// One event. `retry` is not kept. For `id` see [`Decoder::last_id`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event:` field; most servers send none.
    pub name: Option<Bytes>,
    /// The `data:` lines, joined by LF. Always UTF-8, never empty.
    pub data: Bytes,
}

/// Turns network chunks into events.
#[derive(Debug)]
pub struct Decoder {
    lines: Lines,
    name: Option<Bytes>,
    data: Data,
    last_id: Option<Bytes>,
    /// The first line was seen, so that a byte order mark is no longer looked for.
    began: bool,
}

/// The data of the event in progress. The usual single line is kept without copying it.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(Bytes),
    Several(BytesMut),
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            lines: Lines::new(MAX_LINE),
            name: None,
            data: Data::None,
            last_id: None,
            began: false,
        }
    }
}

impl Decoder {
    pub fn push(&mut self, bytes: Bytes) {
        self.lines.push(bytes);
    }

    /// No more bytes will come: a last event without its blank line counts too.
    pub fn end(&mut self) {
        self.lines.end();
    }

    /// The next event, or `None` until more bytes came.
    pub fn next_event(&mut self) -> Result<Option<Event>, Malformed> {
        // Nearly every event is one line of data and a blank line, and has come as a whole.
        if self.began
            && self.name.is_none()
            && matches!(self.data, Data::None)
            && let Some(data) = self.lines.block(b"data: ")?
        {
            return Ok(Some(Event { name: None, data }));
        }
        while let Some(line) = self.lines.next_line()? {
            let line = self.without_byte_order_mark(line);
            if line.is_empty() {
                if let Some(event) = self.take() {
                    return Ok(Some(event));
                }
                continue;
            }
            self.field(&line)?;
        }
        if self.lines.is_over() {
            Ok(self.take())
        } else {
            Ok(None)
        }
    }

    /// The `id` that the last event had or inherited, to resume after it. Always UTF-8.
    pub fn last_id(&self) -> Option<&Bytes> {
        self.last_id.as_ref()
    }

    fn without_byte_order_mark(&mut self, line: Bytes) -> Bytes {
        let first = !std::mem::replace(&mut self.began, true);
        match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) if first => line.slice_ref(rest),
            Some(_) | None => line,
        }
    }

    fn field(&mut self, line: &Bytes) -> Result<(), Malformed> {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(at) => line.split_at(at),
            None => (&line[..], &b""[..]),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = line.slice_ref(value.strip_prefix(b" ").unwrap_or(value));
        match name {
            b"data" => self.data.add(value)?,
            b"event" => self.name = Some(value),
            // Copied, so that the network chunk around it is not kept for as long as the stream lives.
            b"id" => self.last_id = Some(Bytes::copy_from_slice(&value)),
            // A comment (the empty name), `retry` or something unknown.
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Event> {
        let name = self.name.take();
        let data = match std::mem::take(&mut self.data) {
            Data::None => return None,
            Data::One(data) => data,
            Data::Several(data) => data.freeze(),
        };
        (!data.is_empty()).then_some(Event { name, data })
    }
}

impl Data {
    fn add(&mut self, line: Bytes) -> Result<(), Malformed> {
        *self = match std::mem::take(self) {
            Self::None => Self::One(line),
            Self::One(first) => Self::joined(BytesMut::from(&first[..]), &line)?,
            Self::Several(all) => Self::joined(all, &line)?,
        };
        Ok(())
    }

    fn joined(mut all: BytesMut, line: &[u8]) -> Result<Self, Malformed> {
        all.extend_from_slice(b"\n");
        all.extend_from_slice(line);
        if all.len() > MAX_LINE {
            return Err(Malformed::LineTooLong);
        }
        Ok(Self::Several(all))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `bytes` in pieces, cut at the given places.
    pub(in crate::upstream) fn cut(bytes: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
        at.retain(|place| *place < bytes.len());
        at.push(bytes.len());
        at.sort_unstable();
        let mut from = 0;
        at.into_iter()
            .map(|to| {
                let piece = &bytes[from..to];
                from = to;
                piece
            })
            .collect()
    }

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Event, Malformed>> {
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        for piece in pieces {
            decoder.push(Bytes::copy_from_slice(piece));
            while let Some(item) = decoder.next_event().transpose() {
                seen.push(item);
            }
        }
        decoder.end();
        while let Some(item) = decoder.next_event().transpose() {
            seen.push(item);
        }
        seen
    }

    fn check(given: &str, expect: &[(&str, &str)]) {
        let seen = decode([given.as_bytes()]);
        let expect: Vec<_> = expect
            .iter()
            .map(|(name, data)| {
                Ok(Event {
                    name: (!name.is_empty()).then(|| Bytes::copy_from_slice(name.as_bytes())),
                    data: Bytes::copy_from_slice(data.as_bytes()),
                })
            })
            .collect();
        assert_eq!(seen, expect, "given {given:?}");
    }

    #[test]
    fn reads_what_servers_send() {
        check("data: a\n\ndata: [DONE]\n\n", &[("", "a"), ("", "[DONE]")]);
        check("data:a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]);
        check("\u{feff}data: a\n\n", &[("", "a")]);
        check(": keep-alive\n\nretry: 3\nid: 7\ndata: a\n\n", &[("", "a")]);
        check("event: error\ndata: a\n\ndata: b\n\n", &[("error", "a"), ("", "b")]);
        check("data: a\ndata:\ndata:  b\n\n", &[("", "a\n\n b")]);
        check("data\n\ndata:\n\nevent: ping\n\ndata: a\n\n", &[("", "a")]);
        check("data: [DONE]", &[("", "[DONE]")]);
        check("data: a\n", &[("", "a")]);
        check("", &[]);
    }

    #[test]
    fn an_event_keeps_the_id_of_the_one_before() {
        let mut decoder = Decoder::default();
        decoder.push(Bytes::from_static(b"data: a\n\nid: 7\ndata: b\n\ndata: c\n\n"));
        let mut seen = Vec::new();
        while let Ok(Some(event)) = decoder.next_event() {
            seen.push((event.data, decoder.last_id().cloned()));
        }
        let seven = Some(Bytes::from_static(b"7"));
        assert_eq!(
            seen,
            [("a".into(), None), ("b".into(), seven.clone()), ("c".into(), seven)]
        );
    }

    #[test]
    fn a_line_that_is_not_utf8_is_skipped_with_notice() {
        let seen = decode([&b"data: \xff\n\ndata: a\n\n"[..]]);
        let good = Event {
            name: None,
            data: Bytes::from_static(b"a"),
        };
        assert_eq!(seen, [Err(Malformed::NotUtf8), Ok(good)]);
    }

    proptest! {
        #[test]
        fn cutting_the_bytes_anywhere_changes_nothing(
            text in "(data:|data: |event: |: |id: |[aé\u{1F600}\u{feff}]|\r|\n|\r\n){0,40}",
            noise in proptest::collection::vec(any::<u8>(), 0..12),
            cuts in proptest::collection::vec(0_usize..200, 0..12),
        ) {
            let mut bytes = text.into_bytes();
            bytes.extend(noise);
            prop_assert_eq!(decode(cut(&bytes, cuts)), decode([&bytes[..]]));
        }
    }
}
