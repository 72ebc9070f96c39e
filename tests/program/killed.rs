//! SIGKILL at the steps of a turn and of an approval that can be held from outside: nothing is done twice, nothing is lost,
//! and what nobody can know is said to be unknown. Every step in between is in `agent/tests/agent/killed.rs`.

use serde_json::{Value, json};
use stand_in::{Control, Server};

use crate::bad_input::card_of;
use crate::chains::{chain, stand_in};
use crate::dam::{Dam, Held};
use crate::jarvis::{Jarvis, Setup, eventually};
use crate::outcome::{STUBBORN, audited};
use crate::wire::{open, read_until};
use crate::world::Container;

const NO_ANSWER: &str = "Jarvis was restarted during this turn, so it has no answer. Ask again.";

async fn say(jarvis: &Jarvis, conversation: &str, text: &str) {
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let said = jarvis.post(&path, json!({ "text": text })).await;
    assert_eq!(said.status, 202, "{}", said.text);
}

/// How often a model was asked.
fn asked(server: &Server) -> usize {
    let log = server.log();
    log.iter().filter(|entry| entry.path.ends_with("/chat")).count()
}

async fn is_asked(server: &Server, times: usize) {
    eventually("a question to the model", async || {
        (asked(server) == times).then_some(())
    })
    .await;
}

/// What a conversation holds, one line a message.
async fn talk(jarvis: &Jarvis, conversation: &str) -> Vec<String> {
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let messages = jarvis.get(&path).await.json()["messages"].clone();
    let line = |message: &Value| {
        let word = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", word("role"), word("text"))
    };
    messages.as_array().expect("messages").iter().map(line).collect()
}

/// Kills it, and starts twice: the first start says everything, the second one adds nothing. The talk.
async fn killed(jarvis: Jarvis, setup: &Setup, conversation: &str) -> (Jarvis, Vec<String>) {
    let jarvis = Jarvis::start_in(jarvis.kill().await, setup).await;
    let first = talk(&jarvis, conversation).await;
    let entries = jarvis.get("/v1/jarvis/audit?limit=500").await.json()["entries"].clone();
    let jarvis = Jarvis::start_in(jarvis.kill().await, setup).await;
    assert_eq!(talk(&jarvis, conversation).await, first);
    assert_eq!(
        jarvis.get("/v1/jarvis/audit?limit=500").await.json()["entries"],
        entries
    );
    let (audit, ok) = jarvis.run(&["audit"]).await;
    assert!(ok && audit.contains("the chain is intact"), "{audit}");
    (jarvis, first)
}

#[tokio::test]
async fn while_a_model_is_asked_and_while_it_speaks() {
    for (model, has_begun) in [("hang", false), ("slow", true)] {
        let server = stand_in().await;
        let jarvis = Jarvis::start(&chain(&server.url(), &[("gpu", model)])).await;
        let conversation = jarvis.conversation().await;
        let events = open(&jarvis.address, "GET", "/v1/jarvis/events", &[], "").await;
        say(&jarvis, &conversation, "hello?").await;
        is_asked(&server, 1).await;
        if has_begun {
            read_until(&mut events.into_body(), "word0").await;
        }
        let (jarvis, talk) = killed(jarvis, &chain(&server.url(), &[("gpu", "ok")]), &conversation).await;
        assert_eq!(
            talk,
            ["user: hello?".to_owned(), format!("event: {NO_ANSWER}")],
            "{model}"
        );
        assert_eq!(jarvis.ask(&conversation, "again?").await["role"], "assistant");
    }
}

#[tokio::test]
async fn after_the_call_and_before_the_reading_answers() {
    let (server, dam) = (stand_in().await, Dam::build());
    let setup = || chain(&server.url(), &[("gpu", "tools")]);
    let jarvis = Jarvis::start(&dam.before(setup())).await;
    let conversation = jarvis.conversation().await;
    let text = "look around\ncall list_containers {}";
    dam.hold("/containers/json", Held::Request);
    say(&jarvis, &conversation, text).await;
    dam.arrived().await;
    let (_, talk) = killed(jarvis, &setup(), &conversation).await;
    assert_eq!(talk, [format!("user: {text}"), format!("event: {NO_ANSWER}")]);
    assert_eq!(asked(&server), 1, "no model is asked by a start");
}

/// An operator restarts something by a plain command, which needs no card.
#[tokio::test]
async fn while_an_act_without_a_card_is_under_way() {
    for held in [Held::Request, Held::Answer] {
        let (web, dam) = (Container::run("direct", STUBBORN), Dam::build());
        let began = web.started_at();
        let jarvis = Jarvis::start(&dam.before(Setup::default())).await;
        let conversation = jarvis.conversation().await;
        dam.hold("/restart", held);
        say(&jarvis, &conversation, &format!("restart {}", web.name)).await;
        dam.arrived().await;
        let after = web.started_at();
        assert_eq!(after == began, held == Held::Request, "{held:?}");
        let (_, talk) = killed(jarvis, &Setup::default(), &conversation).await;
        let unknown = format!("event: {NO_ANSWER} The outcome of `docker_action` ");
        assert!(talk.len() == 2 && talk[1].starts_with(&unknown), "{held:?}: {talk:?}");
        assert!(talk[1].ends_with(" is unknown: look at the state first."), "{talk:?}");
        assert_eq!(web.started_at(), after, "{held:?}: it is not done again");
    }
}

#[tokio::test]
async fn while_a_card_waits() {
    let web = Container::run("waits", STUBBORN);
    let jarvis = Jarvis::start(&Setup::default()).await;
    let conversation = jarvis.conversation().await;
    let id = card_of(&jarvis.ask(&conversation, &format!("stop {}", web.name)).await);
    let before = talk(&jarvis, &conversation).await;
    let (jarvis, after) = killed(jarvis, &Setup::default(), &conversation).await;
    assert_eq!(after, before);
    jarvis.card(&id, "pending").await;
    jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    jarvis.card(&id, "done").await;
    assert_eq!(web.state(), "exited");
}

/// The engine is asked to stop it, or has stopped it, and Jarvis does not know.
#[tokio::test]
async fn while_an_approved_act_is_under_way_and_after_it() {
    for (held, state) in [(Held::Request, "running"), (Held::Answer, "exited")] {
        let (web, dam) = (Container::run("approved", STUBBORN), Dam::build());
        let jarvis = Jarvis::start(&dam.before(Setup::default())).await;
        let conversation = jarvis.conversation().await;
        let id = card_of(&jarvis.ask(&conversation, &format!("stop {}", web.name)).await);
        dam.hold("/stop", held);
        jarvis
            .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
            .await;
        dam.arrived().await;
        assert_eq!(web.state(), state, "{held:?}");
        let (jarvis, talk) = killed(jarvis, &Setup::default(), &conversation).await;
        let card = jarvis.card(&id, "failed").await;
        assert_eq!(card["outcome"]["status"], "interrupted", "{card}");
        let told: Vec<&String> = talk.iter().filter(|line| line.contains("Outcome unknown")).collect();
        assert!(told.len() == 1 && told[0].contains(state), "{held:?}: {talk:?}");
        for kind in ["tool.intent", "tool.outcome", "approval.vote", "approval.finished"] {
            assert_eq!(audited(&jarvis, &id, kind).await, 1, "{held:?}: {kind}");
        }
        assert_eq!(web.state(), state, "{held:?}: it is not done again");
    }
}

#[tokio::test]
async fn while_a_model_looks_at_what_came_of_an_act() {
    let (web, server) = (Container::run("follow-up", STUBBORN), stand_in().await);
    let mut setup = chain(&server.url(), &[("gpu", "tools")]);
    setup.config += "[approvals]\nfollow_up = true\n";
    let jarvis = Jarvis::start(&setup).await;
    let conversation = jarvis.conversation().await;
    let stop = json!({ "action": "stop", "container": web.name });
    let text = format!("get rid of it\ncall docker_action {stop}");
    let id = card_of(&jarvis.ask(&conversation, &text).await);
    let before = asked(&server);
    let hang = Control {
        fault: Some("hang".into()),
        ..Control::default()
    };
    server.control(hang).expect("a fault");
    jarvis
        .post(&format!("/v1/jarvis/approvals/{id}"), json!({ "yes": true }))
        .await;
    is_asked(&server, before + 1).await;
    let (jarvis, talk) = killed(jarvis, &setup, &conversation).await;
    jarvis.card(&id, "done").await;
    assert_eq!(web.state(), "exited");
    assert!(talk.len() == 4 && talk[2].contains("was approved by"), "{talk:?}");
    assert_eq!(
        talk[3],
        "event: Jarvis was restarted before a model had looked at what came of this."
    );
    assert_eq!(asked(&server), before + 1, "no start asks a model");
}
