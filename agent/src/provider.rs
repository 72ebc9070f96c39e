//! The agent as a model: any OpenAI client talks to the whole of Jarvis under the name `jarvis`.

use async_stream::stream;
use jarvis_gateway::chat::{Delivery, Event, Finish, FinishReason, Request, Role, Served, Usage};
use jarvis_gateway::provider::{Call, Class, Error, Events, Provider};
use jarvis_memory::records::{Conversation, Message, MessageRole, Run};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::answer;
use crate::context;
use crate::conversations;
use crate::parts::Parts;
use crate::principal::{Principal, Surface};
use crate::session::{Api, Inbound};
use crate::turn::{Brought, Outcome, Why};
use crate::watch::{Progress, Watch};

/// The name under which the agent is listed.
pub(crate) const MODEL: &str = "jarvis";

/// Steps that may wait for a slow reader before the turn waits for it.
const STEPS: usize = 64;

impl Provider for Agent {
    fn stream(&self, call: Call) -> Events {
        let agent = self.clone();
        Box::pin(stream! {
            // Dropping the stream is how a client leaves: the turn is stopped with it, acts that have begun go on.
            let stop = CancellationToken::new();
            let _stop_when_dropped = stop.clone().drop_guard();
            let reads_along = call.request.delivery == Delivery::Live;
            let (steps, mut told) = mpsc::channel(STEPS);
            let (done, outcome) = oneshot::channel();
            // All of it in the task: a client that leaves between two rows must not leave a run open.
            agent.parts().tasks.clone().spawn("api turn", async move {
                let watch = Watch::Request {
                    steps,
                    stopping: agent.parts().tasks.stopping().clone(),
                };
                // A client that left is no error: the answer is stored.
                drop(done.send(answered(&agent, &call.request, watch, stop).await));
            });
            let mut shown = Shown::new(reads_along);
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
                Err(_) => yield Err(broke_off()),
            }
        })
    }
}

/// The whole turn, from its first row to its last.
async fn answered(agent: &Agent, request: &Request, watch: Watch, stop: CancellationToken) -> Result<Outcome, Error> {
    let parts = agent.parts();
    let text = asked(parts, request)?;
    let principal = Principal::of(&request.caller, Surface::Api);
    let run = match &request.conversation {
        Some(id) => answer::queued_run(parts, &principal, id),
        None => answer::fresh_run(parts, &principal, &api_id(&principal)),
    };
    let message = message_of(parts, &principal, &run, &text);
    match write(parts, &principal, request, &run, &message).await {
        Ok(()) => {}
        Err(crate::Error::Store(error)) if request.conversation.is_none() => {
            tracing::warn!(run.id = run.id, %error, "a request is answered and not kept, because the database does not answer");
        }
        Err(error) => return Err(of_agent(&error)),
    }
    if request.conversation.is_some() {
        let (done, outcome) = oneshot::channel();
        let inbound = Inbound {
            principal,
            message,
            run,
            stop,
            api: Some(Api {
                watch,
                done,
                brought: Brought::by(request),
            }),
            steer: None,
            errand: None,
        };
        agent.queue(inbound).await.map_err(|error| of_agent(&error))?;
        return outcome.await.map_err(|_| broke_off());
    }
    // A client's own history needs no order: its requests are turns side by side.
    let context = context::of_client(parts, &principal, &request.messages);
    let driver = answer::driver(parts, &principal, &run, watch, stop).part_of(Brought::by(request));
    let outcome = driver.run(answer::turn(parts, &principal, &text, context)).await;
    if answer::close(parts, run, &outcome, Vec::new()).await {
        Ok(outcome)
    } else {
        Err(broke_off())
    }
}

fn broke_off() -> Error {
    Error::new(Class::Truncated, "the turn broke off")
}

fn of_agent(error: &crate::Error) -> Error {
    match error {
        crate::Error::NoConversation(_) => Error {
            status: Some(404),
            ..refused(error.to_string())
        },
        crate::Error::Busy | crate::Error::Stopping => Error::new(Class::Saturated, error.to_string()),
        _ => Error::new(Class::Upstream5xx, error.to_string()),
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error {
        status: Some(400),
        ..Error::new(Class::ClientFault, message)
    }
}

/// What the user asks, when the request is one for an agent.
fn asked(parts: &Parts, request: &Request) -> Result<String, Error> {
    if !request.tools.is_empty() {
        let message = "the model `jarvis` brings its own tools and does not call yours; send `tools` to an alias such as `jarvis-chat`";
        return Err(refused(message));
    }
    // What an agent asks is a question of its own, so that a circle through two of them would not be seen further on.
    if request.origin.hops.count() > 1 {
        let message =
            "this request came to the model `jarvis` through several Jarvises, which ask one another in a circle";
        return Err(Error::new(Class::Loop, message));
    }
    if parts.tasks.stopping().is_cancelled() {
        return Err(Error::new(Class::Saturated, "Jarvis is shutting down"));
    }
    let last = request.messages.iter().rev().find(|message| message.role == Role::User);
    let text = last
        .map(jarvis_gateway::chat::Message::joined_text)
        .ok_or_else(|| refused("there is no user message to answer"))?;
    conversations::check_text(&text).map_err(|error| refused(error.to_string()))?;
    Ok(text)
}

async fn write(
    parts: &Parts,
    principal: &Principal,
    request: &Request,
    run: &Run,
    message: &Message,
) -> Result<(), crate::Error> {
    match &request.conversation {
        Some(id) => conversations::find(parts, principal, id).await?,
        None => api_conversation(parts, principal).await?,
    };
    parts
        .store
        .take_message(&principal.person(), Some(run), message)
        .await?;
    conversations::publish(parts, message.clone());
    Ok(())
}

fn message_of(parts: &Parts, principal: &Principal, run: &Run, text: &str) -> Message {
    Message {
        id: parts.fresh_id(),
        conversation_id: run.conversation_id.clone(),
        run_id: Some(run.id.clone()),
        person_id: Some(principal.person_id.clone()),
        trust: principal.trust.level(),
        role: MessageRole::User,
        text: text.to_owned(),
        detail: serde_json::json!({}),
        external_id: None,
        created_at: parts.now(),
    }
}

fn api_id(principal: &Principal) -> String {
    format!("api-{}", principal.person_id)
}

/// Clients that keep their own history share one conversation, in which the owner can read what they asked.
pub(crate) async fn api_conversation(parts: &Parts, principal: &Principal) -> Result<Conversation, crate::Error> {
    let room = conversations::room(parts, principal).await?;
    let id = api_id(principal);
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
struct Shown {
    /// What was sent cannot be taken back.
    reads_along: bool,
    served: Option<Served>,
    /// Text of the model calls before the one in progress.
    before: String,
    /// Text of the model call in progress.
    current: String,
    broken: bool,
}

impl Shown {
    fn new(reads_along: bool) -> Self {
        Self {
            reads_along,
            served: None,
            before: String::new(),
            current: String::new(),
            broken: false,
        }
    }

    fn of_progress(&mut self, progress: Progress) -> Vec<Result<Event, Error>> {
        match progress {
            Progress::Served(served) => self.served_by(served),
            Progress::Text(text) => {
                self.current.push_str(&text);
                vec![Ok(Event::Text(text))]
            }
            // Nothing was said since the last break, so nothing is void and nothing is to be set apart.
            Progress::Reset | Progress::Break if self.current.is_empty() => Vec::new(),
            Progress::Reset if !self.reads_along => {
                self.current.clear();
                self.taken_back()
            }
            Progress::Reset => {
                self.broken = true;
                let message = "the model that answered went away in the middle of the answer; ask again";
                vec![Err(Error::new(Class::Truncated, message))]
            }
            Progress::Break => {
                self.before += &std::mem::take(&mut self.current);
                self.before += "\n\n";
                vec![Ok(Event::Text("\n\n".into()))]
            }
            Progress::Tool(_) => Vec::new(),
        }
    }

    fn served_by(&mut self, served: Served) -> Vec<Result<Event, Error>> {
        if self.served.is_some() {
            return Vec::new();
        }
        let served = Served {
            model: MODEL.into(),
            ..served
        };
        self.served = Some(served.clone());
        vec![Ok(Event::Served(served))]
    }

    /// Everything is void, and what still holds is said again.
    fn taken_back(&self) -> Vec<Result<Event, Error>> {
        let served = self.served.clone().map(Event::Served);
        let before = (!self.before.is_empty()).then(|| Event::Text(self.before.clone()));
        [Some(Event::Reset), served, before]
            .into_iter()
            .flatten()
            .map(Ok)
            .collect()
    }

    /// The final text is authoritative; what of it was streamed already is not sent again.
    fn of_outcome(&mut self, outcome: &Outcome) -> Vec<Result<Event, Error>> {
        let mut events = Vec::new();
        if self.served.is_none() {
            let served = Served {
                target: MODEL.into(),
                model: MODEL.into(),
                attempts: 1,
                left: Vec::new(),
                dropped: Vec::new(),
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
        let rest = match outcome.text.strip_prefix(self.current.as_str()) {
            Some(rest) => rest.to_owned(),
            None => format!("\n\n{}", outcome.text),
        };
        if !rest.is_empty() {
            events.push(Ok(Event::Text(rest)));
        }
        let mut waits: Vec<String> = Vec::new();
        for id in outcome.tools.iter().filter_map(|line| line.approval.as_ref()) {
            if !waits.contains(id) {
                waits.push(id.clone());
            }
        }
        for id in waits.iter().filter(|id| !outcome.text.contains(id.as_str())) {
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
            usage: Some(usage),
            approvals: waits,
            ..Finish::because(FinishReason::Stop)
        })));
        events
    }
}
