//! The event stream, which heals itself.

use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use futures_util::Stream;
use jarvis_gateway::upstream::{Malformed, Response, sse};

use super::client::{Client, segment};
use super::error::Error;
use super::wire::Happening;

/// The server sends a comment every 15 s; after three of them did not come, the connection is dead.
const SILENCE: Duration = Duration::from_secs(50);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) enum Signal {
    /// The stream is open: at the beginning, and after each `Lost`.
    Connected,
    Happened(Happening),
    /// The server cannot be reached; it is tried again and again. Sent once for each outage. A connection that breaks
    /// and comes back at the first try is no outage.
    Lost(Error),
}

/// Everything that happens, without end. Nothing is lost or repeated over a broken connection; where that cannot be
/// held, a [`Happening::Reload`] comes.
pub(super) fn watch(client: Arc<Client>) -> impl Stream<Item = Signal> + Send {
    stream! {
        let mut reader = Reader::default();
        let mut state = State::First;
        let mut failures = 0;
        loop {
            match client.events(reader.after.as_deref()).await {
                Ok(mut response) => {
                    if state != State::Open {
                        yield Signal::Connected;
                    }
                    // Without a place to go on from there is no way to know what was missed.
                    if state != State::First && reader.after.is_none() {
                        yield Signal::Happened(Happening::Reload);
                    }
                    state = State::Open;
                    reader.begin();
                    while reader.read(&mut response).await {
                        failures = 0;
                        while let Some(happening) = reader.next_happening() {
                            yield Signal::Happened(happening);
                        }
                    }
                }
                Err(error) => {
                    if state != State::Out {
                        state = State::Out;
                        yield Signal::Lost(error);
                    }
                }
            }
            tokio::time::sleep(pause(failures, rand::random_range(0.5..=1.0))).await;
            failures += 1;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Open,
    Out,
}

/// How long to wait after so many failures in a row; `jitter` is a factor that keeps many clients apart.
fn pause(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    doubled.min(LONGEST_PAUSE).mul_f64(jitter)
}

#[derive(Default)]
struct Reader {
    decoder: sse::Decoder,
    /// The id of the last event.
    after: Option<String>,
    broken: bool,
}

impl Reader {
    fn begin(&mut self) {
        self.decoder = sse::Decoder::default();
        self.broken = false;
    }

    /// Takes the next piece of the stream. `false` when the connection is over.
    async fn read(&mut self, response: &mut Response) -> bool {
        if self.broken {
            return false;
        }
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.decoder.push(bytes);
                true
            }
            Ok(Ok(None) | Err(_)) | Err(_) => false,
        }
    }

    fn next_happening(&mut self) -> Option<Happening> {
        loop {
            let event = match self.decoder.next_event() {
                Ok(event) => event?,
                Err(Malformed::NotUtf8) => continue,
                Err(Malformed::LineTooLong) => {
                    self.broken = true;
                    return None;
                }
            };
            if let Some(id) = self.decoder.last_id() {
                // One that cannot be sent back is as good as none: what was missed is then fetched.
                let id = std::str::from_utf8(id).ok().filter(|id| segment(id).is_ok());
                self.after = id.map(str::to_owned);
            }
            match serde_json::from_slice(&event.data) {
                Ok(happening) => return Some(happening),
                Err(error) => tracing::debug!(%error, "an event is not understood and passed over"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let check = |failures, expect| assert_eq!(pause(failures, 1.0).as_millis(), expect, "{failures} failures");
        check(0, 250);
        check(1, 500);
        check(4, 4_000);
        check(5, 8_000);
        check(u32::MAX, 8_000);
    }
}
