//! S01 to S16: the scenarios of Failover Bench's catalogue, with an OpenAI-compatible server as the first target and
//! another one behind it. Times are the real ones, but for S06 (silent until it is left and not for 120 s) and S15
//! (down for 20 s and not for 60 s).

use std::time::Duration;

use serde_json::json;
use stand_in::{OK_TEXT, words};

use crate::scene::{QUESTION, Scene, cloud, eventually};
use crate::table::{BOTH, Case, Form, case, told};
use crate::verdict::{Judged, Verdict};

pub(crate) const CASES: &[Case] = &[
    case("S01", "429 that asks for 2 s, then well", BOTH, |form| {
        Box::pin(asked_again(form, "429-2-once", 1800))
    }),
    case("S02", "429 always", BOTH, |form| Box::pin(left(form, "429-2"))),
    case("S03", "500 once", BOTH, |form| {
        Box::pin(asked_again(form, "500-once", 0))
    }),
    case("S04", "503 always", BOTH, |form| Box::pin(left(form, "503"))),
    case("S05", "reset before the head", BOTH, |form| {
        Box::pin(left(form, "reset"))
    }),
    case("S06", "silence", BOTH, |form| Box::pin(left_in_time(form, "hang"))),
    case("S07", "first token after 20 s", BOTH, |form| {
        Box::pin(left_in_time(form, "late-20000"))
    }),
    told("S08", "cut after 40 of 60 tokens", BOTH, |form| Box::pin(cut(form))),
    case("S09", "stalls for 30 s after 40 of 60 tokens", BOTH, |form| {
        Box::pin(stall(form))
    }),
    case("S10", "a chunk that cannot be read", BOTH, |form| {
        Box::pin(as_if_well(form, "malformed"))
    }),
    case("S11", "no [DONE]", BOTH, |form| Box::pin(as_if_well(form, "no-mark"))),
    case("S12", "context_length_exceeded", BOTH, |form| Box::pin(context(form))),
    case("S13", "content filter", BOTH, |form| Box::pin(filter(form))),
    told("S14", "cut, and the next target refuses to go on", BOTH, |form| {
        Box::pin(prefill(form))
    }),
    case("S15", "down for 20 s, then back", BOTH, |form| Box::pin(back(form))),
    case("S16", "who served is who is named and counted", BOTH, |form| {
        Box::pin(accounting(form))
    }),
];

async fn asked_again(form: Form, plays: &'static str, gap_ms: u64) -> Judged {
    let scene = Scene::of(&[cloud(plays), cloud("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    let questions = scene.questions(0);
    judged.asked("the first", questions.len(), 2..=2);
    judged.asked("the second", scene.asked(1), ..1);
    if let [one, two, ..] = questions.as_slice() {
        let gap = two.ms - one.ms;
        judged.note(format!("asked again after {gap} ms"));
        judged.expect(gap >= gap_ms, Verdict::Partial, "asked again too soon");
    }
    judged
}

async fn left(form: Form, plays: &'static str) -> Judged {
    let scene = Scene::of(&[cloud(plays), cloud("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=2);
    judged.asked("the second", scene.asked(1), 1..=1);
    judged
}

async fn left_in_time(form: Form, plays: &'static str) -> Judged {
    let scene = Scene::of(&[cloud(plays), cloud("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.within("whole after", answer.took, Duration::from_secs(15));
    judged
}

async fn cut(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("die-60-40"), cloud("stream-60-0")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, &words(60));
    judged.asked("the first", scene.asked(0), 1..=1);
    judged
}

async fn stall(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("pauses-60-40-30000"), cloud("stream-60-0")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, &words(60));
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.within("whole after", answer.took, Duration::from_secs(45));
    judged
}

async fn as_if_well(form: Form, plays: &'static str) -> Judged {
    let scene = Scene::of(&[cloud(plays), cloud("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.asked("the second", scene.asked(1), ..1);
    judged
}

async fn context(form: Form) -> Judged {
    let mut judged = Judged::new();
    let larger = cloud("ok").with("context = 128000");
    let scene = Scene::of(&[cloud("context").with("context = 8192"), larger]).await;
    judged.complete(&scene.ask(form).await, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.asked("the larger", scene.asked(1), 1..=1);

    let smaller = cloud("ok").with("context = 4096");
    let scene = Scene::of(&[cloud("context").with("context = 8192"), smaller]).await;
    let refused = scene.ask(form).await;
    judged.equal("the status", refused.status, 400);
    judged.equal(
        "the code",
        refused.error["code"].clone(),
        json!("context_length_exceeded"),
    );
    judged.told(&refused);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.asked("the smaller", scene.asked(1), ..1);
    judged
}

async fn filter(form: Form) -> Judged {
    let mut judged = Judged::new();
    let scene = Scene::of(&[cloud("filter"), cloud("ok")]).await;
    let refused = scene.ask(form).await;
    judged.equal("the status", refused.status, 400);
    judged.equal("the code", refused.error["code"].clone(), json!("content_filter"));
    judged.told(&refused);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged.asked("the second", scene.asked(1), ..1);

    let scene = Scene::of(&[cloud("filtered"), cloud("ok")]).await;
    let cut = scene.ask(form).await;
    judged.equal("the finish", cut.finishes, vec!["content_filter".to_owned()]);
    judged.expect(
        OK_TEXT.starts_with(&cut.text) && !cut.text.is_empty(),
        Verdict::Fail,
        "another text",
    );
    judged.asked("the second", scene.asked(1), ..1);
    judged
}

async fn prefill(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("die-60-40"), cloud("no-prefill")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.asked("the first", scene.asked(0), 1..=1);
    judged
}

async fn back(form: Form) -> Judged {
    const DOWN: Duration = Duration::from_secs(20);
    let scene = Scene::of(&[cloud("ok"), cloud("echo")]).await;
    let mut judged = Judged::new();
    judged.complete(&scene.ask(form).await, OK_TEXT);
    scene.goes_down(0, DOWN);
    let down = tokio::time::Instant::now();
    let mut meanwhile = 0;
    // The port is closed some milliseconds after it was told so, and opens as much later.
    tokio::time::sleep(Duration::from_millis(100)).await;
    while down.elapsed() < DOWN {
        let answer = scene.ask(form).await;
        let problem = answer.problem(QUESTION);
        judged.expect(problem.is_none(), Verdict::Fail, problem.unwrap_or_default());
        meanwhile += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    judged.note(format!("{meanwhile} answers by the second meanwhile"));
    let returned = eventually(Duration::from_secs(45), async || {
        scene.ask(form).await.target() == "first/ok"
    })
    .await;
    match returned {
        Some(after) => judged.within("back after", after, Duration::from_secs(15)),
        None => judged.expect(false, Verdict::Fail, "never back"),
    }
    judged
}

async fn accounting(form: Form) -> Judged {
    let scene = Scene::of(&[cloud("500"), cloud("ok")]).await;
    let answer = scene.ask(form).await;
    let mut judged = Judged::new();
    judged.complete(&answer, OK_TEXT);
    judged.equal("the model", answer.model.as_str(), "ok");
    judged.equal("the target", answer.header("x-jarvis-target"), "second/ok");
    let attempts = scene.asked(0) + scene.asked(1);
    judged.equal(
        "the attempts",
        answer.header("x-jarvis-attempts").to_owned(),
        attempts.to_string(),
    );
    let reason = answer.header("x-jarvis-fallback-reason");
    judged.expect(
        reason.contains("first/500"),
        Verdict::Partial,
        format!("the reason is {reason:?}"),
    );
    let alone = Scene::of(&[cloud("ok")]).await.ask(form).await;
    judged.equal("the usage", answer.usage, alone.usage);
    judged
}
