//! Which containers may not be acted on, whatever anybody approves.

use crate::Error;
use crate::docker::client::Listed;
use crate::docker::config::{Config, Only};

/// 1. A protected name is refused.
/// 2. When `only` is set, every container that does not fit it is refused.
pub(super) fn check(config: &Config, container: &Listed) -> Result<(), Error> {
    let name = container.name();
    let is_protected = |protected: &str| container.names.iter().any(|name| name == protected);
    if config
        .protected
        .iter()
        .any(|protected| is_protected(protected.as_str()))
    {
        return Err(Error::refused(format!(
            "`{name}` is protected: Jarvis does not start, stop or restart it"
        ))
        .with_hint("the owner decides this in tools.docker.protected; do it by hand on the server if need be"));
    }
    if config.only.as_ref().is_some_and(|only| !fits(only, container)) {
        return Err(
            Error::refused(format!("`{name}` is not among the containers that Jarvis may act on"))
                .with_hint("the owner decides this in tools.docker.only"),
        );
    }
    Ok(())
}

fn fits(only: &Only, container: &Listed) -> bool {
    let prefix_fits = only
        .prefix
        .as_ref()
        .is_none_or(|prefix| container.names.iter().any(|name| name.starts_with(prefix)));
    let label_fits = only.label.as_ref().is_none_or(|label| match label.split_once('=') {
        Some((key, value)) => container.labels.get(key).is_some_and(|found| found == value),
        None => container.labels.contains_key(label),
    });
    prefix_fits && label_fits
}

#[cfg(test)]
mod tests {
    use super::check as guard;
    use super::*;
    use crate::docker::client::State;
    use crate::docker::name::{Id, Name};

    #[test]
    fn protected_and_foreign_containers_are_refused() {
        let container = Listed {
            id: Id::parse(&"a".repeat(64)).unwrap(),
            names: vec!["jarvis-db".into()],
            image: String::new(),
            state: State::Running,
            status: String::new(),
            ports: vec![],
            labels: [("jarvis.act".to_owned(), "yes".to_owned())].into(),
        };
        let check = |protected: &[&str], only: Option<(Option<&str>, Option<&str>)>, expect: Option<&str>| {
            let config = Config {
                protected: protected
                    .iter()
                    .map(|name| Name::try_from((*name).to_owned()).unwrap())
                    .collect(),
                only: only.map(|(prefix, label)| Only {
                    prefix: prefix.map(str::to_owned),
                    label: label.map(str::to_owned),
                }),
                ..Config::default()
            };
            let refusal = guard(&config, &container).err().map(|error| error.to_string());
            match (refusal, expect) {
                (None, None) => {}
                (Some(said), Some(part)) => assert!(said.contains(part), "{said}"),
                other => panic!("{config:?}: {other:?}"),
            }
        };
        check(&[], None, None);
        check(&["jarvis-db"], None, Some("is protected"));
        check(&["jarvis-d", "db"], None, None);
        check(&[], Some((Some("jarvis-"), None)), None);
        check(&[], Some((Some("test-"), None)), Some("not among"));
        check(&[], Some((None, Some("jarvis.act"))), None);
        check(&[], Some((None, Some("jarvis.act=yes"))), None);
        check(&[], Some((None, Some("jarvis.act=no"))), Some("not among"));
        check(&[], Some((None, Some("other"))), Some("not among"));
        check(&[], Some((Some("test-"), Some("jarvis.act"))), Some("not among"));
        check(&["jarvis-db"], Some((Some("jarvis-"), None)), Some("is protected"));
    }
}
