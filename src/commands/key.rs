//! `jarvis key`.

use std::process::ExitCode;

use anyhow::bail;
use jarvis_gateway::caller::{Allowance, Scope};
use jarvis_gateway::clock::{Clock, Millis, System};
use jarvis_gateway::usage::{MicroUsd, Since, Spent};
use jarvis_memory::Store;
use jarvis_memory::records::{AuditEvent, KeyRow};
use serde_json::json;

use crate::cli::{Count, Key, KeyLimits, Limit, Span};
use crate::config::Config;
use crate::data;
use crate::keys::{self, Classes};
use crate::output::{line, note, when};

const DAY: i64 = 24 * 60 * 60 * 1000;
const LONGEST_PATTERN: usize = 200;

pub(crate) async fn key(config: &Config, command: Key) -> anyhow::Result<ExitCode> {
    match command {
        Key::Add { .. } => data::make(&config.data)?,
        Key::List | Key::Set { .. } | Key::Revoke { .. } => data::need(config)?,
    }
    let store = config.store().await?;
    let done = match command {
        Key::Add { name, scopes, limits } => add(&store, &config.key_classes, &name, &scopes, &limits).await,
        Key::List => list(&store).await,
        Key::Set { key, scopes, limits } => set(&store, &config.key_classes, &key, &scopes, &limits).await,
        Key::Revoke { key } => revoke(&store, &key).await,
    };
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn add(store: &Store, classes: &Classes, name: &str, scopes: &[Scope], limits: &KeyLimits) -> anyhow::Result<()> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        bail!("the name of a key has 1 to 60 characters, such as `laptop`");
    }
    let is_taken = |row: &KeyRow| row.revoked_at.is_none() && row.name == name;
    if store.keys().await?.iter().any(is_taken) {
        bail!(
            "there is a key `{name}` already; choose another name, change it with `jarvis key set {name}`, or revoke it \
             with `jarvis key revoke {name}`"
        );
    }
    let first = !store.any_key().await?;
    let secret = keys::fresh_secret();
    let mut row = KeyRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        hash: jarvis_gateway::http::hash_key(&secret),
        prefix: secret.chars().take(keys::PREFIX.len() + 6).collect(),
        scopes: words(scopes),
        created_at: System.now(),
        last_used_at: None,
        revoked_at: None,
        allowance: Allowance::default(),
        expires_at: None,
    };
    limit(&mut row, classes, limits, System.now())?;
    audit(store, "key.created", &row).await?;
    store.add_key(&row).await?;
    line(&secret);
    // Only the key is on the standard output, so that a script can take it as it is.
    note(&format!(
        "  {name}: {}. This is the only time that the key is shown.",
        row.scopes
    ));
    if let Some(limits) = limits_of(&row, None) {
        note(&format!("  {limits}"));
    }
    if first {
        note(
            "  It is the first key: from now on requests from this machine need a key too. For the console: \
             jarvis key add console --scopes chat,ops,approve",
        );
    }
    Ok(())
}

async fn set(
    store: &Store,
    classes: &Classes,
    given: &str,
    scopes: &[Scope],
    limits: &KeyLimits,
) -> anyhow::Result<()> {
    let mut row = find(store, given, "change").await?;
    if !scopes.is_empty() {
        row.scopes = words(scopes);
    }
    limit(&mut row, classes, limits, System.now())?;
    audit(store, "key.changed", &row).await?;
    if !store.change_key(&row).await? {
        bail!("the key `{given}` was revoked in this moment");
    }
    line(&format!(
        "Changed {}… ({}): {}. A running Jarvis keeps to it within 5 s.",
        row.prefix, row.name, row.scopes
    ));
    line(&format!(
        "  {}",
        limits_of(&row, None).unwrap_or_else(|| "no limits".to_owned())
    ));
    Ok(())
}

fn words(scopes: &[Scope]) -> String {
    let mut words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// Changes what `limits` names.
fn limit(row: &mut KeyRow, classes: &Classes, limits: &KeyLimits, now: Millis) -> anyhow::Result<()> {
    let allowance = &mut row.allowance;
    if !limits.models.is_empty() {
        let is_fit = |name: &String| !name.is_empty() && name.len() <= LONGEST_PATTERN && !name.contains('\n');
        if !limits.models.iter().all(is_fit) {
            bail!("names of models have 1 to {LONGEST_PATTERN} characters; `*` alone allows all");
        }
        allowance.models.clone_from(&limits.models);
    }
    let count = |limit: &mut Option<u32>, to: Option<Limit<Count>>| {
        if let Some(Limit(to)) = to {
            *limit = to.map(|Count(count)| count.get());
        }
    };
    count(&mut allowance.requests_per_minute, limits.rpm);
    count(&mut allowance.tokens_per_minute, limits.tpm);
    count(&mut allowance.concurrency, limits.concurrency);
    let money = |limit: &mut Option<MicroUsd>, to: Option<Limit<MicroUsd>>| {
        if let Some(Limit(to)) = to {
            *limit = to;
        }
    };
    money(&mut allowance.budget_day, limits.budget_day);
    money(&mut allowance.budget_month, limits.budget_month);
    if let Some(local_only) = limits.local_only {
        allowance.local_only = local_only;
    }
    if let Some(Limit(class)) = &limits.class {
        if let Some(name) = class.as_ref().filter(|name| !classes.contains_key(*name)) {
            let known: Vec<&str> = classes.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "the configuration has none yet".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            bail!("there is no class `{name}` ({known}); add [key_classes.{name}] to the configuration");
        }
        allowance.class.clone_from(class);
    }
    if let Some(Limit(cache)) = limits.cache {
        allowance.cache = cache.map(|Span(time)| time);
    }
    if let Some(Limit(expires)) = limits.expires {
        row.expires_at = expires.map(|Span(time)| now.plus(time));
    }
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let rows = store.keys().await?;
    if rows.is_empty() {
        line("No key was made yet. `jarvis key add NAME --scopes chat,ops,approve` makes one.");
    }
    let now = System.now();
    let spent = store.spending(Since::Month.start(now).0 / DAY).await?;
    for row in rows {
        let state = match (row.revoked_at, row.expires_at, row.last_used_at) {
            (Some(at), ..) => format!("revoked {}", when(at)),
            (None, Some(at), _) if at <= now => format!("expired {}", when(at)),
            (None, _, Some(at)) => format!("last used {}", when(at)),
            (None, _, None) => "never used".to_owned(),
        };
        line(&format!(
            "{}…  {:<20} {:<18} {state}  id {}",
            row.prefix, row.name, row.scopes, row.id
        ));
        if let Some(limits) = limits_of(&row, Some(&spent)) {
            line(&format!("            {limits}"));
        }
    }
    Ok(())
}

/// `models jarvis-*; 60 requests a minute; $1.50 a day, $0.42 of it spent; only local models`. What was spent is
/// said where it was read.
fn limits_of(row: &KeyRow, spent: Option<&[Spent]>) -> Option<String> {
    let Allowance {
        models,
        requests_per_minute,
        tokens_per_minute,
        concurrency,
        budget_day,
        budget_month,
        local_only,
        cache,
        class,
    } = &row.allowance;
    let (today, is_read) = (System.now().0 / DAY, spent.is_some());
    let of_key = |from: i64| {
        let days = spent
            .into_iter()
            .flatten()
            .filter(|spent| spent.key_id == row.id && spent.day >= from);
        days.fold(MicroUsd(0), |sum, spent| sum.plus(spent.cost))
    };
    let (day, month) = (of_key(today), of_key(i64::MIN));
    let money = |cap: &Option<MicroUsd>, a: &str, spent: MicroUsd| {
        let told = if is_read {
            format!(", {spent} of it spent")
        } else {
            String::new()
        };
        cap.map(|cap| format!("{cap} a {a}{told}"))
    };
    let parts = [
        (!models.is_empty()).then(|| format!("models {}", models.join(", "))),
        requests_per_minute.map(|count| format!("{count} requests a minute")),
        tokens_per_minute.map(|count| format!("{count} tokens a minute")),
        concurrency.map(|count| format!("{count} at once")),
        money(budget_day, "day", day),
        money(budget_month, "month", month),
        (month.0 > 0 && budget_day.is_none() && budget_month.is_none()).then(|| format!("{month} spent this month")),
        local_only.then(|| "only local models".to_owned()),
        class.as_ref().map(|class| format!("class {class}")),
        cache.map(|time| format!("answers are kept for {} s", time.as_secs())),
        row.expires_at.map(|at| format!("until {}", when(at))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

async fn revoke(store: &Store, given: &str) -> anyhow::Result<()> {
    let row = find(store, given, "revoke").await?;
    audit(store, "key.revoked", &row).await?;
    store.revoke_key(&row.id, System.now()).await?;
    line(&format!(
        "Revoked {}… ({}). A running Jarvis refuses it within 5 s.",
        row.prefix, row.name
    ));
    Ok(())
}

/// The one key that is meant and not revoked.
async fn find(store: &Store, given: &str, verb: &str) -> anyhow::Result<KeyRow> {
    let given = given.trim_end_matches('…');
    let fits = |row: &KeyRow| {
        let by_prefix = given.len() > keys::PREFIX.len() && row.prefix.starts_with(given);
        row.revoked_at.is_none() && (row.id == given || row.name == given || by_prefix)
    };
    let mut found: Vec<KeyRow> = store.keys().await?.into_iter().filter(fits).collect();
    match (found.pop(), found.is_empty()) {
        (Some(row), true) => Ok(row),
        (None, _) => bail!("there is no key `{given}` to {verb}; `jarvis key list` shows all"),
        (Some(_), false) => bail!("`{given}` fits several keys; use the id that `jarvis key list` shows"),
    }
}

async fn audit(store: &Store, kind: &str, row: &KeyRow) -> anyhow::Result<()> {
    let event = AuditEvent {
        kind: kind.to_owned(),
        person_id: Some("owner".to_owned()),
        via: "command line".to_owned(),
        detail: Some(json!({
            "id": row.id,
            "name": row.name,
            "scopes": row.scopes,
            "models": row.allowance.models,
            "requests_per_minute": row.allowance.requests_per_minute,
            "tokens_per_minute": row.allowance.tokens_per_minute,
            "concurrency": row.allowance.concurrency,
            "budget_day": row.allowance.budget_day,
            "budget_month": row.allowance.budget_month,
            "local_only": row.allowance.local_only,
            "class": row.allowance.class,
            "cache_seconds": row.allowance.cache.map(|time| time.as_secs()),
            "expires_at": row.expires_at,
        })),
        ..AuditEvent::default()
    };
    store.append_audit(&event, System.now()).await?;
    Ok(())
}
