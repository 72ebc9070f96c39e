//! What a call may do to the world, judged from its arguments.

use serde::{Deserialize, Serialize};

/// How far a person is trusted, from strangers to the owner. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    Public,
    Member,
    Moderator,
    Operator,
    Owner,
}

impl Trust {
    pub const ALL: [Self; 5] = [Self::Public, Self::Member, Self::Moderator, Self::Operator, Self::Owner];

    /// 0 to 4, as the database keeps it.
    pub fn level(self) -> i64 {
        match self {
            Self::Public => 0,
            Self::Member => 1,
            Self::Moderator => 2,
            Self::Operator => 3,
            Self::Owner => 4,
        }
    }

    /// Anything that is not a known level is the lowest one.
    pub fn from_level(level: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|trust| trust.level() == level)
            .unwrap_or(Self::Public)
    }
}

/// What a call does to the world. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Read,
    /// Changes something that the inverse call brings back.
    Reversible,
    /// Interrupts a service, costs money, destroys something, or opens a door.
    Destructive,
}

impl Effect {
    pub const ALL: [Self; 3] = [Self::Read, Self::Reversible, Self::Destructive];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reversible => "reversible",
            Self::Destructive => "destructive",
        }
    }
}

/// What policy needs to know of one call.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each named where it is set"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risk {
    pub effect: Effect,
    /// The least trust with which a person may make this call at all.
    pub min_trust: Trust,
    /// The answer holds things that do not belong in a public room (logs, addresses, private state).
    pub reads_private: bool,
    /// The call would spend more than its budget has left.
    pub over_budget: bool,
    /// What stands in the arguments reaches somebody outside: the address of a page that is fetched, the words of a
    /// search. A read can carry private text away with it.
    pub egress: bool,
    /// What it writes is read by later turns: whoever words it has a say in them.
    pub keeps: bool,
}

impl Risk {
    pub const fn read(min_trust: Trust) -> Self {
        Self {
            effect: Effect::Read,
            min_trust,
            reads_private: false,
            over_budget: false,
            egress: false,
            keeps: false,
        }
    }

    #[must_use]
    pub const fn private(self) -> Self {
        Self {
            reads_private: true,
            ..self
        }
    }

    #[must_use]
    pub const fn egress(self) -> Self {
        Self { egress: true, ..self }
    }

    #[must_use]
    pub const fn keeps(self) -> Self {
        Self { keeps: true, ..self }
    }

    pub const fn acts(effect: Effect, min_trust: Trust) -> Self {
        Self {
            effect,
            min_trust,
            reads_private: false,
            over_budget: false,
            egress: false,
            keeps: false,
        }
    }
}
