//! A whole answer, gathered from its events.

use futures_util::StreamExt;
use http::StatusCode;

use super::error::Error;
use super::frames::cut_off;
use super::wire::Merge;
use crate::chat::{Event, Gather, Reply, Served};
use crate::provider::Events;

const LONGEST: usize = 4 * 1024 * 1024;

/// An answer that reached its end.
pub(super) struct Whole {
    pub(super) reply: Reply,
    /// The chunks of a server of the same protocol, when it was one. The reply then only has the finish.
    pub(super) wire: Option<Merge>,
}

/// Upstream it is a stream all the same, so that whatever fails before the end could be tried elsewhere.
pub(super) async fn gather(mut events: Events) -> Result<Whole, Error> {
    let (mut gather, mut wire, mut served) = (Gather::default(), None::<Merge>, None);
    while let Some(event) = events.next().await {
        match event? {
            Event::Served(by) => served = Some(together(served.take(), by)),
            Event::Reset => (gather, wire, served) = (Gather::default(), None, None),
            Event::Wire(chunk) => {
                let wire = wire.get_or_insert_default();
                wire.push(&chunk.data).map_err(|error| bad_gateway(error.0))?;
            }
            event @ (Event::Text(_)
            | Event::Reasoning(_)
            | Event::Logprobs(_)
            | Event::ToolCall(_)
            | Event::Finish(_)) => {
                let Some(reply) = gather.push(event) else {
                    if gather.length() > LONGEST {
                        return Err(bad_gateway("the answer is longer than 4 MiB; ask for it as a stream"));
                    }
                    continue;
                };
                let reply = Reply { served, ..reply };
                return Ok(Whole { reply, wire });
            }
        }
    }
    Err(cut_off().into())
}

/// Who answers, after those who began what it goes on with.
fn together(before: Option<Served>, by: Served) -> Served {
    match before {
        Some(before) => Served {
            target: format!("{}, {}", before.target, by.target),
            ..by
        },
        None => by,
    }
}

fn bad_gateway(message: &str) -> Error {
    Error::new(StatusCode::BAD_GATEWAY, "unusable_answer", message)
}
