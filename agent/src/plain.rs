//! The few commands that never go to a model: approving, denying, stopping.

/// A command that code carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plain {
    Approve(String),
    Deny(String),
    /// Ask again for an act whose card came to nothing.
    Again(String),
    Stop,
}

/// Reads a message as a command. Only a message that is the command and nothing else is one, so that talk about
/// approving never approves.
pub(crate) fn parse(text: &str) -> Option<Plain> {
    let text = text.trim();
    let text = text.strip_prefix('/').unwrap_or(text);
    let mut words = text.split_whitespace();
    let command = words.next()?.to_lowercase();
    let argument = words.next();
    if words.next().is_some() {
        return None;
    }
    match (command.as_str(), argument) {
        ("approve", Some(id)) => approval_id(id).map(Plain::Approve),
        ("deny" | "reject", Some(id)) => approval_id(id).map(Plain::Deny),
        ("again", Some(id)) => approval_id(id).map(Plain::Again),
        ("stop", None) => Some(Plain::Stop),
        _ => None,
    }
}

fn approval_id(word: &str) -> Option<String> {
    let word = word.trim_end_matches(['.', '!']).trim_matches('`');
    let fits = word.len() == 4 && word.chars().all(|c| c.is_ascii_alphanumeric());
    fits.then(|| word.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_command_alone_is_a_command() {
        let check = |text: &str, expect: Option<Plain>| assert_eq!(parse(text), expect, "{text:?}");
        check("approve K7QX", Some(Plain::Approve("K7QX".into())));
        check("/approve k7qx", Some(Plain::Approve("K7QX".into())));
        check("  Approve `k7qx`.  ", Some(Plain::Approve("K7QX".into())));
        check("deny K7QX", Some(Plain::Deny("K7QX".into())));
        check("reject K7QX", Some(Plain::Deny("K7QX".into())));
        check("again K7QX", Some(Plain::Again("K7QX".into())));
        check("/stop", Some(Plain::Stop));
        check("stop", Some(Plain::Stop));
        check("stop web", None);
        check("please approve K7QX", None);
        check("approve K7QX now", None);
        check("approve", None);
        check("approve K7QXY", None);
        check("approve ../a", None);
        check("", None);
    }
}
