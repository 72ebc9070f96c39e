//! Answers that are given again.

use std::time::Duration;

use super::*;
use crate::usage::Outcome;

fn ask(model: &str, stream: bool, wish: Option<&str>) -> Request<Body> {
    let mut body: Value = serde_json::from_str(&question(model, stream)).unwrap();
    if stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    let mut request = request(Method::POST, "/v1/chat/completions", body.to_string());
    if let Some(wish) = wish {
        request.headers_mut().insert("x-jarvis-cache", wish.parse().unwrap());
    }
    request
}

fn says(word: &str) -> Vec<Step> {
    vec![text(word), finish()]
}

impl Site {
    /// What was said, and whether it came from the cache.
    async fn said(&self, request: Request<Body>) -> (String, Option<String>) {
        let answered = self.send(request).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let cache = answered.header("x-jarvis-cache").map(str::to_owned);
        let text = match answered.body.strip_prefix("data: ") {
            None => answered.json()["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .to_owned(),
            Some(_) => answered
                .body
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .filter_map(|data| {
                    let chunk: Value = serde_json::from_str(data).ok()?;
                    Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
                })
                .collect(),
        };
        (text, cache)
    }
}

fn expect(text: &str, cache: &str) -> (String, Option<String>) {
    let cache = Some(cache.to_owned()).filter(|cache| !cache.is_empty());
    (text.to_owned(), cache)
}

/// The older and the newer API: the answer is the same, and is a response of its own with its own id, which is kept.
#[tokio::test(start_paused = true)]
async fn completions_and_responses_are_answered_again() {
    let site = site(["one", "two", "three", "four"].map(says).to_vec());
    let ask = async |path: &str, body: Value| {
        let mut request = request(Method::POST, path, body.to_string());
        request.headers_mut().insert("x-jarvis-cache", "on".parse().unwrap());
        let answered = site.send(request).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let cache = answered.header("x-jarvis-cache").map(str::to_owned);
        (cache.unwrap_or_default(), answered)
    };
    let completion = |stream: bool| json!({"model": "chat", "prompt": "hi", "stream": stream});
    let (cache, answered) = ask("/v1/completions", completion(false)).await;
    assert_eq!(
        (cache.as_str(), &answered.json()["choices"][0]["text"]),
        ("miss", &json!("one"))
    );
    let (cache, answered) = ask("/v1/completions", completion(true)).await;
    assert!(cache == "hit" && answered.body.contains("\"one\"") && answered.body.ends_with("[DONE]\n\n"));

    let response = |more: Value| {
        let mut body = json!({"model": "chat", "input": "hi"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let said = |answered: &Answered| answered.json()["output"][0]["content"][0]["text"].clone();
    let (cache, first) = ask("/v1/responses", response(json!({}))).await;
    assert_eq!((cache.as_str(), said(&first)), ("miss", json!("two")));
    let (cache, second) = ask("/v1/responses", response(json!({}))).await;
    assert_eq!((cache.as_str(), said(&second)), ("hit", json!("two")));
    let (first, second) = (first.json()["id"].clone(), second.json()["id"].clone());
    assert_ne!(first, second);
    let kept: Vec<Value> = site
        .responses
        .kept()
        .unwrap()
        .iter()
        .map(|kept| kept.id.as_str().into())
        .collect();
    assert_eq!(kept, [first.clone(), second]);
    let (cache, streamed) = ask("/v1/responses", response(json!({"stream": true}))).await;
    assert!(
        cache == "hit" && streamed.body.contains("event: response.completed"),
        "{}",
        streamed.body
    );
    // What goes on from an earlier response is not told by its body alone.
    let (cache, _) = ask("/v1/responses", response(json!({"previous_response_id": first}))).await;
    assert_eq!(cache, "");
    let (cache, _) = ask("/v1/responses", response(json!({"store": false}))).await;
    assert_eq!(cache, "miss");
    assert_eq!(site.played.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_answered_again_as_a_stream_and_whole() {
    let site = site(["one", "two", "three"].map(says).to_vec());
    assert_eq!(site.said(ask("chat", false, None)).await, expect("one", ""));
    assert_eq!(site.said(ask("chat", false, Some("on"))).await, expect("two", "miss"));
    assert_eq!(site.said(ask("chat", false, Some("on"))).await, expect("two", "hit"));
    assert_eq!(site.said(ask("chat", true, Some("on"))).await, expect("two", "hit"));
    let again = site.send(ask("chat", true, Some("on"))).await;
    assert_eq!(
        (again.header("x-jarvis-target"), again.header("x-jarvis-attempts")),
        (Some("gpu/m"), Some("0"))
    );
    assert!(
        again.body.contains("\"usage\":{") && again.body.ends_with("data: [DONE]\n\n"),
        "{}",
        again.body
    );
    site.clock.advance(Duration::from_mins(10));
    assert_eq!(
        site.said(ask("chat", true, Some("ttl=5"))).await,
        expect("three", "miss")
    );
    assert_eq!(site.said(ask("chat", false, Some("on"))).await, expect("three", "hit"));
    assert_eq!(site.played.calls().len(), 3);
    let outcomes: Vec<(Outcome, u64)> = site
        .told
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|attempt| (attempt.outcome.clone(), attempt.usage.completion_tokens))
        .collect();
    let (asked, again) = ((Outcome::Answered, 4), (Outcome::Cached, 4));
    assert_eq!(
        outcomes,
        [
            asked.clone(),
            asked.clone(),
            again.clone(),
            again.clone(),
            again.clone(),
            asked,
            again
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_whole_answer_of_a_model_is_not_kept() {
    let check = async |turn: Vec<Step>, model: &str, told: Option<&str>| {
        let site = site(vec![turn.clone(), turn]);
        for _ in 0..2 {
            let answered = site.send(ask(model, true, Some("on"))).await;
            assert_eq!(answered.header("x-jarvis-cache"), told, "{model}: {}", answered.body);
        }
        assert_eq!(site.played.calls().len(), 2, "{model}");
    };
    let end = |reason| Step::Event(Event::Finish(Finish::because(reason)));
    let truncated = Step::Event(Event::Finish(Finish {
        truncated: true,
        ..Finish::because(FinishReason::Stop)
    }));
    check(vec![text("half"), end(FinishReason::Length)], "chat", Some("miss")).await;
    check(vec![text("no"), end(FinishReason::ContentFilter)], "chat", Some("miss")).await;
    check(vec![text("cut")], "chat", Some("miss")).await;
    check(vec![text("did not read it"), truncated], "gpu/m", Some("miss")).await;
    // The agent acts.
    check(says("done"), "agent", None).await;
}

#[tokio::test(start_paused = true)]
async fn keys_do_not_see_each_others_answers_and_may_have_them_kept_always() {
    let site = site(["one", "two", "three"].map(says).to_vec());
    let allowance = Allowance {
        cache: Some(Duration::from_secs(30)),
        ..Allowance::default()
    };
    site.keys.add_limited("laptop", allowance.clone());
    site.keys.add_limited("phone", allowance);
    let by = |key: &str, wish: Option<&str>| {
        let mut request = ask("chat", false, wish);
        let value = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        request
    };
    assert_eq!(site.said(by("laptop", None)).await, expect("one", "miss"));
    assert_eq!(site.said(by("laptop", None)).await, expect("one", "hit"));
    assert_eq!(site.said(by("phone", None)).await, expect("two", "miss"));
    assert_eq!(site.said(by("phone", Some("off"))).await, expect("three", ""));
    assert_eq!(site.said(by("phone", Some("on"))).await, expect("two", "hit"));
    for wrong in ["yes", "ttl=", "ttl=0", "ttl=-1", "ttl=9999999", ""] {
        assert_eq!(
            site.send(ask("chat", false, Some(wrong))).await.status,
            401,
            "without a key"
        );
        let refused = site.send(by("laptop", Some(wrong))).await;
        assert_eq!(refused.error(), (400, "invalid_value".to_owned()), "{wrong}");
    }
}
