//! `jarvis migrate`.

use std::process::ExitCode;

use jarvis_memory::{Migration, Store};

use crate::config::Config;
use crate::data;
use crate::output::line;

pub(crate) async fn migrate(config: &Config, check: bool) -> anyhow::Result<ExitCode> {
    let url = config.database_url();
    if check {
        let state = Store::migration_state(url).await?;
        line(&format!("database {}", Store::name_of(url)?));
        show("applied", &state.applied);
        show("pending", &state.pending);
        show("made by a newer Jarvis", &state.unknown);
        show("differs from this program", &state.changed);
        if state.is_current() {
            line("The database is up to date.");
            return Ok(ExitCode::SUCCESS);
        }
        line(if state.may_open() {
            "`jarvis migrate` or the next start applies what is pending."
        } else {
            "This program cannot use the database: start the version of Jarvis that made it, or restore a backup."
        });
        return Ok(ExitCode::FAILURE);
    }
    data::make(&config.data)?;
    let pending = Store::migration_state(url).await?.pending;
    let store = config.store().await?;
    store.close().await;
    show("applied now", &pending);
    line("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

fn show(what: &str, migrations: &[Migration]) {
    for migration in migrations {
        line(&format!(
            "  {:04} {:<40} {what}",
            migration.version, migration.description
        ));
    }
}
