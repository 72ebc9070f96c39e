//! Plays a published set: `cargo run -p jarvis-evals --example set -- COMMAND…`; docs/evals.md tells of it.

use std::io::Write;

use jarvis_evals::Approver;
use jarvis_evals::set::{Played, plays};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut command: Vec<String> = std::env::args().skip(1).collect();
    let mut part = String::new();
    if command.first().is_some_and(|word| word == "--only") {
        part = command.get(1).cloned().unwrap_or_default();
        command.drain(..2.min(command.len()));
    }
    anyhow::ensure!(
        !command.is_empty(),
        "say which set: [--only PART-OF-A-NAME] COMMAND… , as in docs/evals.md"
    );
    let mut out = std::io::stdout();
    for (approver, who) in [
        (Approver::Attentive, "an attentive"),
        (Approver::Careless, "a careless"),
    ] {
        // Minutes pass; a dot that cannot be written is no loss.
        let dot = |_: &Played| drop(std::io::stderr().write_all(b"."));
        let tally = plays(&command, &part, approver, dot).await?;
        writeln!(out, "\nWith {who} approver:\n\n{}", tally.to_text())?;
    }
    Ok(())
}
