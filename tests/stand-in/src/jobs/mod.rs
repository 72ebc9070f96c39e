//! Plays what model servers do beside chat: vectors, images, transcripts, speech. The names of [`crate::faults`] hold
//! here too; those that are about tools, thinking or tokens answer. Beside them:
//!
//! | model | does |
//! |---|---|
//! | `embed` | like `ok` |
//! | `lax` | like a careless server: `dimensions`, `encoding_format` and `stream` do nothing |
//! | `nan` | vectors with a number that is none |
//! | `bare` | has none of these routes, like a server that can only chat |

mod audio;
mod embed;
mod form;
mod images;

use bytes::Bytes;
use http::Response;

pub(crate) use audio::{speech, transcriptions};
pub(crate) use embed::{embeddings, ollama_embed};
pub(crate) use images::{edits, generations};

use crate::control::State;
use crate::faults::{Answer, Break, Play};
use crate::log::Watch;
use crate::play::{Asked, Piece, Script};
use crate::route::{Connection, answered, hang, reset};
use crate::wire::{Body, Cut, Wire, not_found, page};

/// A request on one of these routes.
pub(crate) struct Job<'a> {
    pub(crate) state: &'a State,
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a str,
    pub(crate) watch: Watch,
}

/// What is left to do once the faults before an answer were played.
pub(crate) struct Turn {
    script: Script,
    watch: Watch,
    /// See the table.
    quirk: Option<Quirk>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quirk {
    Lax,
    Nan,
}

type Refuse = fn(crate::faults::Refusal, &str) -> Response<Body>;

impl Job<'_> {
    /// `Err` has the answer when the model does not get as far as answering.
    async fn begin(self, model: &str, refuse: Refuse) -> Result<Turn, Result<Response<Body>, Cut>> {
        let watch = self.watch;
        let quirk = match model.split(':').next() {
            Some("lax") => Some(Quirk::Lax),
            Some("nan") => Some(Quirk::Nan),
            _ => None,
        };
        let play = match model.split(':').next() {
            Some("embed" | "lax" | "nan") => Some(Play::Answer(Answer::Ok)),
            Some("bare") => return Err(Ok(answered(watch, not_found()))),
            _ => self.state.play(self.path, model),
        };
        let script = match play {
            None => return Err(Ok(answered(watch, refuse(crate::faults::Refusal::Missing, model)))),
            Some(Play::Hang) => return Err(hang(watch).await),
            Some(Play::Reset) => return Err(reset(self.connection, watch)),
            Some(Play::Html) => return Err(Ok(answered(watch, page()))),
            Some(Play::Refuse(refusal)) => return Err(Ok(answered(watch, refuse(refusal, model)))),
            Some(Play::Lacks(_)) => Script::answer(Answer::Ok, &Asked::default()),
            Some(Play::Answer(answer)) => Script::answer(answer, &Asked::default()),
            Some(Play::Broken(broken, place)) => Script::broken(broken, place),
        };
        Ok(Turn { script, watch, quirk })
    }
}

impl Turn {
    /// An answer in one piece, after the time that the model takes for it; a break in its middle is one before it.
    async fn whole(
        self,
        connection: &Connection,
        answer: impl FnOnce() -> Response<Body>,
    ) -> Result<Response<Body>, Cut> {
        let pauses = self.script.pause * u32::try_from(self.script.pieces.len()).unwrap_or(u32::MAX);
        tokio::time::sleep(self.script.lead + pauses).await;
        match self.script.broken.map(|(broken, _)| broken) {
            Some(Break::Stall) => hang(self.watch).await,
            Some(Break::Die | Break::NoDone | Break::Undone) => reset(connection, self.watch),
            Some(Break::ErrorFirst | Break::ErrorLine) => {
                let error = serde_json::json!({"error": {"message": "the engine died", "type": "server_error",
                                                         "param": null, "code": 500}});
                Ok(answered(self.watch, crate::wire::json(200, &error)))
            }
            Some(Break::Malformed | Break::Garbage) => {
                let broken = Response::new(http_body_util::Either::Left(Bytes::from_static(b"{\"data\": [").into()));
                Ok(answered(self.watch, broken))
            }
            Some(Break::NoMark) | None => Ok(answered(self.watch, answer())),
        }
    }
}

/// Events of one of OpenAI's streams beside chat: a delta for every piece, and what says that it is over.
struct Told {
    delta: fn(&str) -> serde_json::Value,
    done: serde_json::Value,
}

impl Wire for Told {
    const MEDIA_TYPE: &'static str = "text/event-stream; charset=utf-8";

    fn begin(&self) -> Bytes {
        Bytes::new()
    }

    fn piece(&self, piece: &Piece) -> Bytes {
        event(&(self.delta)(text_of(piece)))
    }

    fn end(&self, _: &Script, no_mark: bool) -> Bytes {
        if no_mark { Bytes::new() } else { event(&self.done) }
    }

    fn error(&self) -> Bytes {
        event(
            &serde_json::json!({"type": "error", "error": {"message": "the engine died", "type": "server_error",
                                                             "param": null, "code": null}}),
        )
    }

    fn malformed(&self) -> Bytes {
        Bytes::from_static(b"data: {\"type\": \n\n")
    }

    fn undone(&self, _: &Script) -> Option<Bytes> {
        None
    }
}

fn event(value: &serde_json::Value) -> Bytes {
    let kind = value["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {kind}\ndata: {value}\n\n"))
}

fn text_of(piece: &Piece) -> &str {
    match piece {
        Piece::Text(text) | Piece::Thinking(text) => text,
        Piece::Calls(_) => "",
    }
}
