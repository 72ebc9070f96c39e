//! Which models are in memory, as the real server keeps them: the first request loads a model, one that wants other
//! options loads it anew, and a load ends when the request that began it is left.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::control::lock;

/// A model is loaded anew when one of these changes.
const OPTIONS: [&str; 7] = [
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "num_thread",
    "draft_num_predict",
];

#[derive(Debug)]
pub(crate) struct Runners {
    by_model: Mutex<HashMap<String, Runner>>,
    /// Counts what happens, for those that wait for a load.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Runner {
    options: Map<String, Value>,
    phase: Phase,
    loads: u32,
    reloads: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Loading,
    Loaded,
    Unloaded,
}

/// What became of one model, as `GET /runners` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub model: String,
    pub is_loaded: bool,
    pub is_loading: bool,
    /// How often it was loaded, begun loads included.
    pub loads: u32,
    /// How many of these loads came from a change of its options.
    pub reloads: u32,
    /// What it was loaded with.
    pub options: Map<String, Value>,
}

/// The request that loads it was left.
#[derive(Debug)]
pub(crate) struct Aborted;

impl Default for Runners {
    fn default() -> Self {
        Self {
            by_model: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Runners {
    /// Returns when `model` is loaded with the options of a request, and how long that took. `load` is what loading
    /// takes; without it, the model is there from the beginning and takes no time.
    pub(crate) async fn ready(
        &self,
        model: &str,
        request: &Map<String, Value>,
        load: Option<Duration>,
    ) -> Result<Duration, Aborted> {
        let options = options_of(request);
        let mut changes = self.changes.subscribe();
        let mut waited = false;
        loop {
            match self.begin(model, &options, load.is_none()) {
                Phase::Loaded => return Ok(Duration::ZERO),
                Phase::Unloaded if waited => return Err(Aborted),
                Phase::Unloaded => {
                    let time = load.unwrap_or_default();
                    let loading = Loading {
                        runners: self,
                        model,
                        outcome: Phase::Unloaded,
                    };
                    return Ok(loading.finish(time).await);
                }
                Phase::Loading => {
                    waited = true;
                    if changes.changed().await.is_err() {
                        return Err(Aborted);
                    }
                }
            }
        }
    }

    /// What the request meets. `Unloaded` means that it is the one that loads.
    fn begin(&self, model: &str, options: &Map<String, Value>, is_there: bool) -> Phase {
        let mut by_model = lock(&self.by_model);
        let Some(runner) = by_model.get_mut(model) else {
            let phase = if is_there { Phase::Loaded } else { Phase::Loading };
            let runner = Runner {
                options: options.clone(),
                phase,
                loads: u32::from(!is_there),
                reloads: 0,
            };
            by_model.insert(model.to_owned(), runner);
            return if is_there { Phase::Loaded } else { Phase::Unloaded };
        };
        let same = runner.options == *options;
        match runner.phase {
            Phase::Loading => return Phase::Loading,
            Phase::Loaded if same => return Phase::Loaded,
            Phase::Loaded | Phase::Unloaded => {}
        }
        runner.reloads += u32::from(!same);
        runner.loads += 1;
        runner.options.clone_from(options);
        runner.phase = Phase::Loading;
        Phase::Unloaded
    }

    /// Takes the model out of memory.
    pub(crate) fn unload(&self, model: &str) {
        self.end(model, Phase::Unloaded);
    }

    fn end(&self, model: &str, phase: Phase) {
        if let Some(runner) = lock(&self.by_model).get_mut(model) {
            runner.phase = phase;
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Whether `model` is loaded; `None` when nobody has asked for it yet.
    pub(crate) fn is_loaded(&self, model: &str) -> Option<bool> {
        Some(lock(&self.by_model).get(model)?.phase == Phase::Loaded)
    }

    pub(crate) fn num_ctx(&self, model: &str) -> Option<u64> {
        lock(&self.by_model).get(model)?.options.get("num_ctx")?.as_u64()
    }

    /// Returns when nothing is being loaded.
    pub(crate) async fn quiet(&self) {
        let mut changes = self.changes.subscribe();
        while lock(&self.by_model)
            .values()
            .any(|runner| runner.phase == Phase::Loading)
        {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn clear(&self) {
        lock(&self.by_model).clear();
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn shown(&self) -> Vec<Shown> {
        let by_model = lock(&self.by_model);
        let mut shown: Vec<Shown> = by_model
            .iter()
            .map(|(model, runner)| Shown {
                model: model.clone(),
                is_loaded: runner.phase == Phase::Loaded,
                is_loading: runner.phase == Phase::Loading,
                loads: runner.loads,
                reloads: runner.reloads,
                options: runner.options.clone(),
            })
            .collect();
        shown.sort_by(|a, b| a.model.cmp(&b.model));
        shown
    }
}

/// Dropped before its end, the load is aborted.
struct Loading<'a> {
    runners: &'a Runners,
    model: &'a str,
    outcome: Phase,
}

impl Loading<'_> {
    async fn finish(mut self, time: Duration) -> Duration {
        tokio::time::sleep(time).await;
        self.outcome = Phase::Loaded;
        time
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.runners.end(self.model, self.outcome);
    }
}

fn options_of(request: &Map<String, Value>) -> Map<String, Value> {
    let options = request.get("options").and_then(Value::as_object);
    let mut kept: Map<String, Value> = options
        .into_iter()
        .flatten()
        .filter(|(name, _)| OPTIONS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept.sort_keys();
    // It is an option of the runner too, although it stands beside the options.
    kept.extend(request.get("shift").map(|shift| ("shift".to_owned(), shift.clone())));
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(num_ctx: u64) -> Map<String, Value> {
        match json!({"options": {"num_ctx": num_ctx, "temperature": num_ctx}, "shift": false}) {
            Value::Object(fields) => fields,
            other => unreachable!("{other}"),
        }
    }

    fn counts(runners: &Runners) -> (bool, u32, u32) {
        let shown = &runners.shown()[0];
        (shown.is_loaded, shown.loads, shown.reloads)
    }

    #[tokio::test(start_paused = true)]
    async fn a_model_is_loaded_once_and_anew_when_its_options_change() {
        let runners = Runners::default();
        let load = Some(Duration::from_secs(6));
        assert_eq!(
            runners.ready("m", &request(8), load).await.unwrap(),
            Duration::from_secs(6)
        );
        assert_eq!(runners.ready("m", &request(8), load).await.unwrap(), Duration::ZERO);
        assert_eq!(counts(&runners), (true, 1, 0));
        runners.ready("m", &request(4), load).await.unwrap();
        assert_eq!(counts(&runners), (true, 2, 1));
        runners.ready("there", &request(4), None).await.unwrap();
        assert_eq!(runners.shown()[1].loads, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_ends_with_the_request_that_began_it() {
        let runners = Runners::default();
        let load = Some(Duration::from_secs(6));
        let asked = request(8);
        let left = tokio::time::timeout(Duration::from_secs(1), runners.ready("m", &asked, load));
        assert!(left.await.is_err());
        assert_eq!(counts(&runners), (false, 1, 0));
        runners.ready("m", &request(8), load).await.unwrap();
        assert_eq!(counts(&runners), (true, 2, 0));
    }
}
