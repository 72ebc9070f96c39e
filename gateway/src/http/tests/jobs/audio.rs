use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use stand_in::OK_TEXT;
use tokio::net::TcpStream;

use super::{Stage, form, stage};
use crate::http::tests::Answered;
use crate::http::{Limits, listen, serve};
use crate::tasks::Tasks;

const SPEECH: &str = "/v1/audio/speech";
const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";

async fn speak(stage: &Stage, more: Value) -> Answered {
    let mut body = json!({"model": "it", "input": "Hello there.", "voice": "alloy"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.post(SPEECH, &body).await
}

async fn hear(stage: &Stage, fields: &[(&str, &str)]) -> Answered {
    let fields: Vec<(&str, &str)> = [("model", "it")].into_iter().chain(fields.iter().copied()).collect();
    stage
        .post_form(TRANSCRIPTIONS, &form(&fields, "file", b"RIFF....WAVE"))
        .await
}

#[tokio::test]
async fn sound_keeps_its_type_and_its_bytes() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    for (format, kind) in [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("pcm", "audio/pcm")] {
        let answered = speak(&stage, json!({"response_format": format, "x_new": 1})).await;
        assert_eq!(answered.by(), (200, "cloud/ok", "1"));
        assert_eq!(answered.header("content-type"), Some(kind));
        assert_eq!(
            answered.header("content-disposition"),
            Some("attachment; filename=speech.mp3")
        );
        assert_eq!(answered.body.len() % 4096, 0);
        assert!(answered.body.starts_with("Three containers run "), "{format}");
    }
    let sent = json!({"model": "ok", "input": "Hello there.", "voice": "alloy", "response_format": "mp3", "x_new": 1});
    assert_eq!(stage.sent_to("cloud")[0], (SPEECH.to_owned(), sent));
}

#[tokio::test]
async fn before_its_first_byte_another_target_takes_over() {
    let check = async |first: &str, attempts: &str| {
        let stage = stage().await;
        stage.alias(&format!("gpu/ok cloud/{first} other/ok"));
        let answered = speak(&stage, json!({})).await;
        assert_eq!(answered.by(), (200, "other/ok", attempts), "{first} {}", answered.body);
        assert!(answered.body.starts_with("Three containers"));
    };
    check("500", "3").await;
    check("reset", "3").await;
    check("hang", "2").await;
    check("html", "2").await;
    check("empty", "2").await;
    check("bare", "2").await;
    check("late-3000", "2").await;
    check("401", "2").await;
}

/// Over a socket, because a broken connection is not something that a body can hold.
#[tokio::test]
async fn after_its_first_byte_a_dead_target_breaks_the_connection() {
    for model in ["die", "stall"] {
        let stage = stage().await;
        stage.alias(&format!("cloud/{model} other/ok"));
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::default();
        let (router, of_server) = (stage.site.router.clone(), tasks.clone());
        tasks.spawn("server", async move {
            serve(listener, router, &of_server, Limits::default()).await;
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tasks.spawn("client", async move {
            drop(connection.await);
        });
        let body = json!({"model": "it", "input": "Hello there.", "voice": "alloy"}).to_string();
        let request = http::Request::post(SPEECH)
            .header("host", "localhost")
            .body(Full::<bytes::Bytes>::from(body))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-jarvis-target"], format!("cloud/{model}"));
        assert_eq!(response.headers().get("content-length"), None);
        let mut body = response.into_body();
        let mut length = 0;
        let end = loop {
            match body.frame().await {
                Some(Ok(frame)) => length += frame.data_ref().map_or(0, bytes::Bytes::len),
                end => break end,
            }
        };
        assert!(
            length > 0 && matches!(end, Some(Err(_))),
            "{model}: {length} bytes, then {end:?}"
        );
        tasks.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn sound_as_events_passes_through_or_is_refused_by_name() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let answered = speak(&stage, json!({"stream_format": "sse"})).await;
    assert!(answered.body.contains("speech.audio.delta") && answered.body.contains("speech.audio.done"));
    stage.alias("cloud/lax");
    let (status, _, message) = speak(&stage, json!({"stream_format": "sse"})).await.said();
    assert_eq!(status, 400);
    assert!(message.contains("cannot speak as a stream of events"), "{message}");
    stage.alias("cloud/die");
    let answered = speak(&stage, json!({"stream_format": "sse"})).await;
    assert!(answered.body.contains("stream_interrupted"), "{}", answered.body);
}

#[tokio::test]
async fn transcripts_come_in_the_form_that_was_asked_for() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let check = async |format: &str, kind: &str, begins: &str| {
        let answered = hear(&stage, &[("response_format", format), ("language", "en")]).await;
        assert_eq!(answered.by(), (200, "cloud/ok", "1"), "{}", answered.body);
        assert_eq!(answered.header("content-type"), Some(kind));
        assert!(answered.body.starts_with(begins), "{}", answered.body);
        assert!(answered.body.contains(OK_TEXT));
    };
    check("json", "application/json", "{\"text\":").await;
    check("verbose_json", "application/json", "{\"task\":\"transcribe\"").await;
    check("text", "text/plain; charset=utf-8", "Three").await;
    check("srt", "text/plain; charset=utf-8", "1\n00:00").await;
    check("vtt", "text/vtt; charset=utf-8", "WEBVTT").await;
    let streamed = hear(&stage, &[("stream", "true")]).await;
    assert!(
        streamed
            .header("content-type")
            .unwrap()
            .starts_with("text/event-stream")
    );
    assert!(streamed.body.contains("transcript.text.delta") && streamed.body.contains("transcript.text.done"));
    stage.alias("cloud/lax");
    let (status, _, message) = hear(&stage, &[("stream", "true")]).await.said();
    assert_eq!(status, 400);
    assert!(message.contains("cannot transcribe audio as a stream"), "{message}");
}

#[tokio::test]
async fn every_target_hears_the_whole_file() {
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let sum = content
        .iter()
        .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let check = async |first: &str, attempts: &str| {
        let stage = stage().await;
        stage.alias(&format!("gpu/ok cloud/{first} other/echo"));
        let form = form(&[("model", "it"), ("temperature", "0")], "file", &content);
        let answered = stage.post_form(TRANSCRIPTIONS, &form).await;
        assert_eq!(
            answered.by(),
            (200, "other/echo", attempts),
            "{first} {}",
            answered.body
        );
        assert_eq!(answered.json()["text"], json!(format!("3000000 bytes, sum {sum:x}")));
        let changed = stage.sent_to("other").remove(0).1;
        assert!(
            changed.as_str().unwrap().contains("name=\"model\"\r\n\r\necho\r\n"),
            "the model is the target's"
        );
    };
    check("500", "3").await;
    check("reset", "3").await;
    check("hang", "2").await;
    check("error-first", "2").await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_before_anybody_is_asked() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let check = async |fields: &[(&str, &str)], file: &str, param: Value, says: &str| {
        let answered = stage.post_form(TRANSCRIPTIONS, &form(fields, file, b"RIFF")).await;
        let (status, code, message) = answered.said();
        assert_eq!((status, code.as_str()), (400, "invalid_request"), "{message}");
        assert_eq!(answered.json()["error"]["param"], param);
        assert!(message.contains(says), "{message}");
    };
    check(&[("model", "it")], "", json!("file"), "no `file`").await;
    check(&[("model", "it")], "sound", json!("file"), "no `file`").await;
    check(&[("language", "de")], "file", json!("model"), "`model` is missing").await;
    check(
        &[("model", "it"), ("model", "x")],
        "file",
        json!("model"),
        "more than one",
    )
    .await;
    let no_text = speak(&stage, json!({"input": ""})).await;
    assert_eq!(no_text.json()["error"]["param"], json!("input"));
    stage.alias("gpu/ok");
    assert_eq!(hear(&stage, &[]).await.said().2, "gpu (ollama) cannot transcribe audio");
    assert_eq!(speak(&stage, json!({})).await.said().2, "gpu (ollama) cannot speak");
    assert_eq!(stage.sent_to("cloud"), []);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_with_its_limit() {
    let stage = stage().await;
    stage.alias("cloud/ok");
    let content = vec![0; 26 * 1024 * 1024];
    let answered = stage
        .post_form(TRANSCRIPTIONS, &form(&[("model", "it")], "file", &content))
        .await;
    let (status, code, message) = answered.said();
    assert_eq!((status, code.as_str()), (413, "request_too_large"));
    assert!(message.contains("25 MiB"), "{message}");
    let fits = stage
        .post_form(
            TRANSCRIPTIONS,
            &form(&[("model", "it")], "file", &content[..25 * 1024 * 1024]),
        )
        .await;
    assert_eq!(fits.by(), (200, "cloud/ok", "1"), "{}", fits.body);
}
