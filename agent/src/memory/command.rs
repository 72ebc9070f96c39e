//! `/memory`.

use jarvis_memory::recall::Audience;

use super::view::{MemoryView, listed};
use crate::agent::Agent;
use crate::error::Error;
use crate::plain::{Asked, Reply};
use crate::principal::Principal;

/// What `/memory` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MemoryWish {
    List,
    Add(String),
    Forget(String),
    /// Whether something may be learned by itself.
    Learn(bool),
}

/// The words after `/memory`.
pub(crate) fn memory_wish(words: &[&str]) -> Option<MemoryWish> {
    match words {
        [] | ["list"] => Some(MemoryWish::List),
        ["add", rest @ ..] if !rest.is_empty() => Some(MemoryWish::Add(rest.join(" "))),
        ["forget", id] => Some(MemoryWish::Forget(id.trim_matches(['`', '.']).to_lowercase())),
        ["on"] => Some(MemoryWish::Learn(true)),
        ["off"] => Some(MemoryWish::Learn(false)),
        _ => None,
    }
}

impl Agent {
    /// Lists are shown once and kept nowhere: what is forgotten later must not stand in a history.
    pub(crate) async fn memory_command(&self, asked: Asked<'_>, wish: MemoryWish) -> Result<Reply, Error> {
        let principal = asked.principal;
        let done = match wish {
            MemoryWish::List => {
                let memories = self.memories(principal).await?;
                let learns = self.is_learned_about(principal).await?;
                return Ok(Reply::shown_once(list(principal, &memories, learns)));
            }
            MemoryWish::Add(text) => self
                .remember(principal, &text)
                .await
                .map(|view| format!("Remembered as `{0}`. `/memory forget {0}` takes it back.", view.id)),
            MemoryWish::Forget(id) => self
                .forget_memory(principal, &id)
                .await
                .map(|()| format!("`{id}` is forgotten. What you wrote stays in the conversation; `/forgetme` takes that too.")),
            MemoryWish::Learn(true) => self
                .set_learning(principal, true)
                .await
                .map(|()| "What you say of yourself may be learned again.".to_owned()),
            MemoryWish::Learn(false) => self.set_learning(principal, false).await.map(|()| {
                "Nothing is learned about you by itself any more. What is remembered stays until you forget it: `/memory` \
                 lists it."
                    .to_owned()
            }),
        };
        match done {
            Ok(text) => Ok(text.into()),
            Err(Error::Store(error)) => Err(Error::Store(error)),
            Err(error) => Ok(format!("Not done: {error}.").into()),
        }
    }
}

fn list(principal: &Principal, memories: &[MemoryView], learns: bool) -> String {
    let is_mine = |view: &&MemoryView| view.about_id.as_deref() == Some(principal.person_id.as_str());
    let is_of_house = |view: &&MemoryView| view.audience == Audience::Owner.as_str() && !is_mine(view);
    let part = |title: &str, fits: &dyn Fn(&&MemoryView) -> bool| {
        let lines: Vec<String> = memories.iter().filter(fits).map(listed).collect();
        (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
    };
    let parts = [
        part("About you:", &is_mine),
        part("About the house:", &is_of_house),
        part("What you said about others and this place:", &|view| {
            !is_mine(view) && !is_of_house(view)
        }),
    ];
    let mut text = parts.into_iter().flatten().collect::<Vec<String>>().join("\n\n");
    if text.is_empty() {
        text += "Nothing is remembered of you here.";
    }
    if !principal.room.is_confidential() && !principal.room.is_own() {
        text += "\n\nOthers read along here: in a direct message there may be more.";
    }
    text += if learns {
        "\n\n`/memory forget ID` takes one away, `/memory off` ends that something is learned by itself, `/forgetme` takes \
         everything."
    } else {
        "\n\nNothing is learned about you by itself (`/memory on`). `/memory forget ID` takes one away, `/forgetme` takes \
         everything."
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_memory() {
        let check = |text: &str, expect: Option<MemoryWish>| {
            let words: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(memory_wish(&words), expect, "{text:?}");
        };
        check("", Some(MemoryWish::List));
        check("list", Some(MemoryWish::List));
        check("add I like  tea", Some(MemoryWish::Add("I like tea".into())));
        check("forget `A1B2C3`.", Some(MemoryWish::Forget("a1b2c3".into())));
        check("off", Some(MemoryWish::Learn(false)));
        check("on", Some(MemoryWish::Learn(true)));
        check("add", None);
        check("forget", None);
        check("of the computer is full", None);
    }
}
