//! The rows of people: accounts, rooms of platforms, codes that link accounts.

use jarvis_gateway::clock::Millis;
use serde::Serialize;

/// An account of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub platform: String,
    /// The platform's id of the account.
    pub account: String,
    /// The name that the platform showed last.
    pub handle: String,
    pub linked_at: Millis,
}

/// A person with everything that is known of who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub person_id: String,
    pub display: String,
    /// What the owner granted, 0 to 3.
    pub granted: i64,
    /// The one that is a part of the person the longest comes first.
    pub identities: Vec<Identity>,
}

/// Who is to be forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Forget<'a> {
    pub person_id: &'a str,
    /// How they are called where a name stands for a person.
    pub names: &'a [String],
    /// For the first one who is forgotten: random, so that nobody else's list of hashes fits.
    pub salt: &'a str,
    pub now: Millis,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    pub accounts: usize,
    pub messages: i64,
    pub turns: i64,
    pub memories: i64,
    /// Conversations that were theirs alone.
    pub conversations: usize,
}

/// Which account a code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Account(String),
    /// In lower case.
    Handle(String),
}

/// A code that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCode {
    /// SHA-256 of the code, in hex.
    pub hash: String,
    pub issuer_id: String,
    /// Where it was given out, and where it has to be confirmed.
    pub conversation_id: String,
    pub platform: String,
    pub target: Target,
    pub expires_at: Millis,
}

/// What became of a code that somebody brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// It waits for its issuer.
    Waits { issuer_id: String, conversation_id: String },
    /// There is no such code for this account. Why not is nobody's business who guesses.
    No,
    /// This account tried too often.
    TooOften,
}

/// What became of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// The person `from` is a part of the issuer now.
    Done { from: String },
    /// Nobody has brought the code.
    NotRedeemed,
    /// There is no open code of this issuer here.
    NoCode,
    /// The account became somebody else's after it brought the code.
    Changed,
    /// The owner granted the other person more than the issuer, and a link gives nobody trust of another.
    MoreTrusted,
}
