//! Who speaks, as told by the transport.

use jarvis_gateway::caller::{Caller, Scope};
use jarvis_memory::records::Person;
use jarvis_tools::risk::Trust;

/// The person of this machine: whoever may use its loopback or its data folder.
pub(crate) const OWNER: &str = "owner";

/// Where a message or a decision came from. A label for the audit; it gives no rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Surface {
    Console,
    Terminal,
    #[default]
    Api,
}

impl Surface {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Terminal => "terminal",
            Self::Api => "api",
        }
    }

    /// Reads the `x-jarvis-surface` header; anything unknown is the API.
    pub fn from_header(value: Option<&str>) -> Self {
        match value {
            Some("console") => Self::Console,
            Some("terminal") => Self::Terminal,
            Some(_) | None => Self::Api,
        }
    }
}

/// Somebody with an identity, and what that gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub person_id: String,
    /// For people: `owner`, `laptop`.
    pub name: String,
    pub trust: Trust,
    pub may_approve: bool,
    pub surface: Surface,
    /// Whose limits and whose budget hold for what models do for this principal.
    pub account: Caller,
    /// The room this principal talks in, as (platform, external id).
    pub(crate) place: (&'static str, String),
}

impl Principal {
    /// Rights come from the caller alone: loopback without keys is the owner, `ops` acts for the owner, and any other
    /// key is a member to whom no tool is offered.
    pub fn of(caller: &Caller, surface: Surface) -> Self {
        match caller {
            Caller::Internal => Self {
                person_id: "internal".into(),
                name: "internal".into(),
                trust: Trust::Public,
                may_approve: false,
                surface,
                account: Caller::Internal,
                place: ("key", "internal".into()),
            },
            Caller::Loopback => Self::owner(surface),
            Caller::Key(key) if key.id == Self::LOCAL_KEY => Self::owner(surface),
            Caller::Key(key) => {
                let ops = caller.may(Scope::Ops);
                Self {
                    person_id: format!("key:{}", key.id),
                    name: key.name.clone(),
                    trust: if ops { Trust::Owner } else { Trust::Member },
                    may_approve: caller.may(Scope::Approve),
                    surface,
                    account: caller.clone(),
                    place: if ops {
                        ("local", "home".into())
                    } else {
                        ("key", key.id.clone())
                    },
                }
            }
        }
    }

    /// The id of the key that the server leaves in the data folder for the owner's own commands.
    pub const LOCAL_KEY: &'static str = "local";

    fn owner(surface: Surface) -> Self {
        Self {
            person_id: OWNER.into(),
            name: OWNER.into(),
            trust: Trust::Owner,
            may_approve: true,
            surface,
            account: Caller::Loopback,
            place: ("local", "home".into()),
        }
    }

    /// The row of this principal, with the trust that its votes carry.
    pub(crate) fn person(&self) -> Person {
        Person {
            id: self.person_id.clone(),
            display: self.name.clone(),
            trust: self.vote_trust().level(),
        }
    }

    /// The trust that this person's votes carry. A key made for approving carries the owner's, though it cannot act.
    fn vote_trust(&self) -> Trust {
        if self.may_approve { Trust::Owner } else { self.trust }
    }

    /// The most trust that anybody has in this principal's room.
    pub(crate) fn room_ceiling(&self) -> Trust {
        if self.place.0 == "local" {
            Trust::Owner
        } else {
            Trust::Member
        }
    }
}

#[cfg(test)]
mod tests {
    use jarvis_gateway::caller::Key;

    use super::*;

    fn key(scopes: &[Scope]) -> Caller {
        Caller::from(Key {
            id: "k1".into(),
            name: "laptop".into(),
            scopes: scopes.to_vec(),
            ..Key::default()
        })
    }

    #[test]
    fn rights_come_from_the_caller() {
        let check = |caller: Caller, trust, may_approve| {
            let principal = Principal::of(&caller, Surface::Api);
            assert_eq!(
                (principal.trust, principal.may_approve),
                (trust, may_approve),
                "{caller:?}"
            );
        };
        check(Caller::Internal, Trust::Public, false);
        check(Caller::Loopback, Trust::Owner, true);
        check(key(&[Scope::Chat]), Trust::Member, false);
        check(key(&[Scope::Ops]), Trust::Owner, false);
        check(key(&[Scope::Ops, Scope::Approve]), Trust::Owner, true);
        check(key(&[Scope::Approve]), Trust::Member, true);
    }
}
