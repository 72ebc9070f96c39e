use serde_json::{Value, json};

use crate::chain::estimate::text_tokens;
use crate::chat::{Message, Original, Protocol, Request, Role};

/// Fields of bodies that bind the answer to more than words.
const BONDS: [&str; 12] = [
    "functions",
    "function_call",
    "audio",
    "format",
    "grammar",
    "json_schema",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "logit_bias",
];

/// `request` with what was said of its answer as the beginning of the next one. `None` when it cannot be gone on with:
/// it begins the answer itself, its longest length is reached, or its body binds the answer.
pub(super) fn begun(request: &Request, said: &str) -> Option<Request> {
    if request.messages.last()?.role == Role::Assistant {
        return None;
    }
    let spent = text_tokens(said.len());
    let mut begun = request.clone();
    begun.messages.push(Message::text(Role::Assistant, said));
    if let Some(most) = begun.options.max_tokens {
        begun.options.max_tokens = Some(left(u64::from(most), spent).and_then(|left| u32::try_from(left).ok())?);
    }
    begun.original = match request.original.as_ref() {
        Some(original) => Some(with_beginning(original, said, spent)?),
        None => None,
    };
    Some(begun)
}

fn with_beginning(original: &Original, said: &str, spent: u64) -> Option<Original> {
    let mut body: Value = serde_json::from_slice(&original.body).ok()?;
    let is_bound = BONDS
        .iter()
        .any(|name| body.get(name).is_some_and(|value| !value.is_null()));
    if is_bound || body.get("n").and_then(Value::as_u64).unwrap_or(1) > 1 {
        return None;
    }
    let message = json!({"role": "assistant", "content": said});
    body.get_mut("messages")?.as_array_mut()?.push(message);
    let lengths = match original.protocol {
        Protocol::OpenAiChat => ["/max_tokens", "/max_completion_tokens"].as_slice(),
        Protocol::OllamaChat | Protocol::OllamaGenerate => ["/options/num_predict"].as_slice(),
    };
    for place in lengths {
        if let Some(length) = body.pointer_mut(place)
            && let Some(most) = length.as_u64()
        {
            *length = left(most, spent)?.into();
        }
    }
    Some(Original {
        body: body.to_string().into(),
        ..original.clone()
    })
}

fn left(most: u64, spent: u64) -> Option<u64> {
    most.checked_sub(spent).filter(|left| *left > 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_was_said_is_the_beginning_of_the_answer() {
        let check = |body: Value, expect: Option<Value>| {
            let request = Request {
                messages: vec![Message::text(Role::User, "why")],
                original: Some(Original {
                    protocol: Protocol::OpenAiChat,
                    body: Bytes::from(body.to_string()),
                    include_usage: false,
                }),
                ..Request::default()
            };
            let begun = begun(&request, "because it");
            let seen = begun.and_then(|begun| serde_json::from_slice(&begun.original?.body).ok());
            assert_eq!(seen, expect, "{body}");
        };
        let asked = json!({"role": "user", "content": "why"});
        let said = json!({"role": "assistant", "content": "because it"});
        check(
            json!({"messages": [asked], "x": 1, "max_tokens": 10, "grammar": null}),
            Some(json!({"messages": [asked, said], "x": 1, "max_tokens": 7, "grammar": null})),
        );
        check(json!({"messages": [asked], "max_completion_tokens": 3}), None);
        check(json!({"messages": [asked], "grammar": "root ::= x"}), None);
        check(json!({"messages": [asked], "n": 2}), None);
        check(json!({"messages": "x"}), None);
    }

    #[test]
    fn an_answer_that_its_caller_began_is_not_gone_on_with() {
        let request = Request {
            messages: vec![Message::text(Role::Assistant, "Sure:")],
            ..Request::default()
        };
        assert!(begun(&request, "x").is_none());
        assert!(begun(&Request::default(), "x").is_none());
    }
}
