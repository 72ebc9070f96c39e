//! Where text goes.

use std::io::{self, Write};

use super::input::Above;
use super::screen::Piece;

/// Answers and notices, each to its place.
pub(super) struct Output {
    answers: Box<dyn Write + Send>,
    notices: Notices,
    /// Lines are printed above the prompt while it is shown.
    above: Option<Above>,
    at_prompt: bool,
}

pub(super) enum Notices {
    WithAnswers,
    Apart(Box<dyn Write + Send>),
}

impl Output {
    pub(super) fn new(answers: Box<dyn Write + Send>, notices: Notices, above: Option<Above>) -> Self {
        Self {
            answers,
            notices,
            above,
            at_prompt: false,
        }
    }

    pub(super) fn prompt_is_shown(&mut self, shown: bool) {
        self.at_prompt = shown;
    }

    pub(super) async fn write(&mut self, pieces: Vec<Piece>) -> io::Result<()> {
        if pieces.is_empty() {
            return Ok(());
        }
        if self.at_prompt
            && let Some(above) = &self.above
        {
            let text: String = pieces.iter().map(Piece::text).collect();
            if above.print(text).await {
                return Ok(());
            }
        }
        for piece in pieces {
            match (&piece, &mut self.notices) {
                (Piece::Notice(text), Notices::Apart(place)) => {
                    place.write_all(text.as_bytes())?;
                    place.flush()?;
                }
                (Piece::Answer(text) | Piece::Notice(text), _) => self.answers.write_all(text.as_bytes())?,
            }
        }
        self.answers.flush()
    }
}
