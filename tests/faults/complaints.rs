//! What users of other gateways complain about, where no other table has it. The names are the numbers of the list in
//! the issue.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in::{OK_TEXT, words};

use crate::scene::{QUESTION, Scene, cloud, eventually, gpu};
use crate::table::{BOTH, Case, Form, STREAMED, WHOLE, case};
use crate::verdict::{Judged, Verdict};

pub(crate) const CASES: &[Case] = &[
    case("C03", "an error after the stream began, before a word", BOTH, |form| {
        Box::pin(before_a_word(form, "error-line-60-0"))
    }),
    case("C04", "cut, and another goes on where that is wanted", STREAMED, |_| {
        Box::pin(goes_on())
    }),
    case("C05", "the end after the stream began, before a word", BOTH, |form| {
        Box::pin(before_a_word(form, "no-done-60-0"))
    }),
    case("C06", "breaking off is no success for the breaker", STREAMED, |_| {
        Box::pin(counts_as_failure())
    }),
    case("C08", "signs of life that say nothing", BOTH, |form| {
        Box::pin(signs_of_life(form))
    }),
    case("C09", "loading takes longer than a pause may", BOTH, |form| {
        Box::pin(long_load(form))
    }),
    case("C10", "everything is left alone, and is back", BOTH, |form| {
        Box::pin(least_bad(form))
    }),
    case("C11", "the error says what every target said", BOTH, |form| {
        Box::pin(real_reasons(form))
    }),
    case("C13", "looking after servers loads and bills nothing", WHOLE, |_| {
        Box::pin(probes_are_free())
    }),
    case("C15", "one request tries a target that may be back", WHOLE, |_| {
        Box::pin(one_trial())
    }),
    case("C16", "three fail, each in its own way", BOTH, |form| {
        Box::pin(three_fail(form))
    }),
    case("C17", "the next target's window is too short", BOTH, |form| {
        Box::pin(short_window(form))
    }),
    case("C26", "tool calls finish as tool calls", BOTH, |form| {
        Box::pin(finish(form))
    }),
    case("C27", "tool_choice none, required and named", BOTH, |form| {
        Box::pin(tool_choice(form))
    }),
    case("C28", "no tools is no failure of the host", BOTH, |form| {
        Box::pin(no_tools(form))
    }),
    case("C29", "a tool call written as text", BOTH, |form| {
        Box::pin(leaked(form))
    }),
    case("C30", "thinking inside the text", BOTH, |form| {
        Box::pin(think_tags(form))
    }),
    case("C31", "all tokens are thought away", BOTH, |form| {
        Box::pin(overthinks(form))
    }),
    case("C33", "200 streams at once", STREAMED, |_| Box::pin(load())),
    case(
        "C36",
        "two clients, one falls back: each is told its own",
        BOTH,
        |form| Box::pin(told_apart(form)),
    ),
    case("C37", "images go where they are seen", BOTH, |form| {
        Box::pin(images(form))
    }),
    case("C39", "ready while no model is", WHOLE, |_| Box::pin(ready())),
];

async fn before_a_word(form: Form, plays: &'static str) -> Judged {
    let mut judged = Judged::new();
    for first in [cloud(plays), gpu(plays)] {
        let scene = Scene::of(&[first, cloud("ok")]).await;
        judged.complete(&scene.ask(form).await, OK_TEXT);
        judged.asked("the first", scene.asked(0), 1..=1);
    }
    judged
}

/// Over both protocols, and not with a target that is not said to do so, or that refuses to: then the caller is told.
async fn goes_on() -> Judged {
    const GOES_ON: &str = "capabilities = { prefill = true }";
    let mut judged = Judged::new();
    let wanted = [("x-jarvis-continue", "1")];
    for first in [cloud("die-60-40"), gpu("die-60-40")] {
        for second in [cloud("stream-60-0"), gpu("stream-60-0")] {
            let scene = Scene::of(&[first.clone(), second.with(GOES_ON), cloud("echo")]).await;
            let answer = scene.send(Form::Streamed, json!({}), &wanted).await;
            judged.complete(&answer, &words(60));
            judged.asked("the second", scene.asked(1), 1..=1);
            judged.told(&scene.send(Form::Streamed, json!({}), &[]).await);
        }
        for second in [cloud("stream-60-0"), cloud("no-prefill").with(GOES_ON)] {
            let scene = Scene::of(&[first.clone(), second]).await;
            judged.told(&scene.send(Form::Streamed, json!({}), &wanted).await);
        }
    }
    judged
}

async fn counts_as_failure() -> Judged {
    let scene = Scene::of(&[cloud("error-line-60-40"), cloud("ok")]).await;
    let mut judged = Judged::new();
    for _ in 0..2 {
        judged.told(&scene.ask(Form::Streamed).await);
    }
    judged.complete(&scene.ask(Form::Streamed).await, OK_TEXT);
    judged.asked("the first", scene.asked(0), 2..=2);
    judged
}

/// The time until the first word is not stopped by comments, empty pieces or a role.
async fn signs_of_life(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("pings-25"), cloud("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, QUESTION);
    judged.within("whole after", answer.took, Duration::from_secs(15));
    judged
}

/// 22 s, where a pause in an answer may be 20 s and the first word of a loaded model must come within 6 s.
async fn long_load(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok").cold(22_000), gpu("echo")]).await;
    let answer = scene.send(form, json!({}), &[("x-jarvis-cold", "wait")]).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the second", scene.asked(1), ..1);
    let loads: u32 = scene.server(0).runners().iter().map(|runner| runner.loads).sum();
    judged.equal("the loads", loads, 1);
    judged
}

async fn least_bad(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("500"), cloud("500")]).await;
    let mut judged = Judged::new();
    for _ in 0..4 {
        judged.told(&scene.ask(form).await);
    }
    judged.seen.clear();
    let state = scene.target(1).await["state"].clone();
    judged.expect(state != "closed", Verdict::Partial, format!("the state is {state}"));
    for at in 0..2 {
        scene.plays(at, "ok");
    }
    judged.complete(&scene.ask(form).await, OK_TEXT);
    judged
}

async fn real_reasons(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("500"), gpu("ok").at("http://127.0.0.1:9"), cloud("429-60")]).await;
    let mut judged = Judged::new();
    let refused = scene.ask(form).await;
    judged.told(&refused);
    let message = refused.error["message"].as_str().unwrap_or_default();
    for reason in [
        "first/500",
        "had an error",
        "second/ok",
        "refused",
        "third/429-60",
        "Rate limit",
    ] {
        judged.expect(
            message.contains(reason),
            Verdict::Partial,
            format!("{reason:?} is not in {message:?}"),
        );
    }
    judged.equal("x-should-retry", refused.header("x-should-retry"), "false");
    let wait = refused.header("retry-after").parse::<u64>().ok();
    judged.expect(
        wait.is_some_and(|wait| wait <= 60),
        Verdict::Partial,
        format!("retry-after is {wait:?}"),
    );
    judged
}

async fn probes_are_free() -> Judged {
    let scene = Scene::of(&[gpu("ok").cold(100), cloud("ok")]).await;
    let mut judged = Judged::new();
    // Two probes of the kind that runs every 10 s.
    tokio::time::sleep(Duration::from_secs(22)).await;
    for at in 0..2 {
        let log = scene.server(at).log();
        let costs: Vec<&str> = log
            .iter()
            .filter(|it| it.method != "GET" && it.path != "/api/show")
            .map(|it| it.path.as_str())
            .collect();
        judged.equal("what was asked of a server", costs, Vec::new());
        judged.note(format!("{} probes", log.len()));
    }
    judged.equal("the loads", scene.server(0).runners().len(), 0);
    judged
}

async fn one_trial() -> Judged {
    let scene = Scene::of(&[gpu("500"), gpu("echo")]).await;
    let mut judged = Judged::new();
    let opened = eventually(Duration::from_secs(10), async || {
        scene.ask(Form::Whole).await;
        scene.target(0).await["state"] == "open"
    });
    judged.expect(opened.await.is_some(), Verdict::Fail, "the breaker does not open");
    scene.plays(0, "late-1500");
    let before = scene.asked(0);
    let tried = eventually(Duration::from_secs(20), async || {
        for answer in scene.crowd(10, Form::Whole, json!({})).await {
            let is_whole = [QUESTION, OK_TEXT].iter().any(|text| answer.problem(text).is_none());
            judged.expect(is_whole, Verdict::Fail, "an answer of the crowd is not whole");
        }
        scene.asked(0) > before
    })
    .await;
    judged.expect(tried.is_some(), Verdict::Fail, "never tried again");
    judged.asked("a target on trial", scene.asked(0) - before, 1..=1);
    judged
}

async fn three_fail(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("reset"), gpu("error-first"), cloud("garbage"), gpu("ok")]).await;
    let mut judged = Judged::new();
    let answer = scene.ask(form).await;
    judged.complete(&answer, OK_TEXT);
    judged.note(answer.header("x-jarvis-fallback-reason"));
    for at in 0..3 {
        judged.asked("a failing target", scene.asked(at), 1..=2);
    }
    judged
}

/// A prompt of some 5,000 tokens.
async fn short_window(form: Form) -> Judged {
    let long = json!({"messages": [{"role": "user", "content": "Seven words of which none is long. ".repeat(700)}]});
    let small = gpu("ok").with("ollama = { num_ctx = 2048 }");
    let mut judged = Judged::new();
    let scene = Scene::of(&[gpu("500").with("ollama = { num_ctx = 32768 }"), small.clone()]).await;
    let refused = scene.ask_with(form, long.clone()).await;
    judged.told(&refused);
    judged.asked("the smaller", scene.asked(1), ..1);
    let message = refused.error["message"].as_str().unwrap_or_default();
    judged.expect(
        message.contains("runner"),
        Verdict::Partial,
        format!("the first's reason is lost: {message:?}"),
    );

    // Nobody sends it to a window into which it does not fit, when there is one into which it does.
    let scene = Scene::of(&[small, cloud("echo").with("context = 128000")]).await;
    let answer = scene.ask_with(form, long.clone()).await;
    let text = long["messages"][0]["content"].as_str().unwrap_or_default();
    judged.complete(&answer, text);
    judged.asked("the smaller", scene.asked(0), ..1);
    judged
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = |name: &str| {
        let function = json!({"name": name, "description": "x", "parameters": parameters});
        json!({"type": "function", "function": function})
    };
    json!([tool("weather"), tool("tides")])
}

async fn finish(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [gpu("tools"), gpu("tools-last"), cloud("tools")] {
        let scene = Scene::of(&[first]).await;
        let answer = scene.ask_with(form, json!({"tools": weather()})).await;
        judged.equal("the finish", answer.finishes, vec!["tool_calls".to_owned()]);
    }
    judged
}

async fn tool_choice(form: Form) -> Judged {
    let mut judged = Judged::new();
    let asks = |choice: Value| json!({"tools": weather(), "tool_choice": choice});
    let scene = Scene::of(&[gpu("tools")]).await;
    judged.complete(&scene.ask_with(form, asks(json!("none"))).await, OK_TEXT);

    let named = json!({"type": "function", "function": {"name": "tides"}});
    let scene = Scene::of(&[gpu("tools")]).await;
    let answer = scene.ask_with(form, asks(named.clone())).await;
    let names: Vec<&str> = answer.calls.iter().map(|call| call.name.as_str()).collect();
    judged.expect(
        !names.is_empty() && names.iter().all(|name| *name == "tides"),
        Verdict::Fail,
        format!("{names:?}"),
    );

    // A model that answers in words although it must call is left for one that calls.
    for choice in [json!("required"), named] {
        let scene = Scene::of(&[gpu("ok"), gpu("tools")]).await;
        let answer = scene.ask_with(form, asks(choice)).await;
        judged.complete(&answer, "");
        judged.expect(!answer.calls.is_empty(), Verdict::Fail, "no call");
    }
    judged
}

async fn no_tools(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("no-tools"), gpu("tools")]).await;
    let mut judged = Judged::new();
    let answer = scene.ask_with(form, json!({"tools": weather()})).await;
    judged.complete(&answer, "");
    judged.expect(!answer.calls.is_empty(), Verdict::Fail, "no call");
    let plain = scene.ask(form).await;
    judged.complete(&plain, OK_TEXT);
    judged.equal("the target", plain.header("x-jarvis-target"), "first/no-tools");

    // Known beforehand, it is not asked.
    let scene = Scene::of(&[gpu("ok").can(&["completion"]), gpu("tools")]).await;
    let known = eventually(Duration::from_secs(5), async || {
        scene
            .server(0)
            .log()
            .iter()
            .any(|entry| entry.path == "/api/tags" && entry.end.is_some())
    });
    judged.expect(
        known.await.is_some(),
        Verdict::Partial,
        "nobody asked what the model can do",
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    judged.complete(&scene.ask_with(form, json!({"tools": weather()})).await, "");
    judged.asked("the one without tools", scene.asked(0), ..1);
    judged
}

/// The call is read out of the text, or another target makes it; the text is never shown.
async fn leaked(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [gpu("leaks"), cloud("leaks")] {
        let scene = Scene::of(&[first, gpu("tools")]).await;
        let answer = scene.ask_with(form, json!({"tools": weather()})).await;
        judged.complete(&answer, "");
        let names: Vec<&str> = answer.calls.iter().map(|call| call.name.as_str()).collect();
        judged.expect(
            names.first() == Some(&"weather"),
            Verdict::Fail,
            format!("the calls are {names:?}"),
        );
    }
    judged
}

async fn think_tags(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [gpu("think-tags"), cloud("think-tags")] {
        let scene = Scene::of(&[first, gpu("echo")]).await;
        let answer = scene.ask(form).await;
        judged.complete(&answer, OK_TEXT);
        judged.expect(
            answer.reasoning.contains("wants an answer"),
            Verdict::Partial,
            "the thinking is lost",
        );
    }
    judged
}

/// Another target's answer, or the truth: cut by its length, with the thinking shown.
async fn overthinks(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [gpu("overthinks"), cloud("overthinks")] {
        let scene = Scene::of(&[first, gpu("echo")]).await;
        let answer = scene
            .ask_with(form, json!({"reasoning_effort": "high", "max_tokens": 50}))
            .await;
        if answer.problem(QUESTION).is_none() {
            judged.note("answered by the second");
            continue;
        }
        judged.equal("the finish", answer.finishes, vec!["length".to_owned()]);
        judged.expect(
            answer.reasoning.contains("let me think"),
            Verdict::Fail,
            "an empty answer",
        );
        judged.note("the thinking is shown");
    }
    judged
}

async fn load() -> Judged {
    const STREAMS: usize = 200;
    let scene = Scene::of(&[gpu("stream-20-50"), gpu("echo")]).await;
    let mut judged = Judged::new();
    let answers = scene.crowd(STREAMS, Form::Streamed, json!({})).await;
    let problems: Vec<String> = answers.iter().filter_map(|answer| answer.problem(&words(20))).collect();
    judged.equal("answers", answers.len(), STREAMS);
    judged.expect(
        problems.is_empty(),
        Verdict::Fail,
        format!("{} are not whole: {:?}", problems.len(), problems.first()),
    );
    let slowest = answers.iter().map(|answer| answer.took).max().unwrap_or_default();
    judged.within("the slowest took", slowest, Duration::from_secs(8));
    judged
}

/// Answers at the same time, one by the first target and one by the second, are each told who served them.
async fn told_apart(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("500-once"), gpu("echo")]).await;
    let mut judged = Judged::new();
    for answer in scene.crowd(10, form, json!({})).await {
        let text = if answer.header("x-jarvis-target") == "second/echo" {
            QUESTION
        } else {
            OK_TEXT
        };
        let problem = answer.problem(text);
        judged.expect(problem.is_none(), Verdict::Fail, problem.unwrap_or_default());
        let target = answer.target();
        let model = target.split_once('/').map_or("", |(_, model)| model);
        judged.equal("the model", answer.model.as_str(), model);
    }
    judged
}

async fn images(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok").can(&["completion", "tools"]), gpu("echo")]).await;
    let known = eventually(Duration::from_secs(5), async || {
        scene
            .server(0)
            .log()
            .iter()
            .any(|entry| entry.path == "/api/tags" && entry.end.is_some())
    });
    let mut judged = Judged::new();
    judged.expect(
        known.await.is_some(),
        Verdict::Partial,
        "nobody asked what the model can do",
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
    let text = json!({"type": "text", "text": QUESTION});
    let messages = json!([{"role": "user", "content": [text, image]}]);
    judged.complete(&scene.ask_with(form, json!({"messages": messages})).await, QUESTION);
    judged.asked("the blind one", scene.asked(0), ..1);
    judged
}

async fn ready() -> Judged {
    let scene = Scene::of(&[cloud("ok").at("http://127.0.0.1:9")]).await;
    let mut judged = Judged::new();
    judged.told(&scene.ask(Form::Whole).await);
    judged.equal("healthz", scene.get("/healthz").await.status, 200);
    judged.equal("models", scene.get("/v1/models").await.status, 200);
    judged
}
