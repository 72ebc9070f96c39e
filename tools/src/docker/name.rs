//! From what somebody wrote to the id that the engine knows: the only way to name a container in a request.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::Listed;
use crate::Error;
use crate::outside_text::{clean_line, clip, code};

/// What a container may be called: `^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`, which is the engine's own rule with an upper
/// bound. Also the form of an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$"))]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let valid = (2..=128).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if valid {
            return Ok(Self(text));
        }
        Err(format!(
            "{} is not a container name: 2 to 128 letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
            code(&clip(&clean_line(&text, 200), 60))
        ))
    }
}

/// The full id of a container: 64 hexadecimal digits. It comes from the engine and is safe in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 64 && text.bytes().all(is_lower_hex);
        valid.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The twelve digits that Docker shows.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Finds the container that is meant.
///
/// 1. A container of exactly this name, also when the name looks like the beginning of another's id.
/// 2. The one container whose id begins with it, when it has at least twelve hexadecimal digits.
/// 3. The one container whose name differs only in capitals: a phone writes `Plex` where the container is `plex`.
/// 4. Nothing: the error lists names that look alike.
pub(super) fn resolve<'a>(containers: &'a [Listed], name: &Name) -> Result<&'a Listed, Error> {
    let wanted = name.as_str();
    if let Some(exact) = containers
        .iter()
        .find(|container| container.names.iter().any(|name| name == wanted))
    {
        return Ok(exact);
    }
    if wanted.len() >= 12 && wanted.bytes().all(is_lower_hex) {
        let mut of_this_id = containers
            .iter()
            .filter(|container| container.id.as_str().starts_with(wanted));
        match (of_this_id.next(), of_this_id.next()) {
            (Some(one), None) => return Ok(one),
            (Some(_), Some(_)) => {
                return Err(
                    Error::refused(format!("more than one container id begins with `{wanted}`"))
                        .with_hint("use the container's name"),
                );
            }
            (None, _) => {}
        }
    }
    let is_alike = |container: &&Listed| container.names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    let mut alike = containers.iter().filter(is_alike);
    if let (Some(one), None) = (alike.next(), alike.next()) {
        return Ok(one);
    }
    Err(Error::refused(format!("there is no container named `{wanted}`")).with_hint(hint(containers, wanted)))
}

fn hint(containers: &[Listed], wanted: &str) -> String {
    let mut near: Vec<(usize, &str)> = containers
        .iter()
        .flat_map(|container| &container.names)
        .filter_map(|name| Some((likeness(wanted, name)?, name.as_str())))
        .collect();
    near.sort_unstable();
    if near.is_empty() {
        return match containers.len() {
            0 => "there are no containers on this engine".to_owned(),
            _ => "`list_containers` shows the names".to_owned(),
        };
    }
    let names: Vec<String> = near.iter().take(5).map(|(_, name)| code(name)).collect();
    format!("did you mean {}?", names.join(" or "))
}

/// How far apart two names are, or `None` when nobody would take one for the other. Case does not count; a name
/// that holds the other (`plex` in `media-plex-1`) is next after a slip of one key.
fn likeness(wanted: &str, name: &str) -> Option<usize> {
    let (wanted, name) = (wanted.to_ascii_lowercase(), name.to_ascii_lowercase());
    let edits = edit_distance(&wanted, &name);
    let allowed = (wanted.len().max(name.len()) / 3).clamp(1, 3);
    if edits <= allowed {
        return Some(edits);
    }
    (wanted.len() >= 3 && (name.contains(&wanted) || (name.len() >= 3 && wanted.contains(&name)))).then_some(2)
}

/// Levenshtein distance over bytes; names are ASCII.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left_byte) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut beside = i + 1;
        for (right_byte, cell) in right.bytes().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let replaced = diagonal + usize::from(left_byte != right_byte);
            beside = replaced.min(above + 1).min(beside + 1);
            diagonal = above;
            *cell = beside;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::client::State;

    fn container(id: &str, name: &str) -> Listed {
        Listed {
            id: Id::parse(&format!("{id:0<64}")).unwrap(),
            names: vec![name.to_owned()],
            image: "image".to_owned(),
            state: State::Running,
            status: "Up 3 minutes".to_owned(),
            ports: vec![],
            labels: std::collections::HashMap::default(),
        }
    }

    fn name(text: &str) -> Name {
        Name::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn only_plain_names_are_names() {
        let check = |given: &str, valid: bool| {
            assert_eq!(Name::try_from(given.to_owned()).is_ok(), valid, "given {given:?}");
        };
        check("plex", true);
        check("a1", true);
        check("Media_plex-1.old", true);
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
        check("a", false);
        check("", false);
        check("-rf", false);
        check(".hidden", false);
        check("../images/x:1", false);
        check("a/b", false);
        check("a%2fb", false);
        check("a;rm", false);
        check("$(x)", false);
        check("plex\n", false);
        check("plеx", false);
        check("a b", false);
        check("a?force=1", false);
    }

    #[test]
    fn an_id_is_64_lower_hex_digits() {
        let check = |given: String, valid: bool| assert_eq!(Id::parse(&given).is_some(), valid, "given {given}");
        check("0a".repeat(32), true);
        check("0A".repeat(32), false);
        check("0a".repeat(31), false);
        check("0a".repeat(33), false);
        check(format!("{}/..", "a".repeat(61)), false);
    }

    #[test]
    fn a_name_wins_over_the_beginning_of_an_id() {
        let containers = [
            container("aaaaaaaaaaaa1", "web"),
            container("aaaaaaaaaaaa2", "db"),
            container("bbbbbbbbbbbb", "aaaaaaaaaaaa1"),
            container("cccccccccccc", "cache"),
            container("d", "Twin"),
            container("e", "twin"),
        ];
        let check = |given: &str, expect: Result<&str, &str>| {
            let found = resolve(&containers, &name(given));
            let found = found.map(|container| container.names.concat());
            match expect {
                Ok(expected) => assert_eq!(found, Ok(expected.to_owned())),
                Err(part) => assert!(found.unwrap_err().to_string().contains(part)),
            }
        };
        check("web", Ok("web"));
        check("aaaaaaaaaaaa1", Ok("aaaaaaaaaaaa1"));
        check("cccccccccccc", Ok("cache"));
        check(containers[3].id.as_str(), Ok("cache"));
        check("aaaaaaaaaaaa", Err("more than one container id"));
        check("ccccccccccc", Err("no container named"));
        check("CCCCCCCCCCCC", Err("no container named"));
        check("WEB", Ok("web"));
        check("twin", Ok("twin"));
        check("TWIN", Err("no container named"));
    }

    #[test]
    fn an_unknown_name_gets_the_names_that_look_alike() {
        let containers = [
            container("a", "plex"),
            container("b", "media-plex-1"),
            container("c", "postgres"),
        ];
        let check = |given: &str, expect: &str| {
            let error = resolve(&containers, &name(given)).unwrap_err();
            let Error::Refused { hint, .. } = error else {
                panic!("{error:?}")
            };
            assert_eq!(hint.unwrap(), expect);
        };
        check("PLE", "did you mean `plex` or `media-plex-1`?");
        check("plx", "did you mean `plex`?");
        check("postgers", "did you mean `postgres`?");
        check("caddy", "`list_containers` shows the names");
    }

    #[test]
    fn distance_counts_single_edits() {
        let check = |left, right, expect| assert_eq!(edit_distance(left, right), expect, "{left} {right}");
        check("", "", 0);
        check("", "abc", 3);
        check("abc", "", 3);
        check("kitten", "sitting", 3);
        check("plex", "plx", 1);
        check("flaw", "lawn", 2);
    }
}
