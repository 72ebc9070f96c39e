//! What strangers are not told and not done.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Outlet, REDACTED};

/// Mentions of single people that one message may hold.
const MENTIONS: usize = 3;

const EVERYBODY: &str = r"(?i)[@＠](everyone|here|(?:channel|all)(?-u:\b))|<@&\d+>|<!(?:everyone|here|channel)>";
const MENTION: &str = r"<@!?\d+>";
const HOST: &str = concat!(
    r"(?i)(?-u:\b)(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+",
    r"(?:local|lan|internal|intranet|home\.arpa|home|localdomain|ts\.net)(?-u:\b)(?::\d{1,5})?",
    r"|(?-u:\b)localhost(?-u:\b)(?::\d{1,5})?"
);
const ADDRESS_4: &str = r"(?-u:\b)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?-u:\b)";
const ADDRESS_6: &str = r"(?i)(?:[0-9a-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4})?";
const LINK: &str = r"(!?)\[([^\]\n]*)\]\(\s*<?([^)\s>]+)>?[^)\n]*\)";

static PATTERNS: LazyLock<[Regex; 6]> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and every test here compiles them"
    )]
    [EVERYBODY, MENTION, HOST, ADDRESS_4, ADDRESS_6, LINK].map(|pattern| Regex::new(pattern).expect("a valid pattern"))
});

/// Names of machines, each a word.
#[derive(Debug, Default)]
pub(super) struct Hosts(Option<Regex>);

impl Hosts {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names
            .into_iter()
            .filter(|name| name.len() >= 3)
            .map(regex::escape)
            .collect();
        let pattern = format!(r"(?i)(?-u:\b)(?:{})(?-u:\b)", names.join("|"));
        Self(Regex::new(&pattern).ok().filter(|_| !names.is_empty()))
    }
}

pub(super) fn fit(outlet: Outlet, hosts: &Hosts, text: &str, at_start: bool) -> String {
    let [everybody, mention, host, four, six, link] = &*PATTERNS;
    let text = link.replace_all(text, |found: &Captures<'_>| plain_link(found));
    let text = everybody.replace_all(&text, |found: &Captures<'_>| {
        found.get(1).map_or("everybody", |name| name.as_str()).to_owned()
    });
    let mut mentions = 0;
    let text = mention.replace_all(&text, |found: &Captures<'_>| {
        mentions += 1;
        if mentions > MENTIONS {
            // Never nothing: what stands around it would grow together.
            "somebody".to_owned()
        } else {
            whole(found).to_owned()
        }
    });
    let text = host.replace_all(&text, REDACTED);
    // The last four of the new kind can be written as the old kind.
    let text = six.replace_all(&text, |found: &Captures<'_>| {
        hidden_if_of_the_house(whole(found), whole(found).parse().ok())
    });
    let text = four.replace_all(&text, |found: &Captures<'_>| {
        hidden_if_of_the_house(whole(found), parsed_4(whole(found)))
    });
    let text = match &hosts.0 {
        Some(hosts) => hosts.replace_all(&text, REDACTED).into_owned(),
        None => text.into_owned(),
    };
    if outlet.stream_chat {
        without_commands(&text, at_start)
    } else {
        text
    }
}

/// A link to another host keeps its words and its host. What comes after it (path, query) can carry anything.
fn plain_link(found: &Captures<'_>) -> String {
    let carries = |url: &str| url.contains(['?', '#', '@']) || url.len() > 100;
    match host_of(group(found, 3)) {
        Some(host) if carries(group(found, 3)) => format!("{} ({host})", group(found, 2)),
        _ => whole(found).to_owned(),
    }
}

/// The host of an address that leaves this one.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None => url.strip_prefix("//")?,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    Some(authority.rsplit('@').next().unwrap_or(authority))
}

fn whole<'a>(found: &'a Captures<'_>) -> &'a str {
    group(found, 0)
}

fn group<'a>(found: &'a Captures<'_>, index: usize) -> &'a str {
    found.get(index).map_or("", |group| group.as_str())
}

fn hidden_if_of_the_house(text: &str, address: Option<IpAddr>) -> String {
    if address.is_some_and(is_of_the_house) {
        REDACTED.to_owned()
    } else {
        text.to_owned()
    }
}

/// As a person reads it: zeros before a number change nothing, though a parser of addresses refuses them.
fn parsed_4(text: &str) -> Option<IpAddr> {
    let numbers: Vec<u8> = text.split('.').map_while(|number| number.parse().ok()).collect();
    <[u8; 4]>::try_from(numbers).ok().map(IpAddr::from)
}

fn is_of_the_house(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => match address.to_ipv4() {
            Some(four) if !address.is_loopback() => is_of_the_house(four.into()),
            _ => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
        },
    }
}

/// No line begins as a command of the platform or of another bot.
fn without_commands(text: &str, at_start: bool) -> String {
    let bare = |line: &str| {
        line.trim_start_matches(|c: char| c.is_whitespace() || "/.!\\／．！".contains(c))
            .to_owned()
    };
    let lines = text.split('\n').enumerate().map(|(index, line)| {
        if index > 0 || at_start {
            Cow::Owned(bare(line))
        } else {
            Cow::Borrowed(line)
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
