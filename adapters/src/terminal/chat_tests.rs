use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::http::StatusCode;
use jarvis_gateway::tasks::Tasks;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_stream::wrappers::ReceiverStream;

use super::chat::{Chat, Kind};
use super::client::Client;
use super::error::Error;
use super::input::{Input, Typed};
use super::output::{Notices, Output};
use super::screen::Look;
use super::stand_in::{Server, Step};

/// A chat in progress, seen from the chair in front of it.
struct Talk {
    lines: mpsc::Sender<Typed>,
    interrupts: tokio::sync::mpsc::Sender<()>,
    answers: Shown,
    notices: Shown,
    done: oneshot::Receiver<Result<(), Error>>,
}

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn holds(&self, expect: &str) {
        wait_for(
            || self.text().contains(expect),
            || format!("{expect:?} in {:?}", self.text()),
        )
        .await;
    }
}

async fn wait_for(is_so: impl Fn() -> bool, what: impl Fn() -> String) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(tokio::time::Instant::now() < limit, "waited for {}", what());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Talk {
    fn begin(server: &Server, kind: Kind, resume: bool) -> Self {
        let client = Arc::new(Client::new(&server.url(), None).unwrap());
        Self::with(client, kind, resume)
    }

    fn with(client: Arc<Client>, kind: Kind, resume: bool) -> Self {
        let (lines, typed) = mpsc::channel();
        let (interrupts, pressed) = tokio::sync::mpsc::channel(4);
        let next = move || Ok(typed.recv().unwrap_or(Typed::End));
        let input = Input::read_by(Box::pin(ReceiverStream::new(pressed)), "test", next).unwrap();
        let (answers, notices) = (Shown::default(), Shown::default());
        let output = Output::new(
            Box::new(answers.clone()),
            Notices::Apart(Box::new(notices.clone())),
            None,
        );
        let look = Look {
            streams: kind == Kind::Prompt,
            color: false,
        };
        let (send, done) = oneshot::channel();
        Tasks::default().spawn("chat", async move {
            let chat = Chat::new(client, input, output, kind, look);
            drop(send.send(chat.run(resume).await));
        });
        Self {
            lines,
            interrupts,
            answers,
            notices,
            done,
        }
    }

    fn say(&self, line: &str) {
        self.lines.send(Typed::Line(line.to_owned())).unwrap();
    }

    /// No more input: what is left to do is done, and this is how it ended, with what was shown.
    async fn end(self) -> (Result<(), String>, String, String) {
        drop(self.lines);
        let done = tokio::time::timeout(Duration::from_mins(2), self.done).await;
        let done = done.expect("the chat did not end").unwrap();
        (
            done.map_err(|error| error.to_string()),
            self.answers.text(),
            self.notices.text(),
        )
    }
}

/// Says `lines` as a script does and returns how it ended and what went to the output.
async fn script(server: &Server, lines: &[&str]) -> (Result<(), String>, String) {
    let talk = Talk::begin(server, Kind::Script, false);
    for line in lines {
        talk.say(line);
    }
    let (done, answers, _) = talk.end().await;
    (done, answers)
}

fn delta(text: &str) -> Step {
    Step::Event(json!({ "type": "delta", "conversation_id": "c1", "run_id": "RUN", "text": text }))
}

fn finished(why: &str) -> Step {
    let event = json!({ "type": "run", "conversation_id": "c1", "run_id": "RUN", "state": "finished", "why": why });
    Step::Event(event)
}

fn answer(text: &str, why: &str) -> Step {
    Step::Message(json!({ "run_id": "RUN", "role": "assistant", "text": text, "detail": { "why": why } }))
}

fn event(text: &str, detail: &Value) -> Step {
    Step::Message(json!({ "run_id": null, "role": "event", "text": text, "detail": detail }))
}

fn card(status: &str, conversation: &str) -> Value {
    json!({
        "id": "K7QX", "tool": "docker_action", "status": status, "conversation_id": conversation,
        "plan": { "title": "stop web" },
        "outcome": if status == "done" { json!({ "status": "ok", "summary": "web is exited" }) } else { Value::Null },
    })
}

#[tokio::test]
async fn a_script_gets_its_answers_in_order() {
    let server = Server::start().await;
    server.script(vec![delta("on"), answer("one", "answered"), finished("answered")]);
    server.script(vec![delta("x"), finished("cancelled"), answer("late", "answered")]);
    server.script(vec![answer("three", "answered")]);
    let seen = script(&server, &["a", "  ", "b", "c"]).await;
    assert_eq!(seen, (Ok(()), "one\nlate\nthree\n".to_owned()));
    let said: Vec<String> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.starts_with("POST"))
        .collect();
    assert_eq!(said.len(), 4, "one conversation and three messages: {said:?}");
}

#[tokio::test]
async fn a_failed_turn_ends_a_script_with_an_error() {
    let server = Server::start().await;
    server.script(vec![answer("no model answers", "failed"), finished("failed")]);
    let (done, shown) = script(&server, &["a", "b"]).await;
    assert_eq!(done, Err("the turn ended without an answer (failed)".to_owned()));
    assert_eq!(shown, "no model answers\n");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_in_a_sentence() {
    let server = Server::start().await;
    server.refuse(StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        script(&server, &["a"]).await,
        (Err("too many messages wait".to_owned()), String::new())
    );
    server.demand_key("sk-right");
    let url = server.url();
    let (done, _) = script(&server, &["a"]).await;
    let makes = "`jarvis key new NAME --scope ops,approve` makes one";
    assert_eq!(
        done,
        Err(format!(
            "Jarvis at {url} refused the key: this key is not known; {makes}"
        ))
    );
    let client = Arc::new(Client::new(&url, Some("sk-right".into())).unwrap());
    server.script(vec![answer("one", "answered")]);
    let talk = Talk::with(client, Kind::Script, false);
    talk.say("a");
    assert_eq!(talk.end().await.1, "one\n");
    server.die().await;
    let (done, _) = script(&server, &["a"]).await;
    assert_eq!(done, Err(format!("no Jarvis answers at {url}; start it with `jarvis`")));
}

#[tokio::test]
async fn a_dropped_connection_loses_and_repeats_nothing() {
    let server = Server::start().await;
    server.script(vec![delta("hel")]);
    let talk = Talk::begin(&server, Kind::Prompt, false);
    talk.say("a");
    talk.answers.holds("hel").await;
    let rest = [
        delta("lo wo"),
        delta("rld"),
        answer("hello world", "answered"),
        finished("answered"),
    ];
    for step in std::iter::once(Step::Cut).chain(rest) {
        server.happen(step);
    }
    talk.answers.holds("hello world\n").await;
    let (done, answers, notices) = talk.end().await;
    assert_eq!((done, answers.as_str()), (Ok(()), "hello world\n"));
    assert!(!notices.contains("lost") && !notices.contains("missed"), "{notices}");
    assert!(
        server
            .asked()
            .iter()
            .any(|asked| asked.starts_with("GET /v1/jarvis/events?after=e1-"))
    );
}

#[tokio::test]
async fn after_a_restart_what_was_missed_is_fetched() {
    let server = Server::start().await;
    server.script(vec![delta("hel"), Step::UntilCancelled]);
    let talk = Talk::begin(&server, Kind::Prompt, false);
    talk.say("a");
    talk.answers.holds("hel").await;
    server.happen(Step::Restart);
    let text = "Jarvis was restarted during this turn";
    let restarted = json!({ "run_id": "r0", "role": "event", "text": text, "detail": { "why": "restarted" } });
    server.happen(Step::Message(restarted));
    talk.answers.holds("restarted during this turn\n").await;
    server.script(vec![answer("again", "answered")]);
    talk.say("b");
    talk.answers.holds("again\n").await;
    let (done, answers, notices) = talk.end().await;
    assert_eq!(done, Ok(()));
    assert_eq!(answers, "hel\nJarvis was restarted during this turn\nagain\n");
    assert!(notices.contains("· a part of this answer was missed"), "{notices}");
}

#[tokio::test]
async fn an_answer_can_be_stopped() {
    let server = Server::start().await;
    server.script(vec![
        delta("one two"),
        Step::UntilCancelled,
        answer("one two\n\n*Stopped.*", "cancelled"),
        finished("cancelled"),
    ]);
    server.script(vec![answer("next", "answered")]);
    let talk = Talk::begin(&server, Kind::Prompt, false);
    talk.say("count");
    talk.answers.holds("one two").await;
    talk.interrupts.send(()).await.unwrap();
    talk.answers.holds("*Stopped.*\n").await;
    talk.say("go on");
    talk.answers.holds("next\n").await;
    let (done, answers, notices) = talk.end().await;
    assert_eq!((done, answers.as_str()), (Ok(()), "one two\n*Stopped.*\nnext\n"));
    assert!(notices.ends_with("· stopping\n"), "{notices}");
    assert!(
        server
            .asked()
            .contains(&"POST /v1/jarvis/conversations/c1/cancel {}".to_owned())
    );
}

#[tokio::test]
async fn a_script_that_is_stopped_stops_its_turn() {
    let server = Server::start().await;
    server.script(vec![Step::UntilCancelled]);
    let talk = Talk::begin(&server, Kind::Script, false);
    talk.say("count");
    wait_for(
        || server.asked().iter().any(|asked| asked.contains("count")),
        || "the message".to_owned(),
    )
    .await;
    talk.interrupts.send(()).await.unwrap();
    assert_eq!(
        talk.end().await.0,
        Err("stopped; `jarvis audit` shows what was done until then".to_owned())
    );
    assert!(
        server
            .asked()
            .contains(&"POST /v1/jarvis/conversations/c1/cancel {}".to_owned())
    );
}

#[tokio::test]
async fn a_script_stays_until_the_act_that_it_approved_is_done() {
    let check = async |conversation: &str, told: &[&str], expect: &str| {
        let server = Server::start().await;
        let word = event("**K7QX** is approved; doing it now.", &json!({ "approval": "K7QX" }));
        server.script(vec![Step::Card(card("approved", conversation)), word]);
        let talk = Talk::begin(&server, Kind::Script, false);
        talk.say("approve k7qx");
        talk.answers.holds("doing it now.\n").await;
        talk.lines.send(Typed::End).unwrap();
        server.happen(Step::Card(card("executing", conversation)));
        server.happen(Step::Cut);
        for text in told {
            server.happen(event(text, &json!({ "approval": "K7QX", "status": "done" })));
        }
        server.happen(Step::Card(card("done", conversation)));
        let (done, answers, _) = talk.end().await;
        assert_eq!((done, answers.as_str()), (Ok(()), expect));
    };
    let word = "**K7QX** is approved; doing it now.\n";
    check("c1", &["stopped web"], &format!("{word}stopped web\n")).await;
    check("c2", &[], &format!("{word}**K7QX**, stop web: done\n\nweb is exited\n")).await;
}

#[tokio::test]
async fn a_script_does_not_stay_for_what_was_not_approved() {
    let server = Server::start().await;
    let refused = "Not decided: there is no approval `K7QX`.";
    server.script(vec![event(refused, &json!({ "approval": "K7QX" }))]);
    assert_eq!(
        script(&server, &["approve K7QX"]).await,
        (Ok(()), format!("{refused}\n"))
    );
}

#[tokio::test]
async fn the_outcome_of_an_act_is_found_after_a_restart() {
    let server = Server::start().await;
    let word = event("doing it now", &json!({ "approval": "K7QX" }));
    server.script(vec![Step::Card(card("approved", "c2")), word]);
    let talk = Talk::begin(&server, Kind::Script, false);
    talk.say("approve K7QX");
    talk.answers.holds("doing it now\n").await;
    talk.lines.send(Typed::End).unwrap();
    // The new epoch begins with it, so that no event tells of it to a client of the old one.
    server.happen(Step::Restart);
    server.happen(Step::Card(card("done", "c2")));
    let (done, answers, _) = talk.end().await;
    assert_eq!(
        (done, answers.as_str()),
        (Ok(()), "doing it now\n**K7QX**, stop web: done\n\nweb is exited\n")
    );
}

#[tokio::test]
async fn what_happens_elsewhere_in_the_conversation_is_shown_at_the_prompt() {
    let server = Server::start().await;
    server.script(vec![answer("one", "answered")]);
    let talk = Talk::begin(&server, Kind::Prompt, false);
    talk.say("a");
    talk.answers.holds("one\n").await;
    server.happen(Step::Message(
        json!({ "run_id": "r7", "role": "user", "text": "from the console" }),
    ));
    server.happen(Step::Message(
        json!({ "run_id": "r7", "role": "assistant", "text": "to the console" }),
    ));
    let other = json!({ "conversation_id": "c2", "run_id": "r8", "role": "assistant", "text": "not here" });
    server.happen(Step::Message(other));
    server.happen(event("the container was restarted", &json!({})));
    talk.answers.holds("the container was restarted\n").await;
    let (done, answers, notices) = talk.end().await;
    assert_eq!(
        (done, answers.as_str()),
        (Ok(()), "one\nto the console\nthe container was restarted\n")
    );
    assert!(notices.ends_with("· said elsewhere: from the console\n"), "{notices}");
}

#[tokio::test]
async fn a_conversation_is_resumed_with_its_last_messages() {
    let server = Server::start().await;
    server.happen(Step::Message(
        json!({ "run_id": "r0", "role": "user", "text": "before" }),
    ));
    server.happen(Step::Message(
        json!({ "run_id": "r0", "role": "assistant", "text": "then" }),
    ));
    server.script(vec![Step::Restart, answer("now", "answered")]);
    let talk = Talk::begin(&server, Kind::Prompt, true);
    talk.say("a");
    talk.answers.holds("now\n").await;
    server.script(vec![event("`/whoami` says who you are", &json!({}))]);
    talk.say("/help");
    talk.answers.holds("who you are\n").await;
    talk.say("/quit");
    let (done, answers, notices) = talk.end().await;
    assert_eq!(
        (done, answers.as_str()),
        (Ok(()), "then\nnow\n`/whoami` says who you are\n")
    );
    assert!(
        notices.starts_with("> before\n") && notices.contains("`/new`"),
        "{notices}"
    );
    assert!(!server.asked().contains(&"POST /v1/jarvis/conversations {}".to_owned()));
}

#[tokio::test]
async fn a_lost_server_is_told_of_and_a_person_goes_on() {
    let server = Server::start().await;
    server.script(vec![delta("hel"), Step::UntilCancelled]);
    let talk = Talk::begin(&server, Kind::Prompt, false);
    talk.say("a");
    talk.answers.holds("hel").await;
    server.die().await;
    talk.notices.holds("the connection to Jarvis is lost").await;
    talk.interrupts.send(()).await.unwrap();
    talk.notices.holds("· stopping\n· no Jarvis answers at").await;
    talk.say("b");
    wait_for(
        || talk.notices.text().matches("start it with `jarvis`").count() >= 3,
        || talk.notices.text(),
    )
    .await;
    assert_eq!(talk.end().await.0, Ok(()));
}

#[tokio::test]
async fn a_script_gives_a_lost_server_up() {
    let server = Server::start().await;
    server.script(vec![Step::UntilCancelled]);
    let talk = Talk::begin(&server, Kind::Script, false);
    talk.say("a");
    wait_for(
        || server.asked().iter().any(|asked| asked.contains("text")),
        || "the message".to_owned(),
    )
    .await;
    server.die().await;
    talk.notices.holds("lost").await;
    tokio::time::pause();
    let expect = format!(
        "Jarvis at {} went away and did not come back within 60 s; what it did meanwhile is unknown",
        server.url()
    );
    assert_eq!(talk.end().await.0, Err(expect));
}

#[tokio::test]
async fn the_calls_behind_commands() {
    let server = Server::start().await;
    let client = Client::new(&server.url(), None).unwrap();
    server.happen(Step::Card(card("pending", "c1")));
    assert_eq!(client.status().await.unwrap(), json!({ "version": "1" }));
    assert_eq!(client.targets().await.unwrap(), [json!({ "name": "gpu/a" })]);
    assert_eq!(client.approvals().await.unwrap(), [card("pending", "c1")]);
    assert_eq!(
        client.audit(Some(7), 20).await.unwrap(),
        json!({ "query": "limit=20&before=7" })
    );
    assert_eq!(client.decide("k7qx", true).await.unwrap(), card("pending", "c1"));
    let says = async |id: &str| client.decide(id, false).await.unwrap_err().to_string();
    assert_eq!(says("NONE").await, "there is no approval `NONE`");
    assert_eq!(says("../keys").await, "`../keys` is not an id");
    let asked = server.asked();
    assert!(
        asked.contains(&r#"POST /v1/jarvis/approvals/K7QX {"yes":true}"#.to_owned()),
        "{asked:?}"
    );
}
