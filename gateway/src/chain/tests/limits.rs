use super::*;
use crate::caller::{Key, Waits};

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

/// A request by a key of a class with these limits.
fn by_class(waits: Waits) -> Request {
    let key = Key {
        waits,
        ..Key::default()
    };
    Request {
        caller: key.into(),
        ..Request::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_class_waits_as_long_as_its_class_says() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let slow: &[Step] = &[Step::Wait(10_000), text("slow"), finish()];
    let fast: &[Step] = &[text("fast"), finish()];
    let check = async |waits: Waits, expect: &str, after_ms: u128| {
        let rig = rig(&[&[slow], &[fast]]);
        let began = Instant::now();
        let events = rig.ask_with(by_class(waits)).await;
        let text = events.into_iter().find(|event| matches!(event, Ok(Event::Text(_))));
        assert_eq!(
            (text, began.elapsed().as_millis()),
            (Some(said(expect)), after_ms),
            "{waits:?}"
        );
        rig
    };
    check(Waits::default(), "fast", 6_000).await;
    let patient = Waits {
        first_token: seconds(30),
        ..Waits::default()
    };
    check(patient, "slow", 10_000).await;
    let hasty = Waits {
        first_token: seconds(2),
        ..Waits::default()
    };
    let rig = check(hasty, "fast", 2_000).await;
    // Whoever waits for less than a target may take says nothing about the target.
    for _ in 0..5 {
        rig.ask_with(by_class(hasty)).await;
    }
    assert_eq!(rig.states(), [Shown::Closed, Shown::Closed]);
    let nobody = Waits {
        deadline: seconds(3),
        first_token: seconds(30),
        ..Waits::default()
    };
    let rig = self::rig(&[&[slow], &[slow]]);
    let ended = rig.ask_with(by_class(nobody)).await.pop().unwrap().unwrap_err();
    assert_eq!((ended.class, rig.asked()), (Class::CallerDeadline, vec![1, 0]));
    let short = Waits {
        total: seconds(5),
        ..Waits::default()
    };
    let long: &[Step] = &[text("a"), Step::Wait(9_000), text("b"), finish()];
    let ended = self::rig(&[&[long]]).ask_with(by_class(short)).await.pop().unwrap();
    assert_eq!(ended.unwrap_err().class, Class::CallerDeadline);
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
async fn a_slow_answer_is_waited_for_as_long_as_something_comes() {
    let slow = [
        text("a"),
        Step::Wait(15_000),
        text("b"),
        Step::Wait(15_000),
        text("c"),
        finish(),
    ];
    let expect = [served("t0/m", 1, &[]), said("a"), said("b"), said("c"), Ok(finished())];
    assert_eq!(rig(&[&[&slow]]).ask().await, expect);

    let noise = [
        text("a"),
        Step::Wait(15_000),
        text(""),
        Step::Wait(25_000),
        text("c"),
        finish(),
    ];
    let idle = Error::new(Class::IdleTimeout, "nothing more came for 30 s");
    let expect = [served("t0/m", 1, &[]), said("a"), said(""), Err(idle)];
    assert_eq!(rig(&[&[&noise]]).ask_over_the_api(true).await, expect);
}

#[tokio::test(start_paused = true)]
async fn after_the_commit_point_api_callers_get_the_error() {
    let rig = rig(&[&[&[text("half"), Step::Cut]], &[&[text("whole"), finish()]]]);
    let cut = Error::new(Class::Truncated, "the answer was cut off");
    assert_eq!(
        rig.ask_over_the_api(true).await,
        [served("t0/m", 1, &[]), said("half"), Err(cut)]
    );
    assert_eq!(rig.asked(), [1, 0]);
    // Two such deaths within five minutes are enough.
    rig.ask_over_the_api(true).await;
    assert_eq!(rig.states(), [Shown::Open, Shown::Closed]);
}

#[tokio::test(start_paused = true)]
async fn an_api_caller_who_waits_for_the_whole_is_served_by_the_next_target() {
    let rig = rig(&[&[&[text("half"), Step::Cut]], &[&[text("whole"), finish()]]]);
    let left = [("t0/m", "the answer was cut off", Class::Truncated)];
    assert_eq!(
        rig.ask_over_the_api(false).await,
        [
            served("t0/m", 1, &[]),
            said("half"),
            Ok(Event::Reset),
            served("t1/m", 2, &left),
            said("whole"),
            Ok(finished())
        ]
    );
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
    assert_eq!(rig.ask_over_the_api(true).await, expect);
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
