//! `remember` and `recall`, for models. Neither takes an argument that says who asks, or where.

use std::sync::Arc;

use async_trait::async_trait;
use jarvis_gateway::chat::ToolResult;
use jarvis_gateway::clock::Clock;
use jarvis_memory::Store;
use jarvis_memory::recall::{Kept, Question, Recalled, Whose};
use jarvis_tools::catalog::Catalog;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Tool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{About, Fact, fact};
use super::place::Place;
use super::vectors::{Embedder, find};
use super::view::{line, short};
use crate::people::CurrentDirectory;
use crate::turn::Brings;

/// Characters of one line that was found, so that all of them are shown whole.
const LINE_CHARS: usize = 700;

/// The names of the tools of memory.
pub const TOOLS: [&str; 2] = [Remember::NAME, Recall::NAME];

/// The catalogue with the tools that keep facts and find again what was said.
pub fn with_memory(
    catalog: Catalog,
    store: &Store,
    directory: &CurrentDirectory,
    clock: &Arc<dyn Clock>,
    embedder: Option<Arc<dyn Embedder>>,
) -> Catalog {
    let desk = Desk {
        store: store.clone(),
        directory: directory.clone(),
        clock: Arc::clone(clock),
        embedder,
    };
    catalog.with(Remember(desk.clone())).with(Recall(desk))
}

#[derive(Clone)]
struct Desk {
    store: Store,
    directory: CurrentDirectory,
    clock: Arc<dyn Clock>,
    embedder: Option<Arc<dyn Embedder>>,
}

impl Desk {
    async fn place(&self, context: &Context) -> Result<Place, Error> {
        let nobody = || Error::refused("nobody asks for this, so there is nobody to remember it for");
        let by = context.on_behalf.as_ref().ok_or_else(nobody)?;
        let ids = (by.person_id.as_str(), by.conversation_id.as_str());
        let place = Place::of_call((&self.store, &self.directory), ids, self.clock.now());
        place.await.map_err(of_store)?.ok_or_else(nobody)
    }
}

/// The model is told no more, and the log why.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn of_store(error: jarvis_memory::Error) -> Error {
    tracing::warn!(%error, "a tool of memory failed");
    Error::unavailable("the database does not answer, so nothing was remembered and nothing found")
}

/// Keeps one fact for later conversations. Use it when the user asks you to remember something, or tells you something
/// lasting about themselves or this place. One fact a call, in one sentence that can be understood alone, in the words of
/// the user. Who may find it again follows from where you are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RememberInput {
    /// The fact: at most 1,000 characters.
    text: String,
    /// Whom it is about: `me` for the user, `here` for this place or household, else a name.
    #[serde(default)]
    about: Option<String>,
    /// The id of an older memory of this user that is no longer true, such as a1b2c3, as `recall` shows it.
    #[serde(default)]
    instead_of: Option<String>,
}

struct Remember(Desk);

#[async_trait]
impl Tool for Remember {
    type Input = RememberInput;
    const NAME: &'static str = "remember";

    /// It changes what the one who asks is told later, and `/memory forget` takes it back. Strangers are not remembered.
    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk::acts(Effect::Reversible, Trust::Member).keeps()
    }

    fn least_trust(&self) -> Trust {
        Trust::Member
    }

    fn only_acts(&self) -> bool {
        true
    }

    /// It says an id and nothing else.
    fn untrusted_output(&self) -> bool {
        false
    }

    async fn run(&self, context: &Context, input: Self::Input) -> Result<Output, Error> {
        let place = self.0.place(context).await?;
        let about = match input.about.as_deref().map(str::trim) {
            None | Some("" | "me" | "user") => About::Asker,
            Some("here" | "this place" | "house" | "home") => About::Place,
            Some(name) => About::Named(name.to_owned()),
        };
        let memory = fact(
            &self.0.store,
            &place,
            self.0.clock.as_ref(),
            Fact {
                text: &input.text,
                about,
                source: None,
            },
        );
        let memory = memory.await.map_err(of_store)?.map_err(Error::refused)?;
        let replaced = match &input.instead_of {
            None => None,
            Some(ending) => {
                let scope = place.scope();
                let found = self
                    .0
                    .store
                    .memories(Whose::Person(&place.person_id), &scope, Some(ending), 2);
                let [old] = <[_; 1]>::try_from(found.await.map_err(of_store)?).map_err(|_| {
                    Error::refused("`instead_of` names no memory of this user").with_hint("leave it out")
                })?;
                Some(old.memory.id)
            }
        };
        let kept = self
            .0
            .store
            .keep_memory(&memory, replaced.as_deref())
            .await
            .map_err(of_store)?;
        let id = short(&memory.id);
        match kept {
            Kept::New => Ok(Output {
                summary: format!("Remembered as `{id}`. `/memory forget {id}` takes it back."),
                data: json!({ "id": id }),
            }),
            Kept::Known => Ok(Output {
                summary: "That is remembered already.".to_owned(),
                data: Value::Null,
            }),
            Kept::NothingToReplace => {
                Err(Error::refused("`instead_of` names no memory of this user here").with_hint("leave it out"))
            }
            Kept::Full => Err(
                Error::refused("so much is remembered of this user that nothing more is")
                    .with_hint("tell them that `/memory` lists it and `/memory forget ID` makes room"),
            ),
        }
    }
}

/// Finds what was said or remembered before, in other conversations too, as far as the user may see it here. Use it when the
/// user speaks of something that is not in this conversation. Ask with the words that it was probably said in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RecallInput {
    /// What to look for: names, things, a day.
    query: String,
}

struct Recall(Desk);

#[async_trait]
impl Tool for Recall {
    type Input = RecallInput;
    const NAME: &'static str = "recall";

    /// What is private in it is known when it is found: see [`brought`].
    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk::read(Trust::Member)
    }

    fn least_trust(&self) -> Trust {
        Trust::Member
    }

    /// Known when it is found.
    fn untrusted_output(&self) -> bool {
        false
    }

    async fn run(&self, context: &Context, input: Self::Input) -> Result<Output, Error> {
        let place = self.0.place(context).await?;
        if Question::new(&input.query).is_empty() {
            return Err(Error::refused("the query has no word that could be looked for"));
        }
        let (desk, scope) = (&self.0, place.scope());
        let found = find(&desk.store, desk.embedder.as_ref(), &input.query, &scope);
        let found = found.await.map_err(of_store)?;
        Ok(output(&found, &place.person_id))
    }
}

fn output(found: &[Recalled], asker: &str) -> Output {
    if found.is_empty() {
        return Output {
            summary: "Nothing that fits was said or remembered here.".to_owned(),
            data: Value::Null,
        };
    }
    let lines: Vec<String> = found.iter().map(|found| line(found, LINE_CHARS)).collect();
    Output {
        summary: lines.join("\n"),
        data: json!({
            "by_others": !found.iter().all(|found| is_own(found, asker)),
            "private": found.iter().any(|found| found.audience.is_private()),
        }),
    }
}

/// What Jarvis said can repeat what it read somewhere.
fn is_own(found: &Recalled, asker: &str) -> bool {
    found.author_id.as_deref() == Some(asker)
}

/// What a call brings into its turn. The flags are made by code, beside the words that were found.
pub(crate) fn brought(tool: &str, result: &ToolResult) -> Brings {
    match result {
        ToolResult::Ok { data, .. } if tool == Recall::NAME => Brings {
            tainted: data.get("by_others") == Some(&true.into()),
            saw_private: data.get("private") == Some(&true.into()),
            tokens: (0, 0),
        },
        _ => Brings::default(),
    }
}

/// The arguments of a call as the audit has them. Nothing can be taken out of that, and what people said of themselves is
/// theirs to take back, so their words are not in it. They are with the call, which goes when its person is forgotten.
pub(crate) fn for_audit(tool: &str, arguments: Value) -> Value {
    const PERSONAL: [&str; 3] = [Remember::NAME, Recall::NAME, "schedule"];
    if !PERSONAL.contains(&tool) {
        return arguments;
    }
    let Value::Object(fields) = arguments else {
        return Value::Null;
    };
    let without_words = fields.into_iter().map(|(name, value)| match (name.as_str(), value) {
        ("text" | "query" | "about", Value::String(text)) => {
            let count = text.chars().count();
            (name, Value::String(format!("({count} characters)")))
        }
        (_, value) => (name, value),
    });
    without_words.collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_has_no_words_of_people() {
        let check = |tool, arguments: Value, expect: Value| assert_eq!(for_audit(tool, arguments), expect, "{tool}");
        let text = json!({ "text": "I am ill", "about": "me" });
        check(
            "remember",
            text,
            json!({ "text": "(8 characters)", "about": "(2 characters)" }),
        );
        check(
            "recall",
            json!({ "query": "ill" }),
            json!({ "query": "(3 characters)" }),
        );
        let reminder = json!({ "text": "pills", "when": "daily 8:00" });
        check(
            "schedule",
            reminder,
            json!({ "text": "(5 characters)", "when": "daily 8:00" }),
        );
        let act = json!({ "text": "plex" });
        check("docker_action", act.clone(), act);
    }
}
