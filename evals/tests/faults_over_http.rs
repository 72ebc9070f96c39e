//! What the owner is told when a model's server fails, over sockets: the stand-in plays the server, and the providers and
//! the chain are those of the program.

#![expect(
    clippy::expect_used,
    reason = "the helpers of tests are tests too, which clippy does not see"
)]

use std::sync::Arc;
use std::time::Duration;

use jarvis_evals::{Approver, Brain, Case, Suite, faults, play, suite};
use jarvis_gateway::breaker::Board;
use jarvis_gateway::chain::{Chain, HostClass, Limits, Target};
use jarvis_gateway::clock::System;
use jarvis_gateway::providers::openai::{OpenAi, Settings};
use jarvis_gateway::upstream::Upstream;
use stand_in::Server;

const SOON: Duration = Duration::from_millis(500);

/// A chain of the stand-in's models, in this order.
fn chain(server: &Server, models: &[&str]) -> Arc<Chain> {
    let board = Board::new(Arc::new(System));
    let limits = Limits {
        first_token: SOON,
        per_prompt_token: Duration::ZERO,
        load: Duration::ZERO,
        idle: SOON,
        ..Limits::of(HostClass::Cpu)
    };
    let target = |model: &&str| {
        let url = format!("{}/v1", server.url());
        let upstream = Arc::new(Upstream::new(&url, None, SOON).expect("an address"));
        let provider = Arc::new(OpenAi::new(upstream, Settings::default()));
        Arc::new(Target::new(&board, "http", model, HostClass::Cpu, provider).with_limits(limits))
    };
    Arc::new(Chain::new(models.iter().map(target).collect()))
}

fn case(text: &str) -> Case {
    let file = format!("[[case]]\nname = 'over-http'\nshows = 'a fault over HTTP'\n{text}");
    let suite = Suite::read([("cases/faults/here.toml".to_owned(), file.as_str())]).expect(text);
    suite.cases.into_iter().next().expect("a case")
}

async fn check(models: &[&str], text: &str) {
    let server = Server::start("127.0.0.1:0").await.expect("a port");
    let brain = Brain::Live {
        chain: chain(&server, models),
        name: "jarvis-chat".to_owned(),
    };
    let worlds = suite().expect("the cases can be read").worlds;
    let case = case(text);
    let came = play(&case, &worlds, brain, Approver::Attentive).await.expect(text);
    assert_eq!(faults(&case, &came), Vec::<String>::new(), "{models:?}");
    assert!(!server.log().is_empty(), "{models:?}: nothing was asked");
}

/// Too late, refused, a page instead of an answer, cut off in the middle, silent in the middle, lines that are no JSON, and an end in the middle.
const FAULTS: [&str; 8] = ["hang", "429", "502", "html", "die", "stall", "garbage", "no-done"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_and_nothing_is_done() {
    for fault in FAULTS {
        check(
            &[fault],
            "say = ['what runs here?']\nexpect.says = ['I could not answer']\nexpect.says_not = ['<html']",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_model_answers_instead() {
    for fault in FAULTS {
        check(
            &[fault, "ok"],
            "say = ['what runs here?']\nexpect.says = ['Three containers run on this server']",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_that_fit_nothing_do_nothing() {
    for arguments in [
        r#"{"action": "explode", "container": "web"}"#,
        r#"{"action": "stop"}"#,
        r#"["stop", "web"]"#,
        r#"{"action": {"stop": true}, "container": 7}"#,
    ] {
        let text = format!(
            "say = ['''call docker_action {arguments}''']\nexpect.calls = ['docker_action error']\n\
             expect.says = ['The tools said']"
        );
        check(&["tools"], &text).await;
    }
    let stop = r#"{"action": "stop", "container": "web"}"#;
    let text = format!(
        "say = ['''call docker_action {stop}''']\nexpect.calls = ['docker_action pending']\n\
         expect.cards = ['stop web: destructive, pending']\nexpect.says = ['The tools said']"
    );
    check(&["tools"], &text).await;
}
