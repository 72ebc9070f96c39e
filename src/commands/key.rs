//! `jarvis key`.

use std::process::ExitCode;

use anyhow::bail;
use jarvis_gateway::caller::{Allowance, Scope};
use jarvis_gateway::clock::{Clock, System};
use jarvis_memory::Store;
use jarvis_memory::records::{AuditEvent, KeyRow};

use crate::cli::Key;
use crate::config::Config;
use crate::data;
use crate::keys;
use crate::output::{line, when};

pub(crate) async fn key(config: &Config, command: Key) -> anyhow::Result<ExitCode> {
    data::make(&config.data)?;
    let store = Store::open(&config.database_url()).await?;
    let done = match command {
        Key::New { name, scope } => new(&store, &name, &scope).await,
        Key::List => list(&store).await,
        Key::Revoke { key } => revoke(&store, &key).await,
    };
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn new(store: &Store, name: &str, scopes: &[Scope]) -> anyhow::Result<()> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        bail!("the name of a key has 1 to 60 characters, such as `laptop`");
    }
    let first = !store.any_key().await?;
    let secret = keys::fresh_secret();
    let mut words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let row = KeyRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        hash: jarvis_gateway::http::hash_key(&secret),
        prefix: secret.chars().take(keys::PREFIX.len() + 6).collect(),
        scopes: words.join(" "),
        created_at: System.now(),
        last_used_at: None,
        revoked_at: None,
        allowance: Allowance::default(),
        expires_at: None,
    };
    audit(store, "key.created", &row).await?;
    store.add_key(&row).await?;
    line(&secret);
    line(&format!(
        "  {name}: {}. This is the only time that the key is shown.",
        row.scopes
    ));
    if first {
        line("  It is the first key: from now on requests from this machine need a key too.");
    }
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let rows = store.keys().await?;
    if rows.is_empty() {
        line("No key was made yet. `jarvis key new NAME --scope chat,ops,approve` makes one.");
    }
    for row in rows {
        let state = match (row.revoked_at, row.last_used_at) {
            (Some(at), _) => format!("revoked {}", when(at)),
            (None, Some(at)) => format!("last used {}", when(at)),
            (None, None) => "never used".to_owned(),
        };
        line(&format!(
            "{}…  {:<20} {:<18} {state}  id {}",
            row.prefix, row.name, row.scopes, row.id
        ));
    }
    Ok(())
}

async fn revoke(store: &Store, given: &str) -> anyhow::Result<()> {
    let given = given.trim_end_matches('…');
    let rows = store.keys().await?;
    let fits = |row: &&KeyRow| {
        let by_prefix = given.len() > keys::PREFIX.len() && row.prefix.starts_with(given);
        row.revoked_at.is_none() && (row.id == given || row.name == given || by_prefix)
    };
    let found: Vec<&KeyRow> = rows.iter().filter(fits).collect();
    let row = match found.as_slice() {
        [row] => *row,
        [] => bail!("there is no key `{given}` to revoke; `jarvis key list` shows all"),
        _ => bail!("`{given}` fits several keys; use the id that `jarvis key list` shows"),
    };
    audit(store, "key.revoked", row).await?;
    store.revoke_key(&row.id, System.now()).await?;
    line(&format!(
        "Revoked {}… ({}). A running Jarvis refuses it within 5 s.",
        row.prefix, row.name
    ));
    Ok(())
}

async fn audit(store: &Store, kind: &str, row: &KeyRow) -> anyhow::Result<()> {
    let event = AuditEvent {
        kind: kind.to_owned(),
        person_id: Some("owner".to_owned()),
        via: "command line".to_owned(),
        detail: Some(serde_json::json!({ "id": row.id, "name": row.name, "scopes": row.scopes })),
        ..AuditEvent::default()
    };
    store.append_audit(&event, System.now()).await?;
    Ok(())
}
