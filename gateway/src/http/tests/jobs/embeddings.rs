use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use http::Method;

use super::{Stage, request, space, stage};
use crate::http::tests::Answered;

const PATH: &str = "/v1/embeddings";

async fn embed(stage: &Stage, input: Value) -> Answered {
    stage.post(PATH, &json!({"model": "it", "input": input})).await
}

fn vectors(answered: &Answered) -> Vec<Vec<f32>> {
    let json = answered.json();
    let data = json["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{json}"))
        .iter()
        .enumerate();
    let rows = data.map(|(index, item)| {
        assert_eq!((&item["index"], &item["object"]), (&json!(index), &json!("embedding")));
        item["embedding"]
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.to_string().parse().unwrap())
            .collect()
    });
    rows.collect()
}

#[tokio::test]
async fn texts_become_vectors_in_their_order_on_either_kind_of_server() {
    let stage = stage().await;
    let mut seen = Vec::new();
    for target in ["gpu/embed", "cloud/embed"] {
        stage.alias(target);
        let answered = embed(&stage, json!(["one two", "three", ""])).await;
        assert_eq!(answered.by(), (200, target, "1"), "{}", answered.body);
        assert_eq!(answered.header("content-type"), Some("application/json"));
        let json = answered.json();
        assert_eq!((&json["object"], &json["model"]), (&json!("list"), &json!("embed")));
        assert_eq!(json["usage"], json!({"prompt_tokens": 6, "total_tokens": 6}));
        seen.push(vectors(&answered));
        let alone = embed(&stage, json!("three")).await;
        assert_eq!(vectors(&alone), [seen.last().unwrap()[1].clone()]);
    }
    assert_eq!(seen[0], seen[1]);
    let norm: f32 = seen[0][0].iter().map(|number| number * number).sum();
    assert!((norm - 1.0).abs() < 1e-5, "{norm}");
}

#[tokio::test]
async fn what_is_unknown_survives_between_servers_of_one_protocol() {
    let stage = stage().await;
    stage.alias("cloud/embed");
    let answered = stage
        .post(
            PATH,
            &json!({"input": "a", "x_new": [1.0, null], "model": "it", "user": "me"}),
        )
        .await;
    assert_eq!(answered.json()["x_new"], json!([1.0, null]));
    let sent = json!({"model": "embed", "input": "a", "x_new": [1.0, null], "user": "me"});
    assert_eq!(stage.sent_to("cloud"), [("/v1/embeddings".to_owned(), sent)]);
}

#[tokio::test]
async fn base64_is_the_same_numbers_whoever_makes_them() {
    let stage = stage().await;
    for target in ["gpu/embed", "cloud/embed", "cloud/lax"] {
        stage.alias(target);
        let numbers = vectors(&embed(&stage, json!("one two")).await).remove(0);
        let coded = stage
            .post(
                PATH,
                &json!({"model": "it", "input": "one two", "encoding_format": "base64"}),
            )
            .await;
        let json = coded.json();
        let text = json["data"][0]["embedding"]
            .as_str()
            .unwrap_or_else(|| panic!("{target}: {json}"));
        let bytes = STANDARD.decode(text).unwrap();
        let (chunks, rest) = bytes.as_chunks::<4>();
        let decoded: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        assert_eq!((decoded, rest), (numbers, &[][..]), "{target}");
    }
}

#[tokio::test]
async fn ollama_is_asked_in_batches_and_never_cuts_an_input_in_silence() {
    let stage = stage().await;
    stage.alias("gpu/embed");
    let texts: Vec<String> = (0..70).map(|number| format!("text number {number}")).collect();
    let answered = stage
        .post(PATH, &json!({"model": "it", "input": texts, "dimensions": 4}))
        .await;
    let rows = vectors(&answered);
    assert_eq!((rows.len(), rows[69].len()), (70, 4));
    let sent = stage.sent_to("gpu");
    let sizes: Vec<usize> = sent
        .iter()
        .map(|(_, body)| body["input"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [32, 32, 6]);
    assert_eq!(sent[2].1["input"][5], "text number 69");
    assert!(
        sent.iter()
            .all(|(_, body)| body["truncate"] == json!(false) && body["dimensions"] == json!(4))
    );

    // Words of one letter: the longest in tokens is not the longest in bytes.
    let mut texts: Vec<String> = (0..40).map(|number| format!("text number {number}")).collect();
    texts[37] = "long ".repeat(500);
    let answered = stage.post(PATH, &json!({"model": "it", "input": texts})).await;
    let (status, code, message) = answered.said();
    assert_eq!((status, code.as_str()), (400, "context_length_exceeded"), "{message}");
    assert!(message.contains("input[37]"), "{message}");
    assert_eq!(answered.json()["error"]["param"], json!("input"));
    // A target that is down would not take it either.
    stage.alias("down/embed gpu/embed");
    stage.digest("down", "embed", "sha256:1");
    stage.digest("gpu", "embed", "sha256:1");
    let one = stage.post(PATH, &json!({"model": "it", "input": texts[37]})).await;
    assert_eq!(one.error(), (400, "context_length_exceeded".to_owned()), "{}", one.body);
    assert!(one.said().2.contains("input[0]"), "{}", one.body);
}

#[tokio::test]
async fn another_server_of_an_openai_kind_says_which_input_is_longest() {
    let stage = stage().await;
    stage.alias("cloud/embed");
    let answered = embed(&stage, json!(["a", "long ".repeat(500)])).await;
    let (status, code, message) = answered.said();
    assert_eq!((status, code.as_str()), (400, "context_length_exceeded"));
    assert!(message.contains("input[1]"), "{message}");
}

#[tokio::test]
async fn token_lists_go_where_they_are_understood() {
    let stage = stage().await;
    stage.alias("gpu/embed");
    let (status, code, message) = embed(&stage, json!([1, 2, 3])).await.said();
    assert_eq!((status, code.as_str()), (400, "unsupported_by_model"));
    assert_eq!(message, "gpu (ollama) cannot embed lists of tokens: send the text");
    assert_eq!(stage.sent_to("gpu"), []);
    stage.alias("cloud/embed");
    assert_eq!(vectors(&embed(&stage, json!([[1, 2], [3]])).await).len(), 2);
    assert_eq!(stage.sent_to("cloud")[0].1["input"], json!([[1, 2], [3]]));
}

/// Whatever the first target does, the second one of the same space answers.
#[tokio::test]
async fn another_target_of_the_same_space_takes_over() {
    let check = async |first: &str, attempts: &str| {
        let stage = stage().await;
        let (backend, model) = first.split_once('/').unwrap();
        stage.alias(&format!("{first} cpu/embed"));
        stage.digest(backend, model, "sha256:1");
        stage.digest("cpu", "embed", "sha256:1");
        let answered = embed(&stage, json!(["a"])).await;
        assert_eq!(answered.by(), (200, "cpu/embed", attempts), "{first} {}", answered.body);
        assert_eq!(answered.header("x-jarvis-space"), Some("sha256:1"));
        let reason = answered.header("x-jarvis-fallback-reason").unwrap_or_default();
        assert!(reason.starts_with(&format!("{first}: ")), "{reason}");
    };
    check("down/embed", "2").await;
    check("gpu/reset", "3").await;
    check("gpu/500", "3").await;
    check("gpu/hang", "2").await;
    check("gpu/html", "2").await;
    check("gpu/429-long", "2").await;
    check("gpu/busy", "2").await;
    check("gpu/missing", "2").await;
    check("gpu/401", "2").await;
    check("gpu/garbage", "2").await;
}

#[tokio::test]
async fn a_target_of_another_space_is_never_asked() {
    let check = async |first: Option<&str>, second: Option<&str>, expect: &[&str]| {
        let stage = stage().await;
        stage.alias("down/embed cpu/embed");
        for (backend, digest) in [("down", first), ("cpu", second)] {
            if let Some(digest) = digest {
                stage.digest(backend, "embed", digest);
            }
        }
        let answered = embed(&stage, json!(["a"])).await;
        let (status, code, message) = answered.said();
        assert_eq!((status, code.as_str()), (503, "no_target_available"), "{message}");
        for part in expect.iter().chain(&["down/embed", "cpu/embed", "must not be mixed"]) {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        assert_eq!(stage.sent_to("cpu"), []);
    };
    check(Some("sha256:1"), Some("sha256:2"), &["sha256:1", "sha256:2"]).await;
    check(Some("sha256:1"), None, &["sha256:1", "not known"]).await;
    check(None, Some("sha256:2"), &["sha256:2", "not known"]).await;
    check(None, None, &["not known"]).await;
}

#[tokio::test]
async fn a_named_space_joins_servers_of_different_kinds() {
    let stage = stage().await;
    stage.alias("gpu/500 cloud/embed");
    stage.ollama("gpu", Some(space("nomic", 8)));
    stage.openai("cloud", Some(space("nomic", 8)));
    let answered = embed(&stage, json!(["a"])).await;
    assert_eq!(answered.by(), (200, "cloud/embed", "3"), "{}", answered.body);
    assert_eq!(answered.header("x-jarvis-space"), Some("nomic-8"));

    for other in [space("bge", 8), space("nomic", 4)] {
        let shown = other.to_string();
        stage.openai("cloud", Some(other));
        let message = embed(&stage, json!(["a"])).await.said().2;
        assert!(
            message.contains("`nomic-8`") && message.contains(&format!("`{shown}`")),
            "{message}"
        );
    }

    // A server whose vectors are not as long as its space says is not believed.
    stage.ollama("gpu", Some(space("nomic", 768)));
    stage.alias("gpu/embed");
    let (status, _, message) = embed(&stage, json!(["a"])).await.said();
    assert_eq!(status, 503);
    assert!(
        message.contains("8 numbers, which is not the space `nomic-768`"),
        "{message}"
    );
    let fewer = stage
        .post(PATH, &json!({"model": "it", "input": "a", "dimensions": 3}))
        .await;
    assert_eq!(fewer.status, 200, "{}", fewer.body);
}

#[tokio::test]
async fn what_is_no_vector_is_not_passed_on() {
    let check = async |target: &str, body: Value, expect: (u16, &str), says: &str| {
        let stage = stage().await;
        stage.alias(target);
        let mut request = json!({"model": "it", "input": "a"});
        request
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let (status, code, message) = stage.post(PATH, &request).await.said();
        assert_eq!((status, code.as_str()), expect, "{target} {message}");
        assert!(message.contains(says), "{message}");
    };
    let none = (503, "no_target_available");
    check("cloud/nan", json!({}), none, "NaN").await;
    check("gpu/nan", json!({}), none, "NaN").await;
    check("cloud/garbage", json!({}), none, "did not answer with vectors").await;
    let lax = (400, "unsupported_by_model");
    check(
        "cloud/lax",
        json!({"dimensions": 4}),
        lax,
        "8 numbers where `dimensions` asks for 4",
    )
    .await;
    check(
        "gpu/lax",
        json!({"dimensions": 4}),
        lax,
        "8 numbers where `dimensions` asks for 4",
    )
    .await;
    check("cloud/bare", json!({}), lax, "does not serve /embeddings").await;
    check("cloud/400", json!({}), (400, "refused"), "Refused on purpose").await;
    check(
        "cloud/embed",
        json!({"input": 7}),
        (400, "invalid_request"),
        "`input` is",
    )
    .await;
    check(
        "cloud/embed",
        json!({"model": "nobody"}),
        (404, "model_not_found"),
        "nobody",
    )
    .await;
    check(
        "cloud/embed",
        json!({"model": "agent"}),
        (400, "unsupported_by_model"),
        "only chats",
    )
    .await;
}

#[tokio::test]
async fn models_that_only_chat_are_told_apart_from_those_that_make_vectors() {
    use crate::health::{Capabilities, Facts};
    let stage = stage().await;
    stage.alias("gpu/ok cloud/embed");
    let is = |backend: &str, model: &str, capabilities| {
        let facts = Facts {
            capabilities: Some(capabilities),
            ..Facts::default()
        };
        stage.site.registry.health().model(backend, model).set(facts);
    };
    let chats = Capabilities {
        completion: true,
        ..Capabilities::default()
    };
    is("gpu", "ok", chats);
    is("cloud", "embed", chats);
    let refused = embed(&stage, json!("a")).await;
    assert_eq!(refused.error(), (400, "unsupported_by_model".into()));
    let says = "no embedding model: gpu/ok is a model that chats, cloud/embed is a model that chats; ask for a model \
                that makes vectors";
    assert_eq!(refused.json()["error"]["message"], json!(says));
    assert_eq!(stage.sent_to("cloud"), []);
}

/// Vectors are given again, over either protocol, until the chain or the weights behind it are others.
#[tokio::test]
async fn vectors_are_given_again_while_they_are_of_the_same_space() {
    let stage = stage().await;
    stage.alias("gpu/embed");
    let post = async |path: &str, text: &str| {
        let body = json!({"model": "it", "input": text});
        let mut request = request(Method::POST, path, body.to_string());
        request.headers_mut().insert("x-jarvis-cache", "on".parse().unwrap());
        let answered = stage.site.send(request).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let cache = answered.header("x-jarvis-cache").unwrap_or_default().to_owned();
        let mut json = answered.json();
        json["total_duration"] = Value::Null;
        (cache, json)
    };
    for path in [PATH, "/api/embed"] {
        let (cache, first) = post(path, "one").await;
        assert_eq!(cache, "miss", "{path}");
        let (cache, again) = post(path, "one").await;
        assert_eq!((cache.as_str(), again), ("hit", first), "{path}");
        assert_eq!(post(path, "two").await.0, "miss", "{path}");
    }
    assert_eq!(stage.sent_to("gpu").len(), 4);
    stage.digest("gpu", "embed", "sha256:new");
    assert_eq!(post(PATH, "one").await.0, "miss");
    assert_eq!(post(PATH, "one").await.0, "hit");
    stage.alias("cloud/embed");
    let (cache, first) = post(PATH, "one").await;
    assert_eq!(cache, "miss");
    assert_eq!(post(PATH, "one").await, ("hit".to_owned(), first));
    let (one, other) = tokio::join!(post(PATH, "three"), post(PATH, "three"));
    assert_eq!((one.0.as_str(), other.0.as_str(), one.1), ("miss", "joined", other.1));
    assert_eq!(stage.sent_to("cloud").len(), 2);
}

/// A key of a class waits as its class says, and the server is not held to have failed.
#[tokio::test]
async fn a_key_waits_for_vectors_as_its_class_says() {
    let stage = stage().await;
    stage.alias("gpu/late-60000");
    let waits = crate::caller::Waits {
        total: Some(std::time::Duration::from_millis(100)),
        ..crate::caller::Waits::default()
    };
    stage.site.keys.add_waiting("hasty", waits);
    let mut request = request(Method::POST, PATH, json!({"model": "it", "input": "a"}).to_string());
    let bearer = "Bearer hasty".parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let answered = stage.site.send(request).await;
    let (status, code, message) = answered.said();
    assert_eq!((status, code.as_str()), (504, "timeout"), "{message}");
    let states: Vec<_> = stage
        .site
        .registry
        .targets()
        .iter()
        .map(|target| target.state)
        .collect();
    assert!(
        states.iter().all(|state| *state == crate::breaker::Shown::Closed),
        "{states:?}"
    );
}
