use bytes::Bytes;
use serde_json::{Value, json};

use super::original;
use super::request::{body, path, thinking};
use super::settings::Settings;
use crate::chat::{Message, Options, Original, Part, Protocol, Request, Role};

fn settings() -> Settings {
    serde_json::from_value(json!({"num_ctx": 8192, "keep_alive": "30m", "num_predict": 100})).unwrap()
}

fn request(protocol: Protocol, body: &Value) -> Request {
    Request {
        original: Some(Original {
            protocol,
            body: Bytes::from(body.to_string()),
            include_usage: true,
        }),
        ..Request::default()
    }
}

fn written(request: &Request, settings: &Settings) -> Value {
    let think = thinking(request, settings);
    serde_json::from_slice(&body(request, "qwen3:14b", settings, think).unwrap()).unwrap()
}

#[test]
fn what_is_unknown_goes_on_and_what_the_target_decides_does_not() {
    let came = json!({
        "model": "chat", "messages": [{"role": "user", "content": "said otherwise"}], "stream": false, "think": true,
        "keep_alive": 0, "truncate": true, "shift": true, "new_field": {"z": 1.0, "a": [2]},
        "options": {"num_ctx": 512, "num_gpu": 1, "num_predict": -1, "temperature": 9, "top_k": 40, "new_option": [1.50]},
    });
    let given = Request {
        messages: vec![Message::text(Role::User, "hi")],
        options: Options {
            temperature: Some(0.5),
            ..Options::default()
        },
        ..request(Protocol::OllamaChat, &came)
    };
    let expect = json!({
        "model": "qwen3:14b", "messages": [{"role": "user", "content": "hi"}], "stream": true, "keep_alive": "30m",
        "think": true, "shift": false, "truncate": false, "new_field": {"z": 1.0, "a": [2]},
        "options": {"num_ctx": 8192, "num_predict": 100, "temperature": 0.5, "top_k": 40, "new_option": [1.5]},
    });
    assert_eq!(written(&given, &settings()), expect);
    assert_eq!(path(&given), "/api/chat");
    let never: Settings = serde_json::from_value(json!({"think": false})).unwrap();
    assert_eq!(written(&given, &never)["think"], json!(false));
}

#[test]
fn a_prompt_stays_one() {
    let came = json!({
        "model": "code", "prompt": "fn main() {", "suffix": "}", "raw": true, "system": "s", "template": "t",
        "context": [1, 2], "images": ["ignored"], "options": null, "width": 5,
    });
    let question = Message {
        content: vec![
            Part::Text("fn main() {".into()),
            Part::Image {
                url: "data:image/png;base64,AA==".into(),
                detail: None,
            },
        ],
        ..Message::text(Role::User, "")
    };
    let given = Request {
        messages: vec![Message::text(Role::System, "s"), question],
        ..request(Protocol::OllamaGenerate, &came)
    };
    let expect = json!({
        "model": "qwen3:14b", "images": ["AA=="], "stream": true, "shift": false, "truncate": false, "options": {},
        "prompt": "fn main() {", "suffix": "}", "raw": true, "system": "s", "template": "t", "context": [1, 2],
        "width": 5,
    });
    assert_eq!(written(&given, &Settings::default()), expect);
    assert_eq!(path(&given), "/api/generate");
}

#[test]
fn what_a_target_is_not_told_is_named() {
    let check = |protocol, came: Value, expect: &[&str]| {
        let given = request(protocol, &came);
        assert_eq!(original::dropped(&given, &settings()), expect, "given {came}");
    };
    check(
        Protocol::OpenAiChat,
        json!({"model": "m", "messages": [], "n": 1, "seed": 3, "stop": "x"}),
        &[],
    );
    let neutral = json!({"logit_bias": {}, "store": false, "service_tier": "auto", "parallel_tool_calls": true, "user": null,
                         "modalities": ["text"], "metadata": {}, "tools": [{"type": "function"}]});
    check(Protocol::OpenAiChat, neutral, &[]);
    let unheard = json!({"logit_bias": {"5": 1}, "store": true, "service_tier": "flex", "parallel_tool_calls": false,
                         "user": "u", "metadata": {"a": "b"}, "tools": [{"type": "web_search"}, {"type": "function"}]});
    let expect = [
        "logit_bias",
        "metadata",
        "service_tier",
        "store",
        "user",
        "tools.web_search",
    ];
    check(Protocol::OpenAiChat, unheard, &expect);

    let same = json!({"model": "m", "keep_alive": "30m", "shift": false, "options": {"num_ctx": 8192, "top_k": 3}});
    check(Protocol::OllamaChat, same, &[]);
    let other = json!({"keep_alive": -1, "shift": true, "truncate": true, "think": true,
                       "options": {"num_ctx": 4096, "num_gpu": 1, "num_thread": null}});
    let expect = ["keep_alive", "truncate", "shift", "options.num_ctx", "options.num_gpu"];
    check(Protocol::OllamaGenerate, other, &expect);
    assert_eq!(
        original::dropped(&Request::default(), &settings()),
        Vec::<String>::new()
    );
}

#[test]
fn what_other_protocols_cannot_be_told_is_named() {
    let check = |came: Value, untold: &[&str], only_a_prompt: Option<&str>| {
        let given = request(Protocol::OllamaGenerate, &came).original.unwrap();
        assert_eq!(original::untold(&given), untold, "given {came}");
        assert_eq!(original::only_a_prompt(&given), only_a_prompt, "given {came}");
    };
    let told = json!({"model": "m", "prompt": "p", "system": "s", "images": ["x"], "stream": true, "format": "json",
                      "think": "high", "raw": false, "suffix": "", "options": {"seed": 1, "num_predict": 4}});
    check(told, &[], None);
    let untold = json!({"model": "m", "prompt": "p", "raw": true, "think": false, "keep_alive": 0,
                        "options": {"top_k": 1, "num_ctx": 9, "mirostat": 2}});
    let expect = [
        "keep_alive",
        "raw",
        "think",
        "options.mirostat",
        "options.num_ctx",
        "options.top_k",
    ];
    check(untold, &expect, Some("raw"));
    check(json!({"prompt": "p", "suffix": "s"}), &["suffix"], Some("suffix"));
}
