//! What networks do to an OpenAI-compatible target.

use std::time::Duration;

use stand_in::{OK_TEXT, Silence};

use crate::scene::{QUESTION, Scene, Target, cloud, gpu};
use crate::table::{BOTH, Case, Form, case};
use crate::verdict::{Judged, Verdict};

pub(crate) const CASES: &[Case] = &[
    case("N01", "no such host", BOTH, |form| {
        Box::pin(unreachable(form, cloud("ok").at("http://nobody.invalid")))
    }),
    case("N02", "refused", BOTH, |form| {
        Box::pin(unreachable(form, cloud("ok").at("http://127.0.0.1:9")))
    }),
    case("N03", "connections are dropped", BOTH, |form| Box::pin(dropped(form))),
    case("N04", "a sign-in page instead of an answer", BOTH, |form| {
        Box::pin(page(form))
    }),
    case("N05", "no target can be reached", BOTH, |form| Box::pin(nobody(form))),
];

/// Connecting to what is not in the house may take 2 s.
const CLOUD_CONNECT: Duration = Duration::from_millis(2300);

async fn unreachable(form: Form, first: Target) -> Judged {
    let scene = Scene::of(&[first, cloud("ok")]).await;
    let mut judged = Judged::new();
    let answer = scene.ask(form).await;
    judged.complete(&answer, OK_TEXT);
    judged.within("after", answer.took, Duration::from_secs(1));
    judged
}

async fn dropped(form: Form) -> Judged {
    let silence = Silence::start().await.expect("a full queue");
    let scene = Scene::of(&[cloud("ok").at(silence.url().expect("an address")), cloud("echo")]).await;
    let mut judged = Judged::new();
    let answer = scene.ask(form).await;
    judged.complete(&answer, QUESTION);
    judged.within("after", answer.took, CLOUD_CONNECT);
    judged
}

async fn page(form: Form) -> Judged {
    let mut judged = Judged::new();
    for first in [cloud("html"), gpu("html")] {
        let scene = Scene::of(&[first, cloud("ok")]).await;
        judged.complete(&scene.ask(form).await, OK_TEXT);
        judged.asked("the first", scene.asked(0), 1..=1);
    }
    judged
}

/// The error names every target with its own reason, and says when to come back and not to try at once.
async fn nobody(form: Form) -> Judged {
    let scene = Scene::of(&[gpu("ok").at("http://127.0.0.1:9"), cloud("401"), cloud("quota")]).await;
    let mut judged = Judged::new();
    let refused = scene.ask(form).await;
    judged.told(&refused);
    judged.equal("the status", refused.status, 503);
    let message = refused.error["message"].as_str().unwrap_or_default();
    for target in ["first/ok", "second/401", "third/quota"] {
        judged.expect(
            message.contains(target),
            Verdict::Partial,
            format!("{target} is not named in {message:?}"),
        );
    }
    judged.equal("x-should-retry", refused.header("x-should-retry"), "false");
    let wait = refused.header("retry-after").parse::<u64>();
    judged.expect(wait.is_ok(), Verdict::Partial, "no retry-after");
    judged.equal("healthz", scene.get("/healthz").await.status, 200);
    judged
}
