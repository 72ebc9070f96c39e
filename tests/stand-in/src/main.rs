//! `stand-in --listen 127.0.0.1:0`: the model servers of [`stand_in`] as a program.

use std::process::ExitCode;

use clap::Parser;
use stand_in::Server;

/// Plays model servers (OpenAI and Ollama) with faults, on one port.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program's one line for whoever started it"
)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Server::start(&arguments.listen).await {
        Ok(server) => {
            println!("listening on {}", server.url());
            server.run().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("listen on {}: {error}", arguments.listen);
            ExitCode::FAILURE
        }
    }
}
