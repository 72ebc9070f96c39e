//! What the stand-in does, by the name of the model. A tag is ignored (`ok:8b` plays `ok`), and `NAME-once` plays
//! `NAME` on every first of two requests, so that trying again helps.
//!
//! | model | does |
//! |---|---|
//! | `ok` | answers [`crate::OK_TEXT`] |
//! | `echo` | answers with the last message of the user |
//! | `think` | thinks, then answers |
//! | `tools` | calls the tools that the user's message names in lines `call NAME {"json": 1}`; without such a line the first tool that is offered, twice when it needs arguments; with tool results it quotes them in words |
//! | `tools-last` | the same, with all calls in the last line and without ids (Ollama's other layout) |
//! | `stream-N-M` | N pieces, M ms before each; `paced` is `stream-100-20` |
//! | `slow`, `late-N` | a piece every 250 ms; the first piece after N ms |
//! | `bytes` | like `ok`, every byte in a network packet of its own |
//! | `length` | is cut by the length limit |
//! | `empty` | ends without having said anything |
//! | `hang`, `stall` | never answers; stops in the middle and says nothing more |
//! | `reset`, `refuse` | resets the connection before the answer |
//! | `die` | breaks the connection in the middle of the answer |
//! | `no-done` | ends properly as HTTP, in the middle of the answer |
//! | `no-mark` | OpenAI: a whole answer without `[DONE]` |
//! | `error-line`, `error-first` | says 200, then an error, in the middle or at once |
//! | `malformed`, `garbage` | one line that cannot be read; nothing else than such lines |
//! | `html` | a web page with status 200 |
//! | `no-think`, `no-tools` | refuses requests that ask for thinking, or that offer tools |
//! | `context`, `filter`, `quota`, `busy`, `missing` | refuses in the server's own words |
//! | `400` … `599` | refuses with this status; `429` asks for 1 s, `429-long` for 60 s |

use std::time::Duration;

/// What to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    Answer(Answer),
    /// An answer that goes wrong after its head.
    Broken(Break),
    Refuse(Refusal),
    /// Refuses requests that need what the model has not.
    Lacks(Lack),
    Html,
    Hang,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Ok,
    Echo,
    Think,
    Tools,
    ToolsLast,
    Stream { pieces: u32, pause: Duration },
    Late(Duration),
    Bytes,
    Length,
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Stall,
    Die,
    NoDone,
    NoMark,
    ErrorLine,
    ErrorFirst,
    Malformed,
    Garbage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Status { status: u16, retry_after: Option<u64> },
    Context,
    Filter,
    Quota,
    Busy,
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    Thinking,
    Tools,
}

/// What the model called `name` plays, and whether only on every first of two requests.
pub fn of_model(name: &str) -> Option<(Play, bool)> {
    let name = name.split(':').next().unwrap_or(name);
    match name.strip_suffix("-once") {
        Some(name) => Some((named(name)?, true)),
        None => Some((named(name)?, false)),
    }
}

fn named(name: &str) -> Option<Play> {
    let stream = |pieces, pause| {
        Play::Answer(Answer::Stream {
            pieces,
            pause: Duration::from_millis(pause),
        })
    };
    Some(match name {
        "ok" => Play::Answer(Answer::Ok),
        "echo" => Play::Answer(Answer::Echo),
        "think" => Play::Answer(Answer::Think),
        "tools" => Play::Answer(Answer::Tools),
        "tools-last" => Play::Answer(Answer::ToolsLast),
        "bytes" => Play::Answer(Answer::Bytes),
        "length" => Play::Answer(Answer::Length),
        "empty" => Play::Answer(Answer::Empty),
        "paced" => stream(100, 20),
        "slow" => stream(40, 250),
        "hang" => Play::Hang,
        "reset" | "refuse" => Play::Reset,
        "html" => Play::Html,
        "stall" => Play::Broken(Break::Stall),
        "die" => Play::Broken(Break::Die),
        "no-done" => Play::Broken(Break::NoDone),
        "no-mark" => Play::Broken(Break::NoMark),
        "error-line" => Play::Broken(Break::ErrorLine),
        "error-first" => Play::Broken(Break::ErrorFirst),
        "malformed" => Play::Broken(Break::Malformed),
        "garbage" => Play::Broken(Break::Garbage),
        "no-think" => Play::Lacks(Lack::Thinking),
        "no-tools" => Play::Lacks(Lack::Tools),
        "context" => Play::Refuse(Refusal::Context),
        "filter" => Play::Refuse(Refusal::Filter),
        "quota" => Play::Refuse(Refusal::Quota),
        "busy" => Play::Refuse(Refusal::Busy),
        "missing" => Play::Refuse(Refusal::Missing),
        "429" => status(429, Some(1)),
        "429-long" => status(429, Some(60)),
        _ => return numbered(name, stream),
    })
}

/// Names with numbers in them: `stream-100-20`, `late-500`, `503`.
fn numbered(name: &str, stream: impl Fn(u32, u64) -> Play) -> Option<Play> {
    if let Some(rest) = name.strip_prefix("stream-") {
        let (pieces, pause) = rest.split_once('-')?;
        return Some(stream(pieces.parse().ok()?, pause.parse().ok()?));
    }
    if let Some(wait) = name.strip_prefix("late-") {
        return Some(Play::Answer(Answer::Late(Duration::from_millis(wait.parse().ok()?))));
    }
    let number = name.parse().ok().filter(|status| (400..600).contains(status))?;
    Some(status(number, None))
}

fn status(status: u16, retry_after: Option<u64>) -> Play {
    Play::Refuse(Refusal::Status { status, retry_after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expect: Option<(Play, bool)>| assert_eq!(of_model(name), expect, "{name}");
        let pause = Duration::from_millis(20);
        check("ok", Some((Play::Answer(Answer::Ok), false)));
        check("ok:8b", Some((Play::Answer(Answer::Ok), false)));
        check(
            "stream-7-20",
            Some((Play::Answer(Answer::Stream { pieces: 7, pause }), false)),
        );
        check("late-20", Some((Play::Answer(Answer::Late(pause)), false)));
        check("503-once", Some((status(503, None), true)));
        check("429-long", Some((status(429, Some(60)), false)));
        check("200", None);
        check("stream-7", None);
        check("gpt", None);
    }
}
