use std::io::{self, BufReader, IsTerminal};
use std::sync::Arc;

use super::chat::{Chat, Kind};
use super::client::Client;
use super::error::Error;
use super::input::{self, Input};
use super::options::Options;
use super::output::{Notices, Output};
use super::screen::Look;

/// Talks to a running Jarvis.
///
/// With a terminal on both sides there is a prompt. Otherwise every line of the input is a message, and answers go to
/// the output, in order; what is told beside them (tool calls, a lost connection) goes to the error output. `Ok` means
/// that everything said was answered, and that acts approved here have ended.
pub async fn chat(options: Options) -> Result<(), Error> {
    let client = Arc::new(Client::new(&options.base_url, options.key)?);
    let out = io::stdout();
    let (input, output, kind, look) = match options.message {
        None if io::stdin().is_terminal() && out.is_terminal() => {
            let (input, above) = input::prompt(options.history_file.as_deref()).map_err(Error::Input)?;
            let output = Output::new(Box::new(out), Notices::WithAnswers, above);
            let look = Look {
                streams: true,
                color: !options.no_color,
            };
            (input, output, Kind::Prompt, look)
        }
        message => {
            let input = match message {
                Some(message) => Input::one(message),
                None => Input::piped(BufReader::new(io::stdin())),
            };
            let look = Look {
                streams: out.is_terminal(),
                color: false,
            };
            let output = Output::new(Box::new(out), Notices::Apart(Box::new(io::stderr())), None);
            (input.map_err(Error::Input)?, output, Kind::Script, look)
        }
    };
    Chat::new(client, input, output, kind, look).run(options.resume).await
}
