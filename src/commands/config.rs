//! `jarvis config`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::assemble;
use crate::cli::{self, Place};
use crate::config::{self, Environment};
use crate::money;
use crate::output::line;

pub(crate) fn config(place: &Place, environment: &Environment, command: cli::Config) -> anyhow::Result<ExitCode> {
    match command {
        cli::Config::Check { file } => check(place, environment, file),
    }
}

/// Reads and builds a configuration as a start would, without starting and without asking anybody.
fn check(place: &Place, environment: &Environment, file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let place = Place {
        config: file.or_else(|| place.config.clone()),
        ..place.clone()
    };
    let config = config::load(&place, environment)?;
    config.refuse_itself(&environment.own(config.listen()))?;
    for name in config.backends.keys() {
        assemble::backend(name, &config, environment)?;
    }
    assemble::collector(&config, environment)?;
    money::prices(&config)?;
    let Some(path) = &config.path else {
        line("There is no configuration, which is fine: what is found is used.");
        return Ok(ExitCode::SUCCESS);
    };
    let (backends, aliases) = (config.backends.len(), config.aliases.len());
    line(&format!(
        "{} is right: {backends} backends, {aliases} aliases.",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
