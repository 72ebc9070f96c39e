use serde_json::{Value, json};

use super::screen::{Look, Piece, Screen};
use super::wire::{Card, Happening};

const STREAMING: Look = Look {
    streams: true,
    color: false,
};
const WHOLE: Look = Look {
    streams: false,
    color: false,
};

/// What stands on the screen after `events` of the run `r1`, which is followed in the conversation `c1`.
fn shown(look: Look, events: &[Value]) -> String {
    let mut screen = Screen::new(look);
    screen.enter(Some("c1"));
    screen.follow("r1");
    let pieces = events.iter().flat_map(|event| screen.on(&happening(event)));
    pieces.map(|piece| piece.text().to_owned()).collect()
}

fn happening(event: &Value) -> Happening {
    serde_json::from_value(event.clone()).unwrap()
}

fn delta(text: &str) -> Value {
    json!({ "type": "delta", "conversation_id": "c1", "run_id": "r1", "text": text })
}

fn reset() -> Value {
    json!({ "type": "reset", "conversation_id": "c1", "run_id": "r1" })
}

fn tool(call: &str, status: &str) -> Value {
    json!({
        "type": "tool", "conversation_id": "c1", "run_id": "r1", "call_id": call, "name": "get_container_logs",
        "target": "web", "status": status,
    })
}

fn message(id: &str, role: &str, text: &str) -> Value {
    let detail = json!({ "target": "gpu/a", "why": "answered" });
    json!({ "type": "message", "message": {
        "id": id, "conversation_id": "c1", "run_id": "r1", "role": role, "text": text, "detail": detail, "created_at": 1,
    }})
}

fn answer(text: &str) -> Value {
    message("m1", "assistant", text)
}

fn finished(why: &str) -> Value {
    json!({ "type": "run", "conversation_id": "c1", "run_id": "r1", "state": "finished", "why": why })
}

#[test]
fn an_answer_is_shown_once_and_as_it_is_kept() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(STREAMING, events), expect, "{events:?}");
    check(&[answer("all at once")], "all at once\n");
    check(
        &[delta("it "), delta("runs"), answer("it runs"), finished("answered")],
        "it runs\n",
    );
    check(&[delta("\n it "), delta("runs\n"), answer("it runs")], "it runs\n");
    check(&[delta("it "), answer("it runs")], "it runs\n");
    check(&[delta("it\n"), answer("it\n\nruns")], "it\n\nruns\n");
    check(
        &[delta("it"), answer("something else")],
        "it\n· the answer as it is kept:\nsomething else\n",
    );
    check(
        &[delta("notebook"), answer("book")],
        "notebook\n· the answer as it is kept:\nbook\n",
    );
    check(&[answer("once"), answer("once")], "once\n");
    check(
        &[delta("par"), finished("failed")],
        "par\n· this turn ended without an answer (failed)\n",
    );
    check(
        &[answer(""), finished("answered")],
        "· this turn ended without an answer (answered)\n",
    );
}

#[test]
fn a_model_that_went_away_voids_what_it_said() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(STREAMING, events), expect, "{events:?}");
    let told = "· the model went away in the middle of this answer; it starts over\n";
    check(
        &[delta("it r"), reset(), delta("yes"), answer("yes")],
        &format!("it r\n{told}yes\n"),
    );
    check(&[reset(), delta("yes"), answer("yes")], "yes\n");
    check(&[delta("\u{1b}[3"), reset(), delta("1m"), answer("1m")], "1m\n");
}

#[test]
fn a_tool_call_is_one_line() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(STREAMING, events), expect, "{events:?}");
    let line = "· get_container_logs web";
    check(&[tool("a", "running"), tool("a", "ok")], &format!("{line}: ok\n"));
    check(&[tool("a", "denied")], &format!("{line}: denied\n"));
    check(
        &[
            tool("a", "running"),
            tool("b", "running"),
            tool("b", "ok"),
            tool("a", "error"),
        ],
        &format!("{line}: running\n{line}: ok\n{line}: error\n"),
    );
    check(
        &[
            delta("I look."),
            delta("\n\n"),
            tool("a", "running"),
            tool("a", "ok"),
            delta("Fine"),
            answer("Fine."),
        ],
        &format!("I look.\n\n{line}: ok\nFine.\n"),
    );
    check(
        &[delta("I look."), tool("a", "running"), tool("a", "ok"), answer("Fine.")],
        &format!("I look.\n{line}: ok\nFine.\n"),
    );
    check(
        &[tool("a", "running"), delta("Fine."), answer("Fine.")],
        &format!("{line}: running\nFine.\n"),
    );
    let mut pending = tool("a", "pending");
    pending["approval"] = json!("K7QX");
    check(&[pending], &format!("{line}: pending K7QX\n"));
    let mut evil = tool("a", "ok\u{1b}[2J");
    evil["target"] = json!("a\nb\u{1b}]0;x\u{7}");
    check(&[evil], "· get_container_logs a b: ok\n");
}

#[test]
fn where_answers_do_not_stream_only_whole_ones_are_written() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(WHOLE, events), expect, "{events:?}");
    check(&[delta("it r"), reset(), delta("ye"), answer("yes")], "yes\n");
    check(
        &[tool("a", "running"), tool("a", "ok"), delta("Fine"), answer("Fine.")],
        "· get_container_logs web: ok\nFine.\n",
    );
}

#[test]
fn only_what_belongs_here_is_shown() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(STREAMING, events), expect, "{events:?}");
    let mut other_run = delta("x");
    other_run["run_id"] = json!("r2");
    let mut other_answer = message("m7", "assistant", "asked from elsewhere");
    other_answer["message"]["run_id"] = json!("r2");
    let mut other_conversation = answer("x");
    other_conversation["message"]["conversation_id"] = json!("c2");
    check(
        &[
            other_run,
            other_conversation,
            json!({ "type": "target", "target": {} }),
            json!({ "type": "new" }),
        ],
        "",
    );
    check(
        &[delta("it "), other_answer, delta("runs"), answer("it runs")],
        "it \nasked from elsewhere\nruns\n",
    );
    check(&[message("m8", "user", "hello")], "· said elsewhere: hello\n");
    check(
        &[message("m9", "event", "**K7QX** was approved\n\ndone\n")],
        "**K7QX** was approved\n\ndone\n",
    );
}

#[test]
fn outside_text_is_cleaned() {
    let check = |events: &[Value], expect: &str| assert_eq!(shown(STREAMING, events), expect, "{events:?}");
    check(&[delta("a\u{1b}[3"), delta("1mb"), answer("a\u{1b}[31mb")], "ab\n");
    check(&[message("m2", "event", "\u{202e}a\u{1b}]0;t\u{7}\r\n")], "a\n");
    check(&[message("m3", "user", "\u{1b}[2Jhi")], "· said elsewhere: hi\n");
}

#[test]
fn after_a_gap_the_answer_comes_whole() {
    let mut screen = Screen::new(STREAMING);
    screen.enter(Some("c1"));
    screen.follow("r1");
    let mut seen = screen.on(&happening(&delta("it ")));
    seen.extend(screen.gap());
    for event in [delta("ru"), delta("ns"), answer("it runs")] {
        seen.extend(screen.on(&happening(&event)));
    }
    let seen: String = seen.iter().map(Piece::text).collect();
    assert_eq!(
        seen,
        "it \n· a part of this answer was missed; it comes as a whole when it is ready\nit runs\n"
    );
}

#[test]
fn notices_are_dim_where_there_are_colors() {
    let mut screen = Screen::new(Look {
        streams: true,
        color: true,
    });
    assert_eq!(screen.notice("hi"), [Piece::Notice("\u{1b}[2m· hi\u{1b}[0m\n".into())]);
}

#[test]
fn a_card_of_another_conversation_tells_its_outcome() {
    let check = |card: Value, expect: &str| {
        let card: Card = serde_json::from_value(card).unwrap();
        let mut screen = Screen::new(WHOLE);
        screen.enter(Some("c1"));
        let seen: String = screen.outcome(&card).iter().map(Piece::text).collect();
        assert_eq!(seen, expect);
    };
    let plan = json!({ "title": "stop web" });
    let ok = json!({ "status": "ok", "summary": "web\u{7} is exited" });
    check(
        json!({ "id": "K7QX", "status": "done", "conversation_id": "c1", "plan": plan, "outcome": ok }),
        "",
    );
    check(
        json!({ "id": "K7QX", "status": "done", "conversation_id": "c2", "plan": plan, "outcome": ok }),
        "**K7QX**, stop web: done\n\nweb is exited\n",
    );
    let error = json!({ "status": "error", "error": "no such container", "hint": "look", "retry": false });
    check(
        json!({ "id": "K7QX", "status": "failed", "conversation_id": null, "plan": {}, "outcome": error }),
        "**K7QX**: failed\n\nno such container; look\n",
    );
    check(
        json!({ "id": "K7QX", "status": "expired", "outcome": null }),
        "**K7QX**: expired\n",
    );
}
