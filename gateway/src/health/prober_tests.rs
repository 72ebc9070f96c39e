//! The prober over a backend that is played, in time that does not pass by itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use super::prober::{self, Watch};
use super::{Health, Listed, Loaded, Source, Warmth};
use crate::breaker::{Board, Pair, Place, Shown};
use crate::clock::{Clock, Millis};
use crate::provider::{Class, Error};
use crate::tasks::Tasks;

/// The wall clock of a test: tokio's.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Millis {
        Millis(1_000_000).plus(self.0.elapsed())
    }
}

#[derive(Default)]
struct Played {
    /// Answers to the next questions whether it is there; then `up` counts.
    next: Mutex<VecDeque<bool>>,
    up: Mutex<bool>,
    models: Mutex<Vec<&'static str>>,
    in_memory: Mutex<Vec<&'static str>>,
    loading: Mutex<bool>,
    key_works: Mutex<bool>,
    /// What was asked, and after how many seconds.
    asked: Mutex<Vec<(&'static str, f64)>>,
    began: Mutex<Option<Instant>>,
}

impl Played {
    fn note(&self, what: &'static str) {
        let began = *self.began.lock().unwrap().get_or_insert_with(Instant::now);
        self.asked.lock().unwrap().push((what, began.elapsed().as_secs_f64()));
    }

    fn times(&self, what: &str) -> Vec<f64> {
        let asked = self.asked.lock().unwrap();
        let times = asked.iter().filter(|(known, _)| *known == what);
        times.map(|(_, at)| *at).collect()
    }
}

#[async_trait]
impl Source for Played {
    fn address(&self) -> String {
        "http://played".into()
    }

    async fn alive(&self) -> Result<Option<String>, Error> {
        self.note("alive");
        let up = self.next.lock().unwrap().pop_front();
        if up.unwrap_or(*self.up.lock().unwrap()) {
            Ok(Some("0.33.0".into()))
        } else {
            Err(Error::new(Class::HostDown, "connection refused"))
        }
    }

    async fn models(&self) -> Result<Vec<Listed>, Error> {
        self.note("models");
        let models = self.models.lock().unwrap().clone();
        let listed = models.into_iter().map(|name| Listed {
            name: name.into(),
            ..Listed::default()
        });
        Ok(listed.collect())
    }

    async fn loaded(&self) -> Result<Option<Vec<Loaded>>, Error> {
        self.note("loaded");
        if *self.loading.lock().unwrap() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return Err(Error::new(Class::TtftTimeout, "no answer within 1 s"));
        }
        let names = self.in_memory.lock().unwrap().clone();
        let loaded = names.into_iter().map(|name| Loaded {
            name: name.into(),
            ..Loaded::default()
        });
        Ok(Some(loaded.collect()))
    }

    async fn load(&self, model: &str) -> Result<(), Error> {
        self.note("load");
        assert_eq!(model, "m");
        Ok(())
    }

    async fn key_works(&self) -> bool {
        self.note("key");
        *self.key_works.lock().unwrap()
    }
}

struct World {
    server: Arc<Played>,
    health: Health,
    board: Arc<Board>,
    target: Pair,
    _probing: DropGuard,
}

fn world(place: Place, preload: &[&str]) -> World {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock(Instant::now()));
    let tasks = Tasks::default();
    let board = Arc::new(Board::new(Arc::clone(&clock)));
    let health = Health::new(clock, tasks.clone());
    let server = Arc::new(Played::default());
    *server.up.lock().unwrap() = true;
    let host = health.host("gpu");
    host.set_source(Some(Arc::clone(&server) as Arc<dyn Source>));
    let watch = Watch {
        host,
        board: Arc::clone(&board),
        place,
        preload: preload.iter().map(|&model| model.into()).collect(),
        together: None,
    };
    World {
        target: board.pair("gpu", "m", place),
        _probing: prober::spawn(&tasks, watch),
        server,
        health,
        board,
    }
}

impl World {
    fn state(&self) -> Shown {
        self.target.snapshot().state
    }

    /// A request that ends like this.
    async fn fails(&self, class: Class, status: Option<u16>) {
        let ticket = self.target.admit(Duration::from_secs(5)).await.expect("let through");
        let error = Error {
            status,
            ..Error::new(class, "it failed")
        };
        ticket.failed(&error, false);
    }
}

async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// `times` one after the other, each between 0.9 and 1.1 of `pause` after the last.
fn check_pauses(times: &[f64], pause: f64) {
    assert!(times.len() > 2, "{times:?}");
    for pair in times.windows(2) {
        let between = pair[1] - pair[0];
        assert!(
            (pause * 0.89..=pause * 1.11).contains(&between),
            "{between} in {times:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_is_asked_although_nobody_wants_anything_of_it() {
    let world = world(Place::Local, &[]);
    *world.server.in_memory.lock().unwrap() = vec!["m"];
    let model = world.health.model("gpu", "m");
    pass(301.0).await;
    check_pauses(&world.server.times("alive"), 10.0);
    check_pauses(&world.server.times("loaded"), 10.0);
    check_pauses(&world.server.times("models"), 60.0);
    assert!(world.server.times("load").is_empty() && world.server.times("key").is_empty());
    assert_eq!(model.facts().warmth, Warmth::Warm);
    assert_eq!(world.health.host("gpu").vitals().version.as_deref(), Some("0.33.0"));
}

#[tokio::test(start_paused = true)]
async fn a_remote_backend_is_asked_nothing_without_a_reason() {
    let world = world(Place::Cloud, &[]);
    pass(3_600.0).await;
    assert_eq!(*world.server.asked.lock().unwrap(), []);
}

/// However long it was down, it is back soon, and nothing is asked of it afterwards.
#[tokio::test(start_paused = true)]
async fn a_remote_backend_that_cannot_be_reached_is_asked_until_it_can() {
    let world = world(Place::Cloud, &[]);
    *world.server.up.lock().unwrap() = false;
    world.fails(Class::HostDown, None).await;
    pass(600.0).await;
    assert_ne!(world.state(), Shown::Closed);
    check_pauses(&world.server.times("alive")[1..], 5.0);
    *world.server.up.lock().unwrap() = true;
    pass(12.0).await;
    assert_eq!(world.state(), Shown::HalfOpen);
    for _ in 0..2 {
        let mut ticket = world.target.admit(Duration::from_secs(5)).await.expect("let through");
        ticket.works();
        ticket.finished();
    }
    assert_eq!(world.state(), Shown::Closed);
    let asked = world.server.asked.lock().unwrap().len();
    pass(600.0).await;
    assert_eq!(world.server.asked.lock().unwrap().len(), asked);
    assert_eq!(world.server.times("models"), [] as [f64; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_unanswered_probes_open_it_and_two_answered_ones_let_a_trial_through() {
    let world = world(Place::Local, &[]);
    pass(1.0).await;
    *world.server.up.lock().unwrap() = false;
    pass(11.0).await;
    assert_eq!(world.state(), Shown::Closed);
    pass(6.0).await;
    assert_eq!(world.state(), Shown::Open);
    pass(300.0).await;
    let times = world.server.times("alive");
    check_pauses(&times[times.len() - 20..], 5.0);
    *world.server.up.lock().unwrap() = true;
    pass(11.5).await;
    assert_eq!(world.state(), Shown::HalfOpen);
    let mut trial = world.target.admit(Duration::from_secs(5)).await.expect("a trial");
    assert!(
        world.target.admit(Duration::from_secs(5)).await.is_none(),
        "one at a time"
    );
    trial.works();
    assert_eq!(world.state(), Shown::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_confirmed_at_once() {
    for (answers, expect) in [(true, Shown::Closed), (false, Shown::Open)] {
        let world = world(Place::Local, &[]);
        pass(2.0).await;
        *world.server.up.lock().unwrap() = answers;
        world.fails(Class::HostDown, None).await;
        assert_eq!(world.state(), Shown::Open);
        pass(0.3).await;
        assert_eq!(world.server.times("alive").len(), 2);
        assert_eq!(world.state(), expect);
    }
}

/// The host answers its probes while the model says nothing more in the middle of its answers.
#[tokio::test(start_paused = true)]
async fn a_hanging_model_does_not_take_its_host_along() {
    let world = world(Place::Local, &[]);
    pass(1.0).await;
    for _ in 0..3 {
        world.fails(Class::IdleTimeout, None).await;
        pass(10.0).await;
        if world.state() == Shown::Open {
            break;
        }
    }
    assert_eq!(world.board.snapshot("gpu", None).unwrap().state, Shown::Closed);
    assert_ne!(world.board.snapshot("gpu", Some("m")).unwrap().state, Shown::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_missing_model_is_used_soon_after_it_was_pulled() {
    let world = world(Place::Local, &[]);
    pass(5.0).await;
    world.fails(Class::ModelMissing, Some(404)).await;
    pass(3_600.0).await;
    assert_eq!(world.state(), Shown::Missing);
    assert!(world.target.admit(Duration::from_secs(5)).await.is_none());
    *world.server.models.lock().unwrap() = vec!["m"];
    pass(11.1).await;
    assert_eq!(world.state(), Shown::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_asked_about_for_free_until_it_works() {
    for place in [Place::Local, Place::Cloud] {
        let world = world(place, &[]);
        pass(1.0).await;
        world.fails(Class::HardDown, Some(401)).await;
        pass(200.0).await;
        assert_eq!(world.state(), Shown::HardDown);
        check_pauses(&world.server.times("key"), 60.0);
        *world.server.key_works.lock().unwrap() = true;
        pass(67.0).await;
        assert_eq!(world.state(), Shown::Closed);
        // Refused again although the list is free to read: it is asked less often.
        world.fails(Class::HardDown, Some(403)).await;
        pass(107.0).await;
        assert_eq!(world.state(), Shown::HardDown);
        pass(26.0).await;
        assert_eq!(world.state(), Shown::Closed);
    }
    let world = world(Place::Cloud, &[]);
    world.fails(Class::HardDown, Some(402)).await;
    *world.server.key_works.lock().unwrap() = true;
    pass(1_799.0).await;
    assert_eq!(world.state(), Shown::HardDown, "a key that works pays no bills");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_say_what_is_loaded_is_loading() {
    let world = world(Place::Local, &[]);
    let model = world.health.model("gpu", "m");
    *world.server.loading.lock().unwrap() = true;
    pass(60.0).await;
    assert_eq!(model.facts().warmth, Warmth::Loading);
    assert_eq!(world.state(), Shown::Closed);
    *world.server.loading.lock().unwrap() = false;
    *world.server.in_memory.lock().unwrap() = vec!["m"];
    pass(5.0).await;
    assert_eq!(model.facts().warmth, Warmth::Warm);
}

#[tokio::test(start_paused = true)]
async fn a_model_is_loaded_ahead_once_whenever_its_host_comes_up() {
    let world = world(Place::Local, &["m"]);
    pass(100.0).await;
    assert_eq!(world.server.times("load").len(), 1);
    *world.server.up.lock().unwrap() = false;
    pass(100.0).await;
    *world.server.up.lock().unwrap() = true;
    pass(100.0).await;
    assert_eq!(world.server.times("load").len(), 2);
    // One that is loaded already is left as it is, because asking would make it stay longer.
    *world.server.in_memory.lock().unwrap() = vec!["m"];
    world.server.next.lock().unwrap().push_back(false);
    pass(100.0).await;
    assert_eq!(world.server.times("load").len(), 2);
}
