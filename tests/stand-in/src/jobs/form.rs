use std::collections::HashMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The fields of a `multipart/form-data` body, read in the plainest way, so that it is another reading than the one
/// that is tested with it.
pub(super) struct Fields(HashMap<String, Vec<u8>>);

impl Fields {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, String> {
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let boundary = kind
            .strip_prefix("multipart/form-data; boundary=")
            .ok_or_else(|| format!("not a form: {kind}"))?;
        let mark = format!("--{}", boundary.trim_matches('"'));
        let mut fields = HashMap::new();
        let mut starts: Vec<usize> = Vec::new();
        let mut at = 0;
        while let Some(found) = find(body.get(at..).unwrap_or_default(), mark.as_bytes()) {
            starts.push(at + found);
            at += found + mark.len();
        }
        for pair in starts.windows(2) {
            let &[from, to] = pair else { continue };
            let part = body
                .get(from + mark.len() + 2..to.saturating_sub(2))
                .unwrap_or_default();
            let head = find(part, b"\r\n\r\n").ok_or("a part without a head")?;
            let text = String::from_utf8_lossy(part.get(..head).unwrap_or_default());
            let name = text
                .split(" name=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .ok_or("a part without a name")?;
            fields.insert(name.to_owned(), part.get(head + 4..).unwrap_or_default().to_vec());
        }
        Ok(Self(fields))
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.bytes(name)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}
