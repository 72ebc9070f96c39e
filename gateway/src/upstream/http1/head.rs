use bytes::{Buf, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};

use super::connection::Failure;
use super::framing::{Chunked, Framing};

const MOST_FIELDS: usize = 100;
const LONGEST: usize = 64 * 1024;

/// The head of an answer.
#[derive(Debug)]
pub(in crate::upstream) struct Head {
    pub(in crate::upstream) status: StatusCode,
    pub(in crate::upstream) headers: HeaderMap,
    pub(in crate::upstream) framing: Framing,
    /// The connection can serve another request once the body was read.
    pub(in crate::upstream) keeps_alive: bool,
}

impl Head {
    /// Takes the head from the front of `buffer`; `None` until all of it came. Interim answers (1xx) are passed over.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Failure> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
            let mut parsed = httparse::Response::new(&mut fields);
            let length = match parsed.parse(buffer) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) if buffer.len() < LONGEST => return Ok(None),
                Ok(httparse::Status::Partial) | Err(_) => return Err(Failure::Garbled),
            };
            let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
            let status = status.ok_or(Failure::Garbled)?;
            if status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Failure::Garbled);
            }
            if status.is_informational() {
                buffer.advance(length);
                continue;
            }
            let is_1_1 = parsed.version == Some(1);
            let headers = headers(parsed.headers).ok_or(Failure::Garbled)?;
            let framing = framing(status, &headers).ok_or(Failure::Garbled)?;
            let keeps_alive = framing != Framing::UntilClose && keeps_alive(is_1_1, &headers);
            buffer.advance(length);
            return Ok(Some(Self {
                status,
                headers,
                framing,
                keeps_alive,
            }));
        }
    }
}

fn headers(fields: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(headers)
}

/// In this order (RFC 9112, section 6.3):
/// 1. statuses that never have a body
/// 2. `transfer-encoding`; what is not chunked at its end lasts until the connection is closed
/// 3. `content-length`, which must be the same wherever it stands
/// 4. until the connection is closed
fn framing(status: StatusCode, headers: &HeaderMap) -> Option<Framing> {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Some(Framing::Done);
    }
    if let Some(encoding) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        let last = encoding.as_bytes().rsplit(|byte| *byte == b',').next()?;
        return Some(if last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            Framing::Chunked(Chunked::Size)
        } else {
            Framing::UntilClose
        });
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.to_str().ok()?.split(',') {
            let given: u64 = text.trim().parse().ok()?;
            if *length.get_or_insert(given) != given {
                return None;
            }
        }
    }
    Some(length.map_or(Framing::UntilClose, Framing::Length))
}

/// Both ways of framing at once are not trusted any further.
fn keeps_alive(is_1_1: bool, headers: &HeaderMap) -> bool {
    let says = |word: &[u8]| {
        let mut values = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
        values.any(|value| {
            value
                .split(|byte| *byte == b',')
                .any(|option| option.trim_ascii().eq_ignore_ascii_case(word))
        })
    };
    let ambiguous = headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH);
    !ambiguous && if is_1_1 { !says(b"close") } else { says(b"keep-alive") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the table reads better without borrows")]
    fn check(given: &str, expect: Option<(u16, Framing, bool)>) {
        let mut buffer = BytesMut::from(given);
        let seen = Head::take(&mut buffer).unwrap();
        let seen = seen.map(|head| (head.status.as_u16(), head.framing, head.keeps_alive));
        assert_eq!(seen, expect, "{given:?}");
        if expect.is_some() {
            assert_eq!(buffer, "rest", "{given:?}");
        }
    }

    fn framed(fields: &str, framing: Framing, keeps_alive: bool) {
        check(
            &format!("HTTP/1.1 200 OK\r\n{fields}\r\nrest"),
            Some((200, framing, keeps_alive)),
        );
    }

    #[test]
    fn a_head_says_where_the_body_ends_and_what_becomes_of_the_connection() {
        let chunked = || Framing::Chunked(Chunked::Size);
        framed("content-length: 12\r\n", Framing::Length(12), true);
        framed(
            "Content-Length: 12, 12\r\ncontent-length: 12\r\n",
            Framing::Length(12),
            true,
        );
        framed(
            "content-length: 12\r\nconnection: close\r\n",
            Framing::Length(12),
            false,
        );
        framed(
            "content-length: 12\r\nConnection: x, Close\r\n",
            Framing::Length(12),
            false,
        );
        framed("transfer-encoding: Chunked\r\n", chunked(), true);
        framed("transfer-encoding: gzip, chunked\r\n", chunked(), true);
        framed("transfer-encoding: chunked\r\ncontent-length: 3\r\n", chunked(), false);
        framed("transfer-encoding: gzip\r\n", Framing::UntilClose, false);
        framed("", Framing::UntilClose, false);
        check(
            "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nrest",
            Some((200, Framing::Length(1), false)),
        );
        let kept = "HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\nrest";
        check(kept, Some((200, Framing::Length(1), true)));
        check("HTTP/1.1 204 No Content\r\n\r\nrest", Some((204, Framing::Done, true)));
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\nrest";
        check(interim, Some((401, Framing::Length(0), true)));
        check("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n", None);
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP", None);
        check("", None);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS + 1));
        for given in [
            "-ERR unknown command 'POST'\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            &long,
            &many,
        ] {
            let taken = Head::take(&mut BytesMut::from(given));
            assert_eq!(taken.err(), Some(Failure::Garbled), "{given:.40?}");
        }
    }
}
