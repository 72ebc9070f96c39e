//! The chat and nothing else: `chat URL [HISTORY_FILE]`. Its prompt is tested in a real terminal with it.

use std::process::ExitCode;

use jarvis_adapters::terminal::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let options = Options {
        base_url: arguments.next().unwrap_or_default(),
        history_file: arguments.next().map(Into::into),
        ..Options::default()
    };
    match terminal::chat(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the chat ended");
            ExitCode::FAILURE
        }
    }
}
