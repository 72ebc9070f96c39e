//! The loop: a line goes in, what happens comes out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::acts::Acts;
use super::client::{Client, Taken};
use super::error::Error;
use super::events::{Signal, watch};
use super::input::{Input, Typed};
use super::output::Output;
use super::screen::{Look, Piece, Screen};
use super::turn::{Waiting, is_failure};
use super::wire::Happening;

/// Commands of this side; everything else goes to Jarvis.
const HELP: &str = "say anything; `approve K7QX`, `deny K7QX` and `/stop` are carried out at once, `/new` starts a \
                    conversation, `/quit` or Ctrl-D leaves; Ctrl-C stops an answer";
/// Messages that are fetched when events were missed.
const MISSED: usize = 200;
/// Messages of a resumed conversation that are shown.
const RESUMED: usize = 10;
/// How long a restart of Jarvis may take before a script gives up. A person is asked nothing and can leave.
const OUTAGE: Duration = Duration::from_mins(1);
/// How long the word on a command may take, which was said before the command was accepted.
const WORD: Duration = Duration::from_secs(10);
/// How long a stopped turn may take to end.
const STOPPING: Duration = Duration::from_secs(10);
/// The longest act (a deployment) has ended by then.
const OUTCOME: Duration = Duration::from_mins(30);
/// How often a request is repeated whose connection broke, and the pause before it.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(400);

/// Who talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person, who is told of errors and goes on.
    Prompt,
    /// A script, which ends with the first error.
    Script,
}

pub(super) struct Chat {
    client: Arc<Client>,
    events: Pin<Box<dyn Stream<Item = Signal> + Send>>,
    input: Input,
    output: Output,
    kind: Kind,
    screen: Screen,
    acts: Acts,
    conversation: Option<String>,
    waiting: Option<Waiting>,
    /// Why the last wait ended.
    ended: Option<String>,
    lost_at: Option<Instant>,
}

enum Step {
    Signal(Option<Signal>),
    Interrupt,
    Overdue,
}

impl Chat {
    pub(super) fn new(client: Arc<Client>, input: Input, output: Output, kind: Kind, look: Look) -> Self {
        Self {
            events: Box::pin(watch(Arc::clone(&client))),
            client,
            input,
            output,
            kind,
            screen: Screen::new(look),
            acts: Acts::default(),
            conversation: None,
            waiting: None,
            ended: None,
            lost_at: None,
        }
    }

    pub(super) async fn run(mut self, resume: bool) -> Result<(), Error> {
        // Nothing is said before the events are watched: the answer could come before the ear.
        match self.events.next().await {
            Some(Signal::Lost(error)) => return Err(error),
            Some(Signal::Connected | Signal::Happened(_)) | None => {}
        }
        if resume {
            self.resume().await?;
        }
        if self.kind == Kind::Prompt {
            let hello = format!("Jarvis at {}; `/help` says what can be typed", self.client.base_url());
            self.notice(&hello).await?;
        }
        loop {
            let line = match self.line().await? {
                Typed::Line(line) => line,
                Typed::Interrupt | Typed::End => break,
            };
            let done = match line.trim() {
                "" => Ok(()),
                "/quit" | "/exit" => break,
                "/help" => {
                    self.notice(HELP).await?;
                    self.exchange("/help").await
                }
                "/new" => self.start_anew().await,
                text => self.exchange(text).await,
            };
            match done {
                Err(error) if self.is_survivable(&error) => {
                    self.waiting = None;
                    self.notice(&error.sentence()).await?;
                }
                done => done?,
            }
        }
        match self.kind {
            Kind::Prompt => Ok(()),
            Kind::Script => self.outcomes().await,
        }
    }

    fn is_survivable(&self, error: &Error) -> bool {
        self.kind == Kind::Prompt && !matches!(error, Error::Input(_) | Error::Output(_))
    }

    async fn resume(&mut self) -> Result<(), Error> {
        self.conversation = self.client.latest_conversation().await?;
        self.screen.enter(self.conversation.as_deref());
        let Some(conversation) = &self.conversation else {
            return Ok(());
        };
        let messages = self.client.messages(conversation, MISSED).await?;
        for message in &messages {
            self.screen.mark(&message.id);
        }
        if self.kind == Kind::Prompt {
            let last = messages
                .get(messages.len().saturating_sub(RESUMED)..)
                .unwrap_or_default();
            let pieces = self.screen.history(last);
            self.write(pieces).await?;
        }
        Ok(())
    }

    async fn start_anew(&mut self) -> Result<(), Error> {
        self.conversation = None;
        self.screen.enter(None);
        match self.kind {
            Kind::Prompt => self.notice("a new conversation begins with the next message").await,
            Kind::Script => Ok(()),
        }
    }

    /// The next line. What happens meanwhile is shown.
    async fn line(&mut self) -> Result<Typed, Error> {
        self.input.ask();
        self.output.prompt_is_shown(true);
        let typed = loop {
            let overdue = self.outage_deadline();
            let signal = tokio::select! {
                typed = self.input.line() => break typed,
                signal = self.events.next() => signal,
                () = until(overdue) => return Err(self.lost()),
            };
            match self.signal(signal).await {
                // The prompt stays: it holds the terminal in its hands.
                Err(error) if self.is_survivable(&error) => self.notice(&error.sentence()).await?,
                done => done?,
            }
        };
        self.output.prompt_is_shown(false);
        typed.map_err(Error::Input)
    }

    /// Says `text` and shows what comes of it.
    async fn exchange(&mut self, text: &str) -> Result<(), Error> {
        self.input.forget_interrupts();
        let said = tokio::select! {
            said = say(&self.client, &mut self.conversation, text) => Some(said?),
            () = self.input.interrupt() => None,
        };
        self.screen.enter(self.conversation.as_deref());
        let Some(Taken { message, is_new }) = said else {
            // It may have been taken all the same.
            return self.stop().await;
        };
        self.screen.mark(&message.id);
        self.acts.asked(text);
        let waiting = Waiting::of(&message, is_new);
        if let Waiting::Turn(Some(run)) = &waiting {
            self.screen.follow(run);
        }
        self.wait(waiting, text).await
    }

    async fn wait(&mut self, waiting: Waiting, text: &str) -> Result<(), Error> {
        let mut overdue = (waiting == Waiting::Word).then(|| Instant::now() + WORD);
        self.waiting = Some(waiting);
        self.ended = None;
        let mut stopping = false;
        while self.waiting.is_some() {
            match self.step(overdue).await? {
                Step::Signal(signal) => self.signal(signal).await?,
                Step::Interrupt if stopping => self.waiting = None,
                Step::Interrupt => {
                    stopping = true;
                    overdue = Some(Instant::now() + STOPPING);
                    self.stop().await?;
                }
                Step::Overdue
                    if self
                        .outage_deadline()
                        .is_some_and(|deadline| deadline <= Instant::now()) =>
                {
                    return Err(self.lost());
                }
                Step::Overdue if stopping => self.waiting = None,
                Step::Overdue => {
                    self.waiting = None;
                    return Err(Error::NoAnswer {
                        said: text.to_owned(),
                        seconds: WORD.as_secs(),
                    });
                }
            }
        }
        let pieces = self.screen.leave();
        self.write(pieces).await?;
        match self.ended.take() {
            Some(why) if self.kind == Kind::Script && is_failure(&why) => Err(Error::TurnFailed { why }),
            None if self.kind == Kind::Prompt => {
                self.notice("not waiting any longer; the answer is shown when it comes")
                    .await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits for the outcome of what was approved here.
    async fn outcomes(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + OUTCOME;
        while !self.acts.is_empty() {
            match self.step(Some(deadline)).await? {
                Step::Signal(signal) => self.signal(signal).await?,
                Step::Interrupt => return Err(Error::Interrupted),
                Step::Overdue if deadline > Instant::now() => return Err(self.lost()),
                Step::Overdue => {
                    let id = self.acts.ids().join(", ");
                    return Err(Error::NoOutcome {
                        id,
                        minutes: OUTCOME.as_secs() / 60,
                    });
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, overdue: Option<Instant>) -> Result<Step, Error> {
        let earliest = [overdue, self.outage_deadline()].into_iter().flatten().min();
        Ok(tokio::select! {
            signal = self.events.next() => Step::Signal(signal),
            () = self.input.interrupt() => Step::Interrupt,
            () = until(earliest) => Step::Overdue,
        })
    }

    /// Asks Jarvis to stop. A script is over with it.
    async fn stop(&mut self) -> Result<(), Error> {
        self.notice("stopping").await?;
        let stopped = match &self.conversation {
            Some(conversation) => self.client.cancel(conversation).await,
            None => Ok(()),
        };
        match (stopped, self.kind) {
            (Err(error), _) => Err(error),
            (Ok(()), Kind::Script) => Err(Error::Interrupted),
            (Ok(()), Kind::Prompt) => Ok(()),
        }
    }

    async fn signal(&mut self, signal: Option<Signal>) -> Result<(), Error> {
        match signal {
            Some(Signal::Happened(Happening::Reload)) => self.reload().await,
            Some(Signal::Happened(happening)) => self.happened(&happening).await,
            Some(Signal::Connected) => {
                self.lost_at = None;
                self.notice("connected to Jarvis again").await
            }
            Some(Signal::Lost(error)) if self.kind == Kind::Script && error.is_final() => Err(error),
            Some(Signal::Lost(error)) => {
                self.lost_at = Some(Instant::now());
                self.notice(&format!(
                    "the connection to Jarvis is lost, trying again ({})",
                    error.sentence()
                ))
                .await
            }
            None => Err(self.lost()),
        }
    }

    async fn happened(&mut self, happening: &Happening) -> Result<(), Error> {
        if let Happening::Message { message } = happening {
            if !self.screen.is_new(message) {
                return Ok(());
            }
            self.acts.on_event(message);
        }
        let mut pieces = self.screen.on(happening);
        if let Happening::Approval { approval } = happening
            && self.acts.on_card(approval)
        {
            pieces.extend(self.screen.outcome(approval));
        }
        if let Some(why) = self.waiting.as_ref().and_then(|waiting| waiting.ended_by(happening)) {
            self.waiting = None;
            self.ended = Some(why);
        }
        self.write(pieces).await
    }

    /// Events were missed: what they would have told is fetched.
    async fn reload(&mut self) -> Result<(), Error> {
        let pieces = self.screen.gap();
        self.write(pieces).await?;
        let mut cards = Vec::new();
        for id in self.acts.ids() {
            match again(|| self.client.card(&id)).await {
                Ok(card) if card.status == "pending" => self.acts.forget(&id),
                Ok(card) => cards.push(card),
                Err(error) if error.is_final() => self.acts.forget(&id),
                Err(error) => return Err(error),
            }
        }
        // After the cards, so that the word about a card that is over is among the messages.
        if let Some(conversation) = self.conversation.clone() {
            for message in again(|| self.client.messages(&conversation, MISSED)).await? {
                self.happened(&Happening::Message { message }).await?;
            }
        }
        for approval in cards {
            self.happened(&Happening::Approval { approval }).await?;
        }
        Ok(())
    }

    /// When a script gives up on a server that is gone.
    fn outage_deadline(&self) -> Option<Instant> {
        self.lost_at
            .filter(|_| self.kind == Kind::Script)
            .map(|since| since + OUTAGE)
    }

    fn lost(&self) -> Error {
        Error::Lost {
            url: self.client.base_url(),
            seconds: OUTAGE.as_secs(),
        }
    }

    async fn notice(&mut self, text: &str) -> Result<(), Error> {
        let pieces = self.screen.notice(text);
        self.write(pieces).await
    }

    async fn write(&mut self, pieces: Vec<Piece>) -> Result<(), Error> {
        self.output.write(pieces).await.map_err(Error::Output)
    }
}

/// Says `text` once, also over a connection that breaks.
async fn say(client: &Client, conversation: &mut Option<String>, text: &str) -> Result<Taken, Error> {
    let conversation = match conversation {
        Some(conversation) => conversation,
        None => conversation.insert(client.start_conversation().await?),
    };
    let id = uuid::Uuid::now_v7().to_string();
    again(|| client.say(conversation, text, &id)).await
}

/// Repeats a request that is harmless to repeat while its connection breaks.
async fn again<T, F: Future<Output = Result<T, Error>>>(request: impl Fn() -> F) -> Result<T, Error> {
    for _ in 1..TRIES {
        match request().await {
            Err(Error::Broken { .. }) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    request().await
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
