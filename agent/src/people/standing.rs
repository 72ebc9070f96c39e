//! How far an account is trusted in a room, and why: pure, from the platform's event, the configuration and the rows.

use jarvis_memory::Store;
use jarvis_memory::people::{Identity, Known};
use jarvis_memory::records::Room;
use jarvis_tools::risk::Trust;

use super::Here;
use super::config::{Directory, word};
use crate::parts::Parts;
use crate::platform::{Author, RoomId};
use crate::principal::{Account, OWNER, Principal};

/// Trust with its reason, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) trust: Trust,
    pub(crate) why: String,
}

/// Badges that mean the same on every channel of their platform, as adapters name them. A Discord adapter says `member` of
/// somebody who is past the screening of the server; ids of roles there are numbers.
const BADGES: [(&str, &str, Trust); 11] = [
    ("discord", "member", Trust::Member),
    ("twitch", "broadcaster", Trust::Moderator),
    ("twitch", "moderator", Trust::Moderator),
    ("twitch", "vip", Trust::Member),
    ("twitch", "subscriber", Trust::Member),
    ("kick", "broadcaster", Trust::Moderator),
    ("kick", "moderator", Trust::Moderator),
    ("kick", "subscriber", Trust::Member),
    ("youtube", "owner", Trust::Moderator),
    ("youtube", "moderator", Trust::Moderator),
    ("youtube", "member", Trust::Member),
];

/// The highest of what holds:
///
/// 1. The account is one of the owner's by the configuration: owner.
/// 2. The account is linked to a person who has such an account, or to the owner of this machine: operator. Only the
///    configuration makes an account the owner's.
/// 3. The owner granted something to the person.
/// 4. A role in the server of this room that the configuration names, or a badge that its platform gives: moderator at
///    most.
///
/// A bot is public whatever else holds, and so is everybody of whom nothing holds.
pub(crate) fn of(room: &RoomId, author: &Author, known: Option<&Known>, directory: &Directory) -> Standing {
    if author.is_bot {
        return public("bots are trusted with nothing");
    }
    let platform = room.platform.as_str();
    let owner = directory.owns(platform, &author.account).then(|| {
        (
            Trust::Owner,
            "the configuration lists this account as the owner's".to_owned(),
        )
    });
    let person = known.and_then(|known| of_person(known, directory));
    let roles = author.roles.iter().filter_map(|role| of_role(room, role, directory));
    let best = owner.into_iter().chain(person).chain(roles);
    match best.max_by_key(|(trust, _)| *trust) {
        Some((trust, why)) if trust > Trust::Public => Standing { trust, why },
        Some(_) | None => public("nobody said more of you"),
    }
}

/// What every account of a person is trusted with.
pub(crate) fn of_person(known: &Known, directory: &Directory) -> Option<(Trust, String)> {
    if is_owner(known, directory) {
        return Some((Trust::Operator, "this account is linked to the owner".to_owned()));
    }
    // Whatever stands in the row, it makes nobody the owner.
    let granted = Trust::from_level(known.granted).min(Trust::Operator);
    (granted > Trust::Public).then(|| (granted, "the owner granted it".to_owned()))
}

pub(crate) fn is_owner(known: &Known, directory: &Directory) -> bool {
    let listed = |identity: &Identity| directory.owns(&identity.platform, &identity.account);
    known.person_id == OWNER || known.identities.iter().any(listed)
}

/// Somebody who waited for their turn, with what they have now: the owner may have taken it back meanwhile, or the person
/// this account. Roles are as they were when the message came. When nobody can tell, roles are all that is left.
pub(crate) async fn still(parts: &Parts, principal: Principal) -> Principal {
    let Some(account) = principal
        .account_of
        .as_ref()
        .filter(|_| principal.trust > Trust::Moderator)
    else {
        return principal;
    };
    let directory = parts.directory();
    if directory.owns(&principal.room.platform, &account.id) {
        return principal;
    }
    let known = match parts
        .store
        .person_of_account(&principal.room.platform, &account.id)
        .await
    {
        Ok(known) => known.filter(|known| known.person_id == principal.person_id),
        Err(error) => {
            tracing::warn!(%error, "somebody is trusted less in this turn, because the database does not answer");
            None
        }
    };
    let granted = known.and_then(|known| of_person(&known, &directory));
    let most = granted.map_or(Trust::Moderator, |(trust, _)| trust.max(Trust::Moderator));
    principal.at_most(most)
}

/// Somebody who does not speak just now, in a platform's room: what rows and configuration give them, because only an event
/// tells of roles. `None` when they are forgotten, or have no account there any more.
pub(crate) async fn absent(
    store: &Store,
    directory: &Directory,
    person_id: &str,
    room: Room,
) -> Result<Option<Principal>, jarvis_memory::Error> {
    let Some(known) = store.known_person(person_id).await? else {
        return Ok(None);
    };
    let room = RoomId {
        platform: room.platform,
        room: room.external_id,
        server: room.server_id,
        direct: room.direct,
    };
    let standing_of = |identity: &Identity| {
        let author = Author {
            account: identity.account.clone(),
            handle: identity.handle.clone(),
            roles: Vec::new(),
            is_bot: false,
        };
        (of(&room, &author, Some(&known), directory), author)
    };
    let there = known
        .identities
        .iter()
        .filter(|identity| identity.platform == room.platform);
    let best = there.map(standing_of).max_by_key(|(standing, _)| standing.trust);
    Ok(best.map(|(standing, author)| {
        let here = Here::of(&room, standing.trust, directory);
        let account = Account {
            id: author.account,
            handle: author.handle,
            why: standing.why,
        };
        Principal::on_platform(known.person_id.clone(), account, standing.trust, here)
    }))
}

fn of_role(room: &RoomId, role: &str, directory: &Directory) -> Option<(Trust, String)> {
    let server = room.server.as_deref()?;
    let configured = directory
        .server(&room.platform, server)
        .and_then(|server| server.roles.get(role));
    if let Some(trust) = configured {
        let trust = (*trust).min(Trust::Moderator);
        return Some((trust, format!("the role {role} of this server is {}", word(trust))));
    }
    let badge = BADGES
        .iter()
        .find(|(platform, badge, _)| *platform == room.platform && *badge == role);
    badge.map(|(_, badge, trust)| (*trust, format!("{} gives the badge {badge}", room.platform)))
}

fn public(why: &str) -> Standing {
    Standing {
        trust: Trust::Public,
        why: why.to_owned(),
    }
}
