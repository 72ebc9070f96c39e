//! The same question at the same time.

use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::provider::{Class, Error as ProviderError};
use crate::usage::Outcome;

fn ask(path: &str, stream: bool) -> Request<Body> {
    let mut body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}], "stream": stream});
    if stream && path.starts_with("/v1") {
        body["stream_options"] = json!({"include_usage": true});
    }
    let mut request = request(Method::POST, path, body.to_string());
    request.headers_mut().insert("x-jarvis-cache", "on".parse().unwrap());
    request
}

fn slow(then: Vec<Step>) -> Vec<Step> {
    [vec![Step::Wait(Duration::from_secs(2))], then].concat()
}

fn says(word: &str) -> Vec<Step> {
    slow(vec![text(word), finish()])
}

fn fails() -> Vec<Step> {
    slow(vec![Step::Fail(ProviderError::new(Class::ClientFault, "no"))])
}

/// Status, what the cache had to do with it, and whether the word is in it.
fn short(answered: &Answered, word: &str) -> (u16, String, bool) {
    let cache = answered.header("x-jarvis-cache").unwrap_or_default().to_owned();
    (answered.status.as_u16(), cache, answered.body.contains(word))
}

fn expect(status: u16, cache: &str) -> (u16, String, bool) {
    (status, cache.to_owned(), true)
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_and_answers_everybody() {
    for path in ["/v1/chat/completions", "/api/chat"] {
        let site = site(vec![says("one"), says("two")]);
        let both = [false, false, false].map(|stream| site.send(ask(path, stream)));
        let answers = join_all(both).await;
        let seen: Vec<_> = answers.iter().map(|answered| short(answered, "one")).collect();
        assert_eq!(
            seen,
            [expect(200, "miss"), expect(200, "joined"), expect(200, "joined")]
        );
        assert_eq!(site.played.calls().len(), 1, "{path}");
        let outcomes: Vec<Outcome> = site
            .told
            .0
            .lock()
            .unwrap()
            .iter()
            .map(|told| told.outcome.clone())
            .collect();
        assert_eq!(outcomes, [Outcome::Answered, Outcome::Cached, Outcome::Cached]);
        assert_eq!(short(&site.send(ask(path, false)).await, "one"), expect(200, "hit"));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_the_failure_of_another() {
    let site = site(vec![fails(), says("two"), says("three")]);
    let answers = join_all([false, true, false].map(|stream| site.send(ask("/v1/chat/completions", stream)))).await;
    assert_eq!(short(&answers[0], "no"), expect(400, ""));
    assert_eq!(short(&answers[1], "two"), expect(200, "joined"));
    assert_eq!(short(&answers[2], "two"), expect(200, "joined"));
    assert_eq!(site.played.calls().len(), 2);
    // When all fail, each fails by itself, and they do not wait for one another for ever.
    let site = self::site(vec![fails(); 8]);
    let answers = join_all([false; 8].map(|stream| site.send(ask("/v1/chat/completions", stream)))).await;
    assert!(answers.iter().all(|answered| answered.status == 400));
    assert_eq!(site.played.calls().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn who_waits_asks_when_the_first_goes_away_or_gives_nothing_to_keep() {
    let cut = slow(vec![
        text("half"),
        Step::Event(Event::Finish(Finish::because(FinishReason::Length))),
    ]);
    let site = site(vec![says("one"), says("two"), cut, says("four")]);
    let leaves = tokio::time::timeout(Duration::from_secs(1), site.send(ask("/v1/chat/completions", true)));
    let (left, stays) = tokio::join!(leaves, site.send(ask("/v1/chat/completions", true)));
    assert!(left.is_err());
    assert_eq!(short(&stays, "two"), expect(200, "joined"));
    let (half, whole) = tokio::join!(site.send(ask("/api/chat", false)), site.send(ask("/api/chat", false)));
    assert_eq!(short(&half, "half"), expect(200, "miss"));
    assert_eq!(short(&whole, "four"), expect(200, "joined"));
    assert_eq!(site.played.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_waits_waits_no_longer_than_it_wants_to() {
    let site = site(vec![says("one"), says("two")]);
    let mut hasty = ask("/v1/chat/completions", false);
    hasty.headers_mut().insert("x-jarvis-timeout", "1".parse().unwrap());
    let (first, second) = tokio::join!(site.send(ask("/v1/chat/completions", false)), site.send(hasty));
    assert_eq!(short(&first, "one"), expect(200, "miss"));
    assert_eq!(second.error(), (504, "timeout".to_owned()));
    assert_eq!(site.played.calls().len(), 1);
}

/// The forms of answers differ between the protocols, and over Ollama's between a stream and a whole answer.
#[tokio::test(start_paused = true)]
async fn what_is_kept_for_one_protocol_is_not_given_in_another() {
    let site = site(vec![says("one"), says("two"), says("three")]);
    let check = async |path: &str, stream: bool, word: &str, cache: &str| {
        let answered = site.send(ask(path, stream)).await;
        assert_eq!(
            short(&answered, word),
            expect(200, cache),
            "{path} {stream}: {}",
            answered.body
        );
    };
    check("/v1/chat/completions", false, "one", "miss").await;
    check("/api/chat", false, "two", "miss").await;
    check("/api/chat", true, "three", "miss").await;
    check("/v1/chat/completions", true, "one", "hit").await;
    check("/api/chat", false, "two", "hit").await;
    check("/api/chat", true, "three", "hit").await;
}

/// Whoever reads what another target goes on with, or what begins late, is told by whom in the stream.
#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_late_says_who_answers() {
    let late = || vec![Step::Wait(Duration::from_secs(4)), text("hi"), finish()];
    let site = site(vec![late(), late()]);
    let answered = site.ask(question("chat", true)).await;
    assert_eq!(answered.header("x-jarvis-target"), None);
    let says = ": x-jarvis-target: gpu/m\n: x-jarvis-attempts: 1\n\n";
    let at = answered.body.find(says).unwrap_or_else(|| panic!("{}", answered.body));
    assert!(at < answered.body.find("data: ").unwrap(), "{}", answered.body);
}
