//! Vector spaces. Vectors of two spaces can be compared, and the result means nothing; nobody would notice. So a chain
//! never goes from one space to another.

use std::fmt;

use crate::chain::Target;
use crate::health::Health;

/// A space as a person named it in the configuration: targets that bear the same name are said to make the same vectors.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Space {
    pub name: String,
    /// Numbers per vector, when the request does not ask for fewer.
    pub dimensions: u32,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.dimensions)
    }
}

/// What is known of the space of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Named(Space),
    /// The digest of the model's weights, as its server tells it.
    Digest(String),
    Unknown,
}

impl Known {
    /// What was configured wins over what the server says.
    pub(super) fn of(target: &Target, health: &Health) -> Self {
        let worker = target.provider().worker(target.model());
        if let Some(space) = worker.and_then(|worker| worker.space()) {
            return Self::Named(space.clone());
        }
        let model = health.model(target.backend(), target.model());
        let digest = model.facts().digest.clone();
        digest.map_or(Self::Unknown, Self::Digest)
    }

    /// Only what is known to be equal is equal.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(one), Self::Named(other)) => one == other,
            (Self::Digest(one), Self::Digest(other)) => one == other,
            (Self::Named(_) | Self::Digest(_) | Self::Unknown, _) => false,
        }
    }

    /// For the header that tells which space the vectors are of.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Named(space) => Some(space.to_string()),
            Self::Digest(digest) => Some(digest.clone()),
            Self::Unknown => None,
        }
    }

    /// Why `self` was not asked in the place of a target of the space `wanted`.
    pub(super) fn why_not(&self, wanted: &Self, first: &str) -> String {
        let shown = |known: &Self| match known {
            Self::Named(space) => format!("`{space}`"),
            Self::Digest(digest) => format!("of the weights {}", digest.chars().take(19).collect::<String>()),
            Self::Unknown => "not known".to_owned(),
        };
        format!(
            "not asked, because vectors of different spaces must not be mixed: its space is {}, that of {first} is {}",
            shown(self),
            shown(wanted)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_equal_is_equal() {
        let named = |name: &str, dimensions| {
            Known::Named(Space {
                name: name.into(),
                dimensions,
            })
        };
        let digest = |digest: &str| Known::Digest(digest.into());
        let check = |one: Known, other: Known, expect: bool| {
            assert_eq!(
                (one.is_same(&other), other.is_same(&one)),
                (expect, expect),
                "{one:?} {other:?}"
            );
        };
        check(named("nomic", 768), named("nomic", 768), true);
        check(named("nomic", 768), named("nomic", 256), false);
        check(named("nomic", 768), named("bge", 768), false);
        check(named("a", 1), digest("a"), false);
        check(digest("a"), digest("a"), true);
        check(digest("a"), digest("b"), false);
        check(Known::Unknown, Known::Unknown, false);
    }
}
