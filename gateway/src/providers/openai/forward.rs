use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::settings::Settings;
use super::worker::refused;
use super::{fault, splice};
use crate::chat::Usage;
use crate::demands::Hops;
use crate::jobs::{Body, Counted, Forward, Head, Reply, Task};
use crate::provider::{Class, Error};
use crate::providers::refusal::is_html;
use crate::upstream::{Malformed, Response, Upstream, sse};
use crate::usage::Pieces;

/// A document up to this length is read to its end before anything of it is told, so that a server which dies in its
/// middle can be left for the next one. A longer one (several large images) is passed on as it comes.
const WHOLE_UP_TO: usize = 8 * 1024 * 1024;
/// How far into a stream of events is looked for its first one.
const FIRST_EVENT: usize = 256 * 1024;

/// What an answer is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Document,
    Events,
    Sound,
}

/// Sends the request on with another model. Returns when the answer has begun to be what was asked for.
pub(super) async fn forward(
    upstream: &Upstream,
    settings: &Settings,
    model: &str,
    (job, hops): (&Forward, Hops),
) -> Result<Reply, Error> {
    let path = job.task.path();
    let mut response = match &job.body {
        Body::Json(body) => {
            let body = splice::with_model(body, model, settings)?;
            upstream.pass_json(path, body, hops).await?
        }
        Body::Form(form) => {
            let body = form.with("model", model);
            upstream.pass(path, form.media_type().clone(), body, hops).await?
        }
    };
    if !response.status().is_success() {
        return Err(refused(upstream, response, path).await);
    }
    let nature = nature(job.task, &response.media_type());
    let mut head = head(&response, nature);
    let held = beginning(&mut response, nature).await?;
    match nature {
        Nature::Events if !job.streams => Err(unusable("answered with a stream that nobody asked for")),
        Nature::Document if job.task == Task::Speech => Err(said_instead(&held.bytes, "did not answer with audio")),
        Nature::Document => {
            let (usage, made) = document(job.task, &mut head, &held)?;
            if job.streams {
                let verb = job.task.verb();
                return Err(Error::new(
                    Class::Capability,
                    format!("cannot {verb} as a stream: it answered in one piece"),
                ));
            }
            Ok(held.reply(head, response, usage, made))
        }
        Nature::Sound if job.streams => Err(Error::new(
            Class::Capability,
            "cannot speak as a stream of events: it answered with plain audio",
        )),
        Nature::Sound if held.is_empty() => Err(Error::new(Class::Empty, "an empty answer")),
        Nature::Sound => Ok(held.reply(head, response, None, Pieces::default())),
        Nature::Events => match first_error(&held.bytes) {
            Some(error) => Err(error),
            None if held.is_empty() => Err(Error::new(Class::Empty, "an empty answer")),
            None => Ok(Reply::begun(head, held.bytes, response)),
        },
    }
}

fn nature(task: Task, media_type: &str) -> Nature {
    match (task, media_type) {
        (_, "text/event-stream") => Nature::Events,
        (Task::Images | Task::ImageEdits | Task::Transcription, _)
        | (Task::Speech, "application/json" | "text/html" | "text/plain") => Nature::Document,
        (Task::Speech, _) => Nature::Sound,
    }
}

fn head(response: &Response, nature: Nature) -> Head {
    let unnamed = match nature {
        Nature::Document => "application/json",
        Nature::Events => "text/event-stream",
        Nature::Sound => "application/octet-stream",
    };
    let media_type = response.header(&CONTENT_TYPE).cloned();
    Head {
        media_type: media_type.unwrap_or(HeaderValue::from_static(unnamed)),
        disposition: response.header(&CONTENT_DISPOSITION).cloned(),
        is_events: nature == Nature::Events,
    }
}

/// What was read of an answer before it is told.
struct Held {
    bytes: Vec<Bytes>,
    /// The answer is no longer than this.
    is_whole: bool,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn reply(self, head: Head, rest: Response, usage: Option<Usage>, made: Pieces) -> Reply {
        if self.is_whole {
            Reply::whole(head, self.bytes, usage, made)
        } else {
            Reply::begun(head, self.bytes, rest)
        }
    }
}

/// Of sound the first bytes, of a stream its first event, of a document all of it.
async fn beginning(response: &mut Response, nature: Nature) -> Result<Held, Error> {
    let mut held = Held {
        bytes: Vec::new(),
        is_whole: false,
    };
    let mut decoder = sse::Decoder::default();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await? {
        length += chunk.len();
        let enough = match nature {
            Nature::Document => length > WHOLE_UP_TO,
            Nature::Sound => true,
            Nature::Events => {
                decoder.push(chunk.clone());
                length > FIRST_EVENT || !matches!(decoder.next_event(), Ok(None) | Err(Malformed::NotUtf8))
            }
        };
        held.bytes.push(chunk);
        if enough {
            return Ok(held);
        }
    }
    held.is_whole = true;
    Ok(held)
}

/// Looks at a document that is all here: is it an answer, what did it use, and what was made.
fn document(task: Task, head: &mut Head, held: &Held) -> Result<(Option<Usage>, Pieces), Error> {
    #[derive(Deserialize)]
    struct Seen {
        error: Option<IgnoredAny>,
        usage: Option<Counted>,
        data: Option<Vec<IgnoredAny>>,
        /// Seconds of the sound that was heard.
        duration: Option<f64>,
    }

    let is_page = held.bytes.first().is_some_and(|bytes| begins_a_page(bytes));
    if is_page {
        return Err(unusable("answered with a web page"));
    }
    // whisper.cpp calls a plain transcript a web page, and ours must not be taken for one.
    if head.media_type.as_bytes().starts_with(b"text/html") {
        head.media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    }
    let is_json = task != Task::Transcription || head.media_type.as_bytes().starts_with(b"application/json");
    if !held.is_whole || !is_json {
        return Ok((None, Pieces::default()));
    }
    match serde_json::from_slice::<Seen>(&held.bytes.concat()) {
        Ok(Seen { error: Some(_), .. }) => Err(said_instead(&held.bytes, "")),
        Ok(seen) => {
            let told = seen
                .duration
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let counted = seen.usage.and_then(Counted::audio);
            let made = Pieces {
                images: seen
                    .data
                    .map_or(0, |data| u32::try_from(data.len()).unwrap_or(u32::MAX)),
                audio: counted.or(told).unwrap_or_default(),
                ..Pieces::default()
            };
            Ok((seen.usage.and_then(Counted::usage), made))
        }
        Err(_) => Err(unusable("did not answer with JSON")),
    }
}

fn begins_a_page(bytes: &[u8]) -> bool {
    let start = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    is_html(&start) && (start.contains("<!doctype") || start.contains("<html"))
}

/// Some servers say 200 and then what went wrong.
fn said_instead(held: &[Bytes], otherwise: &str) -> Error {
    let text = held.concat();
    let text = String::from_utf8_lossy(&text);
    let is_error = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.get("error").is_some());
    if is_error {
        fault::classify_event(&text)
    } else {
        unusable(otherwise)
    }
}

/// A stream whose first event is an error has not begun.
fn first_error(held: &[Bytes]) -> Option<Error> {
    let mut decoder = sse::Decoder::default();
    for bytes in held {
        decoder.push(bytes.clone());
    }
    let event = decoder.next_event().ok().flatten()?;
    let value: serde_json::Value = serde_json::from_slice(&event.data).ok()?;
    let is_error = value.get("error").is_some_and(|error| !error.is_null()) || value["type"] == "error";
    is_error.then(|| fault::classify_event(&String::from_utf8_lossy(&event.data)))
}

fn unusable(message: &str) -> Error {
    Error::new(Class::Decode, message)
}
