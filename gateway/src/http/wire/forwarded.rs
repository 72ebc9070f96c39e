//! What is looked at in a request that is passed on.

use serde::Deserialize;

use super::request::{BadRequest, text};
use crate::jobs::Form;

/// Fields of a JSON body for images or speech; all others are for the target alone.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(in crate::http) struct Forwarded {
    #[serde(default)]
    pub(in crate::http) model: String,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_format: Option<String>,
    /// The text that is to be spoken.
    #[serde(default)]
    input: Option<String>,
    /// How many images.
    #[serde(default)]
    n: Option<u32>,
}

impl Forwarded {
    pub(in crate::http) fn of_json(body: &[u8]) -> Result<Self, BadRequest> {
        let read: Self = serde_json::from_str(text(body)?).map_err(|error| BadRequest {
            message: format!("the body cannot be read: {error}"),
            param: None,
        })?;
        read.with_model()
    }

    pub(in crate::http) fn of_form(form: &Form) -> Result<Self, BadRequest> {
        // What is looked at here is what the target must see, and which of two it would look at is not known.
        if let Some(twice) = ["model", "n", "stream"].into_iter().find(|name| form.count(name) > 1) {
            return Err(BadRequest::new(twice, format!("the form has more than one `{twice}`")));
        }
        let read = Self {
            model: form.text("model").unwrap_or_default().trim().to_owned(),
            stream: Some(
                form.text("stream")
                    .is_some_and(|stream| matches!(stream.trim(), "true" | "True" | "1")),
            ),
            stream_format: None,
            input: None,
            n: form.text("n").and_then(|n| n.trim().parse().ok()),
        };
        read.with_model()
    }

    /// Whether the caller wants events.
    pub(in crate::http) fn streams(&self) -> bool {
        self.stream == Some(true) || self.stream_format.as_deref() == Some("sse")
    }

    pub(in crate::http) fn characters(&self) -> u64 {
        self.input.as_ref().map_or(0, |input| input.chars().count() as u64)
    }

    /// Images, one when the request does not say.
    pub(in crate::http) fn images(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    fn with_model(self) -> Result<Self, BadRequest> {
        if self.model.is_empty() {
            return Err(BadRequest::new(
                "model",
                "`model` is missing; GET /v1/models lists the names",
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_looked_at() {
        let check = |given: &str, expect: Result<(bool, u64), Option<&str>>| {
            let seen = Forwarded::of_json(given.as_bytes());
            let seen = seen
                .map(|read| (read.streams(), read.characters()))
                .map_err(|error| error.param);
            assert_eq!(seen, expect.map_err(|param| param.map(str::to_owned)), "{given}");
        };
        check(r#"{"model":"m","prompt":"x","stream":true,"x_new":1}"#, Ok((true, 0)));
        check(r#"{"model":"m","stream":null}"#, Ok((false, 0)));
        check(r#"{"model":"m","input":"häh","stream_format":"sse"}"#, Ok((true, 3)));
        check(r#"{"model":"m","stream_format":"audio"}"#, Ok((false, 0)));
        check(r#"{"prompt":"x"}"#, Err(Some("model")));
        check(r#"{"model":"m","stream":1}"#, Err(None));
        check("[1]", Err(None));
    }

    #[test]
    fn what_is_looked_at_in_a_form() {
        let kind = HeaderValue::from_static("multipart/form-data; boundary=XX");
        let field = |name: &str, value: &str| {
            format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let check = |fields: &[(&str, &str)], expect: Option<(&str, bool)>| {
            let fields: String = fields.iter().map(|(name, value)| field(name, value)).collect();
            let form = Form::parse(Some(&kind), Bytes::from(format!("{fields}--XX--"))).unwrap();
            let seen = Forwarded::of_form(&form).ok();
            let seen = seen.as_ref().map(|read| (read.model.as_str(), read.streams()));
            assert_eq!(seen, expect, "{fields}");
        };
        check(&[("model", "m")], Some(("m", false)));
        check(&[("model", "m"), ("stream", "true")], Some(("m", true)));
        check(&[("model", "m"), ("stream", "false")], Some(("m", false)));
        check(&[("model", "m"), ("model", "n")], None);
        check(&[("x", "m")], None);
        check(&[("model", "m"), ("n", "1"), ("n", "10")], None);
        check(&[("model", "m"), ("stream", "false"), ("stream", "true")], None);
    }
}
