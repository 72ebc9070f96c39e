//! Model servers behind Jarvis, played by the stand-in.

use serde_json::{Value, json};
use stand_in::{OK_TEXT, Server};

use crate::bad_input::card_of;
use crate::jarvis::{Jarvis, Setup};
use crate::wire::{open, read_until, send};
use crate::world::Container;

/// A chain of targets on one stand-in: each is a backend and the model that sets its behaviour.
pub(crate) fn chain(url: &str, targets: &[(&str, &str)]) -> Setup {
    let mut config = format!(
        "[backends.gpu]\nkind = \"ollama\"\nbase_url = \"{url}\"\n\
         [backends.down]\nkind = \"ollama\"\nbase_url = \"http://127.0.0.1:9\"\n\
         [backends.cloud]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\ncredential = \"env:TEST_KEY\"\n"
    );
    for (backend, model) in targets {
        config += &format!("[[aliases.jarvis-chat.targets]]\nbackend = \"{backend}\"\nmodel = \"{model}\"\n");
    }
    Setup {
        config,
        variables: vec![("TEST_KEY", "sk-of-the-stand-in".into())],
    }
}

pub(crate) async fn stand_in() -> Server {
    Server::start("127.0.0.1:0").await.expect("the stand-in starts")
}

pub(crate) fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn a_model_asks_for_tools_in_free_words_and_jarvis_runs_them() {
    let web = Container::run("model", "trap 'exit 0' TERM; while true; do sleep 0.1; done");
    let server = stand_in().await;
    for backend in ["gpu", "cloud"] {
        let jarvis = Jarvis::start(&chain(&server.url(), &[(backend, "tools")])).await;
        let conversation = jarvis.conversation().await;
        let answer = jarvis
            .ask(&conversation, "could you look around?\ncall list_containers {}")
            .await;
        let text = answer["text"].as_str().expect("a text");
        assert!(text.contains(&web.name), "{text}");
        assert!(!text.contains("command mode"), "{text}");
        assert_eq!(answer["detail"]["target"], json!(format!("{backend}/tools")));
        let stop = json!({ "action": "stop", "container": web.name });
        let asked = jarvis
            .ask(&conversation, &format!("get rid of it\ncall docker_action {stop}"))
            .await;
        let card = card_of(&asked);
        assert_eq!(web.state(), "running");
        jarvis
            .post(&format!("/v1/jarvis/approvals/{card}"), json!({ "yes": false }))
            .await;
        jarvis.card(&card, "denied").await;
    }
}

/// A model that names a tool that does not exist is told which ones do, and the turn goes on.
#[tokio::test]
async fn an_unknown_tool_is_told_to_the_model() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("cloud", "tools")])).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, "do it\ncall delete_everything {}").await;
    assert_eq!(answer["detail"]["why"], json!("answered"), "{answer}");
    let text = answer["text"].as_str().expect("a text");
    assert!(
        text.contains("there is no tool `delete_everything`") && text.contains("list_containers"),
        "{text}"
    );
}

#[tokio::test]
async fn the_first_target_that_works_answers_and_the_headers_say_which() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(
        &server.url(),
        &[("down", "ok"), ("gpu", "500"), ("cloud", "ok")],
    ))
    .await;
    for stream in [false, true] {
        let answer = jarvis
            .post("/v1/chat/completions", chat("jarvis-chat", "hi", stream))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["x-jarvis-target"], "cloud/ok");
        assert!(
            answer.headers.contains_key("x-jarvis-fallback-reason"),
            "{:?}",
            answer.headers
        );
        if !stream {
            assert_eq!(answer.json()["choices"][0]["message"]["content"], json!(OK_TEXT));
        }
    }
    let targets = jarvis.get("/v1/jarvis/targets").await.json();
    assert_eq!(targets["targets"][0]["name"], json!("down/ok"));
    assert_eq!(targets["targets"][0]["state"], json!("open"), "{targets}");
    assert_eq!(targets["targets"][2]["state"], json!("closed"), "{targets}");
}

#[tokio::test]
async fn when_no_model_answers_a_program_gets_an_error_and_a_person_command_mode() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("down", "ok"), ("cloud", "500")])).await;
    let refused = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    refused.error_code();
    let message = refused.message();
    assert!(
        message.contains("down/ok") && message.contains("cloud/500"),
        "{message}"
    );
    assert_eq!(refused.headers["x-should-retry"], "false");
    for model in ["jarvis"] {
        let answer = jarvis
            .post("/v1/chat/completions", chat(model, "what is running here?", false))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let text = body["choices"][0]["message"]["content"].as_str().expect("a text");
        assert!(
            text.contains("command mode") && text.contains("down/ok") && text.contains("cloud/500"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_agent_streams_to_any_openai_client() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("cloud", "ok")])).await;
    let answer = jarvis.post("/v1/chat/completions", chat("jarvis", "hi", true)).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.headers["content-type"]
            .to_str()
            .is_ok_and(|kind| kind.starts_with("text/event-stream"))
    );
    let chunks: Vec<Value> = answer
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("a chunk"))
        .collect();
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, OK_TEXT);
    assert!(answer.text.trim_end().ends_with("data: [DONE]"), "{}", answer.text);
    assert!(chunks.iter().all(|chunk| chunk["model"] == "jarvis"), "{}", answer.text);
}

/// A target that dies in the middle: an API client is told, a person gets the next target's whole answer.
#[tokio::test]
async fn a_death_in_the_middle_is_never_a_clean_end() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "die"), ("cloud", "ok")])).await;
    let whole = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await;
    assert_eq!(
        whole.json()["choices"][0]["message"]["content"],
        json!(OK_TEXT),
        "{}",
        whole.text
    );

    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "die"), ("cloud", "ok")])).await;
    let cut = jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", true))
        .await;
    assert_eq!(cut.status, 200);
    assert!(
        cut.text.contains("\"error\"") && !cut.text.contains("\"finish_reason\":\"stop\""),
        "{}",
        cut.text
    );

    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "die"), ("cloud", "ok")])).await;
    let conversation = jarvis.conversation().await;
    let answer = jarvis.ask(&conversation, "hi").await;
    assert_eq!(answer["text"], json!(OK_TEXT));
    assert_eq!(answer["detail"]["target"], json!("cloud/ok"));
}

#[tokio::test]
async fn an_ollama_that_is_there_is_used_without_being_configured() {
    let server = stand_in().await;
    let setup = Setup {
        variables: vec![("OLLAMA_HOST", server.url())],
        ..Setup::default()
    };
    let jarvis = Jarvis::start(&setup).await;
    assert!(
        jarvis.lines.iter().any(|line| line.contains("Ollama     found")),
        "{:?}",
        jarvis.lines
    );
    let targets = jarvis.get("/v1/jarvis/targets").await.json();
    assert_eq!(targets["targets"][0]["backend"], json!("ollama"), "{targets}");
    assert_eq!(targets["targets"][0]["aliases"], json!(["jarvis-chat"]));
}

#[tokio::test]
async fn either_key_variable_brings_openai_into_the_chain() {
    let server = stand_in().await;
    for variable in ["OPENAI_API_KEY", "AI_INTEGRATIONS_OPENAI_API_KEY"] {
        let variables = vec![
            (variable, "sk-of-the-stand-in".to_owned()),
            ("OPENAI_BASE_URL", format!("{}/v1", server.url())),
            ("OPENAI_MODEL", "ok".to_owned()),
        ];
        let jarvis = Jarvis::start(&Setup {
            variables,
            ..Setup::default()
        })
        .await;
        assert!(
            jarvis.lines.iter().any(|line| line.contains("OpenAI     found")),
            "{:?}",
            jarvis.lines
        );
        let conversation = jarvis.conversation().await;
        assert_eq!(jarvis.ask(&conversation, "hi").await["text"], json!(OK_TEXT));
    }
}

/// Cancelling stops the turn, keeps what was said, and closes the connection to the model.
#[tokio::test]
async fn a_turn_is_cancelled() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "slow")])).await;
    let conversation = jarvis.conversation().await;
    let events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "").await;
    let mut events = events.into_body();
    let path = format!("/v1/jarvis/conversations/{conversation}");
    jarvis
        .post(&format!("{path}/messages"), json!({ "text": "tell me" }))
        .await;
    read_until(&mut events, r#""type":"delta""#).await;
    let cancelled = jarvis.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(cancelled.json()["stopped"], json!(true));
    let message = jarvis
        .message(&conversation, |message| message["role"] == "assistant")
        .await;
    assert_eq!(message["detail"]["why"], json!("cancelled"), "{message}");
    assert!(
        message["text"].as_str().is_some_and(|text| text.contains("word0")),
        "{message}"
    );
    let again = jarvis.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(again.json()["stopped"], json!(false));
}

/// A client that reconnects with the last id it saw gets what it missed, once.
#[tokio::test]
async fn events_are_resumed_without_loss_or_repeat() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let mut first = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "")
        .await
        .into_body();
    jarvis.ask(&conversation, "help").await;
    let seen = read_until(&mut first, r#""state":"finished""#).await;
    drop(first);
    let ids: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let after_first = ids.first().expect("an id");
    let mut second = open(
        &jarvis.address,
        "GET",
        "/v1/jarvis/events",
        &[("last-event-id", after_first)],
        "",
    )
    .await
    .into_body();
    let missed = read_until(&mut second, r#""state":"finished""#).await;
    let again: Vec<&str> = missed.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(again, ids[1..]);
    let other = send_until_reload(&jarvis.address).await;
    assert!(other.contains(r#"{"type":"reload"}"#), "{other}");
}

async fn send_until_reload(address: &str) -> String {
    let headers = [("last-event-id", "0199-7")];
    let mut body = open(address, "GET", "/v1/jarvis/events", &headers, "")
        .await
        .into_body();
    read_until(&mut body, "reload").await
}

#[tokio::test]
async fn models_are_listed() {
    let server = stand_in().await;
    let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", "ok"), ("cloud", "ok")])).await;
    let list = send(&jarvis.address, "GET", "/v1/models", &[], "").await.json();
    let ids: Vec<&str> = list["data"]
        .as_array()
        .expect("data")
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(ids, ["jarvis", "jarvis-chat", "cloud/ok", "gpu/ok"]);
}

/// What nobody here knows reaches a server of the same protocol and comes back from it, also in a whole answer and in one
/// that may hold calls, which are written anew.
#[tokio::test]
async fn unknown_fields_survive_over_ollamas_protocol() {
    let server = stand_in().await;
    let mut setup = chain(&server.url(), &[("gpu", "echo")]);
    setup.config += "[[aliases.tooled.targets]]\nbackend = \"gpu\"\nmodel = \"tools\"\n";
    let jarvis = Jarvis::start(&setup).await;
    let unknown = json!({ "z": 1.5, "a": ["é", null] });
    let tool = json!({ "type": "function", "function": {
        "name": "f", "description": "x", "parameters": { "type": "object", "properties": {} } } });
    for (path, tools) in [("/api/chat", false), ("/api/chat", true), ("/api/generate", false)] {
        for stream in [false, true] {
            let mut body = chat("jarvis-chat", "hello", stream);
            body["prompt"] = "hello".into();
            body["x_new"] = unknown.clone();
            body["options"] = json!({ "top_k": 3, "x_option": [1] });
            let fields = body.as_object_mut().expect("an object");
            fields.remove(if path == "/api/chat" { "prompt" } else { "messages" });
            if tools {
                fields.insert("model".into(), "tooled".into());
                fields.insert("tools".into(), json!([tool]));
            }
            let answer = jarvis.post(path, body).await;
            let given = format!("{path}, tools: {tools}, stream: {stream}: {}", answer.text);
            let last: Value = serde_json::from_str(answer.text.lines().last().expect("a line")).expect("JSON");
            assert_eq!((&last["done"], &last["x_new"]), (&json!(true), &unknown), "{given}");
            if path == "/api/chat" {
                assert_eq!(last["message"]["x_new"], unknown, "{given}");
            } else {
                assert_eq!(last["context"], json!([1, 2, 3]), "{given}");
            }
            if !stream && !tools {
                let text = last.pointer("/message/content").or(last.get("response"));
                assert_eq!(text, Some(&json!("hello")), "{given}");
            }
            let log = server.log();
            let asked = log.iter().rev().find(|entry| entry.path == path).expect("it was asked");
            assert_eq!(
                (&asked.body["x_new"], &asked.body["options"]["x_option"]),
                (&unknown, &json!([1])),
                "{given}"
            );
            assert_eq!(asked.body["options"]["top_k"], json!(3), "{given}");
        }
    }
}
