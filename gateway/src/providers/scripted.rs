//! A provider that plays a script, for tests of everything above the providers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chat::{Event, Finish, FinishReason, ToolCallDelta};
use crate::provider::{Call, Class, Error, Events, Provider};

/// Answers its calls with the turns of its script, in order, and records what it was asked.
#[derive(Debug, Default)]
pub struct Scripted {
    turns: Mutex<VecDeque<Turn>>,
    calls: Mutex<Vec<Call>>,
}

/// One answer, step by step. A turn without [`Event::Finish`] at its end is a stream that was cut off.
pub type Turn = Vec<Step>;

#[derive(Debug, Clone)]
pub enum Step {
    Event(Event),
    /// Waits, on tokio's clock, so that a test with paused time need not.
    Wait(Duration),
    /// Ends the stream with an error.
    Fail(Error),
    /// Never says anything again.
    Hang,
}

impl Scripted {
    pub fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self {
            turns: Mutex::new(turns.into_iter().collect()),
            calls: Mutex::default(),
        }
    }

    /// Adds a turn to the end of the script.
    pub fn push(&self, turn: Turn) {
        lock(&self.turns).push_back(turn);
    }

    /// What it was asked so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// How many turns have not been played.
    pub fn left(&self) -> usize {
        lock(&self.turns).len()
    }
}

impl Provider for Scripted {
    fn stream(&self, call: Call) -> Events {
        // The script is taken when the stream is made, because the stream must not borrow from `self`. The order of
        // calls is the same: a caller makes a stream in order to poll it.
        let turn = lock(&self.turns).pop_front();
        lock(&self.calls).push(call);
        Box::pin(async_stream::stream! {
            let Some(turn) = turn else {
                yield Err(Error::new(Class::Upstream5xx, "the script has no more turns"));
                return;
            };
            for step in turn {
                match step {
                    Step::Event(event) => yield Ok(event),
                    Step::Wait(time) => tokio::time::sleep(time).await,
                    Step::Fail(error) => {
                        yield Err(error);
                        return;
                    }
                    Step::Hang => std::future::pending().await,
                }
            }
        })
    }
}

/// A whole answer in words.
pub fn says(text: &str) -> Turn {
    vec![Step::Event(Event::Text(text.into())), finish(FinishReason::Stop)]
}

/// A whole answer that calls one tool; `arguments` is JSON text.
pub fn calls(id: &str, name: &str, arguments: &str) -> Turn {
    vec![call(0, id, name, arguments), finish(FinishReason::ToolCalls)]
}

/// No answer but an error of `class`.
pub fn fails(class: Class, message: &str) -> Turn {
    vec![Step::Fail(Error::new(class, message))]
}

/// One whole tool call within a turn.
pub fn call(index: u32, id: &str, name: &str, arguments: &str) -> Step {
    Step::Event(Event::ToolCall(ToolCallDelta {
        index,
        id: Some(id.into()),
        name: Some(name.into()),
        arguments: arguments.into(),
    }))
}

/// The end mark of a turn, without usage.
pub fn finish(reason: FinishReason) -> Step {
    Step::Event(Event::Finish(Finish::because(reason)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that panicked elsewhere must not hide its own message behind a poisoned lock here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt;

    use super::*;

    fn ask(scripted: &Scripted) -> Events {
        scripted.stream(Call {
            request: Arc::default(),
            model: "m".into(),
            left: Vec::new(),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn plays_its_turns_in_order_and_records_the_calls() {
        let scripted = Scripted::new([
            says("hello"),
            vec![
                Step::Wait(Duration::from_hours(1)),
                Step::Event(Event::Text("cut".into())),
            ],
            fails(Class::HostDown, "connection refused"),
        ]);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.extend(ask(&scripted).collect::<Vec<_>>().await);
        }
        let expect = [
            Ok(Event::Text("hello".into())),
            Ok(Event::Finish(Finish::because(FinishReason::Stop))),
            Ok(Event::Text("cut".into())),
            Err(Error::new(Class::HostDown, "connection refused")),
            Err(Error::new(Class::Upstream5xx, "the script has no more turns")),
        ];
        assert_eq!(seen, expect);
        assert_eq!(scripted.calls().len(), 4);
        assert_eq!(scripted.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hang_is_endless() {
        let scripted = Scripted::new([vec![Step::Hang]]);
        let mut events = ask(&scripted);
        let waited = tokio::time::timeout(Duration::from_hours(24), events.next()).await;
        assert!(waited.is_err());
    }
}
