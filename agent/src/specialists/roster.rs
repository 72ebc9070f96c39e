//! Everybody who has a file: those that come with Jarvis, and those of the owner.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jarvis_gateway::provider::Provider;

use super::profile::{self, Broken, PRIME, Profile};

/// A new one is one more line here.
const BUILT_IN: [(&str, &str); 5] = [
    (PRIME, include_str!("../../../prompts/agents/prime.md")),
    ("athena", include_str!("../../../prompts/agents/athena.md")),
    ("atlas", include_str!("../../../prompts/agents/atlas.md")),
    ("mercury", include_str!("../../../prompts/agents/mercury.md")),
    ("sentinel", include_str!("../../../prompts/agents/sentinel.md")),
];

/// Files of the owner's folder, at most. Their `about` lines are told to the model on every turn.
const MOST: usize = 16;

/// Prime and the specialists.
#[derive(Clone)]
pub struct Roster {
    /// The system prompt of the one who talks and acts.
    pub(crate) prime: String,
    pub(crate) specialists: Vec<Specialist>,
    /// The files of the owner's folder that are used, for people.
    own: Vec<String>,
}

/// A specialist, and what answers for it.
#[derive(Clone)]
pub(crate) struct Specialist {
    pub(crate) profile: Profile,
    /// What the alias of its file stands for; none is the agent's own chain.
    pub(crate) chain: Option<Arc<dyn Provider>>,
}

impl Roster {
    /// Those that come with Jarvis.
    pub fn built_in() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the files are part of the program, and a test reads each of them"
        )]
        let profiles = BUILT_IN.map(|(name, text)| profile::read(name, name, text).expect("a valid profile"));
        Self::of(profiles, Vec::new())
    }

    /// Those that come with Jarvis, with what stands in `folder`: a file of the same name replaces one, another adds one.
    /// A folder that is not there has none.
    pub fn load(folder: &Path) -> Result<Self, Broken> {
        let built_in = BUILT_IN.map(|(name, text)| profile::read(name, name, text));
        let mut profiles: BTreeMap<String, Profile> = BTreeMap::new();
        for profile in built_in {
            let profile = profile?;
            profiles.insert(profile.name.clone(), profile);
        }
        let broken = |path: &Path, says: String| Broken {
            file: path.display().to_string(),
            line: None,
            says,
        };
        let unreadable = |path: &Path, error: &std::io::Error| broken(path, format!("{error}; make it readable"));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::of(profiles.into_values(), Vec::new()));
            }
            Err(error) => return Err(unreadable(folder, &error)),
        };
        let mut own = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, &error))?.path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            if own.len() == MOST {
                return Err(broken(
                    folder,
                    format!("it holds more than {MOST} files; take some out"),
                ));
            }
            let file = path.display().to_string();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            let text = String::from_utf8(text)
                .map_err(|_| broken(&path, "it is not text in UTF-8; save it as UTF-8".to_owned()))?;
            let profile = profile::read(&file, &stem, &text)?;
            profiles.insert(profile.name.clone(), profile);
            own.push(file);
        }
        own.sort();
        Ok(Self::of(profiles.into_values(), own))
    }

    fn of(profiles: impl IntoIterator<Item = Profile>, own: Vec<String>) -> Self {
        let (prime, others): (Vec<Profile>, Vec<Profile>) =
            profiles.into_iter().partition(|profile| profile.name == PRIME);
        let specialist = |profile| Specialist { profile, chain: None };
        Self {
            prime: prime.into_iter().map(|profile| profile.prompt).collect(),
            specialists: others.into_iter().map(specialist).collect(),
            own,
        }
    }

    /// The same, each with what its `model` stands for. One whose `model` stands for nothing is refused.
    pub fn with_chains(mut self, find: impl Fn(&str) -> Option<Arc<dyn Provider>>) -> Result<Self, Broken> {
        for Specialist { profile, chain } in &mut self.specialists {
            *chain = profile.model.as_deref().and_then(&find);
        }
        match self.without_alias(|alias| find(alias).is_some()) {
            Some(broken) => Err(broken),
            None => Ok(self),
        }
    }

    /// The first whose `model` is not one of the aliases that there are.
    pub fn without_alias(&self, known: impl Fn(&str) -> bool) -> Option<Broken> {
        let missing = |profile: &Profile| profile.model.clone().filter(|alias| !known(alias));
        let (file, alias) = self
            .specialists
            .iter()
            .find_map(|one| Some((&one.profile.file, missing(&one.profile)?)))?;
        Some(Broken {
            file: file.clone(),
            line: None,
            says: format!("there is no alias `{alias}`; name one of the configuration, or take `model` out"),
        })
    }

    /// Who there is, and which files of the owner's are used, in a line.
    pub fn in_words(&self) -> String {
        let names: Vec<&str> = self.specialists.iter().map(|one| one.profile.name.as_str()).collect();
        let own = if self.own.is_empty() {
            String::new()
        } else {
            format!("; by your files: {}", self.own.join(", "))
        };
        format!("prime, {}{own}", names.join(", "))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Specialist> {
        self.specialists.iter().find(|one| one.profile.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jarvis_gateway::clock::{Clock, System};
    use jarvis_gateway::providers::scripted::Scripted;
    use jarvis_tools::catalog;

    use super::*;

    #[test]
    fn those_that_come_with_jarvis_are_whole_and_name_tools_that_there_are() {
        let roster = Roster::built_in();
        assert!(roster.prime.starts_with("You are Jarvis"));
        assert_eq!(roster.in_words(), "prime, athena, atlas, mercury, sentinel");
        let clock: Arc<dyn Clock> = Arc::new(System);
        let catalog = catalog::standard(jarvis_tools::Config::default(), &clock);
        let known: BTreeSet<&str> = catalog.names().collect();
        for Specialist { profile, .. } in &roster.specialists {
            let unknown = profile
                .tools
                .iter()
                .find(|tool| !tool.contains('*') && !known.contains(tool.as_str()));
            assert_eq!(unknown, None, "{}", profile.name);
        }
    }

    #[test]
    fn a_file_of_the_owner_replaces_or_adds_one() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let missing = Roster::load(&folder.path().join("nowhere")).map(|roster| roster.in_words());
        assert_eq!(missing, Ok("prime, athena, atlas, mercury, sentinel".to_owned()));
        put(
            "atlas.md",
            "+++\nname = \"atlas\"\nabout = \"mine\"\nmodel = \"fast\"\ntools = []\n+++\nMine.",
        );
        put(
            "vesta.md",
            "+++\nname = \"vesta\"\nabout = \"the hearth\"\ntools = [\"*\"]\n+++\nYou are Vesta.",
        );
        put(
            "prime.md",
            "+++\nname = \"prime\"\nabout = \"talks\"\n+++\nYou are Jeeves.",
        );
        put("notes.txt", "no profile");
        let roster = Roster::load(folder.path()).unwrap();
        assert_eq!(roster.prime, "You are Jeeves.");
        assert!(
            roster
                .in_words()
                .starts_with("prime, athena, atlas, mercury, sentinel, vesta; by your files: ")
        );
        assert_eq!(
            roster.find("atlas").map(|one| one.profile.prompt.as_str()),
            Some("Mine.")
        );
        let error = roster
            .clone()
            .with_chains(|_| None)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        let says = "atlas.md: there is no alias `fast`; name one of the configuration, or take `model` out";
        assert!(error.ends_with(says), "{error}");
        let found = roster.with_chains(|alias| (alias == "fast").then(|| Arc::new(Scripted::default()) as _));
        assert!(found.is_ok_and(|roster| roster.find("atlas").is_some_and(|one| one.chain.is_some())));
        put("vesta.md", "+++\nname = \"vesta\"\n+++\nx");
        let error = Roster::load(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(error.ends_with("vesta.md, line 2: missing field `about`"), "{error}");
        fs::write(folder.path().join("vesta.md"), b"\xff\xfe").unwrap();
        let error = Roster::load(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.ends_with("vesta.md: it is not text in UTF-8; save it as UTF-8"),
            "{error}"
        );
    }
}
