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
//! | `stream-N-M` | N pieces, M ms before each; what an assistant's last message holds of them is not said again; `paced` is `stream-100-20` |
//! | `pauses-N-M-P` | N pieces, with a pause of P ms after M of them |
//! | `pings-N` | signs of life that say nothing, one a second, for N seconds; then like `ok` |
//! | `slow`, `late-N` | a piece every 250 ms; the first piece after N ms |
//! | `bytes` | says [`crate::BYTES_TEXT`], every byte in a network packet of its own |
//! | `tools-twins` | the same, each call in a piece of its own, all with the index 0 and the same id (Ollama) |
//! | `leaks` | writes the call of the first tool as text, as models do whose template does not fit |
//! | `overthinks`, `think-tags` | thinks until the length limit and says nothing; thinks inside its text |
//! | `cold-N` | Ollama: the model is loaded by the first request, which takes N ms |
//! | `no-counters`, `truncates` | tells no token counts; Ollama: has read a tenth of the prompt only |
//! | `length` | is cut by the length limit |
//! | `empty` | ends without having said anything |
//! | `hang`, `stall` | never answers; stops in the middle and says nothing more |
//! | `reset`, `refuse` | resets the connection before the answer |
//! | `die` | breaks the connection in the middle of the answer |
//! | `no-done`, `undone` | ends properly as HTTP, in the middle of the answer; Ollama: one whole answer with `done: false` |
//! | `no-mark` | OpenAI: a whole answer without `[DONE]` |
//! | `error-line`, `error-first` | says 200, then an error, in the middle or at once |
//! | `malformed`, `garbage` | one line that cannot be read; nothing else than such lines |
//! | `html` | a web page with status 200 |
//! | `die-N-M`, `stall-N-M`, … | like `stream-N-0`, and goes wrong after M pieces |
//! | `no-think`, `no-tools`, `no-prefill` | refuses requests that ask for thinking, offer tools, or end with words of the assistant |
//! | `filtered` | is cut by the content filter, after half of it |
//! | `context`, `filter`, `quota`, `busy`, `missing` | refuses in the server's own words |
//! | `400` … `599` | refuses with this status; `429` asks for 1 s, `429-long` for 60 s, `429-N` for N s |

use std::time::Duration;

/// What to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    Answer(Answer),
    /// An answer that goes wrong after its head.
    Broken(Break, Where),
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
    Stream {
        pieces: u32,
        pause: Duration,
    },
    Late(Duration),
    Pauses {
        pieces: u32,
        after: u32,
        pause: Duration,
    },
    /// Signs of life that say nothing, one a second, so often.
    Pings(u32),
    Bytes,
    Length,
    Empty,
    ToolsTwins,
    Leaks,
    Overthinks,
    ThinkTags,
    /// Loading takes this long.
    Cold(Duration),
    NoCounters,
    Truncates,
    Filtered,
}

/// Where an answer goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In the middle of [`crate::OK_TEXT`].
    Middle,
    /// After so many pieces of a longer answer.
    After { pieces: u32, of: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Stall,
    Die,
    NoDone,
    Undone,
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
    Prefill,
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
        "no-think" => Play::Lacks(Lack::Thinking),
        "no-tools" => Play::Lacks(Lack::Tools),
        "no-prefill" => Play::Lacks(Lack::Prefill),
        "tools-twins" => Play::Answer(Answer::ToolsTwins),
        "leaks" => Play::Answer(Answer::Leaks),
        "overthinks" => Play::Answer(Answer::Overthinks),
        "think-tags" => Play::Answer(Answer::ThinkTags),
        "no-counters" => Play::Answer(Answer::NoCounters),
        "truncates" => Play::Answer(Answer::Truncates),
        "filtered" => Play::Answer(Answer::Filtered),
        "context" => Play::Refuse(Refusal::Context),
        "filter" => Play::Refuse(Refusal::Filter),
        "quota" => Play::Refuse(Refusal::Quota),
        "busy" => Play::Refuse(Refusal::Busy),
        "missing" => Play::Refuse(Refusal::Missing),
        "429" => status(429, Some(1)),
        "429-long" => status(429, Some(60)),
        _ => match breaks(name) {
            Some(how) => Play::Broken(how, Where::Middle),
            None => return numbered(name, stream),
        },
    })
}

fn breaks(name: &str) -> Option<Break> {
    Some(match name {
        "stall" => Break::Stall,
        "die" => Break::Die,
        "no-done" => Break::NoDone,
        "undone" => Break::Undone,
        "no-mark" => Break::NoMark,
        "error-line" => Break::ErrorLine,
        "error-first" => Break::ErrorFirst,
        "malformed" => Break::Malformed,
        "garbage" => Break::Garbage,
        _ => return None,
    })
}

/// Names with numbers in them: `stream-100-20`, `late-500`, `die-60-40`, `503`.
fn numbered(name: &str, stream: impl Fn(u32, u64) -> Play) -> Option<Play> {
    if let Some(rest) = name.strip_prefix("stream-") {
        let (pieces, pause) = rest.split_once('-')?;
        return Some(stream(pieces.parse().ok()?, pause.parse().ok()?));
    }
    if let Some(wait) = name.strip_prefix("late-") {
        return Some(Play::Answer(Answer::Late(Duration::from_millis(wait.parse().ok()?))));
    }
    if let Some(rest) = name.strip_prefix("pauses-") {
        let (pieces, rest) = rest.split_once('-')?;
        let (after, pause) = rest.split_once('-')?;
        return Some(Play::Answer(Answer::Pauses {
            pieces: pieces.parse().ok()?,
            after: after.parse().ok()?,
            pause: Duration::from_millis(pause.parse().ok()?),
        }));
    }
    if let Some(times) = name.strip_prefix("pings-") {
        return Some(Play::Answer(Answer::Pings(times.parse().ok()?)));
    }
    if let Some(load) = name.strip_prefix("cold-") {
        return Some(Play::Answer(Answer::Cold(Duration::from_millis(load.parse().ok()?))));
    }
    if let Some(seconds) = name.strip_prefix("429-") {
        return Some(status(429, Some(seconds.parse().ok()?)));
    }
    if let Some((rest, after)) = name.rsplit_once('-')
        && let Some((how, of)) = rest.rsplit_once('-')
    {
        let (pieces, of) = (after.parse().ok()?, of.parse().ok()?);
        return Some(Play::Broken(breaks(how)?, Where::After { pieces, of }));
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
        check("429-2-once", Some((status(429, Some(2)), true)));
        let after_40 = Where::After { pieces: 40, of: 60 };
        check("die-60-40", Some((Play::Broken(Break::Die, after_40), false)));
        check("no-done-60-40", Some((Play::Broken(Break::NoDone, after_40), false)));
        check("stall", Some((Play::Broken(Break::Stall, Where::Middle), false)));
        let load = Duration::from_secs(6);
        check("cold-6000", Some((Play::Answer(Answer::Cold(load)), false)));
        check("no-such-60-40", None);
        check("200", None);
        check("stream-7", None);
        check("gpt", None);
    }
}
