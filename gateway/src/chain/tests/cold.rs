use super::*;
use crate::demands::{Cold, Demands, Origin, Surface};
use crate::health::{Facts, Warmth};

fn answers(word: &str, after: u64) -> Vec<Step> {
    vec![Step::Wait(after), text(word), finish()]
}

fn by(surface: Surface, cold: Option<Cold>) -> Request {
    Request {
        origin: Origin {
            surface,
            ..Origin::default()
        },
        demands: Demands {
            cold,
            ..Demands::default()
        },
        ..Request::default()
    }
}

/// Who answers a request of `surface` after how many milliseconds, when the first target needs `loads` to load, and the
/// others answer after one second; with the targets that were left.
async fn check(request: Request, warmths: &[Warmth], loads: u64, expect: (&str, u64, &[&str])) {
    let scripts: Vec<Vec<Step>> = (0..warmths.len())
        .map(|index| answers(&format!("t{index}"), if index == 0 { loads } else { 1_000 }))
        .collect();
    let scripts: Vec<[&[Step]; 1]> = scripts.iter().map(|script| [&script[..]]).collect();
    let scripts: Vec<&[&[Step]]> = scripts.iter().map(|scripts| &scripts[..]).collect();
    let rig = rig(&scripts);
    for (index, warmth) in warmths.iter().enumerate() {
        let facts = Facts {
            warmth: *warmth,
            ..Facts::default()
        };
        rig.health.model(&format!("t{index}"), "m").set(facts);
    }
    let began = Instant::now();
    let (given, events) = (format!("{request:?}"), rig.ask_with(request).await);
    let Ok(Event::Served(served)) = &events[0] else {
        panic!("an answer: {events:?}");
    };
    let left: Vec<&str> = served.left.iter().map(|left| left.reason.as_str()).collect();
    let seen = (
        &*served.target,
        u64::try_from(began.elapsed().as_millis()).unwrap(),
        &left[..],
    );
    assert_eq!(seen, (expect.0, expect.1, expect.2), "given {given}, {warmths:?}");
}

#[tokio::test(start_paused = true)]
async fn who_speaks_is_answered_by_a_model_that_is_loaded() {
    use Warmth::{Cold as IsCold, Loading, Warm};
    let voice = || by(Surface::Voice, None);
    let skipped = ["its model is being loaded"];
    check(voice(), &[IsCold, Warm], 9_000, ("t1/m", 1_000, &skipped)).await;
    check(
        voice(),
        &[Loading, IsCold, Warm],
        9_000,
        ("t2/m", 1_000, &[skipped[0], skipped[0]]),
    )
    .await;
    check(voice(), &[Warm, Warm], 2_000, ("t0/m", 2_000, &[])).await;
    // Nobody is loaded, so that one has to be waited for.
    check(voice(), &[IsCold, IsCold], 9_000, ("t0/m", 9_000, &[])).await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_is_answered_by_the_first_that_says_something() {
    use Warmth::{Cold as IsCold, Warm};
    let chat = || by(Surface::Chat, None);
    check(chat(), &[IsCold, Warm], 9_000, ("t1/m", 5_000, &[])).await;
    check(chat(), &[IsCold, Warm], 4_500, ("t0/m", 4_500, &[])).await;
    check(chat(), &[IsCold, Warm], 3_000, ("t0/m", 3_000, &[])).await;
    check(chat(), &[IsCold], 9_000, ("t0/m", 9_000, &[])).await;
    check(chat(), &[Warm, Warm], 5_000, ("t0/m", 5_000, &[])).await;
}

#[tokio::test(start_paused = true)]
async fn a_program_waits_and_a_request_may_say_otherwise() {
    use Warmth::{Cold as IsCold, Warm};
    check(by(Surface::Api, None), &[IsCold, Warm], 9_000, ("t0/m", 9_000, &[])).await;
    let race = Some(Cold::Race);
    check(by(Surface::Api, race), &[IsCold, Warm], 9_000, ("t1/m", 5_000, &[])).await;
    let wait = Some(Cold::Wait);
    check(by(Surface::Voice, wait), &[IsCold, Warm], 9_000, ("t0/m", 9_000, &[])).await;
}

#[tokio::test(start_paused = true)]
async fn the_one_that_fails_in_a_race_does_not_end_it() {
    let slow = answers("slow", 9_000);
    let rig = rig(&[
        &[&slow],
        &[&[fail(Class::HostDown)]],
        &[&[Step::Wait(7_000), text("late"), finish()]],
    ]);
    let cold = Facts {
        warmth: Warmth::Cold,
        ..Facts::default()
    };
    rig.health.model("t0", "m").set(cold);
    let left = [("t1/m", "it failed", Class::HostDown)];
    let expect = [served("t0/m", 3, &left), said("slow"), Ok(finished())];
    assert_eq!(rig.ask_with(by(Surface::Chat, None)).await, expect);
    assert_eq!(rig.asked(), [1, 1, 1]);
    let outcomes = rig.outcomes();
    assert_eq!(outcomes, ["t1 host_down", "t2 cancelled", "t0 answered"]);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_first_token_follows_what_is_measured() {
    let check = async |facts: Facts, prompt: usize, millis: u128, class: Class| {
        let rig = rig(&[&[&[Step::Wait(999_000)]]]);
        rig.health.model("t0", "m").set(facts.clone());
        let request = Request {
            messages: vec![crate::chat::Message::text(crate::chat::Role::User, "x".repeat(prompt))],
            ..by(Surface::Api, None)
        };
        let began = Instant::now();
        let events = rig.ask_with(request).await;
        let class_seen = events[0].as_ref().map_err(|error| error.class);
        assert_eq!(
            (began.elapsed().as_millis(), class_seen.unwrap_err()),
            (millis, class),
            "given {facts:?}"
        );
    };
    let facts = |warmth, prompt_rate: Option<f64>, load: Option<u64>| Facts {
        warmth,
        size: Some(8_000),
        rates: crate::health::Rates {
            prompt: prompt_rate,
            load,
            ..crate::health::Rates::default()
        },
        ..Facts::default()
    };
    // 8 tokens for the message, and 1000 for its text.
    check(
        facts(Warmth::Warm, None, None),
        3_600,
        6_000 + 3 * 1_008,
        Class::TtftTimeout,
    )
    .await;
    check(
        facts(Warmth::Warm, Some(100.8), None),
        3_600,
        6_000 + 15_000,
        Class::TtftTimeout,
    )
    .await;
    check(facts(Warmth::Cold, Some(100.8), None), 3_600, 81_000, Class::ColdSlow).await;
    check(
        facts(Warmth::Loading, Some(100.8), Some(200)),
        3_600,
        21_000 + 61_500,
        Class::ColdSlow,
    )
    .await;
}
