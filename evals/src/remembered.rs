//! What a case leaves in the memory that Jarvis has.

use std::collections::BTreeMap;

use anyhow::Result;
use jarvis_memory::Store;
use jarvis_memory::recall::{Scope, Whose};

/// Makes what was said findable, as a server does a little later.
pub(crate) async fn index(store: &Store) -> Result<()> {
    let mut after = None;
    loop {
        after = store.index_messages(after.as_deref(), 50).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Every fact that is kept, with who finds it.
pub(crate) async fn remembered(store: &Store) -> Result<BTreeMap<String, String>> {
    let people = store.known_people(100).await?;
    let people = people.iter().map(|known| known.person_id.as_str());
    let mut all = BTreeMap::new();
    for person in people.chain(["owner"]) {
        let facts = store
            .memories(Whose::Person(person), &Scope::default(), None, 100)
            .await?;
        all.extend(facts.into_iter().map(|fact| {
            let audience = fact.memory.audience.as_str().to_owned();
            (format!("memory.{}", fact.memory.text), audience)
        }));
    }
    Ok(all)
}
