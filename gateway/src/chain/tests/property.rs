//! Whatever targets do, and in whatever order, some things never happen.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::breaker::Snapshot;
use crate::chat::{Gather, Reply, ToolCallDelta, ToolSpec, parse_arguments};
use crate::demands::{Cold, Demands};
use crate::health::{Facts, Warmth};

/// What a target does; its words and calls are marked with who said them, and in which attempt.
#[derive(Debug, Clone)]
enum Act {
    Says(&'static str),
    Thinks,
    /// A call, of which the arguments come in two pieces, or only the first of them.
    Calls {
        index: u32,
        whole: bool,
    },
    Waits(u64),
    Fails(Class),
    Cut,
    Ends(FinishReason),
}

fn act() -> impl Strategy<Value = Act> {
    let words = ["word", "", "<", "<tool_call>", "{\"name\":", "[TOOL_CALLS]", "a < b"];
    let classes = [
        Class::HostDown,
        Class::Transport,
        Class::Upstream5xx,
        Class::Saturated,
        Class::RateShort,
        Class::RateLong,
        Class::HardDown,
        Class::ModelMissing,
        Class::Capability,
        Class::ContextLength,
        Class::ClientFault,
        Class::Policy,
        Class::Decode,
    ];
    let reasons = [
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
    ];
    prop_oneof![
        4 => proptest::sample::select(words.to_vec()).prop_map(Act::Says),
        1 => Just(Act::Thinks),
        2 => (0..2_u32, any::<bool>()).prop_map(|(index, whole)| Act::Calls { index, whole }),
        2 => proptest::sample::select(&[1_u64, 900, 5_000, 25_000, 90_000][..]).prop_map(Act::Waits),
        1 => proptest::sample::select(classes.to_vec()).prop_map(Act::Fails),
        1 => Just(Act::Cut),
        2 => proptest::sample::select(reasons.to_vec()).prop_map(Act::Ends),
    ]
}

/// Plays its scripts in turns, for ever.
struct Random {
    name: String,
    scripts: Vec<Vec<Act>>,
    asked: Mutex<usize>,
}

impl Provider for Random {
    fn stream(&self, _: Call) -> Events {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            *asked += 1;
            *asked - 1
        };
        let script = self.scripts[number % self.scripts.len()].clone();
        let mark = format!("{}.{number}", self.name);
        Box::pin(async_stream::stream! {
            for act in script {
                match act {
                    Act::Says(word) => yield Ok(Event::Text(if word.is_empty() { String::new() } else { format!("{word}@{mark}@") })),
                    Act::Thinks => yield Ok(Event::Reasoning(format!("hm@{mark}@"))),
                    Act::Calls { index, whole } => {
                        yield Ok(Event::ToolCall(ToolCallDelta {
                            index,
                            id: Some(format!("id{index}")),
                            name: Some("f".into()),
                            arguments: format!("{{\"by\":\"@{mark}@\""),
                        }));
                        if whole {
                            yield Ok(Event::ToolCall(ToolCallDelta { index, id: None, name: None, arguments: "}".into() }));
                        }
                    }
                    Act::Waits(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                    Act::Fails(class) => {
                        yield Err(Error { retry_after: Some(Duration::from_secs(2)), ..Error::new(class, "it failed") });
                        return;
                    }
                    Act::Cut => return,
                    Act::Ends(reason) => {
                        yield Ok(Event::Finish(Finish::because(reason)));
                        return;
                    }
                }
            }
        })
    }
}

#[derive(Debug, Clone)]
struct World {
    targets: Vec<(HostClass, Warmth, Vec<Vec<Act>>)>,
    requests: Vec<(Delivery, Option<Cold>, bool, Option<usize>)>,
}

fn world() -> impl Strategy<Value = World> {
    let script = proptest::collection::vec(act(), 0..6);
    let scripts = proptest::collection::vec(script, 1..3);
    let class = proptest::sample::select(&[HostClass::Gpu, HostClass::Cpu, HostClass::Cloud][..]);
    let warmth = proptest::sample::select(&[Warmth::Unknown, Warmth::Cold, Warmth::Loading, Warmth::Warm][..]);
    let target = (class, warmth, scripts);
    let delivery = proptest::sample::select(&[Delivery::Resettable, Delivery::Whole, Delivery::Live][..]);
    let cold = proptest::option::of(proptest::sample::select(
        &[Cold::SkipAndWarm, Cold::Race, Cold::Wait][..],
    ));
    let request = (
        delivery,
        cold,
        any::<bool>(),
        proptest::option::weighted(0.2, 0..4_usize),
    );
    (
        proptest::collection::vec(target, 1..4),
        proptest::collection::vec(request, 1..5),
    )
        .prop_map(|(targets, requests)| World { targets, requests })
}

/// The marks in a text.
fn marks(text: &str) -> Vec<&str> {
    text.split('@').skip(1).step_by(2).collect()
}

/// What the caller was given, held against what must never be.
fn check_events(events: &[Result<Event, Error>], live: bool) -> Result<Option<Reply>, TestCaseError> {
    let (mut gather, mut reply, mut by) = (Gather::default(), None, None::<String>);
    for (at, event) in events.iter().enumerate() {
        let is_last = at + 1 == events.len();
        let Ok(event) = event else {
            prop_assert!(is_last, "an error is the end");
            break;
        };
        let said = match event {
            Event::Text(text) | Event::Reasoning(text) => text.clone(),
            Event::ToolCall(call) => call.arguments.clone(),
            _ => String::new(),
        };
        for mark in marks(&said) {
            let first = by.get_or_insert_with(|| mark.to_owned());
            prop_assert_eq!(first.as_str(), mark, "two attempts are mixed");
        }
        match event {
            Event::Reset => {
                prop_assert!(!live, "what was sent cannot be taken back");
                by = None;
            }
            Event::Finish(_) => prop_assert!(is_last && reply.is_none(), "one end, and nothing after it"),
            Event::Served(_) => prop_assert!(by.is_none(), "a new target without a reset"),
            _ => {}
        }
        reply = gather.push(event.clone()).or(reply);
    }
    Ok(reply)
}

fn check_breaker(state: &Snapshot, now: Millis) -> Result<(), TestCaseError> {
    if state.state != Shown::Closed {
        let until = state.open_until;
        prop_assert!(until.is_some(), "it has an end: {:?}", state);
        let left = until.map(|until| until.since(now)).unwrap_or_default();
        prop_assert!(left <= Duration::from_hours(1), "which is not far: {:?}", state);
    }
    Ok(())
}

async fn run(world: World) -> Result<(), TestCaseError> {
    let clock = Fixed::at(Millis(1_000_000));
    let board = Board::new(Arc::new(clock.clone()));
    let health = Health::new(Arc::new(clock.clone()), Tasks::default());
    let told = Arc::new(Told::default());
    let (mut targets, mut played) = (Vec::new(), Vec::new());
    for (index, (class, warmth, scripts)) in world.targets.into_iter().enumerate() {
        let name = format!("t{index}");
        let provider = Arc::new(Random {
            name: name.clone(),
            scripts,
            asked: Mutex::default(),
        });
        let model = health.model(&name, "m");
        model.set(Facts {
            warmth,
            ..Facts::default()
        });
        let settings = Settings {
            max_inflight: Some(1),
            ..Settings::default()
        };
        let target = Target::new(&board, &name, "m", class, provider.clone())
            .with_settings(&settings)
            .with_health(model);
        targets.push(Arc::new(target));
        played.push(provider);
    }
    let chain = Chain::new(targets.clone()).with_surroundings(Arc::new(Surroundings {
        observers: vec![told.clone()],
        purse: None,
    }));
    for (delivery, cold, tools, leaves_after) in world.requests {
        let request = Request {
            delivery,
            demands: Demands {
                cold,
                ..Demands::default()
            },
            tools: tools
                .then(|| ToolSpec {
                    name: "f".into(),
                    description: String::new(),
                    parameters: json!({}),
                    strict: None,
                })
                .into_iter()
                .collect(),
            ..Request::default()
        };
        let stream = chain.stream(call(request));
        let events: Vec<_> = stream.take(leaves_after.unwrap_or(usize::MAX)).collect().await;
        let reply = check_events(&events, delivery == Delivery::Live)?;
        if leaves_after.is_none() {
            let ended = matches!(events.last(), Some(Err(_) | Ok(Event::Finish(_))));
            prop_assert!(ended, "it ends with its end or with an error: {:?}", events);
        }
        if let Some(reply) = reply.filter(|reply| tools && reply.finish.reason == FinishReason::Length) {
            for call in &reply.tool_calls {
                prop_assert!(parse_arguments(&call.arguments).is_ok(), "a broken call: {:?}", call);
            }
        }
        for target in &targets {
            check_breaker(&target.state(), clock.now())?;
            prop_assert!(target.gate.enter().is_some(), "the place is given back");
        }
        clock.advance(Duration::from_secs(7));
    }
    let asked: usize = played.iter().map(|played| *played.asked.lock().unwrap()).sum();
    prop_assert_eq!(told.attempts().len(), asked, "every attempt is told once");
    clock.advance(Duration::from_hours(2));
    for target in &targets {
        prop_assert!(
            target.breakers.admit(Duration::from_secs(1)).await.is_some(),
            "nothing is shut for ever"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_mixed_and_everything_ends(world in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(world))?;
    }
}
