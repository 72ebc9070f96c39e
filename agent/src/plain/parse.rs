//! From a message to a command.

use std::time::Duration;

use super::{COMMANDS, Needs, Plain};

/// Reads a message as a command. Only a message that is the command and nothing else is one, so that talk about
/// approving never approves.
pub(crate) fn parse(text: &str) -> Option<(Plain, Needs)> {
    let text = text.trim();
    let unmarked = text.strip_prefix(['/', '!']);
    let mut words = unmarked.unwrap_or(text).split_whitespace();
    let name = words.next()?.to_lowercase();
    let form = COMMANDS.iter().find(|form| form.words.contains(&name.as_str()))?;
    if form.marked && unmarked.is_none() {
        return None;
    }
    let arguments: Vec<&str> = words.collect();
    Some(((form.read)(&arguments)?, form.needs))
}

/// The only word, when it can be the id of a card.
pub(super) fn approval_id(words: &[&str]) -> Option<String> {
    let [word] = words else { return None };
    let word = word.trim_end_matches(['.', '!']).trim_matches('`');
    let fits = word.len() == 4 && word.chars().all(|c| c.is_ascii_alphanumeric());
    fits.then(|| word.to_uppercase())
}

/// `K7QX`, or `K7QX 1h`.
pub(super) fn approval(words: &[&str]) -> Option<Plain> {
    match words {
        [id, time] if time.eq_ignore_ascii_case("1h") => approval_id(&[id]).map(Plain::ApproveForAnHour),
        _ => approval_id(words).map(Plain::Approve),
    }
}

/// Nothing, which is everything; `all` or a tool; and for how long.
pub(super) fn freezing(words: &[&str]) -> Option<Plain> {
    match words {
        [] => Some(Plain::Freeze("all".to_owned(), None)),
        [what] => Some(Plain::Freeze((*what).to_owned(), None)),
        [what, time] => Some(Plain::Freeze((*what).to_owned(), Some(span(time)?))),
        _ => None,
    }
}

/// `90s`, `30m`, `2h`, `1d`.
fn span(word: &str) -> Option<Duration> {
    let unit = word.chars().next_back()?.to_ascii_lowercase();
    let number: u64 = word.get(..word.len() - unit.len_utf8())?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    (number > 0).then(|| Duration::from_secs(number.saturating_mul(seconds)))
}

/// The command when no word follows it.
pub(super) fn nothing(words: &[&str], plain: Plain) -> Option<Plain> {
    words.is_empty().then_some(plain)
}

/// What follows, for commands that say themselves how they are used.
pub(super) fn words(words: &[&str]) -> String {
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_command_alone_is_a_command() {
        let check = |text: &str, expect: Option<Plain>| {
            let read = parse(text).map(|(plain, _)| plain);
            assert_eq!(read, expect, "{text:?}");
        };
        check("approve K7QX", Some(Plain::Approve("K7QX".into())));
        check("/approve k7qx", Some(Plain::Approve("K7QX".into())));
        check("!approve k7qx", Some(Plain::Approve("K7QX".into())));
        check("  Approve `k7qx`.  ", Some(Plain::Approve("K7QX".into())));
        check("deny K7QX", Some(Plain::Deny("K7QX".into())));
        check("reject K7QX", Some(Plain::Deny("K7QX".into())));
        check("again K7QX", Some(Plain::Again("K7QX".into())));
        check("/stop", Some(Plain::Stop));
        check("stop", Some(Plain::Stop));
        check("stop web", None);
        check("please approve K7QX", None);
        check("approve K7QX now", None);
        check("approve k7qx 1H", Some(Plain::ApproveForAnHour("K7QX".into())));
        check("approve K7QX 2h", None);
        check("deny K7QX 1h", None);
        check("/grants", Some(Plain::Grants));
        check("/grants revoke k7qx", Some(Plain::Revoke("K7QX".into())));
        check("grants", None);
        let freeze =
            |what: &str, seconds: Option<u64>| Some(Plain::Freeze(what.into(), seconds.map(Duration::from_secs)));
        check("/freeze", freeze("all", None));
        check("/freeze all 2h", freeze("all", Some(7_200)));
        check("/freeze docker_action 90s", freeze("docker_action", Some(90)));
        check("/freeze all 0h", None);
        check("/freeze all soon", None);
        check("/freeze all ä", None);
        check("/freeze all 2h please", None);
        check("freeze all", None);
        check("/unfreeze", Some(Plain::Unfreeze("all".into())));
        check("/unfreeze docker_action", Some(Plain::Unfreeze("docker_action".into())));
        check("approve", None);
        check("approve K7QXY", None);
        check("approve ../a", None);
        check("/help", Some(Plain::Help));
        check("!commands", Some(Plain::Help));
        check("help", None);
        check("/help me", None);
        check("/", None);
        check("", None);
    }

    #[test]
    fn no_two_commands_share_a_word() {
        let mut words: Vec<&str> = COMMANDS.iter().flat_map(|form| form.words).copied().collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
