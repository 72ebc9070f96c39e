//! The program: reads the configuration, builds the parts, connects them, stops them.

mod assemble;
mod cli;
mod commands;
mod config;
mod data;
mod keys;
mod money;
mod output;
mod reload;
mod serve;
mod time;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::Environment;

#[cfg(target_arch = "x86_64")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("jarvis: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    // A file that is not right is what this command is for.
    if let Some(Command::Config(command)) = cli.command {
        return commands::config::config(&cli.place, &environment, command);
    }
    let config = config::load(&cli.place, &environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(dispatch(cli.command.unwrap_or(Command::Serve), config, environment));
    // A terminal that still waits for a line must not keep the process.
    runtime.shutdown_background();
    code
}

async fn dispatch(command: Command, config: config::Config, environment: Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve::serve(config, environment).await,
        Command::Chat {
            message,
            resume,
            server,
        } => commands::chat::chat(config, environment, server.url, message, resume).await,
        // Done before the configuration was read.
        Command::Config(_) => Ok(ExitCode::SUCCESS),
        Command::Health => Ok(commands::health::health(config.listen()).await),
        Command::Doctor => commands::doctor::doctor(config, environment).await,
        Command::Migrate { check } => commands::migrate::migrate(&config, check).await,
        Command::Export { file } => commands::transfer::export(&config, &file).await,
        Command::Import { file } => commands::transfer::import(&config, &file).await,
        Command::Key(command) => commands::key::key(&config, command).await,
        Command::Audit { limit, json } => commands::audit::audit(&config, limit, json).await,
        Command::Trace { id, json } => commands::trace::trace(&config, &id, json).await,
        Command::Jobs { act, json, server } => commands::jobs::jobs(&config, &environment, server.url, act, json).await,
        Command::Memory { act, json, server } => {
            commands::memory::memory(&config, &environment, server.url, act, json).await
        }
        Command::Mcp { act, server } => commands::mcp::mcp(&config, &environment, server.url, act).await,
        Command::Models(command) => commands::models::models(&config, &environment, command).await,
        Command::Usage { since, by, json } => commands::usage::usage(&config, since, by, json).await,
        Command::Targets { act, json, server } => {
            commands::targets::targets(&config, &environment, server.url, act, json).await
        }
        Command::Eval(eval) => commands::eval::eval(config, &environment, eval).await,
        Command::Freeze { what, time, server } => {
            let act = commands::freeze::Act::Freeze(time);
            commands::freeze::freeze(&config, &environment, server.url, &what, act).await
        }
        Command::Unfreeze { what, server } => {
            let act = commands::freeze::Act::Unfreeze;
            commands::freeze::freeze(&config, &environment, server.url, &what, act).await
        }
        Command::Approve { id, deny, server } => {
            commands::approve::approve(&config, &environment, server.url, id, !deny).await
        }
    }
}
