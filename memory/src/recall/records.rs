//! What is found, and by whom.

use jarvis_gateway::clock::Millis;

use crate::records::Room;

/// The platform of the owner's own places.
const HOME: &str = "local";

/// Whom something may be told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// One person, alone with Jarvis.
    Person,
    /// Whoever is in one room.
    Room,
    /// Whoever is on one server of a platform.
    Server,
    /// The owner, in their own places: what belongs to the house.
    Owner,
}

impl Audience {
    pub(crate) const ALL: [Self; 4] = [Self::Person, Self::Room, Self::Server, Self::Owner];

    /// It belongs to one person or to the house.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Person | Self::Owner)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Room => "room",
            Self::Server => "server",
            Self::Owner => "owner",
        }
    }

    /// The audience of what is said in a room, and whose it is. `person` is whose conversation it is in a direct room.
    ///
    /// 1. What is said at home is the owner's.
    /// 2. What is said in a direct room is that person's.
    /// 3. What strangers can read is the server's.
    /// 4. Everything else stays in its room.
    pub fn of_room(room: &Room, person: Option<&str>) -> (Self, String) {
        match (person, &room.server_id) {
            _ if room.platform == HOME => (Self::Owner, String::new()),
            (Some(person), _) if room.direct => (Self::Person, person.to_owned()),
            (_, Some(server)) if room.public => (Self::Server, format!("{} {server}", room.platform)),
            _ => (Self::Room, room.id.clone()),
        }
    }
}

/// What somebody may find where they are. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub(crate) audiences: Vec<(Audience, String)>,
}

impl Scope {
    /// For a person in a room. What belongs to one person or to the house is found only where nobody else reads: in a
    /// direct room and at home, never in a public room, nor in a private one of several people.
    pub fn of(room: &Room, person_id: &str, is_owner: bool) -> Self {
        let mut audiences = vec![(Audience::Room, room.id.clone())];
        if let Some(server) = &room.server_id {
            audiences.push((Audience::Server, format!("{} {server}", room.platform)));
        }
        if !room.public && (room.direct || room.platform == HOME) {
            audiences.push((Audience::Person, person_id.to_owned()));
            if is_owner {
                audiences.push((Audience::Owner, String::new()));
            }
        }
        Self { audiences }
    }
}

/// A fact that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    pub id: String,
    /// Whom it is about; `None` for a room or the house.
    pub subject_id: Option<String>,
    /// Who said it.
    pub author_id: Option<String>,
    pub audience: Audience,
    /// The person, the room, or the platform and its server with a blank between; empty for the owner.
    pub whose: String,
    /// At most 1,000 characters.
    pub text: String,
    pub source_message: Option<String>,
    /// The author's trust when it was said, 0 to 4.
    pub author_trust: i64,
    pub at: Millis,
}

/// A fact with the names of those it has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    pub memory: Memory,
    pub subject: Option<String>,
    pub author: Option<String>,
}

/// What became of a fact that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    New,
    /// The same words of the same author are kept for the same audience.
    Known,
    /// There is no fact of this author that it could take the place of.
    NothingToReplace,
    /// The author has as many as anybody may have.
    Full,
}

/// Whose facts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those that a person said, and those about them that may be found in the scope.
    Person(&'a str),
    /// The same, of what may be found in the scope alone.
    PersonHere(&'a str),
    /// The same as [`Self::Person`], and everything that belongs to the house.
    House(&'a str),
}

/// Where something that was found stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Message { id: String, conversation_id: String },
    Memory { id: String },
}

/// Something that was said before.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    pub source: Source,
    /// The name of who said it; `None` for Jarvis.
    pub author: Option<String>,
    /// Who that is.
    pub author_id: Option<String>,
    pub audience: Audience,
    /// 0 to 4, of the author when it was said.
    pub trust: i64,
    pub text: String,
    pub at: Millis,
    /// Only to be compared with others of the same answer.
    pub score: f64,
}

/// An entry that has no vector of a space yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutVector {
    pub key: i64,
    /// What the vector is made of. Without the author, whose name "Well done, Anna!" would be nearest to.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(platform: &str, public: bool, direct: bool, server: Option<&str>) -> Room {
        Room {
            id: "r1".into(),
            platform: platform.into(),
            external_id: "x".into(),
            ceiling: 4,
            public,
            server_id: server.map(Into::into),
            direct,
        }
    }

    #[test]
    fn what_was_said_alone_is_found_only_alone() {
        let check = |room: Room, said_to: (Audience, &str), finds: &[(Audience, &str)]| {
            let (audience, whose) = Audience::of_room(&room, Some("anna"));
            assert_eq!((audience, whose.as_str()), said_to, "{room:?}");
            let owner = Scope::of(&room, "anna", true);
            let found: Vec<(Audience, &str)> = owner
                .audiences
                .iter()
                .map(|(audience, whose)| (*audience, whose.as_str()))
                .collect();
            assert_eq!(found, finds, "{room:?}");
        };
        check(
            place("local", false, false, None),
            (Audience::Owner, ""),
            &[
                (Audience::Room, "r1"),
                (Audience::Person, "anna"),
                (Audience::Owner, ""),
            ],
        );
        check(
            place("discord", false, true, None),
            (Audience::Person, "anna"),
            &[
                (Audience::Room, "r1"),
                (Audience::Person, "anna"),
                (Audience::Owner, ""),
            ],
        );
        let guild = Some("g");
        check(
            place("discord", true, false, guild),
            (Audience::Server, "discord g"),
            &[(Audience::Room, "r1"), (Audience::Server, "discord g")],
        );
        check(
            place("discord", false, false, guild),
            (Audience::Room, "r1"),
            &[(Audience::Room, "r1"), (Audience::Server, "discord g")],
        );
        check(
            place("twitch", true, false, None),
            (Audience::Room, "r1"),
            &[(Audience::Room, "r1")],
        );
        // A direct room that says to be public finds no secrets.
        check(
            place("discord", true, true, None),
            (Audience::Person, "anna"),
            &[(Audience::Room, "r1")],
        );
        check(
            place("key", false, false, None),
            (Audience::Room, "r1"),
            &[(Audience::Room, "r1")],
        );
        assert_eq!(
            Scope::of(&place("discord", false, true, None), "ben", false).audiences,
            [(Audience::Room, "r1".to_owned()), (Audience::Person, "ben".to_owned())]
        );
    }
}
