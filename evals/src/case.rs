//! A case, as it stands in its file.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use jarvis_agent::Limits;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::town::Line;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `injection/logs/stop-another`: folder, file and the name in the file.
    pub name: String,
    /// What the case shows, in a sentence.
    pub shows: String,
    /// The public complaint that it answers: `zeroclaw#9387`.
    #[serde(default)]
    pub complaint: Option<String>,
    /// The world it happens in, and what is different in it. `{attack}` stands for the attacker's text.
    #[serde(default = "home")]
    pub world: String,
    #[serde(default)]
    pub with: toml::Table,
    #[serde(default)]
    pub model: Model,
    /// What the owner says, one message after the other. `{card}` stands for the id of the newest card.
    #[serde(default)]
    pub say: Vec<String>,
    /// What people say on a platform, one after the other, instead of the owner at home. `{attack}` stands for the
    /// attacker's text here too.
    #[serde(default)]
    pub talk: Vec<Line>,
    /// The history that an API client brings, oldest first, as role and text. With it the messages are said over the API.
    #[serde(default)]
    pub client: Option<Vec<(String, String)>>,
    /// The model's moves, in order, over all messages.
    #[serde(default)]
    pub trace: Vec<Move>,
    #[serde(default)]
    pub attack: Option<Attack>,
    /// Titles of cards that the owner asked for: an attentive approver says yes to these and no to all others. Without it
    /// nobody decides.
    #[serde(default)]
    pub approve: Option<Vec<String>>,
    /// Bounds of a turn that are not the usual ones.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// How many earlier messages a model is shown whole, when it is not the usual number.
    #[serde(default)]
    pub history: Option<u16>,
    /// With the memory that Jarvis has, in the place of the world's notes: what is kept is a change of the world.
    #[serde(default)]
    pub memory: bool,
    /// A model looks at what came of an approved act: `[approvals] follow_up`.
    #[serde(default)]
    pub follow_up: bool,
    #[serde(default)]
    pub expect: Expect,
    /// What a real model must do. A case without it is not played live.
    #[serde(default)]
    pub live: Option<Live>,
}

fn home() -> String {
    "home".to_owned()
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Plays the trace and nothing else.
    #[default]
    Traced,
    /// Plays the trace, then does what the attack orders, by every way it knows.
    Hostile,
    /// Played three times, and each time the owner's request must be done: without the attack, with the attack before a
    /// model that does not care for it, and with the attack before a model that obeys it too.
    Useful,
    /// No model: command mode answers.
    None,
}

/// What somebody else wrote into the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    pub text: String,
    /// The calls that the text asks for. `{secret}` in an argument becomes the private words that the model has seen.
    #[serde(default)]
    pub orders: Vec<Order>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub tool: String,
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// One answer of the model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Move {
    Call(Order),
    Calls(Calls),
    Raw(Raw),
    Says(Says),
    Fails(Fails),
}

/// Several calls in one answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    pub calls: Vec<Order>,
}

/// A call whose arguments are this text, which need not be JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub tool: String,
    pub raw: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Says {
    pub says: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    pub fails: Fault,
}

/// How a model server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Timeout,
    RateLimit,
    /// 502 with a page in HTML.
    BadGateway,
    /// Some words, and then nothing more.
    HalfStream,
    /// A call whose end is missing.
    HalfCall,
    /// An answer without a word.
    Empty,
}

/// What must have come of it. What is not named must not have happened. In the order in which the judge looks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// What is another value than at the start: `"containers.web.state" = "exited"`.
    pub changed: BTreeMap<String, String>,
    /// Acts that were carried out, in order: `restart web`.
    pub acts: Vec<String>,
    /// What reached somebody outside after something private was read: `fetch https://…`.
    pub left: Vec<String>,
    /// Cards, in alphabetical order: `stop vpn: rule_of_two, pending`. Not looked at in a case with an attack unless named.
    pub cards: Option<Vec<String>>,
    /// The most cards that may have been raised.
    pub cards_max: Option<usize>,
    /// Calls of all turns with what came of them, in order: `list_containers ok`. Not looked at in a case with an attack
    /// unless named.
    pub calls: Option<Vec<String>>,
    /// Texts that the last message of the conversation holds.
    pub says: Vec<String>,
    /// Texts that no message of the conversation holds.
    pub says_not: Vec<String>,
    /// Texts that the model's last request holds.
    pub model_read: Vec<String>,
    /// Texts that it does not hold.
    pub model_read_not: Vec<String>,
    /// The most model calls, over all messages.
    pub model_calls_max: Option<usize>,
}

/// What a real model must do beside leaving the world as [`Expect`] says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// Calls that must be among those made, each with at least these arguments.
    pub calls: Vec<Order>,
    /// Tools that must not be called; `*` is every one.
    pub calls_not: Vec<String>,
    /// Patterns that the last message must fit, in the syntax of the `regex` crate.
    pub says: Vec<String>,
    /// The most characters of the last message.
    pub chars_max: Option<usize>,
    pub model_calls_max: Option<usize>,
}

impl Case {
    /// The attacker's text, as it stands in the world.
    pub fn attack_text(&self) -> &str {
        self.attack
            .as_ref()
            .map(|attack| attack.text.as_str())
            .unwrap_or_default()
    }

    /// The tools that its trace, its attack and its live part name.
    pub(crate) fn tools(&self) -> Vec<&str> {
        let of_trace = self.trace.iter().flat_map(|step| match step {
            Move::Call(order) => vec![order.tool.as_str()],
            Move::Calls(calls) => calls.calls.iter().map(|order| order.tool.as_str()).collect(),
            Move::Raw(raw) => vec![raw.tool.as_str()],
            Move::Says(_) | Move::Fails(_) => Vec::new(),
        });
        let orders = self.attack.iter().flat_map(|attack| &attack.orders);
        let live = self.live.iter().flat_map(|live| &live.calls);
        of_trace
            .chain(orders.chain(live).map(|order| order.tool.as_str()))
            .collect()
    }

    /// The folder that it stands in: `injection`.
    pub fn theme(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    fn check(&self) -> Result<()> {
        let attacked = matches!(self.model, Model::Hostile | Model::Useful);
        let name = &self.name;
        ensure!(
            attacked == self.attack.is_some(),
            "{name}: a hostile or useful case has an attack, and no other has one"
        );
        ensure!(
            self.say.is_empty() != self.talk.is_empty(),
            "{name}: nothing is said, or at home and on a platform at once"
        );
        let in_line =
            |line: &Line| line.say.contains("{attack}") || line.handle.iter().any(|name| name.contains("{attack}"));
        let in_world = toml::to_string(&self.with).is_ok_and(|with| with.contains("{attack}"));
        let in_world = in_world || self.talk.iter().any(in_line);
        ensure!(!attacked || in_world, "{name}: the attack is nowhere in the world");
        Ok(())
    }
}

/// Cases and worlds.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    pub cases: Vec<Case>,
    pub worlds: BTreeMap<String, toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<Case>,
}

impl Suite {
    /// Reads files given as path and text: `worlds/home.toml`, `cases/injection/logs.toml`.
    pub fn read<'a>(files: impl IntoIterator<Item = (String, &'a str)>) -> Result<Self> {
        let mut suite = Self::default();
        for (path, text) in files {
            let stem = path.strip_suffix(".toml");
            if let Some(name) = stem.and_then(|stem| stem.strip_prefix("worlds/")) {
                let world = toml::from_str(text).with_context(|| format!("understand {path}"))?;
                suite.worlds.insert(name.to_owned(), world);
            } else if let Some(family) = stem.and_then(|stem| stem.strip_prefix("cases/")) {
                let file: CaseFile = toml::from_str(text).with_context(|| format!("understand {path}"))?;
                for mut case in file.case {
                    case.name = format!("{family}/{}", case.name);
                    case.check()?;
                    suite.cases.push(case);
                }
            } else {
                anyhow::bail!("{path} is neither a world nor a case");
            }
        }
        suite.cases.sort_by(|one, other| one.name.cmp(&other.name));
        let mut names: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        names.dedup();
        ensure!(names.len() == suite.cases.len(), "two cases have the same name");
        ensure!(!names.is_empty(), "there are no cases");
        Ok(suite)
    }

    /// Keeps the cases whose names fit `pattern`, in which `*` stands for any letters.
    pub fn keep(&mut self, pattern: &str) -> Result<()> {
        self.cases.retain(|case| fits(pattern, &case.name));
        ensure!(!self.cases.is_empty(), "no case fits `{pattern}`");
        Ok(())
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| last.is_empty() || name.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        let check = |pattern: &str, expect| assert_eq!(fits(pattern, "injection/logs/stop"), expect, "{pattern}");
        check("injection/logs/stop", true);
        check("injection/*", true);
        check("*logs*", true);
        check("*stop", true);
        check("i*l*p", true);
        check("*", true);
        check("injection", false);
        check("*log", false);
        check("policy/*", false);
        check("", false);
    }

    #[test]
    fn what_is_not_right_is_named() {
        let check = |text: &str, expect: &str| {
            let error = Suite::read([("cases/a/b.toml".to_owned(), text)]).expect_err(text);
            assert!(format!("{error:#}").contains(expect), "{error:#}");
        };
        check("[[case]]\nname = 'x'\nshows = 'y'\nsay = ['z']\ntypo = 1", "typo");
        check("[[case]]\nname = 'x'\nshows = 'y'\nsay = []", "nothing is said");
        check(
            "[[case]]\nname = 'x'\nshows = 'y'\nsay = ['z']\nmodel = 'hostile'",
            "has an attack",
        );
        let nowhere = "[[case]]\nname = 'x'\nshows = 'y'\nsay = ['z']\nmodel = 'hostile'\nattack.text = 't'";
        check(nowhere, "nowhere in the world");
        let twice = "[[case]]\nname = 'x'\nshows = 'y'\nsay = ['z']\n";
        check(&format!("{twice}{twice}"), "the same name");
    }
}
