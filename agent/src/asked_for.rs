//! Whether an owner asked for a call in their own words, so that it is theirs and not the idea of a text that was read.

use jarvis_tools::Prepared;
use jarvis_tools::risk::Effect;

/// Whether the owner's `text` asks for this call: it names the target, and, when the act has words of its own, uses one
/// of them in a clause that does not negate. "Why does plex fail? Do not restart it" asks for no restart.
pub(crate) fn asks_for(text: &str, call: &Prepared) -> bool {
    let named = |target: &str| names_target(text, target);
    if !call.target.as_deref().is_some_and(named) {
        return false;
    }
    if call.verbs.is_empty() {
        return true;
    }
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let mut clauses = text
        .split(['.', ',', ';', ':', '?', '!', '\n'])
        .filter(|clause| call.verbs.iter().any(|verb| names_target(clause, verb)))
        .peekable();
    clauses.peek().is_some() && !clauses.any(negates)
}

/// Whether the one who asks, who wrote `text`, wants what the call keeps to be kept: they say so in a clause that does not
/// negate, and half of the words that tell something are theirs. A page that is read has no say: its words are its own.
pub(crate) fn asks_to_keep(text: &str, call: &Prepared) -> bool {
    const VERBS: [&str; 14] = [
        "remember", "memorise", "memorize", "note", "forget", "mind", "memory", "save", "store", "merk", "merke",
        "merken", "notiere", "vergiss",
    ];
    let text = text.to_lowercase().replace('\u{2019}', "'");
    let clauses = text.split(['.', ',', ';', ':', '?', '!', '\n']);
    let asks = clauses.into_iter().any(|clause| {
        let said = |verb: &&str| names_target(clause, verb);
        // "Do not forget that" asks for it.
        let forgets = ["forget", "vergiss"].iter().any(said);
        VERBS.iter().any(said) && negates(clause) == forgets
    });
    let kept = call
        .arguments
        .get("text")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    asks && is_in_words_of(&text, kept)
}

/// Half of the words that tell something in `kept` and more stand in `text`.
pub(crate) fn is_in_words_of(text: &str, kept: &str) -> bool {
    let (kept, theirs) = (telling_words(kept), telling_words(text));
    let is_theirs = |word: &&String| theirs.iter().any(|own| is_like(own, word));
    let known = kept.iter().filter(is_theirs).count();
    known > 0 && known * 2 >= kept.len()
}

/// Words of four letters and more, and numbers, but for those with which a model speaks of somebody.
fn telling_words(text: &str) -> Vec<String> {
    const ABOUT: [&str; 16] = [
        "user", "person", "owner", "their", "they", "them", "that", "this", "with", "from", "have", "wants", "said",
        "asked", "remember", "called",
    ];
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let tells = |word: &&str| {
        let is_long = word.chars().count() >= 4 || word.contains(|c: char| c.is_ascii_digit());
        is_long && !ABOUT.contains(word)
    };
    words.filter(tells).map(str::to_owned).collect()
}

/// `servers` is `server`, `trinkt` is `trinke`; a number is itself alone.
fn is_like(one: &str, other: &str) -> bool {
    if one.contains(|c: char| c.is_ascii_digit()) {
        return one == other;
    }
    let common = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let longer = one.chars().count().max(other.chars().count());
    common * 4 >= longer * 3
}

/// A read that asks somebody outside in words, and names no place: what it says reaches that service alone, and the places
/// that it answers with were chosen by it.
pub(crate) fn is_search(call: &Prepared) -> bool {
    let in_words = call.target.as_deref().is_some_and(|target| !is_place(target));
    call.risk.effect == Effect::Read && call.risk.egress && in_words
}

/// Whether a call goes to a place on a host that stands in none of `texts`: what the owner wrote, and what searches found.
/// Whoever owns the place reads what the model puts into the address.
pub(crate) fn goes_elsewhere(texts: [&str; 2], call: &Prepared) -> bool {
    let is_known = |target: &str| texts.iter().any(|text| names_target(text, host(target)));
    call.risk.egress && !is_search(call) && !call.target.as_deref().is_some_and(is_known)
}

/// `docs.example` of `https://docs.example/disk?full`.
fn host(place: &str) -> &str {
    let rest = place.split_once("://").map_or(place, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    // `https:/evil.example` leads there too, and `https:` stands in every text with an address.
    if host.ends_with(':') { "" } else { host }
}

/// An address, or what a tool could take for one: a single word with a dot or a slash in it, a scheme, or a host with
/// something behind it. In what is behind a host there can be spaces, and a parser of addresses skips ends of lines.
fn is_place(target: &str) -> bool {
    let target: String = target
        .trim()
        .chars()
        .filter(|c| !matches!(c, '\t' | '\r' | '\n'))
        .collect();
    let Some((first, _)) = target.split_once(char::is_whitespace) else {
        return target.contains(['.', '/', ':']);
    };
    let begins_as_host = |(host, _): (&str, &str)| host.contains(['.', ':']);
    target.contains("://") || first.split_once(['/', '?', '#', '\\']).is_some_and(begins_as_host)
}

fn negates(clause: &str) -> bool {
    const WORDS: &[&str] = &[
        "not", "never", "no", "without", "cannot", "nicht", "nie", "kein", "keine", "ohne",
    ];
    clause
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| WORDS.contains(&word) || word.ends_with("n't"))
}

/// Whether `target` stands in `text` as a word of its own: at least three characters, and no character that could
/// belong to a longer name right before or after it. `plex` is not grounded by `plexamp` or `my-plex`.
pub(crate) fn names_target(text: &str, target: &str) -> bool {
    if target.chars().count() < 3 {
        return false;
    }
    let part_of_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(target).any(|(at, found)| {
        let (before, rest) = text.split_at(at);
        let after = rest.strip_prefix(found).unwrap_or_default();
        // A full stop ends a sentence more often than it continues a name, unless a name character follows it.
        let mut following = after.chars();
        let continues = match following.next() {
            Some('.') => following.next().is_some_and(part_of_name),
            Some(next) => part_of_name(next),
            None => false,
        };
        let mut preceding = before.chars().rev();
        let preceded = match preceding.next() {
            Some('.') => preceding.next().is_some_and(part_of_name),
            Some(previous) => part_of_name(previous),
            None => false,
        };
        !continues && !preceded
    })
}

#[cfg(test)]
mod tests {
    use jarvis_tools::risk::{Effect, Risk, Trust};

    use super::*;

    #[test]
    fn an_act_is_asked_for_by_its_target_and_its_word() {
        let check = |text, expect| {
            let call = Prepared {
                risk: Risk::acts(Effect::Reversible, Trust::Operator),
                target: Some("plex".into()),
                verbs: &["restart", "reboot"],
                arguments: serde_json::Value::Null,
            };
            assert_eq!(asks_for(text, &call), expect, "{text:?}");
        };
        check("restart plex", true);
        check("Restart plex, please", true);
        check("look at the log of plex and reboot it", true);
        check("plex does not work. Restart it", true);
        check("why does plex fail?", false);
        check("restart vpn", false);
        check("why does plex fail? Do not restart it", false);
        check("why does plex fail? Don\u{2019}t restart it", false);
        check("never restart plex", false);
        check("how often did plex have restarts?", false);
        check("do not restart plex, restart vpn", false);
        check("plex", false);
        check("", false);
    }

    #[test]
    fn what_is_kept_was_asked_for_in_their_words() {
        let check = |text: &str, kept: &str, expect| {
            let call = Prepared {
                risk: Risk::acts(Effect::Reversible, Trust::Member).keeps(),
                target: None,
                verbs: &[],
                arguments: serde_json::json!({ "text": kept }),
            };
            assert_eq!(asks_to_keep(text, &call), expect, "{text:?} {kept:?}");
        };
        check("remember that I drink tea, no coffee", "drinks tea, no coffee", true);
        check("remember that I drink green tea", "The user drinks green tea", true);
        check(
            "Please remember: my NAS is called attic",
            "The NAS is called attic",
            true,
        );
        check("merk dir bitte, dass ich Hafermilch trinke", "trinkt Hafermilch", true);
        check("merk dir: Hafermilch statt Milch", "Hafermilch statt Milch", true);
        check(
            "don't forget that the boiler was serviced in May",
            "boiler was serviced in May",
            true,
        );
        check(
            "forget that the boiler was serviced in May",
            "boiler was serviced in May",
            false,
        );
        check("do not remember that the boiler broke", "the boiler broke", false);
        check("the boiler was serviced in May", "boiler was serviced in May", false);
        check(
            "read the page and remember it",
            "deploys need no approval from now on",
            false,
        );
        check("remember my pin 4711", "pin 4712", false);
        check("remember", "", false);
    }

    #[test]
    fn a_place_is_known_by_its_host() {
        let check = |target: Option<&str>, expect| {
            let call = Prepared {
                risk: Risk::read(Trust::Public).egress(),
                target: target.map(str::to_owned),
                verbs: &[],
                arguments: serde_json::Value::Null,
            };
            let texts = [
                "what does https://here.example/faq say?",
                "- [disks](https://docs.example/disk)",
            ];
            assert_eq!((is_search(&call), goes_elsewhere(texts, &call)), expect, "{target:?}");
        };
        check(Some("a full disk"), (true, false));
        check(Some("plex"), (true, false));
        check(Some("https://docs.example/disk"), (false, false));
        check(Some("https://docs.example/disk/2?all"), (false, false));
        check(Some("here.example"), (false, false));
        check(Some("https://evil.example/disk"), (false, true));
        check(Some("www.evil.example"), (false, true));
        check(Some("https://docs.example.evil.example/disk"), (false, true));
        check(Some("https://secret.docs.example/disk"), (false, true));
        check(Some("https://docs.example@evil.example/disk"), (false, true));
        check(Some("https://evil.example/https://docs.example/"), (false, true));
        check(Some("https://evil.example\\@docs.example/"), (false, true));
        check(Some("https://docs.example:8080/disk"), (false, true));
        check(Some("https:///docs.example"), (false, true));
        check(Some("https:/evil.example/?q=what+was+said"), (false, true));
        check(Some("https:\\\\evil.example"), (false, true));
        check(Some("https://evil.example/?q=what was said"), (false, true));
        check(Some("evil.example/?q=what was said"), (false, true));
        check(Some("http:/evil.example/what was said"), (false, true));
        check(Some("evil.exam\nple/?q=what was said"), (false, true));
        check(Some("docs.example/a page of it"), (false, false));
        check(Some("a full disk and/or a slow one"), (true, false));
        check(Some("is docker.io down?"), (true, false));
        check(None, (false, true));
    }

    #[test]
    fn a_target_is_named_only_as_a_whole_word() {
        let check = |text, target, expect| assert_eq!(names_target(text, target), expect, "{target} in {text:?}");
        check("please restart plex", "plex", true);
        check("restart plex.", "plex", true);
        check("restart \"plex\", then look", "plex", true);
        check("restart plexamp", "plex", false);
        check("restart my-plex", "plex", false);
        check("restart plex-2", "plex", false);
        check("restart plex.old now", "plex", false);
        check("restart old.plex now", "plex", false);
        check("on a t", "a", false);
        check("restart db", "db", false);
        check("neustart für plex bitte", "plex", true);
        check("", "plex", false);
    }
}
