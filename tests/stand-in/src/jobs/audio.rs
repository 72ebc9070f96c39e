use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response};
use http_body_util::Either;
use serde_json::{Value, json};

use super::form::Fields;
use super::{Job, Quirk, Told, text_of};
use crate::openai;
use crate::play::{Piece, Script};
use crate::route::{answered, object};
use crate::wire::{Body, Cut, Wire, json as json_response, streamed};

/// Bytes of sound for one piece of an answer.
const PIECE: usize = 4096;

/// `POST /v1/audio/speech`.
pub(crate) async fn speech(job: Job<'_>, body: &Bytes) -> Result<Response<Body>, Cut> {
    let fields = match object(body) {
        Ok(fields) => fields,
        Err(message) => return Ok(answered(job.watch, openai::invalid(&message))),
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(missing) = ["input", "voice"].into_iter().find(|name| text(name).is_empty()) {
        let message = format!("Missing required parameter: '{missing}'.");
        return Ok(answered(job.watch, openai::invalid(&message)));
    }
    let turn = match job.begin(text("model"), openai::refuse).await {
        Ok(turn) => turn,
        Err(over) => return over,
    };
    if text("stream_format") == "sse" && turn.quirk != Some(Quirk::Lax) {
        let usage = json!({"input_tokens": 5, "output_tokens": 50, "total_tokens": 55});
        let told = Told {
            delta: |text| json!({"type": "speech.audio.delta", "audio": STANDARD.encode(sound(text))}),
            done: json!({"type": "speech.audio.done", "usage": usage}),
        };
        return Ok(streamed(told, turn.script, turn.watch));
    }
    let mut response = streamed(Sound, turn.script, turn.watch);
    let kind = match text("response_format") {
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => "audio/mpeg",
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=speech.mp3"),
    );
    Ok(response)
}

struct Sound;

impl Wire for Sound {
    const MEDIA_TYPE: &'static str = "audio/mpeg";

    fn begin(&self) -> Bytes {
        Bytes::new()
    }

    fn piece(&self, piece: &Piece) -> Bytes {
        sound(text_of(piece)).into()
    }

    fn end(&self, _: &Script, _: bool) -> Bytes {
        Bytes::new()
    }

    fn error(&self) -> Bytes {
        Bytes::from_static(b"\0")
    }

    fn malformed(&self) -> Bytes {
        Bytes::from_static(b"\0")
    }

    fn undone(&self, _: &Script) -> Option<Bytes> {
        None
    }
}

fn sound(text: &str) -> Vec<u8> {
    text.bytes().cycle().take(PIECE).collect()
}

/// `POST /v1/audio/transcriptions`. `echo` hears how many bytes the file has, and their sum.
pub(crate) async fn transcriptions(job: Job<'_>, headers: &HeaderMap, body: &Bytes) -> Result<Response<Body>, Cut> {
    let form = match Fields::read(headers, body) {
        Ok(form) => form,
        Err(message) => return Ok(answered(job.watch, openai::invalid(&message))),
    };
    let Some(file) = form.bytes("file").filter(|file| !file.is_empty()) else {
        return Ok(answered(
            job.watch,
            openai::invalid("Missing required parameter: 'file'."),
        ));
    };
    let model = form.text("model").unwrap_or_default();
    let connection = job.connection;
    let turn = match job.begin(&model, openai::refuse).await {
        Ok(turn) => turn,
        Err(over) => return over,
    };
    let heard = if model.starts_with("echo") {
        let sum = file
            .iter()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        format!("{} bytes, sum {sum:x}", file.len())
    } else {
        turn.script.text()
    };
    let usage = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
                       "input_token_details": {"text_tokens": 0, "audio_tokens": 14}});
    if form.text("stream").as_deref() == Some("true") && turn.quirk != Some(Quirk::Lax) {
        let told = Told {
            delta: |text| json!({"type": "transcript.text.delta", "delta": text}),
            done: json!({"type": "transcript.text.done", "text": heard, "usage": usage}),
        };
        return Ok(streamed(told, turn.script, turn.watch));
    }
    let format = form.text("response_format").unwrap_or_default();
    turn.whole(connection, || match format.as_str() {
        "text" => plain("text/plain; charset=utf-8", format!("{heard}\n")),
        "srt" => plain(
            "text/plain; charset=utf-8",
            format!("1\n00:00:00,000 --> 00:00:03,000\n{heard}\n"),
        ),
        "vtt" => plain(
            "text/vtt; charset=utf-8",
            format!("WEBVTT\n\n00:00:00.000 --> 00:00:03.000\n{heard}\n"),
        ),
        "verbose_json" => json_response(
            200,
            &json!({"task": "transcribe", "language": "english", "duration": 3.0, "text": heard, "segments": [],
                    "usage": {"type": "duration", "seconds": 3}}),
        ),
        _ => json_response(200, &json!({"text": heard, "usage": usage})),
    })
    .await
}

fn plain(kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(text.into()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
