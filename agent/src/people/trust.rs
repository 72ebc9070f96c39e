//! What the owner grants to persons.

use jarvis_memory::people::{Identity, Known};
use jarvis_memory::records::{AuditEvent, Delivery};
use jarvis_tools::risk::Trust;
use serde_json::json;

use super::config::{PlatformId, trust_of_word, word};
use super::{standing, whoami};
use crate::error::Error;
use crate::parts::Parts;
use crate::principal::Principal;

const USAGE: &str = "Say `/trust discord:ID operator`, or `moderator`, `member`, `public`. The id is a number; people see \
                     theirs with `/whoami`.";
/// Accounts of one name that are shown.
const NAMESAKES: i64 = 5;

/// `/trust WHO LEVEL`, said by the owner.
pub(crate) async fn grant(parts: &Parts, owner: &Principal, words: &str) -> Result<String, Error> {
    let Some((who, level)) = words.rsplit_once(' ') else {
        return Ok(USAGE.into());
    };
    let who = who.trim();
    let Some(level) = trust_of_word(&level.to_lowercase()) else {
        return Ok(USAGE.into());
    };
    if level == Trust::Owner {
        return Ok("Owners stand in the configuration, under [people], and nowhere else.".into());
    }
    let known = match find(parts, who).await? {
        Ok(known) => known,
        Err(says) => return Ok(says),
    };
    if standing::is_owner(&known, &parts.directory()) {
        return Ok("This is the owner. Owners stand in the configuration, under [people].".into());
    }
    let before = Trust::from_level(known.granted);
    let event = AuditEvent {
        kind: "trust.granted".into(),
        person_id: Some(owner.person_id.clone()),
        via: owner.surface.as_str().into(),
        arguments: Some(json!({ "person": known.person_id, "from": word(before), "to": word(level) })),
        decision: Some("allow".into()),
        rule: Some("owner".into()),
        ..AuditEvent::default()
    };
    // Without the row nothing is granted.
    parts.store.append_audit(&event, parts.now()).await?;
    if !parts.store.grant_trust(&known.person_id, level.level()).await? {
        return Ok("This person is gone; nothing was granted.".into());
    }
    if let Err(error) = tell(parts, &known, level).await {
        tracing::error!(%error, "a person is not told of what was granted");
    }
    let accounts: Vec<String> = known.identities.iter().map(whoami::account).collect();
    Ok(format!(
        "{} is {} now; before: {}.",
        accounts.join(" and "),
        word(level),
        word(before)
    ))
}

/// Tells the person in a direct message of the account that is theirs the longest.
async fn tell(parts: &Parts, known: &Known, level: Trust) -> Result<(), Error> {
    let Some(account) = known.identities.first() else {
        return Ok(());
    };
    let text = format!(
        "The owner made you {} to me. `/whoami` says what that means where you ask it, `/rules` what holds there.",
        word(level)
    );
    let delivery = Delivery::to_account(parts.fresh_id(), &account.platform, &account.account, text, parts.now());
    parts.store.deliver(&delivery).await?;
    parts.outbox.ring();
    Ok(())
}

/// A person by the id of an account or by their own. A name is not enough, because anybody can take one.
async fn find(parts: &Parts, who: &str) -> Result<Result<Known, String>, Error> {
    if let Ok(id) = PlatformId::try_from(who.to_owned())
        && let Some(known) = parts.store.person_of_account(&id.platform, &id.id).await?
    {
        return Ok(Ok(known));
    }
    if let Some(known) = parts.store.known_person(who).await?
        && !known.identities.is_empty()
    {
        return Ok(Ok(known));
    }
    let named: Vec<Identity> = match who.split_once(':') {
        Some((platform, name)) => {
            parts
                .store
                .accounts_called(platform, name.trim_start_matches('@'), NAMESAKES)
                .await?
        }
        None => Vec::new(),
    };
    if named.is_empty() {
        return Ok(Err(format!(
            "I have not heard of this account. It has to say something to me once, `/whoami` for example. {USAGE}"
        )));
    }
    let named: Vec<String> = named.iter().map(whoami::account).collect();
    Ok(Err(format!(
        "A name is not enough, because anybody can take one. I know {}. Say it with the id.",
        named.join(", ")
    )))
}
