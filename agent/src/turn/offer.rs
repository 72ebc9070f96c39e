//! Which tools a model is told of: few, because small models choose badly among many, and the others on request.

use jarvis_gateway::chat::{ToolResult, ToolSpec};
use serde_json::json;

use crate::big_result;

pub(super) const FIND_TOOL: &str = "find_tool";

/// Tools that a model is told of at once.
const MOST: usize = 12;
/// Tools that one search brings.
const HITS: usize = 4;

/// The tools of a room, and those of them that are offered now.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    all: Vec<ToolSpec>,
    /// Names, in the order in which they came in. All of them when they fit.
    now: Vec<String>,
    /// Something was too long to be shown whole.
    kept: bool,
}

impl Offer {
    /// `text` is what the user says: of many tools, those that fit it come first.
    pub(super) fn new(all: Vec<ToolSpec>, text: &str) -> Self {
        let mut offer = Self {
            all,
            now: Vec::new(),
            kept: false,
        };
        let fitting: Vec<String> = offer.ranked(text).map(|(_, spec)| spec.name.clone()).collect();
        let room = offer.room();
        offer.now = fitting.into_iter().take(room).collect();
        offer
    }

    /// All of them can be offered at once, beside the tool that reads results.
    fn fits(&self) -> bool {
        self.all.len() < MOST
    }

    /// Places for tools of the room; the two of the loop take the others.
    fn room(&self) -> usize {
        if self.fits() { MOST } else { MOST - 2 }
    }

    /// Best first; what fits equally well stays in the order of the catalogue.
    fn ranked(&self, query: &str) -> impl Iterator<Item = (usize, &ToolSpec)> {
        let words = words(query);
        let mut ranked: Vec<(usize, &ToolSpec)> = self.all.iter().map(|spec| (score(spec, &words), spec)).collect();
        ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        ranked.into_iter()
    }

    pub(super) fn keeps_results(&mut self) {
        self.kept = true;
    }

    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        let is_offered = |spec: &&ToolSpec| self.now.contains(&spec.name);
        let mut specs: Vec<ToolSpec> = self.all.iter().filter(is_offered).cloned().collect();
        if !self.fits() {
            specs.push(spec());
        }
        if self.kept {
            specs.push(big_result::spec());
        }
        specs
    }

    /// What a model can do about a name that it may not use.
    pub(super) fn hint(&self) -> String {
        let names: Vec<String> = self.specs().into_iter().map(|spec| spec.name).collect();
        if names.is_empty() {
            return "there are no tools here".to_owned();
        }
        format!("the tools are: {}", names.join(", "))
    }

    /// The room has this tool, and the model was not told of it.
    pub(super) fn hides(&self, name: &str) -> bool {
        self.lists(name) && !self.now.iter().any(|offered| offered == name)
    }

    /// The room has this tool.
    pub(super) fn lists(&self, name: &str) -> bool {
        self.all.iter().any(|spec| spec.name == name)
    }

    /// Looks for tools. What is found is offered from now on; what came in first makes room.
    pub(super) fn find(&mut self, query: &str) -> ToolResult {
        let hits: Vec<(String, String)> = self
            .ranked(query)
            .filter(|(score, _)| *score > 0)
            .take(HITS)
            .map(|(_, spec)| (spec.name.clone(), spec.description.clone()))
            .collect();
        if hits.is_empty() {
            return ToolResult::Ok {
                summary: "No tool fits these words. Try others, once; then say that there is none.".to_owned(),
                data: serde_json::Value::Null,
            };
        }
        self.now.retain(|name| !hits.iter().any(|(hit, _)| hit == name));
        self.now.extend(hits.iter().map(|(name, _)| name.clone()));
        let over = self.now.len().saturating_sub(self.room());
        self.now.drain(..over);
        let lines: Vec<String> = hits
            .iter()
            .map(|(name, description)| format!("- `{name}`: {description}"))
            .collect();
        ToolResult::Ok {
            summary: format!("You can call these from now on:\n{}", lines.join("\n")),
            data: serde_json::Value::Null,
        }
    }
}

fn spec() -> ToolSpec {
    ToolSpec {
        name: FIND_TOOL.to_owned(),
        description:
            "Finds more tools: not all of them are listed here. Use it before you say that something cannot be \
                      done."
                .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "query": { "type": "string", "description": "What the tool should do, in a few English words." } },
            "required": ["query"],
            "additionalProperties": false,
        }),
        strict: None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 3 || word.contains(|c: char| c.is_ascii_digit()))
        .take(40)
        .map(str::to_owned)
        .collect()
}

/// A word of the name counts more than one in the description; `containers` finds `container`.
fn score(spec: &ToolSpec, words: &[String]) -> usize {
    let (name, description) = (spec.name.to_lowercase(), spec.description.to_lowercase());
    let is_in = |text: &str, word: &String| {
        let stem = word
            .strip_suffix('s')
            .filter(|stem| stem.chars().count() >= 3)
            .unwrap_or(word);
        text.contains(stem)
    };
    let of_word = |word: &String| {
        let in_name = name.split('_').any(|part| part == word);
        match (in_name, is_in(&name, word), is_in(&description, word)) {
            (true, ..) => 4,
            (_, true, _) => 3,
            (_, _, true) => 1,
            _ => 0,
        }
    };
    words.iter().map(of_word).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(count: usize) -> Vec<ToolSpec> {
        let named = |n: usize| ToolSpec {
            name: format!("tool_{n:02}"),
            description: format!("Does thing number {n:02}, the {} one.", ["red", "green", "blue"][n % 3]),
            parameters: json!({ "type": "object", "properties": {} }),
            strict: None,
        };
        (0..count).map(named).collect()
    }

    fn names(offer: &Offer) -> Vec<String> {
        offer.specs().into_iter().map(|spec| spec.name).collect()
    }

    #[test]
    fn few_tools_are_all_offered() {
        let mut offer = Offer::new(tools(11), "anything");
        assert_eq!(offer.specs().len(), 11);
        offer.keeps_results();
        assert_eq!(
            (offer.specs().len(), names(&offer).pop().as_deref()),
            (12, Some("read_result"))
        );
    }

    #[test]
    fn of_many_twelve_are_offered_and_the_others_found() {
        let mut offer = Offer::new(tools(60), "please use tool_42 for me");
        offer.keeps_results();
        let before = names(&offer);
        assert_eq!(before.len(), 12);
        assert!(before.contains(&"tool_42".to_owned()), "{before:?}");
        assert!(offer.hides("tool_55") && !offer.hides("tool_42") && !offer.hides("nope"));
        let ToolResult::Ok { summary, .. } = offer.find("number 55") else {
            panic!("a result");
        };
        assert!(summary.contains("`tool_55`: Does thing number 55"), "{summary}");
        assert!(!offer.hides("tool_55"));
        for n in 0..60 {
            offer.find(&format!("number {n:02}"));
            assert!(!offer.hides(&format!("tool_{n:02}")));
            assert_eq!(offer.specs().len(), 12);
        }
        assert!(matches!(offer.find("xyzzy"), ToolResult::Ok { summary, .. } if summary.starts_with("No tool")));
    }
}
