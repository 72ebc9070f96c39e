//! `multipart/form-data`, read only as far as one field has to be replaced. The file in it stays where it is.

use bytes::Bytes;
use http::HeaderValue;
use memchr::memmem;

use crate::upstream::Pieces;

/// More parts than any of OpenAI's routes has fields.
const MOST_PARTS: usize = 64;
/// The headers of one part.
const LONGEST_HEAD: usize = 8 * 1024;
/// A boundary, by RFC 2046.
const LONGEST_BOUNDARY: usize = 70;

/// A form as it came in, and where its parts are.
#[derive(Debug, Clone)]
pub struct Form {
    body: Bytes,
    media_type: HeaderValue,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    is_file: bool,
    /// Where the value is in the body.
    start: usize,
    end: usize,
}

/// Why a body is not a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body must be a form: `content-type: multipart/form-data; boundary=…`")]
    MediaType,
    #[error("the form does not begin with its boundary")]
    Beginning,
    #[error("the form ends in the middle of a part")]
    CutOff,
    #[error("a part of the form has no `content-disposition: form-data; name=\"…\"`")]
    Part,
    #[error("the form has more than {MOST_PARTS} parts")]
    TooManyParts,
}

impl Form {
    pub fn parse(media_type: Option<&HeaderValue>, body: Bytes) -> Result<Self, Malformed> {
        let media_type = media_type.ok_or(Malformed::MediaType)?;
        let boundary = boundary(media_type).ok_or(Malformed::MediaType)?;
        let parts = parts(&body, &boundary)?;
        Ok(Self {
            body,
            media_type: media_type.clone(),
            parts,
        })
    }

    pub fn media_type(&self) -> &HeaderValue {
        &self.media_type
    }

    /// Bytes of the whole form.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// How many parts are called `name`.
    pub fn count(&self, name: &str) -> usize {
        self.parts.iter().filter(|part| part.name == name).count()
    }

    /// Whether a part called `name` brings a file.
    pub fn has_file(&self, name: &str) -> bool {
        self.parts.iter().any(|part| part.name == name && part.is_file)
    }

    /// The value of the first part called `name`, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.name == name && !part.is_file)?;
        std::str::from_utf8(self.body.get(part.start..part.end)?).ok()
    }

    /// The form with `value` in the place of the first part called `name`. Everything else is the memory it came in.
    pub fn with(&self, name: &str, value: &str) -> Pieces {
        let Some(part) = self.parts.iter().find(|part| part.name == name) else {
            return self.body.clone().into();
        };
        // A boundary cannot be in the value, because names of models are configured.
        Pieces::new([
            self.body.slice(..part.start),
            Bytes::copy_from_slice(value.as_bytes()),
            self.body.slice(part.end..),
        ])
    }
}

fn boundary(media_type: &HeaderValue) -> Option<String> {
    let text = media_type.to_str().ok()?;
    let (kind, parameters) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    (1..=LONGEST_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

/// The value of one parameter of a header, in quotes or without.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let (value, next) = after.split_once(';').unwrap_or((after, ""));
            (value.trim().to_owned(), next)
        };
        if name.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// What stands before the closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            // Browsers write a backslash of a file name as it is; only a quote is ever meant to be quoted.
            '\\' if quoted.get(at + 1..)?.starts_with('"') => {
                characters.next();
                value.push('"');
            }
            other => value.push(other),
        }
    }
    None
}

fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Part>, Malformed> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    // The first delimiter may be the very beginning; a preamble before it is allowed and means nothing.
    let opening = delimiter.get(2..).unwrap_or_default().as_bytes();
    let mut at = if body.starts_with(opening) {
        opening.len()
    } else {
        finder.find(body).ok_or(Malformed::Beginning)? + delimiter.len()
    };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MOST_PARTS {
            return Err(Malformed::TooManyParts);
        }
        // White space may follow a delimiter.
        let line = memmem::find(rest, b"\r\n").ok_or(Malformed::CutOff)?;
        if !rest.iter().take(line).all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(Malformed::Beginning);
        }
        at += line;
        let from = body.get(at..).unwrap_or_default();
        let head = from.get(..from.len().min(LONGEST_HEAD)).unwrap_or_default();
        // A part without any header begins with the empty line.
        let head_end = memmem::find(head, b"\r\n\r\n").ok_or(Malformed::CutOff)?;
        let start = at + head_end + 4;
        let value = body.get(start..).ok_or(Malformed::CutOff)?;
        // An empty value shares its line end with the delimiter's.
        let empty = value.starts_with(opening).then_some(0);
        let length = empty.or_else(|| finder.find(value)).ok_or(Malformed::CutOff)?;
        let (name, is_file) = named(head.get(..head_end).unwrap_or_default()).ok_or(Malformed::Part)?;
        parts.push(Part {
            name,
            is_file,
            start,
            end: start + length,
        });
        at = start
            + length
            + if empty.is_some() {
                opening.len()
            } else {
                delimiter.len()
            };
    }
}

fn named(head: &[u8]) -> Option<(String, bool)> {
    let head = String::from_utf8_lossy(head);
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (kind, parameters) = value.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let is_file = parameter(parameters, "filename")
        .or_else(|| parameter(parameters, "filename*"))
        .is_some();
    Some((parameter(parameters, "name")?, is_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: HeaderValue = HeaderValue::from_static("multipart/form-data; boundary=XX");

    fn parse(body: &str) -> Result<Form, Malformed> {
        Form::parse(Some(&KIND), Bytes::copy_from_slice(body.as_bytes()))
    }

    fn field(name: &str, value: &str) -> String {
        format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    fn file(value: &str) -> String {
        format!(
            "--XX\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; filename=\"a;name=\\\"model\\\".wav\"; name=\"file\"\r\n\r\n{value}\r\n"
        )
    }

    #[test]
    fn only_the_model_changes() {
        let check = |before: &str, model: &str, after: &str| {
            let form = parse(&format!("{before}{}{after}", field("model", model))).unwrap();
            assert_eq!(form.text("model"), Some(model));
            let sent = Vec::from(std::collections::VecDeque::from(form.with("model", "up/1"))).concat();
            assert_eq!(
                String::from_utf8(sent).unwrap(),
                format!("{before}{}{after}", field("model", "up/1"))
            );
        };
        let audio = file("RIFF\r\n--X\r\n--Y\r\n\r\nmodel");
        check("", "a", "--XX--\r\n");
        check("", "", "--XX--");
        check(&audio, "stt", &format!("{}--XX--\r\n", field("language", "de")));
        check("a preamble\r\n", "stt", &format!("{audio}--XX--\r\nan epilogue"));
        check(&field("empty", ""), "stt", &format!("{}--XX--", file("")));
    }

    #[test]
    fn parts_are_told_apart() {
        let form = parse(&format!(
            "{}{}{}--XX--",
            file("x"),
            field("model", "m"),
            field("model", "n")
        ))
        .unwrap();
        assert_eq!((form.count("model"), form.count("file"), form.count("x")), (2, 1, 0));
        assert!(form.has_file("file") && !form.has_file("model"));
        assert_eq!((form.text("file"), form.text("model")), (None, Some("m")));
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        let check = |body: &str, expect: Malformed| assert_eq!(parse(body).unwrap_err(), expect, "{body}");
        check("", Malformed::Beginning);
        check("{\"model\": 1}", Malformed::Beginning);
        check("--XXY\r\n", Malformed::Beginning);
        check(&field("model", "m"), Malformed::CutOff);
        check(
            "--XX\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nhalf",
            Malformed::CutOff,
        );
        check("--XX\r\n\r\n\r\n--XX--", Malformed::Part);
        check(
            "--XX\r\ncontent-disposition: form-data\r\n\r\n1\r\n--XX--",
            Malformed::Part,
        );
        check(
            "--XX\r\ncontent-disposition: attachment; name=a\r\n\r\n1\r\n--XX--",
            Malformed::Part,
        );
        check(
            &format!("{}--XX--", field("a", "1").repeat(65)),
            Malformed::TooManyParts,
        );
        let kinds = [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=XX",
        ];
        for kind in kinds {
            let kind = HeaderValue::from_static(kind);
            assert_eq!(
                Form::parse(Some(&kind), Bytes::new()).unwrap_err(),
                Malformed::MediaType
            );
        }
        assert_eq!(Form::parse(None, Bytes::new()).unwrap_err(), Malformed::MediaType);
    }

    #[test]
    fn boundaries() {
        let check = |given: &'static str, expect: Option<&str>| {
            assert_eq!(boundary(&HeaderValue::from_static(given)).as_deref(), expect, "{given}");
        };
        check("multipart/form-data; boundary=abc", Some("abc"));
        check("Multipart/Form-Data;charset=utf-8; Boundary=\"a b;c\"", Some("a b;c"));
        check("multipart/form-data; boundary=abc; x=y", Some("abc"));
        check("multipart/form-data; x=\"unclosed", None);
    }
}
