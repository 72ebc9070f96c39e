use std::path::PathBuf;

use secrecy::SecretString;

/// What `jarvis chat` was asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where Jarvis listens: `http://127.0.0.1:7878`.
    pub base_url: String,
    pub key: Option<SecretString>,
    /// Go on with the latest conversation instead of starting one.
    pub resume: bool,
    /// Ask this one question, print the answer, and leave.
    pub message: Option<String>,
    /// Where typed lines are kept between chats, for the arrow keys; `None` keeps none. Lines that begin with a space
    /// are not kept.
    pub history_file: Option<PathBuf>,
    /// No colours even in a terminal (`NO_COLOR`).
    pub no_color: bool,
}
