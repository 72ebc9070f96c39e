//! The agent as a model: any OpenAI client talks to the whole of Jarvis under the name `jarvis`.

use std::sync::Arc;

use async_stream::stream;
use jarvis_gateway::chat::{Event, Finish, FinishReason, Request, Role, Served, Usage};
use jarvis_gateway::provider::{Call, Class, Error, Events, Provider};
use jarvis_memory::records::{Conversation, Message, MessageRole, Run};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::answer;
use crate::context;
use crate::conversations;
use crate::parts::{Parts, fresh_id};
use crate::principal::{Principal, Surface};
use crate::turn::{Outcome, Why};
use crate::watch::{Progress, Watch};

/// The name under which the agent is listed.
pub(crate) const MODEL: &str = "jarvis";

/// Steps that may wait for a slow reader before the turn waits for it.
const STEPS: usize = 64;

impl Provider for Agent {
    fn stream(&self, call: Call) -> Events {
        let parts = self.parts().clone();
        Box::pin(stream! {
            // Dropping the stream is how a client leaves: the turn is stopped with it, acts that have begun go on.
            let stop = CancellationToken::new();
            let _stop_when_dropped = stop.clone().drop_guard();
            let (steps, mut told) = mpsc::channel(STEPS);
            let (done, outcome) = tokio::sync::oneshot::channel();
            let parts_of_task = parts.clone();
            // All of it in the task: a client that leaves between two rows must not leave a run open.
            parts.tasks.spawn("api turn", async move {
                let watch = Watch::Request {
                    steps,
                    stopping: parts_of_task.tasks.stopping().clone(),
                };
                let result = match begin(&parts_of_task, &call.request).await {
                    Ok(turn) => Ok(turn.run(&parts_of_task, watch, stop).await),
                    Err(error) => Err(error),
                };
                // A client that left is no error: the answer is stored.
                drop(done.send(result));
            });
            let mut shown = Shown::default();
            while let Some(progress) = told.recv().await {
                for event in shown.of_progress(progress) {
                    yield event;
                }
                if shown.broken {
                    return;
                }
            }
            match outcome.await {
                Ok(Ok(outcome)) => {
                    for event in shown.of_outcome(&outcome) {
                        yield event;
                    }
                }
                Ok(Err(error)) => yield Err(error),
                Err(_) => yield Err(Error::new(Class::Truncated, "the turn broke off")),
            }
        })
    }
}

/// A turn whose rows are written.
struct Begun {
    principal: Principal,
    run: Run,
    text: String,
    context: context::Context,
}

impl Begun {
    async fn run(self, parts: &Parts, watch: Watch, stop: CancellationToken) -> Outcome {
        let driver = answer::driver(parts, &self.principal, &self.run, watch, stop);
        let outcome = driver
            .run(answer::turn(parts, &self.principal, &self.text, self.context))
            .await;
        answer::close(parts, self.run, &outcome).await;
        outcome
    }
}

async fn begin(parts: &Parts, request: &Arc<Request>) -> Result<Begun, Error> {
    if !request.tools.is_empty() {
        let message = "the model `jarvis` brings its own tools and does not call yours; send `tools` to an alias such as `jarvis-chat`";
        return Err(Error {
            status: Some(400),
            ..Error::new(Class::ClientFault, message)
        });
    }
    if parts.tasks.stopping().is_cancelled() {
        return Err(Error::new(Class::Saturated, "Jarvis is shutting down"));
    }
    let last = request.messages.iter().rev().find(|message| message.role == Role::User);
    let Some(text) = last.map(jarvis_gateway::chat::Message::joined_text) else {
        return Err(Error {
            status: Some(400),
            ..Error::new(Class::ClientFault, "there is no user message to answer")
        });
    };
    conversations::check_text(&text).map_err(|error| Error {
        status: Some(400),
        ..Error::new(Class::ClientFault, error.to_string())
    })?;
    let principal = Principal::of(&request.caller, Surface::Api);
    write(parts, &principal, request, text)
        .await
        .map_err(|error| match error {
            crate::Error::NoConversation(_) => Error {
                status: Some(404),
                ..Error::new(Class::ClientFault, error.to_string())
            },
            error => Error::new(Class::Upstream5xx, error.to_string()),
        })
}

async fn write(
    parts: &Parts,
    principal: &Principal,
    request: &Arc<Request>,
    text: String,
) -> Result<Begun, crate::Error> {
    let conversation = match &request.conversation {
        Some(id) => conversations::find(parts, principal, id).await?,
        None => api_conversation(parts, principal).await?,
    };
    let person = jarvis_memory::records::Person {
        id: principal.person_id.clone(),
        display: principal.name.clone(),
        trust: principal.vote_trust().level(),
    };
    parts.store.put_person(&person).await?;
    let run = answer::fresh_run(parts, principal, &conversation.id);
    parts.store.start_run(&run).await?;
    let message = Message {
        id: fresh_id(),
        conversation_id: conversation.id.clone(),
        run_id: Some(run.id.clone()),
        person_id: Some(principal.person_id.clone()),
        trust: principal.trust.level(),
        role: MessageRole::User,
        text: text.clone(),
        detail: serde_json::json!({}),
        external_id: None,
        created_at: parts.now(),
    };
    conversations::add(parts, message.clone()).await?;
    let context = if request.conversation.is_some() {
        context::of_conversation(parts, principal, &conversation.id, &message).await?
    } else {
        context::of_client(parts, principal, &request.messages)
    };
    Ok(Begun {
        principal: principal.clone(),
        run,
        text,
        context,
    })
}

/// Clients that keep their own history share one conversation, in which the owner can read what they asked.
async fn api_conversation(parts: &Parts, principal: &Principal) -> Result<Conversation, crate::Error> {
    let room = conversations::room(parts, principal).await?;
    let id = format!("api-{}", principal.person_id);
    if let Some(known) = parts.store.conversation(&id).await? {
        return Ok(known);
    }
    let now = parts.now();
    let title = format!("API: {}", principal.name);
    let conversation = Conversation {
        id: id.clone(),
        room_id: room.id,
        title,
        created_at: now,
        updated_at: now,
    };
    match parts.store.create_conversation(&conversation).await {
        // Two first requests at once: the other one made it.
        Ok(()) | Err(jarvis_memory::Error::Conflict { .. }) => Ok(conversation),
        Err(error) => Err(error.into()),
    }
}

/// What the client has been shown, so that the end can be fitted to it.
#[derive(Default)]
struct Shown {
    served: bool,
    text: String,
    /// Text of the model call in progress.
    since_break: usize,
    broken: bool,
}

impl Shown {
    fn of_progress(&mut self, progress: Progress) -> Vec<Result<Event, Error>> {
        match progress {
            Progress::Served(served) => self.served_by(served),
            Progress::Text(text) => {
                self.text.push_str(&text);
                self.since_break += text.len();
                vec![Ok(Event::Text(text))]
            }
            // Nothing was said since the last break, so nothing is void and nothing is to be set apart.
            Progress::Reset | Progress::Break if self.since_break == 0 => Vec::new(),
            Progress::Reset => {
                self.broken = true;
                let message = "the model that answered went away in the middle of the answer; ask again";
                vec![Err(Error::new(Class::Truncated, message))]
            }
            Progress::Break => {
                self.since_break = 0;
                self.text.push_str("\n\n");
                vec![Ok(Event::Text("\n\n".into()))]
            }
            Progress::Tool(_) => Vec::new(),
        }
    }

    fn served_by(&mut self, served: Served) -> Vec<Result<Event, Error>> {
        if self.served {
            return Vec::new();
        }
        self.served = true;
        vec![Ok(Event::Served(Served {
            model: MODEL.into(),
            ..served
        }))]
    }

    /// The final text is authoritative; what of it was streamed already is not sent again.
    fn of_outcome(&mut self, outcome: &Outcome) -> Vec<Result<Event, Error>> {
        let mut events = Vec::new();
        if !self.served {
            let served = Served {
                target: MODEL.into(),
                model: MODEL.into(),
                attempts: 1,
                left: Vec::new(),
            };
            events.push(Ok(Event::Served(served)));
        }
        if outcome.why == Why::Shutdown {
            events.push(Err(Error::new(
                Class::Truncated,
                "Jarvis was shut down during this answer; ask again",
            )));
            return events;
        }
        let streamed: String = self.text.chars().rev().take(outcome.text.chars().count()).collect();
        let streamed: String = streamed.chars().rev().collect();
        if streamed != outcome.text {
            let gap = if self.text.is_empty() || self.text.ends_with("\n\n") {
                ""
            } else {
                "\n\n"
            };
            events.push(Ok(Event::Text(format!("{gap}{}", outcome.text))));
        }
        let waits = outcome.tools.iter().filter_map(|line| line.approval.as_deref());
        for id in waits.filter(|id| !outcome.text.contains(id)) {
            let text = format!("\n\nNOT done yet: this waits for approval **{id}**.");
            events.push(Ok(Event::Text(text)));
        }
        let (_, _, tokens_in, tokens_out) = outcome.counts;
        let usage = Usage {
            prompt_tokens: tokens_in,
            completion_tokens: tokens_out,
            ..Usage::default()
        };
        events.push(Ok(Event::Finish(Finish {
            reason: FinishReason::Stop,
            usage: Some(usage),
        })));
        events
    }
}
