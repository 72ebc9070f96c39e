use bytes::{Buf, Bytes, BytesMut};

/// The longest line that is accepted, in bytes. An image in a tool result fits; a server gone mad does not.
pub const MAX_LINE: usize = 8 * 1024 * 1024;

/// What can be wrong with a line before anyone looks at its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The stream cannot be followed any further.
    #[error("a line is longer than 8 MiB")]
    LineTooLong,
    /// The line is skipped; the ones after it can be read.
    #[error("a line is not UTF-8")]
    NotUtf8,
}

/// Cuts bytes into lines that end in LF, CR or CRLF, wherever the network cut them.
///
/// A bare CR ends a line in server-sent events; in NDJSON it cannot occur inside a value, so one rule serves both.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: Bytes,
    /// Bytes of `buffer` that are known to hold no line end, so that a long line is not searched again and again.
    searched: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    ended: bool,
    max: usize,
}

impl Lines {
    pub(super) fn new(max: usize) -> Self {
        Self {
            buffer: Bytes::new(),
            searched: 0,
            after_cr: false,
            ended: false,
            max,
        }
    }

    /// What comes when everything before it was taken is not copied.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = bytes;
            return;
        }
        let begun = std::mem::take(&mut self.buffer).try_into_mut();
        let mut all = begun.unwrap_or_else(|shared| BytesMut::from(&*shared));
        all.extend_from_slice(&bytes);
        self.buffer = all.freeze();
    }

    /// No more bytes will come: what is left counts as a line.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// [`Lines::end`] was called and every line was taken.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.buffer.is_empty()
    }

    /// A line that begins with `start` and is followed by a blank one, without either: what is behind its start. `None` and
    /// nothing taken when the next line is another, is empty behind its start, or ends in another way than with LF.
    pub(super) fn block(&mut self, start: &[u8]) -> Result<Option<Bytes>, Malformed> {
        if self.after_cr || self.searched > 0 || !self.buffer.starts_with(start) {
            return Ok(None);
        }
        let Some(end) = memchr::memchr2(b'\n', b'\r', &self.buffer) else {
            return Ok(None);
        };
        let is_block = self.buffer.get(end..end + 2) == Some(b"\n\n");
        if !is_block || end == start.len() || end > self.max {
            return Ok(None);
        }
        let mut line = self.buffer.split_to(end);
        self.buffer.advance(2);
        line.advance(start.len());
        if std::str::from_utf8(&line).is_err() {
            return Err(Malformed::NotUtf8);
        }
        Ok(Some(line))
    }

    /// The next whole line without its end, or `None` until more bytes came.
    pub(super) fn next_line(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.after_cr && !self.buffer.is_empty() {
            if self.buffer.starts_with(b"\n") {
                self.buffer.advance(1);
            }
            self.after_cr = false;
        }
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let line = if let Some(at) = memchr::memchr2(b'\n', b'\r', unsearched) {
            let line = self.buffer.split_to(self.searched + at);
            self.after_cr = self.buffer.starts_with(b"\r");
            self.buffer.advance(1);
            line
        } else if self.ended && !self.buffer.is_empty() {
            std::mem::take(&mut self.buffer)
        } else {
            self.searched = self.buffer.len();
            if self.searched > self.max {
                return Err(Malformed::LineTooLong);
            }
            return Ok(None);
        };
        self.searched = 0;
        if line.len() > self.max {
            return Err(Malformed::LineTooLong);
        }
        if std::str::from_utf8(&line).is_err() {
            return Err(Malformed::NotUtf8);
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` in `given` marks where the network cut.
    fn check(given: &[u8], expect: &[Result<&str, Malformed>]) {
        let mut lines = Lines::new(16);
        let mut seen = Vec::new();
        let drain = |lines: &mut Lines, seen: &mut Vec<Result<String, Malformed>>| {
            loop {
                match lines.next_line() {
                    Ok(None) => break,
                    Ok(Some(line)) => seen.push(Ok(String::from_utf8(line.to_vec()).unwrap())),
                    Err(Malformed::LineTooLong) => {
                        seen.push(Err(Malformed::LineTooLong));
                        break;
                    }
                    Err(Malformed::NotUtf8) => seen.push(Err(Malformed::NotUtf8)),
                }
            }
        };
        for piece in given.split(|byte| *byte == b'|') {
            lines.push(Bytes::copy_from_slice(piece));
            drain(&mut lines, &mut seen);
        }
        lines.end();
        drain(&mut lines, &mut seen);
        let expect: Vec<_> = expect.iter().map(|line| line.map(str::to_owned)).collect();
        assert_eq!(seen, expect, "given {}", String::from_utf8_lossy(given));
    }

    #[test]
    fn cuts_at_every_kind_of_line_end() {
        check(b"a\nb\n", &[Ok("a"), Ok("b")]);
        check(b"a\r\nb\r\n", &[Ok("a"), Ok("b")]);
        check(b"a\rb\r", &[Ok("a"), Ok("b")]);
        check(b"a\r|\nb", &[Ok("a"), Ok("b")]);
        check(b"a\r|b", &[Ok("a"), Ok("b")]);
        check(b"a\n\nb", &[Ok("a"), Ok(""), Ok("b")]);
        check(b"a\r\r\n\nb", &[Ok("a"), Ok(""), Ok(""), Ok("b")]);
        check(b"caf\xc3|\xa9\n", &[Ok("café")]);
        check(b"", &[]);
    }

    #[test]
    fn reports_what_is_not_a_line() {
        check(b"a\xff\nb\n", &[Err(Malformed::NotUtf8), Ok("b")]);
        check(b"0123456789abcdef\n", &[Ok("0123456789abcdef")]);
        check(b"0123456789abcdefg\n", &[Err(Malformed::LineTooLong)]);
    }
}
