//! Who is shown a card, and how many have to say yes.

use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{Approval, Delivery, DeliveryKind};
use jarvis_tools::risk::Trust;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::parts::Parts;
use crate::people::is_owner;

/// People who are looked at for who may decide.
const PEOPLE: i64 = 500;

/// The section `[approvals]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where cards are shown, as `PLATFORM:ROOM`: `discord:1234`. Without it, every operator with an account on a platform
    /// gets them in the direct conversation.
    pub room: Option<Place>,
    /// Acts that take two different persons: `TOOL:ACTION`, or `TOOL` for all of its acts.
    pub two: Vec<String>,
    /// After an approved act, a model looks at the outcome in the conversation that asked for it. Off unless it is set: it
    /// is a turn that nobody asked for.
    pub follow_up: bool,
}

/// `PLATFORM:ROOM`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    pub platform: String,
    pub room: String,
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some((platform, room)) if !platform.is_empty() && !room.is_empty() => Ok(Self {
                platform: platform.to_owned(),
                room: room.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is no room; write it as PLATFORM:ROOM, such as discord:1234"
            )),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        format!("{}:{}", place.platform, place.room)
    }
}

impl Config {
    /// How many different persons have to say yes to this call. Whoever asked for it may be one of them.
    pub(super) fn need(&self, tool: &str, arguments: &Value) -> i64 {
        let action = arguments.get("action").and_then(Value::as_str);
        let is_listed = self.two.iter().any(|listed| match listed.split_once(':') {
            Some((of_tool, of_action)) => of_tool == tool && Some(of_action) == action,
            None => listed == tool,
        });
        if is_listed { 2 } else { 1 }
    }
}

/// The copies of a new card: in the approvals room, or in the direct conversation of everybody who may decide it.
pub(super) async fn copies(
    parts: &Parts,
    approval: &Approval,
    now: Millis,
) -> Result<Vec<Delivery>, jarvis_memory::Error> {
    let copy = |platform: &str, room: &str, opens: bool| Delivery {
        approval_id: Some(approval.id.clone()),
        ..Delivery::new(parts.fresh_id(), DeliveryKind::Card, (platform, room), opens, now)
    };
    if let Some(place) = &parts.approvals.room {
        return Ok(vec![copy(&place.platform, &place.room, false)]);
    }
    let deciders = deciders(parts, Trust::from_level(approval.min_trust).max(Trust::Operator)).await?;
    let copies = deciders.iter().map(|(platform, account)| copy(platform, account, true));
    Ok(copies.collect())
}

/// One account of everybody who is trusted with `least`, as (platform, account): one whose platform is connected, if there
/// is one. The owner's accounts are those of the configuration.
async fn deciders(parts: &Parts, least: Trust) -> Result<Vec<(String, String)>, jarvis_memory::Error> {
    let (directory, connected) = (parts.directory(), parts.outbox.platforms());
    let chosen = |accounts: Vec<(String, String)>| {
        let reachable = accounts.iter().find(|(platform, _)| connected.contains(platform));
        reachable.or(accounts.first()).cloned()
    };
    let owners = directory.people.owners.iter();
    let mut deciders = Vec::from_iter(chosen(
        owners.map(|owner| (owner.platform.clone(), owner.id.clone())).collect(),
    ));
    for known in parts.store.known_people(PEOPLE).await? {
        if is_owner(&known, &directory) || Trust::from_level(known.granted).min(Trust::Operator) < least {
            continue;
        }
        let accounts = known.identities.into_iter();
        deciders.extend(chosen(
            accounts.map(|identity| (identity.platform, identity.account)).collect(),
        ));
    }
    Ok(deciders)
}

/// What the room that a card was asked for in may be told of it.
pub(super) enum Asking {
    /// The owner's own places: the plan.
    Home,
    /// A platform, among people who may know: the plan, and whether anybody is asked.
    Platform { reached: bool },
    /// Strangers read along: that it waits, and nothing of the plan.
    Public { reached: bool },
}

/// When the room cannot be read, strangers may be in it.
pub(super) async fn asking(parts: &Parts, approval: &Approval) -> Asking {
    let Some(id) = approval.conversation_id.as_deref() else {
        return Asking::Home;
    };
    let room = async {
        let conversation = parts.store.conversation(id).await?;
        let Some(conversation) = conversation else {
            return Ok(None);
        };
        parts.store.room_by_id(&conversation.room_id).await
    };
    let room: Result<_, jarvis_memory::Error> = room.await;
    if matches!(&room, Ok(Some(room)) if room.platform == "local" || room.platform == "key") {
        return Asking::Home;
    }
    let copies = parts.store.copies_of_card(&approval.id).await;
    let reached = copies.is_ok_and(|copies| !copies.is_empty());
    match room {
        Ok(Some(room)) if !room.public => Asking::Platform { reached },
        Ok(_) | Err(_) => Asking::Public { reached },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_takes_two_persons_by_its_tool_or_its_action() {
        let check = |two: &[&str], action: &str, expect: i64| {
            let config = Config {
                two: two.iter().map(|listed| (*listed).to_owned()).collect(),
                ..Config::default()
            };
            assert_eq!(
                config.need("volumes", &json!({ "action": action })),
                expect,
                "{two:?} {action}"
            );
        };
        check(&[], "wipe", 1);
        check(&["volumes:wipe"], "wipe", 2);
        check(&["volumes:wipe"], "make", 1);
        check(&["volumes"], "make", 2);
        check(&["volume"], "wipe", 1);
        check(&["other", "volumes:wipe"], "wipe", 2);
    }

    #[test]
    fn a_room_is_a_platform_and_its_id() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let place = Place::try_from(text.to_owned()).ok();
            let place = place
                .as_ref()
                .map(|place| (place.platform.as_str(), place.room.as_str()));
            assert_eq!(place, expect, "{text}");
        };
        check("discord:1234", Some(("discord", "1234")));
        check("matrix:!a:example.org", Some(("matrix", "!a:example.org")));
        check("discord", None);
        check(":1", None);
        check("discord:", None);
    }
}
