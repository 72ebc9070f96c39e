//! What a new configuration changes, and what of it has to wait for a restart.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::backends::{Backend, Target};
use super::file::Config;

/// Sections beside the chains that hold at once.
const AT_ONCE: [&str; 7] = ["people", "servers", "rooms", "budget", "cache", "usage", "key_classes"];

/// The way from one configuration to another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Backends that are new, or spoken to in another way.
    pub(crate) backends: Vec<String>,
    /// Backends that are another server, or have another key, so that nothing learned about them holds.
    pub(crate) replaced: Vec<String>,
    pub(crate) removed_backends: Vec<String>,
    /// Aliases that are new or stand for something else.
    pub(crate) aliases: Vec<String>,
    pub(crate) removed_aliases: Vec<String>,
    /// Everything that holds from now on, one line each, for people.
    pub(crate) says: Vec<String>,
    /// Keys whose change holds after a restart.
    pub(crate) after_restart: Vec<String>,
}

impl Changes {
    pub(crate) fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Self {
            backends: names(&new.backends, |name| is_spoken_to_anew(old, new, name)),
            replaced: names(&new.backends, |name| is_replaced(&old.backends, &new.backends, name)),
            removed_backends: names(&old.backends, |name| !new.backends.contains_key(name)),
            aliases: names(&new.aliases, |name| old.aliases.get(name) != new.aliases.get(name)),
            removed_aliases: names(&old.aliases, |name| !new.aliases.contains_key(name)),
            says: Vec::new(),
            after_restart: Vec::new(),
        };
        let (was, is) = (&old.raw, &new.raw);
        changes.say(
            "backend",
            &section(was, "backends"),
            &section(is, "backends"),
            backend_says,
        );
        changes.say("alias", &section(was, "aliases"), &section(is, "aliases"), alias_says);
        for name in AT_ONCE {
            let changed = differing(&flat(&section(was, name)), &flat(&section(is, name)));
            let changed = changed.into_iter();
            changes
                .says
                .extend(changed.map(|(key, was, is)| becomes(&(format!("{name}.{key}"), was, is))));
        }
        let rest = |raw: &Table| {
            let named = ["backends", "aliases"];
            let kept = raw
                .iter()
                .filter(|(key, _)| !named.contains(&key.as_str()) && !AT_ONCE.contains(&key.as_str()));
            flat(&kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        };
        changes.after_restart = differing(&rest(was), &rest(is))
            .into_iter()
            .map(|(key, ..)| key)
            .collect();
        changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn say(&mut self, what: &str, was: &Table, is: &Table, says: fn(&Table, &Table) -> Vec<String>) {
        for (name, value) in is {
            match (was.get(name).and_then(Value::as_table), value.as_table()) {
                (None, _) => self.says.push(format!("{what} {name} added")),
                (Some(was), Some(is)) => {
                    let changed = says(was, is).into_iter();
                    self.says
                        .extend(changed.map(|change| format!("{what} {name}: {change}")));
                }
                (Some(_), None) => {}
            }
        }
        let gone = was.keys().filter(|name| !is.contains_key(*name));
        self.says.extend(gone.map(|name| format!("{what} {name} removed")));
    }
}

fn names<T>(all: &BTreeMap<String, T>, fits: impl Fn(&str) -> bool) -> Vec<String> {
    all.keys().filter(|name| fits(name)).cloned().collect()
}

fn is_spoken_to_anew(old: &Config, new: &Config, name: &str) -> bool {
    let targets = |config: &Config| -> Vec<Target> {
        let targets = config.aliases.values().flat_map(|alias| &alias.targets);
        targets.filter(|target| target.backend == name).cloned().collect()
    };
    old.backends.get(name) != new.backends.get(name) || targets(old) != targets(new)
}

fn is_replaced(old: &BTreeMap<String, Backend>, new: &BTreeMap<String, Backend>, name: &str) -> bool {
    match (old.get(name), new.get(name)) {
        (Some(old), Some(new)) => {
            let place = |backend: &Backend| (backend.kind, backend.base_url.clone());
            place(old) != place(new) || !old.credentials().eq(new.credentials())
        }
        (None, _) | (_, None) => false,
    }
}

fn backend_says(was: &Table, is: &Table) -> Vec<String> {
    differing(&flat(was), &flat(is)).iter().map(becomes).collect()
}

/// Targets are told apart by backend and model; everything else of an alias by its key.
fn alias_says(was: &Table, is: &Table) -> Vec<String> {
    let others = |table: &Table| {
        let others = table.iter().filter(|(key, _)| *key != "targets");
        flat(&others.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let mut says: Vec<String> = differing(&others(was), &others(is)).iter().map(becomes).collect();
    let (was, is) = (targets(was), targets(is));
    let in_was = |name: &str| was.iter().find(|(known, _)| known == name);
    for (at, (name, settings)) in (1..).zip(&is) {
        match in_was(name) {
            None => says.push(format!("target {at} added, {name}")),
            Some((_, before)) => {
                let changed = differing(before, settings);
                says.extend(
                    changed
                        .iter()
                        .map(|change| format!("target {name}: {}", becomes(change))),
                );
            }
        }
    }
    let has = |list: &[Named], name: &str| list.iter().any(|(known, _)| known == name);
    for (name, _) in &was {
        if !has(&is, name) {
            says.push(format!("target {name} removed"));
        }
    }
    let order = |list: &[Named], other: &[Named]| -> Vec<String> {
        let common = list.iter().filter(|(name, _)| has(other, name));
        common.map(|(name, _)| name.clone()).collect()
    };
    let (before, after) = (order(&was, &is), order(&is, &was));
    if before != after {
        says.push(format!("the order is {}", after.join(", ")));
    }
    says
}

/// `backend/model`, and its settings by dotted key.
type Named = (String, BTreeMap<String, String>);

fn targets(alias: &Table) -> Vec<Named> {
    let targets = alias.get("targets").and_then(Value::as_array);
    let tables = targets.into_iter().flatten().filter_map(Value::as_table);
    let named = tables.map(|target| {
        let text = |key: &str| target.get(key).and_then(Value::as_str).unwrap_or("?");
        (format!("{}/{}", text("backend"), text("model")), flat(target))
    });
    named.collect()
}

type Change = (String, Option<String>, Option<String>);

fn becomes((key, was, is): &Change) -> String {
    match (was, is) {
        (Some(was), Some(is)) => format!("{key} {was} becomes {is}"),
        (None, Some(is)) => format!("{key} is {is}"),
        (Some(_) | None, None) => format!("{key} is left to its default"),
    }
}

fn differing(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Change> {
    let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| was.get(*key) != is.get(*key));
    differing
        .map(|key| (key.clone(), was.get(key).cloned(), is.get(key).cloned()))
        .collect()
}

fn section(raw: &Table, name: &str) -> Table {
    raw.get(name).and_then(Value::as_table).cloned().unwrap_or_default()
}

/// Values by dotted key, as the file would write them.
fn flat(table: &Table) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                let inner = flat(inner).into_iter();
                all.extend(inner.map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => {
                all.insert(key.clone(), value.to_string());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::*;

    const OLD: &str = r#"
        [backends.gpu]
        kind = "ollama"
        base_url = "http://gpu:11434"
        [backends.cloud]
        kind = "openai"
        base_url = "https://api.openai.com/v1"
        credential = "env:A"
        [[aliases.jarvis-chat.targets]]
        backend = "gpu"
        model = "qwen3:14b"
        ollama = { num_ctx = 8192 }
        [[aliases.jarvis-chat.targets]]
        backend = "cloud"
        model = "m"
    "#;

    fn changes(edit: impl Fn(&str) -> String) -> Changes {
        let (old, new) = (parse(OLD).expect("it parses"), parse(&edit(OLD)).expect("it parses"));
        Changes::between(&old, &new)
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        assert!(changes(|old| format!("# a word\n{old}")).is_empty());
    }

    #[test]
    fn another_address_is_another_server() {
        let expect = Changes {
            backends: list(&["gpu"]),
            replaced: list(&["gpu"]),
            says: list(&[r#"backend gpu: base_url "http://gpu:11434" becomes "http://other:1""#]),
            ..Changes::default()
        };
        assert_eq!(changes(|old| old.replace("http://gpu:11434", "http://other:1")), expect);
        let expect = Changes {
            backends: list(&["cloud"]),
            replaced: list(&["cloud"]),
            says: list(&[r#"backend cloud: credential "env:A" becomes "env:B""#]),
            ..Changes::default()
        };
        assert_eq!(changes(|old| old.replace("env:A", "env:B")), expect);
    }

    #[test]
    fn another_setting_of_a_target_keeps_what_is_known_of_its_server() {
        let expect = Changes {
            backends: list(&["gpu"]),
            aliases: list(&["jarvis-chat"]),
            says: list(&["alias jarvis-chat: target gpu/qwen3:14b: ollama.num_ctx 8192 becomes 16384"]),
            ..Changes::default()
        };
        assert_eq!(changes(|old| old.replace("8192", "16384")), expect);
    }

    #[test]
    fn targets_come_and_go() {
        let added = "\n[backends.cpu]\nkind = \"ollama\"\nbase_url = \"http://cpu:11434\"\n\
                     [[aliases.jarvis-chat.targets]]\nbackend = \"cpu\"\nmodel = \"small\"\n";
        let expect = Changes {
            backends: list(&["cpu"]),
            aliases: list(&["jarvis-chat"]),
            says: list(&["backend cpu added", "alias jarvis-chat: target 3 added, cpu/small"]),
            ..Changes::default()
        };
        assert_eq!(changes(|old| format!("{old}{added}")), expect);
        let other = changes(|old| old.replace(r#"model = "m""#, r#"model = "n""#));
        let expect = list(&[
            "alias jarvis-chat: target 2 added, cloud/n",
            "alias jarvis-chat: target cloud/m removed",
        ]);
        assert_eq!(other.says, expect);
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let change = changes(|old| format!("listen = \"127.0.0.1:1\"\n[agent.limits]\ntokens = 5\n{old}"));
        let expect = Changes {
            after_restart: list(&["agent.limits.tokens", "listen"]),
            ..Changes::default()
        };
        assert_eq!(change, expect);
    }

    #[test]
    fn budgets_the_cache_and_the_ledger_change_at_once() {
        let change = changes(|old| format!("[budget]\nday = 5\n[cache]\nshared = true\n[usage]\nkeep_days = 3\n{old}"));
        let expect = Changes {
            says: list(&["budget.day is 5", "cache.shared is true", "usage.keep_days is 3"]),
            ..Changes::default()
        };
        assert_eq!(change, expect);
    }

    #[test]
    fn the_order_of_targets_is_told() {
        let mut parts: Vec<&str> = OLD.split("[[aliases").collect();
        parts.swap(1, 2);
        let swapped = parts.join("[[aliases");
        let expect = list(&["alias jarvis-chat: the order is cloud/m, gpu/qwen3:14b"]);
        assert_eq!(changes(|_| swapped.clone()).says, expect);
    }

    #[test]
    fn all_aliases_may_go() {
        let change = changes(|_| String::new());
        let says = list(&[
            "backend cloud removed",
            "backend gpu removed",
            "alias jarvis-chat removed",
        ]);
        assert_eq!(
            (change.removed_backends, change.removed_aliases, change.says),
            (list(&["cloud", "gpu"]), list(&["jarvis-chat"]), says)
        );
    }
}
