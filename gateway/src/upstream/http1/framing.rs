use bytes::{Buf, Bytes, BytesMut};

use super::connection::Failure;

/// The line before a chunk has its size and extensions that nobody uses; more than this is no such line.
const LONGEST_SIZE_LINE: usize = 4 * 1024;
/// Fields after the last chunk are read over.
const LONGEST_TRAILERS: usize = 16 * 1024;

/// Where a body ends, and how far it was read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Framing {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Chunked {
    Size,
    Data(u64),
    AfterData,
    /// So many bytes of trailers may still come.
    Trailers(usize),
}

/// What the bytes that have come are.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Step {
    Data(Bytes),
    /// More bytes are needed to tell.
    More,
    /// The body is over. It stays so.
    Done,
}

impl Framing {
    pub(in crate::upstream) fn next(&mut self, buffer: &mut BytesMut) -> Result<Step, Failure> {
        match self {
            Self::Length(left) => {
                if let Some(data) = take(left, buffer) {
                    return Ok(Step::Data(data));
                }
                if *left > 0 {
                    return Ok(Step::More);
                }
            }
            Self::UntilClose => {
                let data = buffer.split().freeze();
                return Ok(if data.is_empty() { Step::More } else { Step::Data(data) });
            }
            Self::Chunked(chunked) => match chunked.next(buffer)? {
                Step::Done => {}
                step => return Ok(step),
            },
            Self::Done => {}
        }
        *self = Self::Done;
        Ok(Step::Done)
    }

    /// Whether a body may end by the end of its connection.
    pub(in crate::upstream) fn ends_with_connection(&self) -> bool {
        matches!(self, Self::UntilClose | Self::Done)
    }
}

impl Chunked {
    fn next(&mut self, buffer: &mut BytesMut) -> Result<Step, Failure> {
        loop {
            *self = match self {
                Self::Size => {
                    let Some(line) = line(buffer, LONGEST_SIZE_LINE)? else {
                        return Ok(Step::More);
                    };
                    match size(&line).ok_or(Failure::Garbled)? {
                        0 => Self::Trailers(LONGEST_TRAILERS),
                        size => Self::Data(size),
                    }
                }
                Self::Data(left) => match take(left, buffer) {
                    Some(data) => {
                        if *left == 0 {
                            *self = Self::AfterData;
                        }
                        return Ok(Step::Data(data));
                    }
                    None => return Ok(Step::More),
                },
                Self::AfterData => match line(buffer, 0)? {
                    Some(_) => Self::Size,
                    None => return Ok(Step::More),
                },
                Self::Trailers(left) => match line(buffer, *left)? {
                    Some(line) if line.is_empty() => return Ok(Step::Done),
                    Some(line) => Self::Trailers(left.saturating_sub(line.len())),
                    None => return Ok(Step::More),
                },
            };
        }
    }
}

/// As much of the `left` bytes as there is, or `None` when there is nothing.
fn take(left: &mut u64, buffer: &mut BytesMut) -> Option<Bytes> {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= count as u64;
    (count > 0).then(|| buffer.split_to(count).freeze())
}

/// The next line without its CRLF, or `None` until all of it came. It may have `longest` bytes.
fn line(buffer: &mut BytesMut, longest: usize) -> Result<Option<BytesMut>, Failure> {
    let searched = buffer.get(..longest.saturating_add(2)).unwrap_or(buffer);
    let Some(at) = memchr::memchr(b'\n', searched) else {
        let too_long = buffer.len() >= longest.saturating_add(2);
        return if too_long { Err(Failure::Garbled) } else { Ok(None) };
    };
    let Some(end) = at.checked_sub(1).filter(|end| buffer.get(*end) == Some(&b'\r')) else {
        return Err(Failure::Garbled);
    };
    let line = buffer.split_to(end);
    buffer.advance(2);
    Ok(Some(line))
}

/// The size in front of a chunk; extensions are not looked at.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |size: u64, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(size << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The data of a body that came in `pieces`, whether it is over, and what is left in the buffer.
    fn read(mut framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Failure> {
        let (mut buffer, mut data) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Step::Data(more) = framing.next(&mut buffer)? {
                data.extend_from_slice(&more);
            }
        }
        Ok((data, framing == Framing::Done, buffer.to_vec()))
    }

    fn check(framing: Framing, given: &str, expect: (&str, bool, &str)) {
        let (data, done, left) = expect;
        let expect = (data.as_bytes().to_vec(), done, left.as_bytes().to_vec());
        assert_eq!(read(framing, &[given.as_bytes()]).unwrap(), expect, "{given:?}");
    }

    fn chunked() -> Framing {
        Framing::Chunked(Chunked::Size)
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        check(Framing::Length(3), "abcd", ("abc", true, "d"));
        check(Framing::Length(3), "ab", ("ab", false, ""));
        check(Framing::Length(0), "x", ("", true, "x"));
        check(Framing::UntilClose, "abc", ("abc", false, ""));
        check(chunked(), "3\r\nabc\r\n0\r\n\r\nrest", ("abc", true, "rest"));
        check(
            chunked(),
            "0A ;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
            ("0123456789", true, ""),
        );
        check(chunked(), "1\r\na\r\n0\r\nTrailer: x\r\nb: c\r\n\r\n", ("a", true, ""));
        check(chunked(), "3\r\nab", ("ab", false, ""));
        check(chunked(), "3\r\nabc\r\n", ("abc", false, ""));
        check(chunked(), "3\r\nabc\r\n0\r\n", ("abc", false, ""));
    }

    #[test]
    fn what_is_not_a_chunk_is_refused() {
        let long = format!("1;{}\r\n", "x".repeat(LONGEST_SIZE_LINE));
        let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(LONGEST_TRAILERS));
        for given in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "3\nabc",
            "3\r\nabcd\r\n",
            "10000000000000000\r\n",
            &long,
            &trailers,
        ] {
            assert_eq!(
                read(chunked(), &[given.as_bytes()]),
                Err(Failure::Garbled),
                "{given:.40?}"
            );
        }
    }

    proptest! {
        #[test]
        fn cutting_the_bytes_anywhere_changes_nothing(
            texts in proptest::collection::vec("[a-z\r\n0-9]{1,20}", 0..5),
            noise in "[0-9a-f\r\n;x]{0,12}",
            cuts in proptest::collection::vec(0_usize..100, 0..12),
        ) {
            let chunks: Vec<String> = texts.iter().map(|text| format!("{:x}\r\n{text}\r\n", text.len())).collect();
            let chunks = chunks.concat();
            let given = format!("{chunks}{noise}0\r\n\r\n");
            let cut = crate::upstream::sse::tests::cut(given.as_bytes(), cuts);
            let (whole, pieces) = (read(chunked(), &[given.as_bytes()]), read(chunked(), &cut));
            prop_assert_eq!(&pieces, &whole);
            if noise.is_empty() {
                prop_assert_eq!(whole.unwrap(), (texts.concat().into_bytes(), true, Vec::new()));
            }
        }
    }
}
