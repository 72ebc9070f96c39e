use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::*;
use crate::breaker::prober::{self, Probe};
use crate::breaker::{Board, Shown};
use crate::chat::{Event, Finish, FinishReason, Left, Original, Protocol, Request, Served, WireChunk};
use crate::clock::{Clock, Fixed, Millis};
use crate::provider::{Call, Class, Error, Events, Provider};
use crate::tasks::Tasks;

/// What a played target does when it is asked.
#[derive(Clone)]
enum Step {
    Say(Event),
    Wait(u64),
    Fail(Error),
    /// The stream ends here, without an end mark.
    Cut,
}

/// Plays one script per request, and the last one for all that follow.
#[derive(Clone, Default)]
struct Played {
    scripts: Arc<Mutex<VecDeque<Vec<Step>>>>,
    asked_at: Arc<Mutex<Vec<Instant>>>,
}

impl Provider for Played {
    fn stream(&self, _call: Call) -> Events {
        let played = self.clone();
        Box::pin(async_stream::stream! {
            played.asked_at.lock().unwrap().push(Instant::now());
            let script = {
                let mut scripts = played.scripts.lock().unwrap();
                let script = scripts.pop_front().unwrap();
                if scripts.is_empty() {
                    scripts.push_back(script.clone());
                }
                script
            };
            for step in script {
                match step {
                    Step::Say(event) => yield Ok(event),
                    Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                    Step::Fail(error) => yield Err(error),
                    Step::Cut => return,
                }
            }
        })
    }
}

/// A chain of played targets `t0/m`, `t1/m`, … with its clock.
struct Rig {
    clock: Fixed,
    board: Arc<Board>,
    chain: Chain,
    played: Vec<Played>,
}

fn rig(scripts: &[&[&[Step]]]) -> Rig {
    let clock = Fixed::at(Millis(1_000_000));
    let board = Arc::new(Board::new(Arc::new(clock.clone())));
    let mut played = Vec::new();
    let mut targets = Vec::new();
    for (index, scripts) in scripts.iter().enumerate() {
        let provider = Played::default();
        provider
            .scripts
            .lock()
            .unwrap()
            .extend(scripts.iter().map(|script| script.to_vec()));
        let target = Target::new(
            &board,
            &format!("t{index}"),
            "m",
            HostClass::Gpu,
            Arc::new(provider.clone()),
        );
        target.answered();
        targets.push(Arc::new(target));
        played.push(provider);
    }
    Rig {
        clock,
        board,
        chain: Chain::new(targets),
        played,
    }
}

impl Rig {
    async fn ask(&self) -> Vec<Result<Event, Error>> {
        self.ask_with(Request::default()).await
    }

    async fn ask_over_the_api(&self) -> Vec<Result<Event, Error>> {
        self.ask_with(Request {
            original: Some(Original {
                protocol: Protocol::OpenAiChat,
                body: Bytes::from_static(b"{}"),
                include_usage: false,
            }),
            ..Request::default()
        })
        .await
    }

    async fn ask_with(&self, request: Request) -> Vec<Result<Event, Error>> {
        self.chain.stream(call(request)).collect().await
    }

    fn asked(&self) -> Vec<usize> {
        self.played
            .iter()
            .map(|played| played.asked_at.lock().unwrap().len())
            .collect()
    }

    fn states(&self) -> Vec<Shown> {
        self.chain.targets().iter().map(|target| target.state().state).collect()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn call(request: Request) -> Call {
    Call {
        request: Arc::new(request),
        model: String::new(),
        left: Vec::new(),
    }
}

fn text(text: &str) -> Step {
    Step::Say(Event::Text(text.to_owned()))
}

fn finish() -> Step {
    Step::Say(finished())
}

fn finished() -> Event {
    Event::Finish(Finish {
        reason: FinishReason::Stop,
        usage: None,
    })
}

fn fail(class: Class) -> Step {
    Step::Fail(Error::new(class, "it failed"))
}

fn fail_status(class: Class, status: u16) -> Step {
    Step::Fail(Error {
        status: Some(status),
        ..Error::new(class, "it failed")
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with items of a stream")]
fn served(target: &str, attempts: u32, left: &[(&str, &str, Class)]) -> Result<Event, Error> {
    let left = left.iter().map(|(target, reason, class)| Left {
        target: (*target).to_owned(),
        reason: (*reason).to_owned(),
        class: *class,
    });
    Ok(Event::Served(Served {
        target: target.to_owned(),
        model: target.split('/').next_back().unwrap_or_default().to_owned(),
        attempts,
        left: left.collect(),
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with items of a stream")]
fn said(text: &str) -> Result<Event, Error> {
    Ok(Event::Text(text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn the_first_target_answers() {
    let rig = rig(&[&[&[text("hi"), finish()]], &[&[text("no"), finish()]]]);
    assert_eq!(rig.ask().await, [served("t0/m", 1, &[]), said("hi"), Ok(finished())]);
    assert_eq!(rig.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_left_at_once_and_not_asked_again() {
    let rig = rig(&[&[&[fail(Class::HostDown)]], &[&[text("hi"), finish()]]]);
    let left = [("t0/m", "it failed", Class::HostDown)];
    assert_eq!(rig.ask().await, [served("t1/m", 2, &left), said("hi"), Ok(finished())]);
    assert_eq!(rig.ask().await, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    assert_eq!(rig.asked(), [1, 2]);
    assert_eq!(rig.states(), [Shown::Open, Shown::Closed]);
}

/// How often each of two targets is asked when the first fails so on every request, and the second answers.
async fn check_asked(step: Step, expect: [usize; 2]) {
    let rig = rig(&[&[&[step]], &[&[text("hi"), finish()]]]);
    rig.ask().await;
    assert_eq!(rig.asked(), expect);
}

#[tokio::test(start_paused = true)]
async fn the_class_decides_who_is_asked_next() {
    check_asked(fail(Class::Transport), [2, 1]).await;
    check_asked(fail_status(Class::Upstream5xx, 500), [2, 1]).await;
    check_asked(fail_status(Class::Upstream5xx, 200), [1, 1]).await;
    check_asked(fail(Class::Saturated), [1, 1]).await;
    check_asked(fail(Class::RateShort), [2, 1]).await;
    check_asked(fail(Class::RateLong), [1, 1]).await;
    check_asked(fail(Class::HardDown), [1, 1]).await;
    check_asked(fail(Class::ModelMissing), [1, 1]).await;
    check_asked(fail(Class::Capability), [1, 1]).await;
    check_asked(fail(Class::ContextLength), [1, 1]).await;
    check_asked(fail(Class::ClientFault), [1, 0]).await;
    check_asked(fail(Class::Policy), [1, 0]).await;
    check_asked(Step::Cut, [1, 1]).await;
    check_asked(finish(), [1, 1]).await;
    check_asked(Step::Wait(7_000), [1, 1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_try_waits_as_long_as_was_asked() {
    let again = Step::Fail(Error {
        retry_after: Some(Duration::from_secs(2)),
        ..Error::new(Class::RateShort, "slow down")
    });
    let rig = rig(&[&[&[again], &[text("hi"), finish()]]]);
    assert_eq!(rig.ask().await, [served("t0/m", 2, &[]), said("hi"), Ok(finished())]);
    let asked_at = rig.played[0].asked_at.lock().unwrap().clone();
    assert_eq!(asked_at[1] - asked_at[0], Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_silent_target_is_left_after_its_limit_although_it_sends_noise() {
    let mut noise = vec![];
    for _ in 0..200 {
        noise.push(Step::Wait(100));
        noise.push(text(""));
    }
    let rig = rig(&[&[&noise], &[&[text("hi"), finish()]]]);
    let began = Instant::now();
    let left = [("t0/m", "no answer within 6 s", Class::TtftTimeout)];
    assert_eq!(rig.ask().await, [served("t1/m", 2, &left), said("hi"), Ok(finished())]);
    assert_eq!(began.elapsed().as_millis() / 100, 60);
    rig.ask().await;
    assert_eq!(rig.states(), [Shown::Open, Shown::Closed]);
}

#[tokio::test(start_paused = true)]
async fn a_cold_model_may_load_and_is_not_blamed() {
    let rig = rig(&[&[&[Step::Wait(50_000), text("hi"), finish()]]]);
    rig.pass(3_600);
    assert_eq!(rig.ask().await, [served("t0/m", 1, &[]), said("hi"), Ok(finished())]);

    let rig = self::rig(&[&[&[Step::Wait(90_000)]], &[&[text("hi"), finish()]]]);
    rig.pass(3_600);
    for _ in 0..4 {
        rig.ask().await;
    }
    assert_eq!(rig.states(), [Shown::Closed, Shown::Closed]);
    assert_eq!(rig.asked(), [4, 4]);
}

#[tokio::test(start_paused = true)]
async fn after_the_commit_point_first_party_callers_get_a_reset() {
    let check = async |end: &[Step], reason: &str, class: Class| {
        let script = [&[text("half")], end].concat();
        let rig = rig(&[&[&script], &[&[text("whole"), finish()]]]);
        let expect = [
            served("t0/m", 1, &[]),
            said("half"),
            Ok(Event::Reset),
            served("t1/m", 2, &[("t0/m", reason, class)]),
            said("whole"),
            Ok(finished()),
        ];
        assert_eq!(rig.ask().await, expect);
        assert_eq!(rig.asked(), [1, 1]);
    };
    check(&[Step::Cut], "the answer was cut off", Class::Truncated).await;
    check(&[Step::Wait(30_000)], "nothing more came for 20 s", Class::IdleTimeout).await;
    check(&[fail_status(Class::Upstream5xx, 500)], "it failed", Class::Upstream5xx).await;
}

#[tokio::test(start_paused = true)]
async fn after_the_commit_point_api_callers_get_the_error() {
    let rig = rig(&[&[&[text("half"), Step::Cut]], &[&[text("whole"), finish()]]]);
    let cut = Error::new(Class::Truncated, "the answer was cut off");
    assert_eq!(
        rig.ask_over_the_api().await,
        [served("t0/m", 1, &[]), said("half"), Err(cut)]
    );
    assert_eq!(rig.asked(), [1, 0]);
    // Two such deaths within five minutes are enough.
    rig.ask_over_the_api().await;
    assert_eq!(rig.states(), [Shown::Open, Shown::Closed]);
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_first_meaningful_event_is_kept_in_order() {
    let chunk = |data: &'static str, meaningful| {
        Event::Wire(WireChunk {
            data: Bytes::from_static(data.as_bytes()),
            meaningful,
        })
    };
    let (role, word) = (chunk("role", false), chunk("word", true));
    let script = [
        Step::Say(role.clone()),
        Step::Wait(100),
        Step::Say(word.clone()),
        finish(),
    ];
    let rig = rig(&[&[&script]]);
    let expect = [served("t0/m", 1, &[]), Ok(role), Ok(word), Ok(finished())];
    assert_eq!(rig.ask_over_the_api().await, expect);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_gets_a_second_opinion_and_two_are_an_answer() {
    let rig = rig(&[&[&[finish()]], &[&[finish()]], &[&[text("hi"), finish()]]]);
    let left = [("t0/m", "an empty answer", Class::Empty)];
    assert_eq!(rig.ask().await, [served("t1/m", 2, &left), Ok(finished())]);
    let rig = self::rig(&[&[&[finish()]]]);
    assert_eq!(rig.ask().await, [served("t0/m", 1, &[]), Ok(finished())]);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_answers_the_error_says_what_everybody_said() {
    let rig = rig(&[&[&[fail(Class::HostDown)]], &[&[fail(Class::HardDown)]]]);
    let [Err(error)] = &rig.ask().await[..] else {
        panic!("an error and nothing else");
    };
    assert_eq!(error.message, "no model answered (t0/m: it failed; t1/m: it failed)");
    let wait = error.retry_after.unwrap();
    assert!(
        (Duration::from_secs(4)..=Duration::from_secs(6)).contains(&wait),
        "{wait:?}"
    );
    assert_eq!(rig.asked(), [1, 1]);
    // The host that was refused is the least bad one; the one with the wrong key is not asked.
    rig.ask().await;
    assert_eq!(rig.asked(), [2, 1]);

    let rig = self::rig(&[]);
    let expect = Error::new(Class::HostDown, "no model is set up");
    assert_eq!(rig.ask().await, [Err(expect)]);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_too_long_needs_a_larger_context() {
    let contexts = |rig: &Rig, contexts: [Option<u32>; 2]| {
        let targets = rig.chain.targets();
        let with = (0..2).map(|index| {
            let provider = targets[index].provider.clone();
            let target = Target::new(&rig.board, &format!("t{index}"), "m", HostClass::Gpu, provider);
            Arc::new(target.with_context(contexts[index]))
        });
        rig.chain.replace(with.collect());
    };
    let too_long: &[&[Step]] = &[&[fail(Class::ContextLength)]];
    let answers: &[&[Step]] = &[&[text("hi"), finish()]];
    let larger = rig(&[too_long, answers]);
    contexts(&larger, [Some(4096), Some(8192)]);
    larger.ask().await;
    assert_eq!(larger.asked(), [1, 1]);

    let smaller = rig(&[too_long, answers]);
    contexts(&smaller, [Some(4096), Some(4096)]);
    let expect = Error::new(Class::ContextLength, "t0/m: it failed");
    assert_eq!(smaller.ask().await, [Err(expect)]);
    assert_eq!(smaller.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_last_link_is_told_why() {
    struct Tells;
    impl Provider for Tells {
        fn stream(&self, call: Call) -> Events {
            let told: Vec<String> = call
                .left
                .iter()
                .map(|left| format!("{}: {}", left.target, left.reason))
                .collect();
            let events = [Event::Text(told.join("; ")), finished()];
            Box::pin(futures_util::stream::iter(events.map(Ok)))
        }
    }
    let rig = rig(&[&[&[fail(Class::HostDown)]]]);
    let chain = rig.chain.clone().with_last(Arc::new(Tells));
    let events: Vec<_> = chain.stream(call(Request::default())).collect().await;
    let left = [("t0/m", "it failed", Class::HostDown)];
    assert_eq!(
        events,
        [served("command", 1, &left), said("t0/m: it failed"), Ok(finished())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_is_not_held_against_the_target() {
    let rig = rig(&[&[&[fail(Class::HostDown)], &[Step::Wait(1_000), text("hi"), finish()]]]);
    rig.ask().await;
    rig.pass(10);
    let mut stream = rig.chain.stream(call(Request::default()));
    assert!(
        tokio::time::timeout(Duration::from_millis(10), stream.next())
            .await
            .is_err()
    );
    assert_eq!(rig.states(), [Shown::HalfOpen]);
    // While it is being tried nobody else is let through.
    let second = rig.chain.stream(call(Request::default())).next().await;
    assert!(matches!(second, Some(Err(_))), "{second:?}");
    drop(stream);
    assert_eq!(rig.ask().await.len(), 3);
    assert_eq!(rig.states(), [Shown::Closed]);
}

#[tokio::test(start_paused = true)]
async fn changes_are_told() {
    let rig = rig(&[&[&[fail(Class::HostDown)]]]);
    let mut changes = rig.board.changes();
    rig.ask().await;
    let key = changes.recv().await.unwrap();
    assert_eq!((&*key.backend, key.model), ("t0", None));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_back_is_found_without_traffic() {
    struct Switch(Mutex<bool>);
    #[async_trait]
    impl Probe for Switch {
        async fn alive(&self) -> bool {
            *self.0.lock().unwrap()
        }
        async fn has_model(&self, _model: &str) -> bool {
            *self.0.lock().unwrap()
        }
    }
    for class in [Class::HostDown, Class::ModelMissing] {
        let rig = rig(&[&[&[fail(class)]]]);
        let (tasks, switch) = (Tasks::default(), Arc::new(Switch(Mutex::new(false))));
        let _probing = prober::spawn(&tasks, rig.board.clone(), "t0".into(), switch.clone());
        tokio::task::yield_now().await;
        let mut changes = rig.board.changes();
        rig.ask().await;
        changes.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_ne!(rig.states(), [Shown::Closed]);
        *switch.0.lock().unwrap() = true;
        let back = Instant::now();
        changes.recv().await.unwrap();
        assert_eq!(rig.states(), [Shown::Closed]);
        assert!(back.elapsed() < Duration::from_secs(40), "{:?}", back.elapsed());
        assert!(tasks.stop(Duration::from_secs(1)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn targets_that_are_set_up_anew_keep_what_was_learned() {
    let rig = rig(&[&[&[fail(Class::HardDown)]]]);
    rig.ask().await;
    let provider = rig.chain.targets()[0].provider.clone();
    let again = Target::new(&rig.board, "t0", "m", HostClass::Gpu, provider);
    rig.chain.replace(vec![Arc::new(again)]);
    assert_eq!(rig.states(), [Shown::HardDown]);
    rig.board.reset("t0");
    assert_eq!(rig.states(), [Shown::Closed]);
    assert_eq!(rig.clock.now(), Millis(1_000_000));
}
