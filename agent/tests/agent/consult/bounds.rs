//! What ends a consultation, and what is left when it does.

use std::time::Duration;

use jarvis_agent::view::Happening;
use jarvis_gateway::chat::{Event, Finish, FinishReason, Served, Usage};
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{Step, Turn, fails, says};
use jarvis_memory::records::RunStatus;

use super::{ASK_ATHENA, READ_WEB, asks, house, house_with, nested, nested_calls, reads, with_athena};
use crate::support::house::NOW;
use crate::support::voices::Voices;
use crate::support::{owner, short};

#[tokio::test]
async fn six_replies_are_the_most() {
    let names = ["web", "plex", "vpn", "web", "plex"];
    let mut athena: Vec<Turn> = names
        .iter()
        .enumerate()
        .map(|(n, name)| reads(&format!("a{n}"), name))
        .collect();
    athena.push(says("That is all."));
    let (house, voices) = house(vec![asks("c1"), says("well")], athena).await;
    let answer = house.ask("look").await;
    let run = nested(&house, &answer).await.remove(0);
    assert_eq!(short::run(&run), "done model_calls: 6 models, 5 tools");
    assert_eq!(voices.offered("Athena", 5), Vec::<String>::new());
    let told = short::unmarked(voices.asked("Jarvis")[1].messages.last().expect("a result"));
    assert!(
        told.contains("Athena: That is all.\\n\\n(Athena had to end there: the limit of model calls"),
        "{told}"
    );
}

#[tokio::test]
async fn a_specialist_who_takes_too_long_is_let_go() {
    let voices = Voices::new([
        ("Jarvis", vec![asks("c1"), says("No word from Athena.")]),
        (
            "Athena",
            vec![vec![Step::Event(Event::Text("I th".into())), Step::Hang]],
        ),
    ]);
    let house = house_with(&voices, |parts| parts.with_roster(with_athena("limits.seconds = 1"))).await;
    let answer = house.ask("look").await;
    assert_eq!(answer.text, "No word from Athena.");
    let run = nested(&house, &answer).await.remove(0);
    assert_eq!(short::run(&run), "done wall_clock: 0 models, 0 tools");
    assert_eq!(house.calls(&answer).await, [format!("consult {ASK_ATHENA} read error")]);
    assert!(voices.read("Jarvis", 1).contains("Athena has no answer: the time"));
}

#[tokio::test]
async fn a_turn_has_few_questions_and_its_own_tokens() {
    let used = |text: &str, tokens: u64| -> Turn {
        let usage = Usage {
            prompt_tokens: tokens,
            completion_tokens: 7,
            ..Usage::default()
        };
        let finish = Finish {
            usage: Some(usage),
            ..Finish::because(FinishReason::Stop)
        };
        vec![
            Step::Event(Event::Text(text.into())),
            Step::Event(Event::Finish(finish)),
        ]
    };
    let prime = (1..=5)
        .map(|n| asks(&format!("c{n}")))
        .chain([says("enough")])
        .collect();
    let athena = (1..=5).map(|n| used(&format!("answer {n}"), 1_000)).collect();
    let (house, voices) = house(prime, athena).await;
    let answer = house.ask("look").await;
    assert_eq!(
        (nested(&house, &answer).await.len(), voices.asked("Athena").len()),
        (4, 4)
    );
    assert!(
        voices
            .read("Jarvis", 5)
            .contains("the limit of questions to specialists")
    );
    let run = house.run_of(&answer).await;
    assert!((4_000..9_000).contains(&run.tokens_in), "{}", run.tokens_in);

    // What is left for the second one is too little.
    let prime = vec![asks("c1"), asks("c2"), says("enough")];
    let voices = Voices::new([("Jarvis", prime), ("Athena", vec![used("much", 300_000), says("more")])]);
    let house = house_with(&voices, |parts| parts).await;
    let answer = house.ask("look").await;
    assert_eq!(
        short::run(&house.run_of(&answer).await),
        "done tokens: 2 models, 1 tools"
    );
}

#[tokio::test]
async fn a_stop_ends_the_specialist_too() {
    let (house, _) = house(vec![asks("c1")], vec![reads("a1", "web")]).await;
    let gate = house.world.hold("web");
    let mut seen = house.watch();
    let run = house.say("look").await.expect("taken").message.run_id.expect("a run");
    gate.arrived().await;
    assert!(
        house
            .agent
            .cancel(&owner(), &house.conversation)
            .await
            .expect("the owner may")
    );
    seen.finished(&run).await;
    let answer = house.messages().await.pop().expect("an answer");
    assert_eq!(answer.text, "Stopped.");
    let run = nested(&house, &answer).await.remove(0);
    assert_eq!(short::run(&run), "stopped cancelled: 1 models, 1 tools");
    assert_eq!(
        nested_calls(&house, &run).await,
        [format!("read_state {READ_WEB} read interrupted")]
    );
    assert_eq!(
        house.calls(&answer).await,
        [format!("consult {ASK_ATHENA} read interrupted")]
    );
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_open() {
    let (house, _) = house(vec![asks("c1")], vec![vec![Step::Hang]]).await;
    let mut seen = house.watch();
    house.say("look").await.expect("taken");
    seen.first(
        "the specialist",
        |happening| matches!(happening, Happening::Tool(line) if line.name == "consult"),
    )
    .await;
    assert!(house.tasks.stop(Duration::from_secs(20)).await);
    assert_eq!(house.store.unfinished_runs().await.expect("a store"), []);
    let answer = house.messages().await.pop().expect("an answer");
    assert_eq!(answer.text, "Jarvis was shut down during this answer.");
}

#[tokio::test]
async fn a_restart_in_the_middle_is_told_once() {
    let (house, _) = house(vec![asks("c1")], vec![reads("a1", "web")]).await;
    let gate = house.world.hold("web");
    house.say("look").await.expect("taken");
    gate.arrived().await;
    let house = house.restarted([says("again")]).await;
    assert_eq!(house.store.unfinished_runs().await.expect("a store"), []);
    let asked = house.messages().await.remove(0);
    let run = nested(&house, &asked).await.remove(0);
    assert_eq!(
        (run.status, run.stop_reason.as_deref()),
        (RunStatus::Failed, Some("restarted"))
    );
    assert_eq!(
        nested_calls(&house, &run).await,
        [format!("read_state {READ_WEB} read interrupted")]
    );
    assert_eq!(
        house.calls(&asked).await,
        [format!("consult {ASK_ATHENA} read interrupted")]
    );
    let talk = house.talk().await;
    let told = talk
        .iter()
        .filter(|line| line.contains("Jarvis was restarted during this turn"))
        .count();
    assert_eq!((talk.len(), told), (2, 1), "{talk:?}");
    assert_eq!(house.ask("and now?").await.text, "again");
}

#[tokio::test]
async fn without_a_model_for_the_specialist_jarvis_answers() {
    let command = Served {
        target: "command".into(),
        model: "command".into(),
        attempts: 1,
        left: Vec::new(),
        dropped: Vec::new(),
    };
    let command = vec![
        Step::Event(Event::Served(command)),
        Step::Event(Event::Text("/help".into())),
    ];
    for athena in [fails(Class::HostDown, "connection refused"), command] {
        let (house, voices) = house(vec![asks("c1"), says("I looked myself.")], vec![athena]).await;
        let answer = house.ask("look").await;
        assert_eq!(answer.text, "I looked myself.");
        let told = voices.read("Jarvis", 1);
        assert!(
            told.contains(r#"{"status":"error","error":"Athena: I could not answer: "#),
            "{told}"
        );
        let run = nested(&house, &answer).await.remove(0);
        assert_eq!(short::run(&run), "failed failed: 1 models, 0 tools");
    }
}

#[tokio::test]
async fn a_long_answer_is_kept_and_read_on() {
    let line = "one line of many\n";
    let long = format!("begin\n{}end", line.repeat(1_000));
    let (house, voices) = house(vec![asks("c1"), says("long")], vec![reads("a1", "web"), says(&long)]).await;
    let answer = house.ask("look").await;
    let shown = short::unmarked(voices.asked("Jarvis")[1].messages.last().expect("a result"));
    assert!(shown.chars().count() <= 6_000, "{}", shown.len());
    assert!(
        shown.contains("begin") && shown.contains("end") && shown.contains("are left out; `read_result`"),
        "{shown}"
    );
    assert_eq!(
        voices.offered("Jarvis", 1).last().map(String::as_str),
        Some("read_result")
    );
    let (_, id) = shown.split_once("with id ").expect("an id");
    let id = id.split_whitespace().next().expect("an id");
    let kept = house
        .store
        .kept_result(&answer.conversation_id, id, NOW)
        .await
        .expect("a store");
    let kept = kept.expect("a kept result");
    assert_eq!((kept.tainted, kept.private), (true, true));

    // Less for who has less.
    let prime = vec![asks("c1"), says("long")];
    let voices = Voices::new([("Jarvis", prime), ("Athena", vec![says(&long)])]);
    let house = house_with(&voices, |parts| {
        parts.with_roster(with_athena("limits.answer_tokens = 200"))
    })
    .await;
    house.ask("look").await;
    let shown = voices.read("Jarvis", 1);
    assert!(
        shown.chars().count() <= 900 && shown.contains("are left out"),
        "{shown}"
    );
}
