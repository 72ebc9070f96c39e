use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::ToolCallDelta;

/// A fragment of a call as servers send it.
#[derive(Deserialize)]
struct Fragment<'a> {
    index: Option<u32>,
    id: Option<String>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The calls of one answer so far, in the order in which they began. Their place in this list is their index for us,
/// because servers leave indexes out, begin at 1, or give all calls the index 0.
#[derive(Debug, Default)]
pub(super) struct ToolCalls(Vec<Begun>);

#[derive(Debug)]
struct Begun {
    index: Option<u32>,
    id: String,
}

impl ToolCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The deltas in the `tool_calls` of one chunk, or `None` when it is not a list of calls.
    pub(super) fn read(&mut self, list: &str) -> Option<Vec<ToolCallDelta>> {
        let fragments: Vec<Fragment<'_>> = serde_json::from_str(list).ok()?;
        Some(
            fragments
                .into_iter()
                .filter_map(|fragment| self.fragment(fragment))
                .collect(),
        )
    }

    /// 1. A fragment belongs to the last call with its index; without an index to the one with its id, else to the
    ///    last call.
    /// 2. It begins a call when there is no such call, or when it brings a name and another id.
    /// 3. A fragment that belongs to nothing and has no name is dropped.
    fn fragment(&mut self, fragment: Fragment<'_>) -> Option<ToolCallDelta> {
        let id = fragment.id.filter(|id| !id.is_empty());
        let function = fragment.function.unwrap_or(Function {
            name: None,
            arguments: None,
        });
        let name = function.name.filter(|name| !name.is_empty());
        let arguments = function.arguments.map(arguments_of).unwrap_or_default();
        let known = match (fragment.index, &id) {
            (Some(index), _) => self.0.iter().rposition(|call| call.index == Some(index)),
            (None, Some(id)) => self.0.iter().rposition(|call| call.id == *id),
            (None, None) => self.0.len().checked_sub(1),
        };
        let other_id = |at: usize| id.is_some() && self.0.get(at).map(|call| &call.id) != id.as_ref();
        if let Some(at) = known.filter(|at| name.is_none() || !other_id(*at)) {
            return Some(ToolCallDelta {
                index: u32::try_from(at).ok()?,
                id: None,
                name: None,
                arguments,
            });
        }
        let name = name?;
        let taken = |id: &String| self.0.iter().any(|call| call.id == *id);
        let id = id.filter(|id| !taken(id));
        let id = id.unwrap_or_else(|| format!("call_{}", Alphanumeric.sample_string(&mut rand::rng(), 24)));
        self.0.push(Begun {
            index: fragment.index,
            id: id.clone(),
        });
        Some(ToolCallDelta {
            index: u32::try_from(self.0.len() - 1).ok()?,
            id: Some(id),
            name: Some(name),
            arguments,
        })
    }
}

/// Text; some servers send the object itself.
fn arguments_of(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expect: &[(u32, Option<&str>, &str)]) {
        let mut calls = ToolCalls::default();
        let seen: Vec<_> = chunks
            .iter()
            .flat_map(|chunk| calls.read(chunk).unwrap())
            .map(|delta| (delta.index, delta.id.zip(delta.name), delta.arguments))
            .collect();
        let expect: Vec<_> = expect
            .iter()
            .map(|(index, begun, arguments)| {
                let begun = begun.map(|begun| begun.split_once(' ').unwrap());
                let begun = begun.map(|(id, name)| (id.to_owned(), name.to_owned()));
                (*index, begun, (*arguments).to_owned())
            })
            .collect();
        assert_eq!(seen, expect, "given {chunks:?}");
    }

    #[test]
    fn sorts_fragments_into_calls() {
        // As OpenAI sends them.
        check(
            &[
                r#"[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]"#,
                r#"[{"index":0,"function":{"arguments":"{\"x\":"}}]"#,
                r#"[{"index":0,"function":{"arguments":"1}"}}]"#,
                r#"[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]"#,
            ],
            &[
                (0, Some("a f"), ""),
                (0, None, "{\"x\":"),
                (0, None, "1}"),
                (1, Some("b g"), "{}"),
            ],
        );
        // All with index 0, as whole calls.
        check(
            &[
                r#"[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}]"#,
            ],
            &[(0, Some("a f"), "{}"), (1, Some("b f"), "{}")],
        );
        // Without indexes, and with the id and the name in every fragment.
        check(
            &[
                r#"[{"id":"a","function":{"name":"f","arguments":"{"}}]"#,
                r#"[{"id":"a","function":{"name":"f","arguments":"}"}}]"#,
                r#"[{"id":"b","function":{"name":"f","arguments":{"y": 2}}}]"#,
                r#"[{"function":{"arguments":" "}}]"#,
            ],
            &[
                (0, Some("a f"), "{"),
                (0, None, "}"),
                (1, Some("b f"), "{\"y\": 2}"),
                (1, None, " "),
            ],
        );
        // From 1 on, then a fragment of nothing.
        check(
            &[
                r#"[{"index":1,"id":"a","function":{"name":"f","arguments":null}}]"#,
                r#"[{"index":7,"function":{"arguments":"x"}}, {"index":1}]"#,
            ],
            &[(0, Some("a f"), ""), (0, None, "")],
        );
    }

    #[test]
    fn an_id_that_is_missing_or_taken_is_replaced() {
        let mut calls = ToolCalls::default();
        let list = r#"[{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"a","function":{"name":"f"}},{"index":2,"function":{"name":"f"}}]"#;
        let deltas = calls.read(list).unwrap();
        let lengths: Vec<_> = deltas.into_iter().map(|delta| delta.id.unwrap().len()).collect();
        assert_eq!(lengths, [1, 29, 29]);
    }
}
