//! Making two accounts one person: a code for one account, brought by it, confirmed where it was given out.

use std::time::Duration;

use jarvis_memory::people::{Identity, Known, LinkCode, Linked, Redeemed, Target};
use jarvis_memory::records::AuditEvent;
use rand::RngExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{standing, whoami};
use crate::conversations;
use crate::error::Error;
use crate::parts::Parts;
use crate::plain::{Asked, Reply};
use crate::principal::{OWNER, Principal};

/// Letters and digits that are not taken for one another when read aloud or typed from a screen.
const ALPHABET: &[u8] = b"ACDEFGHJKMNPQRTUVWXYZ34679";
/// 26^8 codes, of which an account may try five in ten minutes.
const LENGTH: usize = 8;
const VALID: Duration = Duration::from_mins(10);
const LONGEST_NAME: usize = 100;

const USAGE: &str = "`/link PLATFORM:NAME` gives you a code for that account, such as `/link discord:kim` or, by its id, \
                     `/link discord:123456789`. That account says `/link CODE`, and then you say `/link confirm` here.";
const NOT_HERE: &str = "Others read along here. Ask for a code in a direct message or in the console.";
const NO_PERSON: &str = "A key is not a person and has no accounts. Link from the console of the machine itself, or from a \
                         direct message.";
const NO_CODE: &str = "This code is not for this account, or it is over. Codes hold for 10 minutes, once, and for the account \
                       that was named, under the name that it had then.";

/// What was said after `/link`.
enum Said<'a> {
    Issue { platform: &'a str, name: &'a str },
    Confirm,
    Redeem(String),
    Unclear,
}

fn said(words: &str) -> Said<'_> {
    if words.eq_ignore_ascii_case("confirm") {
        return Said::Confirm;
    }
    if let Some((platform, name)) = words.split_once(':') {
        let name = name.trim().trim_start_matches('@');
        let is_word = !platform.is_empty() && platform.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let fits = is_word && !matches!(platform, "local" | "key") && !name.is_empty() && name.len() <= LONGEST_NAME;
        return if fits {
            Said::Issue { platform, name }
        } else {
            Said::Unclear
        };
    }
    let code: String = words
        .chars()
        .filter(|c| !matches!(c, '-' | ' ' | '`'))
        .collect::<String>()
        .to_uppercase();
    if code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte)) {
        Said::Redeem(code)
    } else {
        Said::Unclear
    }
}

/// What is kept of the message: a code is not.
pub(crate) fn kept(words: &str) -> String {
    match said(words) {
        Said::Issue { .. } | Said::Confirm => format!("/link {words}"),
        Said::Redeem(_) | Said::Unclear => "/link …".to_owned(),
    }
}

/// `/link …`
pub(crate) async fn link(parts: &Parts, asked: Asked<'_>, words: &str) -> Result<Reply, Error> {
    match said(words) {
        Said::Issue { platform, name } => issue(parts, asked, platform, name).await,
        Said::Confirm => Ok(confirm(parts, asked.principal).await?.into()),
        Said::Redeem(code) => Ok(redeem(parts, asked.principal, &code).await?.into()),
        Said::Unclear => Ok(USAGE.into()),
    }
}

async fn issue(parts: &Parts, asked: Asked<'_>, platform: &str, name: &str) -> Result<Reply, Error> {
    let principal = asked.principal;
    if !principal.room.is_confidential() {
        return Ok(NOT_HERE.into());
    }
    if principal.account_of.is_none() && principal.person_id != OWNER {
        return Ok(NO_PERSON.into());
    }
    // Ids are numbers or begin so; a name of digits alone is taken for an id, which is the stricter of the two.
    let target = if name.chars().all(|c| c.is_ascii_digit()) {
        Target::Account(name.to_owned())
    } else {
        Target::Handle(name.to_lowercase())
    };
    let is_target = |identity: &Identity| {
        identity.platform == platform
            && match &target {
                Target::Account(id) => identity.account == *id,
                Target::Handle(handle) => identity.handle.to_lowercase() == *handle,
            }
    };
    let mine = parts.store.known_person(&principal.person_id).await?;
    if mine.is_some_and(|mine| mine.identities.iter().any(is_target)) {
        return Ok("This account is yours already; `/whoami` lists them.".into());
    }
    let code = fresh_code();
    let row = LinkCode {
        hash: hash(&code),
        issuer_id: principal.person_id.clone(),
        conversation_id: asked.conversation_id.to_owned(),
        platform: platform.to_owned(),
        target,
        expires_at: parts.now().plus(VALID),
    };
    audit(
        parts,
        principal,
        "link.issued",
        json!({ "platform": platform, "account": name }),
    )
    .await?;
    parts.store.issue_link(&row, parts.now()).await?;
    let (first, second) = code.split_at(LENGTH / 2);
    Ok(Reply::shown_once(format!(
        "Say `/link {first}-{second}` to me as {name} on {platform}, within {} minutes. Then say `/link confirm` here. The \
         code works for that account alone, and once.",
        VALID.as_secs() / 60
    )))
}

async fn redeem(parts: &Parts, principal: &Principal, code: &str) -> Result<String, Error> {
    let Some(account) = &principal.account_of else {
        return Ok("A code is brought by the account that it is for, on its platform.".into());
    };
    let by = Identity {
        platform: principal.room.platform.clone(),
        account: account.id.clone(),
        handle: account.handle.clone(),
        linked_at: parts.now(),
    };
    let redeemed = parts
        .store
        .redeem_link(&hash(code), &by, &principal.person_id, parts.now())
        .await?;
    let word = match redeemed {
        Redeemed::Waits { .. } => "ok",
        Redeemed::No => "refused",
        Redeemed::TooOften => "too_often",
    };
    audit(
        parts,
        principal,
        "link.redeemed",
        json!({ "account": by.account, "outcome": word }),
    )
    .await?;
    match redeemed {
        Redeemed::No => Ok(NO_CODE.into()),
        Redeemed::TooOften => Ok("Too many codes were tried from this account. Wait ten minutes.".into()),
        Redeemed::Waits { conversation_id, .. } => {
            let theirs = parts.store.known_person(&principal.person_id).await?;
            let text = brought(&by, &theirs.map(|theirs| theirs.identities).unwrap_or_default());
            conversations::add_event(parts, &conversation_id, None, text, json!({})).await?;
            Ok("Now say `/link confirm` where you got the code.".into())
        }
    }
}

/// What whoever gave the code out is told. The account brings all of its person with it.
fn brought(by: &Identity, all: &[Identity]) -> String {
    let others: Vec<String> = all
        .iter()
        .filter(|other| (&other.platform, &other.account) != (&by.platform, &by.account))
        .map(whoami::account)
        .collect();
    let with = if others.is_empty() {
        String::new()
    } else {
        format!(" Its person has {} too, which come with it.", others.join(", "))
    };
    format!(
        "{} brought your code.{with} If that is you, say `/link confirm` here; then it is one person with you, and whoever \
         has that account has what you were granted. If it is not, do nothing.",
        whoami::account(by)
    )
}

async fn confirm(parts: &Parts, principal: &Principal) -> Result<String, Error> {
    const NONE: &str = "No code of yours waits here. `/link PLATFORM:NAME` gives you one.";
    let room = conversations::room(parts, principal).await?;
    let (me, now) = (&principal.person_id, parts.now());
    let Some((from, account)) = parts.store.redeemer_of(me, &room.id, now).await? else {
        return Ok(format!(
            "{NONE} If you have one, the other account has to say it first."
        ));
    };
    let directory = parts.directory();
    let (mine, theirs) = (
        parts.store.known_person(me).await?,
        parts.store.known_person(&from).await?,
    );
    let is_owner = |known: &Option<Known>| {
        known
            .as_ref()
            .is_some_and(|known| standing::is_owner(known, &directory))
    };
    let i_own = is_owner(&mine);
    if is_owner(&theirs) && !i_own {
        return Ok(
            "That account is the owner's. A link gives nobody the trust of another: ask for the code from there."
                .into(),
        );
    }
    let arguments = json!({ "from": from, "into": me, "account": account });
    audit(parts, principal, "link.confirmed", arguments.clone()).await?;
    let floor = if i_own { 3 } else { 0 };
    let linked = parts.store.confirm_link(me, &room.id, &from, floor, now).await?;
    let (outcome, says) = match linked {
        Linked::Done { .. } => {
            let mine = parts.store.known_person(me).await?;
            let accounts = mine.map(|mine| mine.identities).unwrap_or_default();
            let accounts: Vec<String> = accounts.iter().map(whoami::account).collect();
            let says = format!("Linked. Your accounts: {}. `/unlink PLATFORM:ID` takes one away.", accounts.join(", "));
            ("ok", says)
        }
        Linked::NotRedeemed => ("refused", "The other account has not said the code yet.".into()),
        Linked::NoCode => ("refused", NONE.into()),
        Linked::Changed => ("refused", "That account became somebody else's meanwhile; begin again.".into()),
        Linked::MoreTrusted => (
            "refused",
            "The owner granted that account more than you have. A link gives nobody the trust of another: ask for the code \
             from there."
                .into(),
        ),
    };
    let event = AuditEvent {
        outcome: Some(outcome.into()),
        ..event(principal, "link.outcome", arguments)
    };
    if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
        tracing::error!(%error, "the end of a link is not in the audit");
    }
    Ok(says)
}

/// `/unlink PLATFORM:ID`: an account of the same person goes its own way, with nothing that was granted. An account may
/// take away itself and those that came after it, so that a stolen one does not shut out the others.
pub(crate) async fn unlink(parts: &Parts, principal: &Principal, words: &str) -> Result<String, Error> {
    let known = parts.store.known_person(&principal.person_id).await?;
    let identities = known.map(|known| known.identities).unwrap_or_default();
    let wanted = words
        .split_once(':')
        .map(|(platform, name)| (platform, name.trim_start_matches('@')));
    let is_wanted = |identity: &Identity| {
        wanted.is_some_and(|(platform, name)| {
            identity.platform == platform && (identity.account == name || identity.handle.eq_ignore_ascii_case(name))
        })
    };
    let Some(at) = identities.iter().position(is_wanted) else {
        return Ok(
            "That is none of your accounts. Say `/unlink PLATFORM:ID`; `/whoami` lists them in a direct message."
                .into(),
        );
    };
    let speaks = principal.account_of.as_ref().and_then(|speaking| {
        identities
            .iter()
            .position(|identity| identity.platform == principal.room.platform && identity.account == speaking.id)
    });
    let may = principal.account_of.is_none() || speaks.is_some_and(|speaks| speaks <= at);
    let Some(identity) = identities.get(at).filter(|_| may) else {
        return Ok("That account was yours before this one. Say it from there, or from an older one.".into());
    };
    if identities.len() == 1 && principal.account_of.is_some() {
        return Ok("It is your only account; there is nothing to take apart.".into());
    }
    let arguments = json!({ "platform": identity.platform, "account": identity.account });
    audit(parts, principal, "link.removed", arguments).await?;
    let alone = Identity {
        linked_at: parts.now(),
        ..identity.clone()
    };
    if parts
        .store
        .unlink(&principal.person_id, &alone, &parts.fresh_id())
        .await?
    {
        Ok(format!("{} is a person of its own now.", whoami::account(identity)))
    } else {
        Ok("That account is not yours any more.".into())
    }
}

fn fresh_code() -> String {
    let mut rng = rand::rng();
    (0..LENGTH)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(code.as_bytes()))
}

fn event(principal: &Principal, kind: &str, arguments: Value) -> AuditEvent {
    AuditEvent {
        kind: kind.to_owned(),
        person_id: Some(principal.person_id.clone()),
        via: principal.surface.as_str().to_owned(),
        arguments: Some(arguments),
        ..AuditEvent::default()
    }
}

async fn audit(parts: &Parts, principal: &Principal, kind: &str, arguments: Value) -> Result<(), Error> {
    parts
        .store
        .append_audit(&event(principal, kind, arguments), parts.now())
        .await?;
    Ok(())
}
