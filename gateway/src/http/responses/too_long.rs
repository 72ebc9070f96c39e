//! Conversations that are too long for every target, and answers that are too long to be told at their end.

use std::sync::Arc;

use async_stream::stream;
use futures_util::StreamExt;

use crate::chat::{Event, Finish, Request, Role};
use crate::provider::{Call, Class, Error, Events, Provider};

/// The last event repeats all that was said, so it has to be held until then.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// Each time about half of the conversation goes.
const MOST_CUTS: u32 = 6;

/// The answer to `request`. When it `may_shorten` and no target can read the whole conversation, its oldest turns are
/// left out, and the finish says that it was truncated.
pub(super) fn stream(provider: Arc<dyn Provider>, request: Arc<Request>, model: String, may_shorten: bool) -> Events {
    Box::pin(stream! {
        let mut request = request;
        let (mut cuts, mut length) = (0, 0);
        loop {
            let mut events = provider.stream(Call {
                request: Arc::clone(&request),
                model: model.clone(),
                left: Vec::new(),
            });
            let mut shorter = None;
            while let Some(event) = events.next().await {
                let event = match event {
                    Ok(Event::Finish(finish)) => Event::Finish(Finish {
                        truncated: finish.truncated || cuts > 0,
                        ..finish
                    }),
                    Ok(event) => event,
                    Err(error) => {
                        let is_too_long = error.class == Class::ContextLength && length == 0;
                        shorter = (is_too_long && may_shorten && cuts < MOST_CUTS).then(|| cut(&request)).flatten();
                        if shorter.is_some() {
                            break;
                        }
                        yield Err(error);
                        return;
                    }
                };
                length += said(&event);
                if length > LONGEST_ANSWER {
                    yield Err(Error::new(Class::Decode, "the answer is longer than 16 MiB"));
                    return;
                }
                yield Ok(event);
            }
            match shorter {
                Some(shorter) => request = Arc::new(shorter),
                None => return,
            }
            cuts += 1;
        }
    })
}

fn said(event: &Event) -> usize {
    match event {
        Event::Text(text) | Event::Reasoning(text) => text.len(),
        Event::ToolCall(delta) => delta.arguments.len() + 1,
        Event::Served(_) | Event::Logprobs(_) | Event::Wire(_) | Event::Reset | Event::Finish(_) => 0,
    }
}

/// Without about the older half of its turns. What the system says first stays, and so does the last turn. A turn
/// begins with what a user says, so that no result is left without its call.
fn cut(request: &Request) -> Option<Request> {
    let messages = &request.messages;
    let first = messages.iter().position(|message| message.role != Role::System)?;
    let turns: Vec<usize> = (first + 1..messages.len())
        .filter(|at| messages.get(*at).is_some_and(|message| message.role == Role::User))
        .collect();
    let middle = first + (messages.len() - first) / 2;
    let from = turns.iter().find(|at| **at >= middle).or(turns.last())?;
    let kept = messages.iter().take(first).chain(messages.iter().skip(*from));
    Some(Request {
        messages: kept.cloned().collect(),
        ..request.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Message;

    #[test]
    fn the_older_half_goes_and_the_last_turn_stays() {
        let check = |given: &str, expect: Option<&str>| {
            let messages = given.chars().map(|role| {
                let role = match role {
                    's' => Role::System,
                    'u' => Role::User,
                    'a' => Role::Assistant,
                    _ => Role::Tool,
                };
                Message::text(role, "")
            });
            let request = Request {
                messages: messages.collect(),
                ..Request::default()
            };
            let left = cut(&request).map(|request| {
                let roles = request.messages.iter().map(|message| match message.role {
                    Role::System => 's',
                    Role::User => 'u',
                    Role::Assistant => 'a',
                    Role::Tool => 't',
                });
                roles.collect::<String>()
            });
            assert_eq!(left.as_deref(), expect, "{given}");
        };
        check("suauauau", Some("suau"));
        check("uauatatau", Some("u"));
        check("suauatat", Some("suatat"));
        check("su", None);
        check("suatat", None);
        check("s", None);
        check("", None);
    }
}
