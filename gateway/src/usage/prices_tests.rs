use std::time::Duration;

use super::*;
use crate::caller::Caller;
use crate::chat::Timings;
use crate::clock::Millis;
use crate::provider::Class;

fn attempt(backend: &str, model: &str, usage: Usage) -> Attempt {
    Attempt {
        origin: Arc::default(),
        caller: Caller::Internal,
        backend: backend.into(),
        model: model.into(),
        kind: "openai",
        class: HostClass::Cloud,
        number: 1,
        left: Vec::new(),
        started_at: Millis(0),
        waited: None,
        took: Duration::ZERO,
        first_token: None,
        outcome: Outcome::Answered,
        usage,
        estimated: false,
        pieces: Pieces::default(),
        timings: Timings::default(),
        truncated: false,
    }
}

fn usage(prompt_tokens: u64, cached_tokens: u64, completion_tokens: u64) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        cached_tokens,
        reasoning_tokens: 0,
    }
}

fn known(micros: i64) -> Cost {
    Cost::Known(MicroUsd(micros))
}

#[test]
fn tokens_are_charged_by_the_first_entry_that_fits() {
    let own = "[[price]]\nbackend = \"azure\"\nmodel = \"gpt-5.4*\"\ninput = 1\noutput = 2.5\n";
    let prices = Prices::with(own).unwrap();
    let check = |target: &str, usage: Usage, expect: Cost| {
        let (backend, model) = target.split_once('/').unwrap();
        for _ in 0..2 {
            assert_eq!(
                prices.cost(&attempt(backend, model, usage)),
                expect,
                "{target} {usage:?}"
            );
        }
    };
    check("cloud/gpt-5.4-mini", usage(1_000_000, 0, 0), known(750_000));
    check("cloud/gpt-5.4-mini", usage(0, 0, 1_000_000), known(4_500_000));
    check("cloud/gpt-5.4-mini", usage(1000, 400, 100), known(450 + 30 + 450));
    check("cloud/gpt-5.4-mini-2026-03-05", usage(1000, 0, 0), known(750));
    check("cloud/gpt-5.4-mini-next", usage(1000, 0, 0), Cost::Unknown);
    check("azure/gpt-5.4-mini", usage(1000, 1000, 1000), known(1000 + 2500));
    check("cloud/gpt-5.4", usage(272_000, 0, 0), known(680_000));
    check("cloud/gpt-5.4", usage(272_001, 0, 1000), known(1_360_005 + 22_500));
    check("cloud/gpt-4o-2024-05-13", usage(1_000_000, 0, 0), known(5_000_000));
    check("cloud/gpt-4o-2024-08-06", usage(1_000_000, 0, 0), known(2_500_000));
    // What is less than the smallest amount is rounded up, once.
    check("cloud/gpt-5-nano", usage(1, 0, 1), known(1));
    // More from the cache than was asked is a slip of the server, not a discount.
    check("cloud/gpt-5.4-mini", usage(100, 900, 0), known(8));
    check("openrouter/meta-llama/llama-4", usage(1, 0, 1), Cost::Unknown);
    check("cloud/text-embedding-3-small", usage(1_000_000, 0, 0), known(20_000));
    check("cloud/gpt-5.4-mini", usage(0, 0, 0), Cost::Unknown);
}

#[test]
fn what_was_not_charged_costs_nothing_and_what_is_at_home_neither() {
    let prices = Prices::with("").unwrap();
    let check = |outcome: Outcome, class: HostClass, usage: Usage, expect: Cost| {
        let attempt = Attempt {
            outcome: outcome.clone(),
            class,
            ..attempt("any", "unlisted", usage)
        };
        assert_eq!(prices.cost(&attempt), expect, "{outcome:?} {class:?} {usage:?}");
    };
    let left = Outcome::Left {
        class: Class::HostDown,
        reason: "connection refused".into(),
    };
    let (some, none) = (usage(10, 0, 10), usage(0, 0, 0));
    check(Outcome::Answered, HostClass::Gpu, some, known(0));
    check(Outcome::Answered, HostClass::Cpu, none, known(0));
    check(left.clone(), HostClass::Cloud, none, known(0));
    check(left, HostClass::Cloud, some, Cost::Unknown);
    check(Outcome::Cancelled, HostClass::Cloud, none, known(0));
    check(Outcome::Cached, HostClass::Cloud, some, known(0));
    check(Outcome::Answered, HostClass::Cloud, some, Cost::Unknown);
}

#[test]
fn pieces_are_charged_where_tokens_are_not() {
    let own = "[[price]]\nmodel = \"painter\"\nimage = 0.04\n";
    let prices = Prices::with(own).unwrap();
    let check = |model: &str, usage: Usage, pieces: Pieces, expect: Cost| {
        let attempt = Attempt {
            pieces,
            ..attempt("cloud", model, usage)
        };
        assert_eq!(prices.cost(&attempt), expect, "{model} {pieces:?}");
    };
    let none = usage(0, 0, 0);
    let images = Pieces {
        images: 3,
        ..Pieces::default()
    };
    let audio = Pieces {
        audio: Duration::from_secs(90),
        ..Pieces::default()
    };
    let characters = Pieces {
        characters: 2000,
        audio: Duration::from_secs(90),
        ..Pieces::default()
    };
    check("painter", none, images, known(120_000));
    check("painter", usage(7, 0, 7), images, known(120_000));
    check("painter", none, audio, Cost::Unknown);
    check("gpt-image-1", usage(100, 0, 1000), images, known(1000 + 40_000));
    check("gpt-image-1", none, images, Cost::Unknown);
    check("whisper-1", none, audio, known(9000));
    check("gpt-4o-transcribe", none, audio, known(9000));
    check("gpt-4o-transcribe", usage(1000, 0, 0), audio, known(6000));
    check("tts-1", none, characters, known(30_000));
    let spoken = Pieces {
        characters: 900,
        ..Pieces::default()
    };
    check("gpt-4o-mini-tts", none, spoken, known(15_000));
}

#[test]
fn an_estimate_takes_an_answer_of_the_usual_length() {
    let prices = Prices::with("").unwrap();
    let check = |model: &str, answer_tokens: Option<u64>, answers: u32, expect: Cost| {
        let planned = Planned {
            backend: "cloud",
            model,
            prompt_tokens: 1000,
            answer_tokens,
            answers,
            pieces: Pieces::default(),
            bound: None,
        };
        assert_eq!(prices.estimate(&planned), expect, "{model} {answer_tokens:?} {answers}");
    };
    check("gpt-5.4-mini", Some(100), 1, known(750 + 450));
    check("gpt-5.4-mini", Some(100), 3, known(750 + 3 * 450));
    check("gpt-5.4-mini", None, 0, known(750 + 4608));
    check("gpt-5.4-mini", None, 2, known(750 + 2 * 4608));
    check("whisper-1", None, 1, known(0));
    check("unlisted", None, 1, Cost::Unknown);
}

#[test]
fn a_list_that_is_not_right_is_refused_with_its_line() {
    let check = |text: &str, expect: &str| {
        let error = Prices::with(text).err().unwrap().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("[[price]]\nmodel = \"x\"\ninptu = 1\n", "inptu");
    check("[[price]]\nmodel = \"x\"\ninput = -1\n", "not an amount");
    check("[[price]]\nmodel = \"x\"\ninput = 0.0000001\n", "not an amount");
    check("[[price]]\ninput = 1\n", "model");
}
