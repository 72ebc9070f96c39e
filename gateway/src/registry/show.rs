//! Every target with what is known of it, and a person's hand on its breakers.

use super::names::{Registry, Table};
use super::status::{BreakerStatus, Breakers, Context, TargetStatus};
use crate::breaker::{Forced, Key, Shown};
use crate::chain::Target;
use crate::health::{Rates, Warmth};

/// There is no breaker of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no target and no backend `{0}`; GET /v1/jarvis/targets lists all")]
pub struct NoTarget(pub String);

impl Registry {
    /// Every target of every chain with its breakers and what is known of it, in the order of the chains.
    pub fn targets(&self) -> Vec<TargetStatus> {
        let table = self.read();
        let mut statuses: Vec<TargetStatus> = Vec::new();
        for alias in &table.aliases {
            for target in alias.chain.targets().iter() {
                match statuses.iter_mut().find(|status| status.name == target.name()) {
                    Some(status) => status.aliases.push(alias.name.clone()),
                    None => statuses.extend(self.status(&table, target, &alias.name)),
                }
            }
        }
        statuses
    }

    /// The targets that a changed breaker guards, as they are now.
    pub fn changed(&self, key: &Key) -> Vec<TargetStatus> {
        let mut targets = self.targets();
        targets.retain(|target| {
            *target.backend == *key.backend && key.model.as_deref().is_none_or(|model| model == target.model)
        });
        targets
    }

    /// Holds a backend, or one model on it, open or closed until a time; `None` lets go of it and closes it. Returns the
    /// targets that this concerns.
    pub fn force(
        &self,
        backend: &str,
        model: Option<&str>,
        to: Option<&Forced>,
    ) -> Result<Vec<TargetStatus>, NoTarget> {
        self.guarded(backend, model)?;
        self.board.force(backend, model, to);
        self.guarded(backend, model)
    }

    /// The targets of a backend, or the one of a model on it.
    pub fn guarded(&self, backend: &str, model: Option<&str>) -> Result<Vec<TargetStatus>, NoTarget> {
        let key = Key {
            backend: backend.into(),
            model: model.map(Into::into),
        };
        let targets = self.changed(&key);
        if targets.is_empty() {
            return Err(NoTarget(named(backend, model)));
        }
        Ok(targets)
    }

    fn status(&self, table: &Table, target: &Target, alias: &str) -> Option<TargetStatus> {
        let (backend, _) = table.backends.get(target.backend())?;
        let state = target.state();
        let of_backend = self.board.snapshot(target.backend(), None)?;
        let of_model = self.board.snapshot(target.backend(), Some(target.model()))?;
        let host = self.health.host(target.backend());
        let facts = host.model(target.model()).facts();
        let lacks = backend.kind == "ollama" && facts.listed == Some(false) && state.state == Shown::Closed;
        let pull = || format!("its Ollama does not have it; run there: ollama pull {}", target.model());
        let status = TargetStatus {
            name: target.name().to_owned(),
            backend: target.backend().to_owned(),
            model: target.model().to_owned(),
            kind: backend.kind,
            class: backend.class,
            aliases: vec![alias.to_owned()],
            state: if lacks { Shown::Missing } else { state.state },
            reason: if lacks {
                Some(pull())
            } else {
                state.reason.map(|reason| reason.to_string())
            },
            open_until: state.open_until,
            breakers: Breakers {
                backend: BreakerStatus::from(of_backend),
                model: BreakerStatus::from(of_model),
            },
            warmth: Warmth::Unknown,
            capabilities: None,
            context: Context {
                effective: target.context(&target.facts()),
                max: None,
            },
            size: None,
            digest: None,
            rates: Rates::default(),
            version: None,
            last_probe: None,
        };
        Some(status.knowing(&facts, &host.vitals()))
    }
}

fn named(backend: &str, model: Option<&str>) -> String {
    let name = match model {
        Some(model) => format!("{backend}/{model}"),
        None => backend.to_owned(),
    };
    name.chars().take(200).collect()
}
