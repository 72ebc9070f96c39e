//! What makes two questions the same.

use sha2::{Digest as _, Sha256};

use super::digest::{self, Digest};
use super::shelf::Question;
use crate::caller::Caller;
use crate::chain::Errand;
use crate::chat::{Delivery, Protocol, Request};

/// What the form of the answer depends on, and not what it says.
const OF_FORM: [&str; 2] = ["stream", "stream_options"];

/// `None` when `body` is no JSON object. Bodies are the same when they say the same: the order of keys and blanks do not
/// matter.
pub(super) fn question(request: &Request, body: &[u8], model: &str, is_shared: bool) -> Option<Question> {
    // A stream that was passed on without its usage at the end lacks it in what was kept, too.
    let has_usage = request.original.as_ref().is_none_or(|original| original.include_usage);
    let protocol = request.original.as_ref().map(|original| original.protocol);
    let form = match (protocol, request.delivery) {
        (None | Some(Protocol::OpenAiChat), _) if has_usage => "usage",
        (None | Some(Protocol::OpenAiChat), _) => "",
        // Lines of a stream are passed on, and a whole answer is written anew.
        (Some(Protocol::OllamaChat), Delivery::Whole) => "ollama chat, whole",
        (Some(Protocol::OllamaChat), _) => "ollama chat",
        (Some(Protocol::OllamaGenerate), Delivery::Whole) => "ollama generate, whole",
        (Some(Protocol::OllamaGenerate), _) => "ollama generate",
    };
    let local_only = request.demands.local_only || request.caller.is_local_only();
    let parts = [
        whose(&request.caller, is_shared),
        request.origin.endpoint.as_str(),
        model,
        form,
        local(local_only),
    ];
    digested(&parts, body, &OF_FORM)
}

/// The same for vectors: `route` is the way that they came in by, `space` what is known of where they come from.
pub(super) fn of_vectors(
    errand: &Errand,
    body: &[u8],
    (route, model, space): (&str, &str, &str),
    is_shared: bool,
) -> Option<Question> {
    let local_only = errand.demands.local_only || errand.caller.is_local_only();
    let parts = [whose(&errand.caller, is_shared), route, model, space, local(local_only)];
    digested(&parts, body, &[])
}

fn whose(caller: &Caller, is_shared: bool) -> &str {
    match caller {
        _ if is_shared => "",
        Caller::Key(key) => &key.id,
        Caller::Internal => "internal",
        Caller::Loopback => "loopback",
    }
}

fn local(local_only: bool) -> &'static str {
    if local_only { "local" } else { "" }
}

fn digested(parts: &[&str], body: &[u8], besides: &[&str]) -> Option<Question> {
    let Digest(body) = digest::of_object(body, besides)?;
    let mut hash = Sha256::new();
    for part in parts {
        digest::text(&mut hash, part);
    }
    hash.update(body);
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Key;
    use crate::chat::{Original, Protocol};

    fn ask(request: &Request, model: &str, is_shared: bool) -> Option<Question> {
        let body = &request.original.as_ref().unwrap().body;
        question(request, body, model, is_shared)
    }

    fn of(body: &str) -> Request {
        Request {
            caller: Caller::Loopback,
            original: Some(Original {
                protocol: Protocol::OpenAiChat,
                body: bytes::Bytes::copy_from_slice(body.as_bytes()),
                include_usage: true,
            }),
            ..Request::default()
        }
    }

    #[test]
    fn the_same_question_in_other_words() {
        let one = ask(
            &of(r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1}"#),
            "m",
            false,
        );
        let check = |body: &str, is_same: bool| {
            assert_eq!(ask(&of(body), "m", false) == one, is_same, "{body}");
        };
        check(
            r#"{ "temperature":1, "messages":[{"content":"hi","role":"user"}] }"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"stream":true}"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"h\u0069"}],"temperature":1,"stream_options":{}}"#,
            true,
        );
        check(
            r#"{"messages":[{"role":"user","content":"ho"}],"temperature":1}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":2}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":null}"#,
            false,
        );
        check(
            r#"{"messages":[{"role":"user","content":"hi","temperature":1}]}"#,
            false,
        );
        check(r#"{"messages":["role","user","content","hi"],"temperature":1}"#, false);
        assert_eq!(ask(&of("[]"), "m", false), None);
        assert_eq!(ask(&of("{"), "m", false), None);
    }

    #[test]
    fn who_asks_and_for_what_belongs_to_the_question() {
        let plain = || of("{}");
        let key = |id: &str| Request {
            caller: Caller::from(Key {
                id: id.to_owned(),
                ..Key::default()
            }),
            ..plain()
        };
        let mut others = vec![
            ask(&plain(), "m", false),
            ask(&plain(), "other", false),
            ask(&key("a"), "m", false),
            ask(&key("b"), "m", false),
        ];
        let mut endpoint = plain();
        endpoint.origin.endpoint = crate::demands::Endpoint::Completions;
        others.push(ask(&endpoint, "m", false));
        let mut local = plain();
        local.demands.local_only = true;
        others.push(ask(&local, "m", false));
        for protocol in [Protocol::OllamaChat, Protocol::OllamaGenerate] {
            for delivery in [Delivery::Live, Delivery::Whole] {
                let mut request = plain();
                request.delivery = delivery;
                if let Some(original) = &mut request.original {
                    original.protocol = protocol;
                }
                others.push(ask(&request, "m", false));
            }
        }
        let mut short = plain();
        if let Some(original) = &mut short.original {
            original.include_usage = false;
        }
        others.push(ask(&short, "m", false));
        let count = others.len();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), count);
        assert_eq!(ask(&key("a"), "m", true), ask(&key("b"), "m", true));
    }
}
