//! One file of `prompts/agents`: what it may hold, and what is said when it does not.

use serde::Deserialize;
use toml::Spanned;

/// The one who talks with people and acts. Its file has a prompt alone.
pub(super) const PRIME: &str = "prime";

/// Model calls of one consultation, at most.
const MODEL_CALLS: u32 = 6;
/// Tokens of what it brings back, at most.
const ANSWER_TOKENS: u32 = 1_500;
const SECONDS: u32 = 60;
const MOST_SECONDS: u32 = 600;
const LONGEST_NAME: usize = 32;
const LONGEST_ABOUT: usize = 300;
const LONGEST_PROMPT: usize = 20_000;

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {says}", line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct Broken {
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub says: String,
}

/// A specialist as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Where it was read, for people.
    pub(super) file: String,
    pub(crate) name: String,
    /// What it is good at, in a line for the one who asks.
    pub(crate) about: String,
    /// The alias that answers for it; none is the agent's own.
    pub(crate) model: Option<String>,
    /// Names of tools; a `*` stands for any letters.
    pub(crate) tools: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) prompt: String,
}

/// The bounds of one consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) model_calls: u32,
    pub(crate) seconds: u32,
    pub(crate) answer_tokens: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    name: Spanned<String>,
    about: Spanned<String>,
    model: Option<Spanned<String>>,
    tools: Option<Spanned<Vec<String>>>,
    limits: Option<Spanned<FrontLimits>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontLimits {
    model_calls: Option<Spanned<u32>>,
    seconds: Option<Spanned<u32>>,
    answer_tokens: Option<Spanned<u32>>,
}

/// Reads the text of `file`, whose name without `.md` is `stem`.
pub(super) fn read(file: &str, stem: &str, text: &str) -> Result<Profile, Broken> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let broken = |line: Option<usize>, says: String| Broken {
        file: file.to_owned(),
        line,
        says,
    };
    let Some((front, prompt)) = text.strip_prefix("+++\n").and_then(|rest| {
        let rest = rest.strip_prefix("+++\n").map(|prompt| ("", prompt));
        rest.or_else(|| text.strip_prefix("+++\n")?.split_once("\n+++\n"))
    }) else {
        let says = "begin the file with a line `+++`, then name, about and tools in TOML, then another line `+++`";
        return Err(broken(Some(1), says.to_owned()));
    };
    // The first line of the front matter is the second of the file.
    let line_of = |at: usize| 2 + front.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let front_matter: Front = toml::from_str(front).map_err(|error| {
        let line = error.span().map_or(2, |span| line_of(span.start));
        broken(Some(line), error.message().to_owned())
    })?;
    let prompt = prompt.trim();
    if prompt.is_empty() {
        let end = line_of(front.len()) + 1;
        return Err(broken(Some(end), "write the prompt below the second `+++`".to_owned()));
    }
    if prompt.chars().count() > LONGEST_PROMPT {
        let says = format!("the prompt is longer than {LONGEST_PROMPT} characters; shorten it");
        return Err(broken(None, says));
    }
    let profile = checked(stem, prompt, front_matter).map_err(|(at, says)| broken(Some(line_of(at)), says))?;
    Ok(Profile {
        file: file.to_owned(),
        ..profile
    })
}

/// What is wrong, and where in the front matter.
type Wrong = (usize, String);

fn checked(stem: &str, prompt: &str, front: Front) -> Result<Profile, Wrong> {
    let (at, name) = taken(front.name);
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
        let says = format!("a name has up to {LONGEST_NAME} lower-case letters, digits, `-` and `_`");
        return Err((at, says));
    }
    if name != stem {
        return Err((
            at,
            format!("the name is `{name}`; call the file {name}.md, or the name `{stem}`"),
        ));
    }
    let (at, about) = taken(front.about);
    if about.trim().is_empty() || about.chars().count() > LONGEST_ABOUT || about.chars().any(char::is_control) {
        return Err((at, format!("`about` is one line of up to {LONGEST_ABOUT} characters")));
    }
    if name == PRIME {
        let spans = [
            front.model.as_ref().map(|model| ("model", model.span())),
            front.tools.as_ref().map(|tools| ("tools", tools.span())),
            front.limits.as_ref().map(|limits| ("limits", limits.span())),
        ];
        if let Some((key, span)) = spans.into_iter().flatten().next() {
            let says = format!("take `{key}` out: for prime the section [agent] of the configuration decides it");
            return Err((span.start, says));
        }
    } else if front.tools.is_none() {
        return Err((
            at,
            "`tools` is missing: list the tools that it may read with, or [\"*\"]".to_owned(),
        ));
    }
    let tools = front.tools.map(taken).map(|(_, tools)| tools).unwrap_or_default();
    let model = front.model.map(taken).map(|(_, model)| model);
    let limits = front.limits.map(Spanned::into_inner);
    let limits = limits.as_ref();
    Ok(Profile {
        file: String::new(),
        limits: Limits {
            model_calls: within(
                "model_calls",
                limits.and_then(|l| l.model_calls.as_ref()),
                MODEL_CALLS,
                MODEL_CALLS,
            )?,
            seconds: within(
                "seconds",
                limits.and_then(|l| l.seconds.as_ref()),
                SECONDS,
                MOST_SECONDS,
            )?,
            answer_tokens: within(
                "answer_tokens",
                limits.and_then(|l| l.answer_tokens.as_ref()),
                ANSWER_TOKENS,
                ANSWER_TOKENS,
            )?,
        },
        name,
        about: about.trim().to_owned(),
        model,
        tools,
        prompt: prompt.to_owned(),
    })
}

fn taken<T>(value: Spanned<T>) -> (usize, T) {
    (value.span().start, value.into_inner())
}

fn within(key: &str, value: Option<&Spanned<u32>>, usual: u32, most: u32) -> Result<u32, Wrong> {
    let Some(value) = value else { return Ok(usual) };
    let number = *value.get_ref();
    if (1..=most).contains(&number) {
        Ok(number)
    } else {
        Err((value.span().start, format!("`{key}` is 1 to {most}, not {number}")))
    }
}

impl Profile {
    /// Whether its list has the tool `name`.
    pub(crate) fn lists(&self, name: &str) -> bool {
        self.tools.iter().any(|pattern| fits(pattern, name))
    }

    /// Its name as people write it.
    pub(crate) fn title(&self) -> String {
        let mut letters = self.name.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect()
    }
}

/// Whether `name` is `pattern`, in which a `*` stands for any letters.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits(tail, rest)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole() {
        let text = "\u{feff}+++\r\nname = \"vesta\"\r\nabout = \"the hearth\"\r\nmodel = \"fast\"\r\ntools = [\"a\", \"b_*\"]\r\n[limits]\r\nseconds = 9\r\n+++\r\nYou are Vesta.\r\n";
        let expect = Profile {
            file: "vesta.md".into(),
            name: "vesta".into(),
            about: "the hearth".into(),
            model: Some("fast".into()),
            tools: vec!["a".into(), "b_*".into()],
            limits: Limits {
                model_calls: 6,
                seconds: 9,
                answer_tokens: 1_500,
            },
            prompt: "You are Vesta.".into(),
        };
        assert_eq!(read("vesta.md", "vesta", text), Ok(expect));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expect: &str| {
            let error = read("vesta.md", "vesta", text)
                .map(|_| ())
                .map_err(|error| error.to_string());
            assert_eq!(error, Err(expect.to_owned()), "{text:?}");
        };
        let head = "+++\nname = \"vesta\"\nabout = \"x\"\n";
        let begin = "vesta.md, line 1: begin the file with a line `+++`, then name, about and tools in TOML, then another line `+++`";
        check("", begin);
        check("You are Vesta.", begin);
        check("+++\nname = \"vesta\"\nYou are", begin);
        check("+++\n+++\nYou are", "vesta.md, line 2: missing field `name`");
        check(
            &format!("{head}tols = []\n+++\nx"),
            "vesta.md, line 4: unknown field `tols`, expected one of `name`, `about`, `model`, `tools`, `limits`",
        );
        check(
            &format!("{head}+++\nx"),
            "vesta.md, line 3: `tools` is missing: list the tools that it may read with, or [\"*\"]",
        );
        check(
            &format!("{head}tools = [\"*\"]\n+++\n \n"),
            "vesta.md, line 5: write the prompt below the second `+++`",
        );
        check(
            &format!("{head}tools = [\"*\"]\n[limits]\nmodel_calls = 7\n+++\nx"),
            "vesta.md, line 6: `model_calls` is 1 to 6, not 7",
        );
        check(
            &format!("{head}tools = [\"*\"]\n[limits]\nanswer_tokens = 1501\n+++\nx"),
            "vesta.md, line 6: `answer_tokens` is 1 to 1500, not 1501",
        );
        check(
            "+++\nabout = \"x\"\nname = \"juno\"\ntools = []\n+++\nx",
            "vesta.md, line 3: the name is `juno`; call the file juno.md, or the name `vesta`",
        );
        check(
            "+++\nname = \"Ve sta\"\nabout = \"x\"\ntools = []\n+++\nx",
            "vesta.md, line 2: a name has up to 32 lower-case letters, digits, `-` and `_`",
        );
        check(
            "+++\nname = \"vesta\"\nabout = \"\"\ntools = []\n+++\nx",
            "vesta.md, line 3: `about` is one line of up to 300 characters",
        );
        let prime = read(
            "prime.md",
            PRIME,
            "+++\nname = \"prime\"\nabout = \"x\"\ntools = []\n+++\nx",
        );
        let says = "prime.md, line 4: take `tools` out: for prime the section [agent] of the configuration decides it";
        assert_eq!(prime.map_err(|error| error.to_string()), Err(says.to_owned()));
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        let check =
            |pattern: &str, name: &str, expect: bool| assert_eq!(fits(pattern, name), expect, "{pattern} {name}");
        check("*", "list_jobs", true);
        check("*", "", true);
        check("list_*", "list_jobs", true);
        check("list_*", "list", false);
        check("*_jobs", "list_jobs", true);
        check("l*_*s", "list_jobs", true);
        check("l*_*s", "list_job", false);
        check("list_jobs", "list_jobs2", false);
        check("LIST_JOBS", "list_jobs", false);
        check("", "x", false);
        check("é*", "éa", true);
    }
}
