//! Work whose request and answer are passed on as they are, but for the name of the model.

use bytes::Bytes;

use super::form::Form;
use crate::demands::Endpoint;
use crate::usage::Pieces;

/// One request that is passed on.
#[derive(Debug, Clone)]
pub struct Forward {
    pub task: Task,
    pub body: Body,
    /// The caller wants to read along (`stream`, or `stream_format: sse`): an answer in one piece is none.
    pub streams: bool,
    /// What is going to be made beside tokens, as far as the request says: images, letters that are to be spoken.
    pub asks_for: Pieces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Images,
    ImageEdits,
    Transcription,
    Speech,
}

#[derive(Debug, Clone)]
pub enum Body {
    Json(Bytes),
    Form(Form),
}

impl Task {
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::Images | Self::ImageEdits => Endpoint::Images,
            Self::Transcription => Endpoint::Transcriptions,
            Self::Speech => Endpoint::Speech,
        }
    }

    /// Where an OpenAI-compatible server takes it, below its base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Images => "/images/generations",
            Self::ImageEdits => "/images/edits",
            Self::Transcription => "/audio/transcriptions",
            Self::Speech => "/audio/speech",
        }
    }

    /// What is done, as it goes on after "cannot".
    pub fn verb(self) -> &'static str {
        match self {
            Self::Images => "make images",
            Self::ImageEdits => "edit images",
            Self::Transcription => "transcribe audio",
            Self::Speech => "speak",
        }
    }
}

impl Body {
    /// Bytes of it.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(body) => body.len(),
            Self::Form(form) => form.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
