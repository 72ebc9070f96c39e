use serde_json::json;

use super::*;
use crate::chat::{Message, Options, Part, ResponseFormat, Role, ToolChoice, ToolSpec};
use crate::demands::{Demands, Shortens};
use crate::health::{Ability, Capabilities, Facts};

fn words(count: usize) -> Request {
    Request {
        messages: vec![Message::text(Role::User, "x".repeat(count))],
        ..Request::default()
    }
}

fn tools(choice: ToolChoice) -> Request {
    Request {
        tools: vec![ToolSpec {
            name: "f".into(),
            description: String::new(),
            parameters: json!({}),
            strict: None,
        }],
        tool_choice: choice,
        ..words(1)
    }
}

fn with_part(part: Part) -> Request {
    let mut request = words(1);
    request.messages[0].content.push(part);
    request
}

fn able(abilities: &[Ability]) -> Facts {
    let all = abilities
        .iter()
        .fold(Capabilities::default(), |all, ability| all.with(*ability));
    Facts {
        capabilities: Some(all),
        ..Facts::default()
    }
}

/// Why a target of which `facts` and `settings` are known is of no use for `request`, if it is not.
fn check(request: &Request, facts: &Facts, settings: &Settings, expect: Option<(Class, &str)>) {
    let board = Board::new(Arc::new(Fixed::at(Millis(0))));
    let target = Target::new(&board, "t", "m", HostClass::Gpu, Arc::new(Played::default())).with_settings(settings);
    let misfit = super::super::fit::misfit(&Errand::of_chat(request), &target, facts);
    let seen = misfit.as_ref().map(|misfit| (misfit.class, &*misfit.reason));
    assert_eq!(seen, expect, "given {request:?}, {facts:?}, {settings:?}");
}

#[test]
fn what_a_model_cannot_do_it_is_not_asked_for() {
    let any = Settings::default();
    let none = Facts::default();
    let chats = able(&[Ability::Completion]);
    check(&words(1), &chats, &any, None);
    check(
        &words(1),
        &able(&[Ability::Embedding]),
        &any,
        Some((Class::Capability, "it does not chat")),
    );
    let no_tools = Some((Class::Capability, "it does not support tools"));
    check(&tools(ToolChoice::Auto), &chats, &any, no_tools);
    check(&tools(ToolChoice::Auto), &none, &any, None);
    check(&tools(ToolChoice::None), &chats, &any, None);
    let image = with_part(Part::Image {
        url: "data:".into(),
        detail: None,
    });
    check(
        &image,
        &chats,
        &any,
        Some((Class::Capability, "it does not support images")),
    );
    check(&image, &able(&[Ability::Completion, Ability::Vision]), &any, None);
    let audio = with_part(Part::Other(json!({"type": "input_audio"})));
    check(
        &audio,
        &chats,
        &any,
        Some((Class::Capability, "it does not support audio")),
    );
    check(&with_part(Part::Other(json!({"type": "file"}))), &chats, &any, None);

    let refused = Facts {
        lacks: Capabilities::default().with(Ability::Tools),
        ..able(&[Ability::Completion, Ability::Tools])
    };
    check(&tools(ToolChoice::Auto), &refused, &any, no_tools);
    let claims = |capabilities| Settings {
        capabilities,
        ..Settings::default()
    };
    let can = claims(Claims {
        tools: Some(true),
        ..Claims::default()
    });
    check(&tools(ToolChoice::Auto), &refused, &can, None);
    let cannot = claims(Claims {
        json_schema: Some(false),
        tool_choice: Some(false),
        ..Claims::default()
    });
    let schema = Request {
        options: Options {
            response_format: Some(ResponseFormat::JsonSchema {
                name: "n".into(),
                schema: json!({}),
                strict: None,
            }),
            ..Options::default()
        },
        ..words(1)
    };
    let no_schema = "it does not support answers by a JSON schema";
    check(&schema, &none, &cannot, Some((Class::Capability, no_schema)));
    check(&schema, &none, &any, None);
    let no_choice = "it does not support a demanded tool call (tool_choice)";
    check(
        &tools(ToolChoice::Required),
        &none,
        &cannot,
        Some((Class::Capability, no_choice)),
    );
    check(&tools(ToolChoice::Auto), &none, &cannot, None);
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let context = |context| Settings {
        context: Some(context),
        ..Settings::default()
    };
    // 1000 tokens of text and 8 of the template, with a tenth more to be safe.
    let thousand = words(3_600);
    check(&thousand, &Facts::default(), &context(1_109), None);
    let short = |context: u32, tokens: u32| format!("its context of {context} tokens is too short for about {tokens}");
    let too_long = short(1_108, 1_008);
    check(
        &thousand,
        &Facts::default(),
        &context(1_108),
        Some((Class::ContextLength, &too_long)),
    );
    check(&thousand, &Facts::default(), &Settings::default(), None);
    let learned = Facts {
        rates: crate::health::Rates {
            per_estimate: Some(1.5),
            ..crate::health::Rates::default()
        },
        ..Facts::default()
    };
    let more = short(1_600, 1_512);
    check(
        &thousand,
        &learned,
        &context(1_600),
        Some((Class::ContextLength, &more)),
    );
    let made_for = Facts {
        context_max: Some(900),
        ..Facts::default()
    };
    let by_card = short(900, 1_008);
    check(
        &thousand,
        &made_for,
        &context(8_192),
        Some((Class::ContextLength, &by_card)),
    );
    let loaded = Facts {
        context_loaded: Some(900),
        ..Facts::default()
    };
    check(
        &thousand,
        &loaded,
        &Settings::default(),
        Some((Class::ContextLength, &by_card)),
    );
    let with_answer = |tokens| Request {
        options: Options {
            max_tokens: Some(tokens),
            ..Options::default()
        },
        ..words(3_600)
    };
    check(&with_answer(800), &Facts::default(), &context(2_000), None);
    let with_it = short(2_000, 1_008);
    check(
        &with_answer(900),
        &Facts::default(),
        &context(2_000),
        Some((Class::ContextLength, &with_it)),
    );
    check(&with_answer(99_000), &Facts::default(), &context(2_218), None);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_do_is_said_with_who_was_looked_at() {
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let rig = rig(&[hi, hi]);
    rig.health.model("t0", "m").set(able(&[Ability::Completion]));
    let left = [("t0/m", "it does not support tools", Class::Capability)];
    let answer = rig.ask_with(tools(ToolChoice::Auto)).await;
    assert_eq!(answer, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    rig.health.model("t1", "m").set(able(&[Ability::Embedding]));
    let says = "no model can do what this request needs (t0/m: it does not support tools; t1/m: it does not chat)";
    let error = Error::new(Class::Capability, says);
    assert_eq!(rig.ask_with(tools(ToolChoice::Auto)).await, [Err(error)]);
    assert_eq!(rig.asked(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_remembered() {
    let cannot = Step::Fail(Error::new(Class::Capability, "\"m\" does not support tools"));
    let rig = rig(&[&[&[cannot]], &[&[text("hi"), finish()]]]);
    for _ in 0..3 {
        rig.ask_with(tools(ToolChoice::Auto)).await;
    }
    assert_eq!(rig.asked(), [1, 3]);
    rig.ask().await;
    assert_eq!(rig.asked(), [2, 4], "without tools it is asked");
}

#[tokio::test(start_paused = true)]
async fn what_must_stay_in_the_house_stays() {
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let rig = rig_of(&[(HostClass::Gpu, &[&[fail(Class::HostDown)]]), (HostClass::Cloud, hi)]);
    let request = Request {
        demands: Demands {
            local_only: true,
            ..Demands::default()
        },
        ..words(1)
    };
    let events = rig.ask_with(request).await;
    let [Err(error)] = &events[..] else {
        panic!("an error: {events:?}");
    };
    assert_eq!(error.class, Class::HostDown);
    let says = "no model answered (t0/m: it failed; t1/m: it is not in the house, and this request must not leave it)";
    assert_eq!(error.message, says);
    assert!(error.retry_after.is_some());
    assert_eq!(rig.asked(), [1, 0]);
}

/// A caller who shortens is told the context of the target whose turn it is, and of each context once.
#[tokio::test(start_paused = true)]
async fn who_shortens_is_told_for_how_much() {
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let down: &[&[Step]] = &[&[fail(Class::HardDown)]];
    let rig = rig(&[down, hi, hi]);
    for (backend, context) in [("t0", 32_000), ("t1", 1_500), ("t2", 128_000)] {
        rig.health.model(backend, "m").set(Facts {
            context_max: Some(context),
            ..Facts::default()
        });
    }
    let shortening = |tokens: usize, below| Request {
        demands: Demands {
            shortens: Some(Shortens {
                full_percent: 70,
                below,
            }),
            ..Demands::default()
        },
        // With the 8 of the template.
        ..words((tokens - 8) * 36 / 10)
    };
    let window = |events: &[Result<Event, Error>]| match events {
        [Err(error)] if error.class == Class::ContextLength => error.window,
        _ => None,
    };
    let by = |events: &[Result<Event, Error>]| match &events[0] {
        Ok(Event::Served(served)) => Some(served.target.clone()),
        _ => None,
    };
    let twenty = shortening(20_000, u32::MAX);
    assert_eq!(
        window(&rig.ask_with(twenty).await),
        Some(1_500),
        "the first one fell away"
    );
    assert_eq!(rig.asked(), [1, 0, 0]);
    let check = |tokens, below| {
        let rig = &rig;
        async move {
            let events = rig.ask_with(shortening(tokens, below)).await;
            (window(&events), by(&events))
        }
    };
    let first = |target: &str| (None, Some(target.to_owned()));
    assert_eq!(check(1_051, u32::MAX).await, (Some(1_500), None), "above 70 percent");
    assert_eq!(check(1_049, u32::MAX).await, first("t1/m"));
    assert_eq!(check(1_300, 1_500).await, first("t1/m"), "told before, and it fits");
    assert_eq!(check(2_000, 1_500).await, first("t2/m"), "told before, and it does not");
    assert_eq!(rig.ask_with(words(72_000)).await.len(), 3, "others are passed over it");
}

/// A server that counts otherwise, or whose context nobody knows, refuses what was thought to fit.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_reason_to_shorten_too() {
    let rig = rig(&[&[&[fail(Class::ContextLength)]]]);
    let ask = |below| Request {
        demands: Demands {
            shortens: Some(Shortens {
                full_percent: 70,
                below,
            }),
            ..Demands::default()
        },
        ..words(3_600)
    };
    let window = |events: Vec<Result<Event, Error>>| events[0].as_ref().unwrap_err().window;
    assert_eq!(window(rig.ask_with(ask(u32::MAX)).await), Some(1_008));
    assert_eq!(window(rig.ask_with(ask(1_008)).await), None, "once");
    assert_eq!(window(rig.ask_with(words(3_600)).await), None);
}
