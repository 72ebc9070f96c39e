//! `/v1/completions` at the boundary that a client has.

use super::*;
use crate::chat::Role;
use crate::provider::{Class, Error as ProviderError};

impl Site {
    async fn complete(&self, fields: Value) -> Answered {
        let mut body = json!({"model": "chat", "prompt": "once upon"});
        if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
            body.extend(fields);
        }
        self.send(request(Method::POST, "/v1/completions", body.to_string()))
            .await
    }
}

/// The pieces of a stream, whose id is taken out, and without the last line.
fn pieces(body: &str) -> Vec<Value> {
    let data = body
        .split_terminator("\n\n")
        .map(|line| line.strip_prefix("data: ").unwrap());
    let mut data: Vec<&str> = data.collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{body}");
    data.into_iter()
        .map(|data| without_id(serde_json::from_str(data).unwrap()))
        .collect()
}

fn without_id(mut answer: Value) -> Value {
    let id = answer.as_object_mut().unwrap().shift_remove("id").unwrap();
    assert!(id.as_str().unwrap().starts_with("cmpl-"), "{id}");
    answer
}

fn piece(text: &str, reason: Option<&str>) -> Value {
    let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": reason});
    json!({"object": "text_completion", "created": 1_795_168_000, "model": "m", "choices": [choice]})
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_asked_as_a_user_and_answered_as_text() {
    let usage = json!({
        "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
    });
    let turn = || vec![text("a "), text("time"), finish()];
    let site = site(vec![turn(), turn(), turn()]);
    let whole = site.complete(json!({"max_tokens": 7, "stop": "\n", "user": "u"})).await;
    assert_eq!(
        (whole.header("x-jarvis-target"), whole.header("x-jarvis-dropped")),
        (Some("gpu/m"), Some("user"))
    );
    let mut expect = piece("a time", Some("stop"));
    expect["usage"] = usage.clone();
    assert_eq!(without_id(whole.json()), expect);
    let asked = site.played.calls().pop().unwrap().request;
    assert_eq!(asked.messages, [crate::chat::Message::text(Role::User, "once upon")]);
    assert_eq!(
        (asked.options.max_tokens, asked.options.stop.as_slice()),
        (Some(7), ["\n".to_owned()].as_slice())
    );

    let streamed = pieces(&site.complete(json!({"stream": true})).await.body);
    let said = [piece("a ", None), piece("time", None), piece("", Some("stop"))];
    assert_eq!(streamed, said);
    let options = json!({"include_usage": true});
    let streamed = pieces(
        &site
            .complete(json!({"stream": true, "stream_options": options}))
            .await
            .body,
    );
    let usages: Vec<Option<&Value>> = streamed.iter().map(|piece| piece.get("usage")).collect();
    let null = Some(&Value::Null);
    assert_eq!(usages, [null, null, null, Some(&usage)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_dies_ends_with_an_error() {
    let fail = Step::Fail(ProviderError::new(Class::Upstream5xx, "it failed"));
    let site = site(vec![vec![text("half"), fail]]);
    let streamed = pieces(&site.complete(json!({"stream": true, "model": "agent"})).await.body);
    assert_eq!(streamed.len(), 2);
    assert_eq!(streamed[1]["error"]["code"], json!("stream_interrupted"));
    assert_eq!(streamed[1]["choices"], json!([]));
    let refused = site.complete(json!({"echo": true})).await;
    assert_eq!(refused.error(), (400, "unsupported_parameter".into()));
    let unknown = site.complete(json!({"model": "chut"})).await;
    assert_eq!(unknown.error(), (404, "model_not_found".into()));
}
