//! O01 to O23: faults and habits of an Ollama that is the first target, with another one behind it.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::Method;
use serde_json::json;
use stand_in::{Control, OK_TEXT, Silence, words};

use crate::answer;
use crate::scene::{QUESTION, Scene, body, cloud, eventually, gpu};
use crate::table::{BOTH, Case, Form, STREAMED, WHOLE, case};
use crate::translation::{arguments, bytes, index_zero, no_counters, thinking, two_calls};
use crate::verdict::{Judged, Verdict};

pub(crate) const CASES: &[Case] = &[
    case("O01", "refused", BOTH, |form| Box::pin(refused(form))),
    case("O02", "connections are dropped", BOTH, |form| Box::pin(dropped(form))),
    case("O03", "no such host", BOTH, |form| Box::pin(no_such_host(form))),
    case("O04", "the model is missing, then pulled", WHOLE, |form| {
        Box::pin(missing(form))
    }),
    case("O05", "the queue is full", BOTH, |form| Box::pin(busy(form))),
    case("O06", "the runner died once", BOTH, |form| Box::pin(runner_died(form))),
    case("O07", "the first line is an error", BOTH, |form| {
        Box::pin(left(form, "error-first"))
    }),
    case("O08", "an error line after 40 tokens", BOTH, |form| {
        Box::pin(breaks_off(form, "error-line-60-40"))
    }),
    case("O09", "the end without `done`", BOTH, |form| {
        Box::pin(breaks_off(form, "no-done-60-40"))
    }),
    case("O10", "a whole answer with `done: false`", BOTH, |form| {
        Box::pin(undone(form))
    }),
    case("O11", "tool calls in the last line", BOTH, |form| {
        Box::pin(two_calls(form, "tools-last"))
    }),
    case("O12", "two tool calls with index 0", BOTH, |form| {
        Box::pin(index_zero(form))
    }),
    case("O13", "arguments there and back", BOTH, |form| {
        Box::pin(arguments(form))
    }),
    case("O14", "every byte in a packet of its own", BOTH, |form| {
        Box::pin(bytes(form))
    }),
    case("O15", "no counters", BOTH, |form| Box::pin(no_counters(form))),
    case("O16", "cold for 6 s: skip_and_warm", BOTH, |form| {
        Box::pin(cold(form, "skip_and_warm", QUESTION, 0..=1500))
    }),
    case("O16", "cold for 6 s: race", BOTH, |form| {
        Box::pin(cold(form, "race", QUESTION, 3500..=5500))
    }),
    case("O16", "cold for 6 s: wait", BOTH, |form| {
        Box::pin(cold(form, "wait", OK_TEXT, 5900..=8500))
    }),
    case("O16", "cold for 6 s: told while it loads", STREAMED, |_| {
        Box::pin(progress())
    }),
    case("O17", "/api/ps says nothing", WHOLE, |form| Box::pin(silent_ps(form))),
    case("O18", "thinking asked for, refused, not asked for", BOTH, |form| {
        Box::pin(thinking(form))
    }),
    case("O19", "the context is too short", BOTH, |form| Box::pin(context(form))),
    case("O20", "most of the prompt was dropped in silence", WHOLE, |form| {
        Box::pin(truncation(form))
    }),
    case("O21", "clients that want different options", WHOLE, |form| {
        Box::pin(reloads(form))
    }),
    case("O22", "says its version, but never answers", WHOLE, |form| {
        Box::pin(hangs(form))
    }),
    case("O23", "the caller leaves", STREAMED, |_| Box::pin(caller_leaves())),
];

/// As comments to whoever asks for them, and as thinking too.
async fn progress() -> Judged {
    let mut judged = Judged::new();
    for (wish, as_thinking) in [("1", false), ("thinking", true)] {
        let scene = Scene::of(&[gpu("ok").cold(6000)]).await;
        let headers = [("x-jarvis-cold", "wait"), ("x-jarvis-progress", wish)];
        let answer = scene.send(Form::Streamed, json!({}), &headers).await;
        judged.complete(&answer, OK_TEXT);
        let comments = answer.comments.join("\n");
        let told = if as_thinking { &answer.reasoning } else { &comments };
        let seconds: Vec<u32> = told
            .split("loading first/ok: ")
            .skip(1)
            .filter_map(whole_number)
            .collect();
        judged.expect(
            seconds.len() >= 2 && seconds.is_sorted_by(|one, next| one < next) && seconds.iter().all(|at| *at <= 7),
            Verdict::Partial,
            format!("told: {told}"),
        );
    }
    let scene = Scene::of(&[gpu("ok").cold(6000)]).await;
    let answer = scene
        .send(Form::Streamed, json!({}), &[("x-jarvis-cold", "wait")])
        .await;
    // Who answers is told as comments, because the headers could not.
    let is_header = |comment: &String| comment.contains("x-jarvis-") && !comment.contains("loading");
    judged.expect(
        answer.comments.iter().all(is_header),
        Verdict::Partial,
        "nobody asked to be told",
    );
    judged
}

fn whole_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The stand-in speaks of nothing that takes time, so that this is the program's own, in a build without optimisation
/// and among other cases. What it costs in earnest is measured in docs/performance.md.
const AT_ONCE: Duration = Duration::from_millis(250);

async fn refused(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok"), gpu("echo")]).await;
    let mut judged = Judged::new();
    scene.goes_down(0, Duration::from_secs(2));
    let closed = eventually(Duration::from_secs(1), async || {
        tokio::net::TcpStream::connect(scene.server(0).address()).await.is_err()
    });
    judged.expect(closed.await.is_some(), Verdict::Fail, "the stand-in is not down");
    let answer = scene.ask(form).await;
    judged.complete(&answer, QUESTION);
    judged.within("after", answer.took, AT_ONCE);
    let state = scene.target(0).await["state"].clone();
    judged.equal("the state after one refusal", state, json!("open"));
    let again = scene.ask(form).await;
    judged.complete(&again, QUESTION);
    // A probe lets the next request through, without traffic until then.
    let tried = eventually(Duration::from_secs(17), async || {
        scene.target(0).await["state"] != "open"
    })
    .await;
    match tried {
        Some(after) => judged.within("let through again after", after, Duration::from_secs(15)),
        None => judged.expect(false, Verdict::Partial, "not let through by a probe"),
    }
    judged.complete(&scene.ask(form).await, OK_TEXT);
    hiccup(form, &mut judged).await;
    judged
}

/// A connection that was refused once: the probe that confirms it finds the host there, and closes the breaker.
async fn hiccup(form: Form, judged: &mut Judged) {
    let scene = Scene::of(&[gpu("ok"), gpu("echo")]).await;
    judged.complete(&scene.ask(form).await, OK_TEXT);
    scene.goes_down(0, Duration::from_millis(150));
    tokio::time::sleep(Duration::from_millis(50)).await;
    judged.complete(&scene.ask(form).await, QUESTION);
    let closed = eventually(Duration::from_secs(2), async || {
        scene.target(0).await["state"] == "closed"
    })
    .await;
    match closed {
        Some(after) => judged.note(format!("a hiccup is over after {} ms", after.as_millis())),
        None => judged.expect(
            false,
            Verdict::Partial,
            "a hiccup is not over after the probe that confirms it",
        ),
    }
}

async fn dropped(form: Form) -> Judged {
    let silence = Silence::start().await.expect("a full queue");
    let scene = Scene::of(&[gpu("ok").at(silence.url().expect("an address")), gpu("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, QUESTION);
    judged.within("after", answer.took, Duration::from_millis(1100) + AT_ONCE);
    let again = scene.ask(form).await;
    judged.complete(&again, QUESTION);
    judged.within("the next after", again.took, AT_ONCE);
    judged
}

async fn no_such_host(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok").at("http://nobody.invalid:11434"), gpu("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, QUESTION);
    judged.within("after", answer.took, Duration::from_millis(1100) + AT_ONCE);
    judged
}

async fn missing(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok").missing(), gpu("echo")]).await;
    let mut judged = Judged::new();
    judged.complete(&scene.ask(form).await, QUESTION);
    let state = scene.target(0).await["state"].clone();
    judged.equal("the state", state, json!("missing"));
    let asked = scene.asked(0);
    judged.complete(&scene.ask(form).await, QUESTION);
    judged.equal("questions while it is missing", scene.asked(0), asked);
    let pulled = crate::scene::models([gpu("ok").listed()]);
    scene.server(0).control(pulled).expect("it is pulled");
    let back = eventually(Duration::from_secs(45), async || {
        scene.ask(form).await.target() == "first/ok"
    })
    .await;
    match back {
        Some(after) => judged.within("used after", after, Duration::from_secs(35)),
        None => judged.expect(false, Verdict::Fail, "never used"),
    }
    judged
}

async fn busy(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("busy"), gpu("ok")]).await;
    let mut judged = Judged::new();
    judged.complete(&scene.ask(form).await, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.complete(&scene.ask(form).await, OK_TEXT);
    judged.asked("the parked first", scene.asked(0), 1..=1);
    let asked = eventually(Duration::from_secs(5), async || {
        scene.ask(form).await;
        scene.asked(0) == 2
    });
    match asked.await {
        Some(after) => judged.within("asked again after", after, Duration::from_secs(3)),
        None => judged.expect(false, Verdict::Partial, "not asked again, as if it had failed"),
    }
    judged
}

async fn runner_died(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("500-once"), gpu("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 2..=2);
    judged.asked("the second", scene.asked(1), ..1);
    judged
}

async fn left(form: Form, plays: &'static str) -> Judged {
    let scene = Scene::of(&[gpu(plays), gpu("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged
}

/// Who reads along is told; who waits for the whole answer gets the second one's; Jarvis' own chat shows only that.
async fn breaks_off(form: Form, plays: &'static str) -> Judged {
    let mut judged = Judged::new();
    let scene = Scene::of(&[gpu(plays), gpu("stream-60-0")]).await;
    let answer = scene.ask(form).await;
    match form {
        Form::Whole => judged.complete(&answer, &words(60)),
        Form::Streamed => {
            judged.told(&answer);
            judged.equal("the text before", answer.text.as_str(), words(40).as_str());
        }
    }
    let scene = Scene::of(&[gpu(plays), gpu("stream-60-0")]).await;
    let answer = scene.ask_with(form, json!({"model": "jarvis"})).await;
    let said = answer.text.trim_end() == words(60).trim_end();
    let told = form == Form::Streamed && answer.is_proper_error();
    judged.expect(
        said || told,
        Verdict::Fail,
        format!("the agent says {:?}", answer::short(&answer.text)),
    );
    judged.note(if said {
        "the agent starts over"
    } else {
        "the agent's caller is told"
    });
    judged
}

async fn undone(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("undone"), gpu("echo")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    match form {
        Form::Whole => judged.complete(&answer, QUESTION),
        Form::Streamed if answer.error.is_null() => judged.complete(&answer, QUESTION),
        Form::Streamed => judged.told(&answer),
    }
    judged
}

/// `words` are the milliseconds after which the first word may come. Whatever is done meanwhile, the model is loaded
/// once, and used when it is.
async fn cold(form: Form, policy: &str, text: &str, words: RangeInclusive<u128>) -> Judged {
    let scene = Scene::of(&[gpu("ok").cold(6000), gpu("echo")]).await;
    let mut judged = Judged::new();
    // It must be known what is loaded.
    let known = eventually(Duration::from_secs(5), async || {
        scene.server(0).log().iter().any(|entry| entry.path == "/api/ps")
    });
    judged.expect(known.await.is_some(), Verdict::Partial, "nobody asked for /api/ps");
    let answer = scene.send(form, json!({}), &[("x-jarvis-cold", policy)]).await;
    judged.complete(&answer, text);
    let took = answer.first.unwrap_or(answer.took).as_millis();
    judged.note(format!("the first word after {took} ms"));
    judged.expect(words.contains(&took), Verdict::Partial, "too early or too late");
    let warm = eventually(Duration::from_secs(9), async || {
        scene.server(0).runners().iter().any(|runner| runner.is_loaded)
    });
    judged.expect(warm.await.is_some(), Verdict::Partial, "the load was not kept going");
    let back = eventually(Duration::from_secs(5), async || {
        scene.send(form, json!({}), &[("x-jarvis-cold", policy)]).await.target() == "first/ok"
    });
    judged.expect(back.await.is_some(), Verdict::Partial, "the warm model is not used");
    let loads: Vec<(u32, u32)> = scene
        .server(0)
        .runners()
        .iter()
        .map(|it| (it.loads, it.reloads))
        .collect();
    judged.note(format!("loads and reloads {loads:?}"));
    judged.expect(
        loads.iter().all(|(_, reloads)| *reloads == 0),
        Verdict::Partial,
        "loaded with other options",
    );
    judged
}

/// As it is while another model is being loaded: the host is well, and so is the target.
async fn silent_ps(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok"), gpu("echo")]).await;
    let mut judged = Judged::new();
    let silent = Control {
        fault: Some("hang".into()),
        path: Some("/api/ps".into()),
        ..Control::default()
    };
    scene.control(0, silent);
    // Long enough for two probes of each kind.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let target = scene.target(0).await;
    judged.equal("the state", target["state"].clone(), json!("closed"));
    judged.note(format!("{target}"));
    let warmth = target["warmth"].as_str().unwrap_or_default().to_owned();
    judged.expect(
        warmth == "loading",
        Verdict::Partial,
        format!("the warmth is {warmth:?}"),
    );
    judged.complete(
        &scene.send(form, json!({}), &[("x-jarvis-cold", "wait")]).await,
        OK_TEXT,
    );
    judged
}

async fn context(form: Form) -> Judged {
    let mut judged = Judged::new();
    let small = || gpu("context").with("ollama = { num_ctx = 4096 }");
    let scene = Scene::of(&[small(), cloud("ok").with("context = 128000")]).await;
    judged.complete(&scene.ask(form).await, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    let scene = Scene::of(&[small(), gpu("ok").with("ollama = { num_ctx = 2048 }")]).await;
    let refused = scene.ask(form).await;
    judged.equal("the status", refused.status, 400);
    judged.equal(
        "the code",
        refused.error["code"].clone(),
        json!("context_length_exceeded"),
    );
    judged.told(&refused);
    judged.asked("the smaller", scene.asked(1), ..1);
    judged
}

async fn truncation(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("truncates"), gpu("echo")]).await;
    let long = json!([{"role": "user", "content": "The server has many containers. ".repeat(200)}]);
    let answer = scene.ask_with(form, json!({"messages": long})).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    let flag = answer.header("x-jarvis-truncated");
    judged.expect(flag == "1", Verdict::Fail, format!("x-jarvis-truncated is {flag:?}"));
    judged
}

async fn reloads(_form: Form) -> Judged {
    let target = gpu("ok").with("ollama = { num_ctx = 8192, keep_alive = \"30m\" }");
    let scene = Scene::of(&[target, gpu("echo")]).await;
    let mut judged = Judged::new();
    for (at, form) in [Form::Whole, Form::Streamed, Form::Whole, Form::Streamed]
        .into_iter()
        .enumerate()
    {
        let options = json!({"num_ctx": 2048 * (at + 1), "num_batch": 128 * at, "num_gpu": at});
        let fields = json!({"options": options, "num_ctx": 1024 * (at + 1), "keep_alive": at, "shift": at % 2 == 0});
        judged.complete(&scene.ask_with(form, fields).await, OK_TEXT);
        let messages = json!([{"role": "user", "content": QUESTION}]);
        let own = json!({"model": "jarvis-chat", "messages": messages, "stream": false, "options": options,
            "keep_alive": at, "shift": at % 2 == 0});
        let answer = scene.post("/api/chat", &own).await;
        judged.expect(
            answer.status == 200,
            Verdict::Partial,
            format!("/api/chat says {}", answer.status),
        );
    }
    // Probes and loads must not change them either.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let counts: Vec<(u32, u32)> = scene
        .server(0)
        .runners()
        .iter()
        .map(|it| (it.loads, it.reloads))
        .collect();
    judged.equal("loads and reloads", counts, vec![(0, 0)]);
    let options = &scene.server(0).runners()[0].options;
    judged.equal("num_ctx", options.get("num_ctx").cloned(), Some(json!(8192)));
    judged
}

/// Two answers that did not come open the model's breaker, and the host's stays closed.
async fn hangs(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok"), gpu("echo")]).await;
    let mut judged = Judged::new();
    judged.complete(&scene.ask(form).await, OK_TEXT);
    scene.control(
        0,
        Control {
            fault: Some("hang".into()),
            path: Some("/api/chat".into()),
            ..Control::default()
        },
    );
    for _ in 0..2 {
        let answer = scene.ask(form).await;
        judged.complete(&answer, QUESTION);
        judged.within("left after", answer.took, Duration::from_secs(8));
    }
    let asked = scene.asked(0);
    let answer = scene.ask(form).await;
    judged.complete(&answer, QUESTION);
    judged.within("the third after", answer.took, AT_ONCE);
    judged.equal("questions to the first", scene.asked(0), asked);
    let target = scene.target(0).await;
    judged.expect(target["state"] != "closed", Verdict::Partial, format!("{target}"));
    judged.note(format!("{}", target["reason"]));
    judged
}

async fn caller_leaves() -> Judged {
    let mut judged = Judged::new();
    for (plays, words) in [("slow", true), ("hang", false)] {
        let scene = Scene::of(&[gpu(plays), gpu("echo")]).await;
        let question = body(Form::Streamed, json!({})).to_string();
        let address = scene.program.address.clone();
        let asking = tokio::spawn(async move {
            let response = answer::open(&address, Method::POST, "/v1/chat/completions", &[], question).await;
            // Reads until it is stopped.
            if let Ok(response) = response {
                let mut body = response.into_body();
                while http_body_util::BodyExt::frame(&mut body).await.is_some() {}
            }
        });
        let began = eventually(Duration::from_secs(5), async || scene.asked(0) == 1).await;
        judged.expect(began.is_some(), Verdict::Fail, "nobody asked the first");
        if words {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        asking.abort();
        let left = eventually(Duration::from_secs(5), async || {
            scene.questions(0)[0].end == Some("left")
        })
        .await;
        match left {
            Some(after) => judged.within(
                &format!("{plays}: left upstream after"),
                after,
                Duration::from_millis(500),
            ),
            None => judged.expect(false, Verdict::Fail, format!("{plays}: upstream goes on")),
        }
        judged.asked("the second", scene.asked(1), ..1);
    }
    judged
}
