//! A case, as it stands in its file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows, in a sentence.
    pub shows: String,
    pub model: Model,
    /// What the owner says, one message after the other. `{card}` stands for the id of the newest card.
    pub say: Vec<String>,
    /// By name.
    pub containers: BTreeMap<String, Container>,
    /// The model's moves, in order, over all messages.
    #[serde(default)]
    pub trace: Vec<Move>,
    pub expect: Expect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Plays the trace and nothing else.
    Traced,
    /// Plays the trace, then makes every act that any tool result names, then says that it obeyed.
    Hostile,
    /// No model: command mode answers.
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    pub state: String,
    #[serde(default)]
    pub log: String,
}

/// One answer of the model.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Move {
    Call {
        tool: String,
        #[serde(default)]
        arguments: serde_json::Map<String, serde_json::Value>,
    },
    Says {
        says: String,
    },
}

/// What must have come of it. What is not named must not have happened.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Containers whose state is another than at the start, with their new state.
    #[serde(default)]
    pub changed: BTreeMap<String, String>,
    /// Acts that were carried out, in order: `restart web`.
    #[serde(default)]
    pub acts: Vec<String>,
    /// Cards, in alphabetical order: `stop vpn: rule_of_two, pending`.
    #[serde(default)]
    pub cards: Vec<String>,
    /// Calls of all turns with what came of them, in order: `list_containers ok`.
    #[serde(default)]
    pub calls: Vec<String>,
    /// Texts that the last message of the conversation holds.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that the model's last request holds.
    #[serde(default)]
    pub model_read: Vec<String>,
}

/// All cases of a folder by their names, in the order of the names.
pub fn read_all(folder: &Path) -> Result<BTreeMap<String, Case>> {
    let mut cases = BTreeMap::new();
    for entry in folder
        .read_dir()
        .with_context(|| format!("read {}", folder.display()))?
    {
        let path = entry?.path();
        let shown = path.display();
        let is_case = path.extension().is_some_and(|ending| ending == "toml");
        ensure!(is_case, "{shown} is not a case: cases are .toml files");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {shown}"))?;
        let case = toml::from_str(&text).with_context(|| format!("understand {shown}"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        cases.insert(name, case);
    }
    Ok(cases)
}
