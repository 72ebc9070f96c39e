//! Where lines come from: a prompt with editing and history, a pipe, or the command line.
//!
//! Reading blocks, so it has a thread of its own, which nothing waits for: a thread that still waits for a line does
//! not keep the process alive. It reads a line only when it is asked for one, so that an answer and the prompt never
//! share the screen.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use async_stream::stream;
use futures_util::{FutureExt, Stream, StreamExt};
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, ExternalPrinter, KeyEvent, Movement,
    RepeatCount,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

const PROMPT: &str = "> ";
/// The longest line of a pipe, in bytes; the server takes no longer message.
const LINE: u64 = 1024 * 1024;
/// Lines printed above the prompt that may wait. When they do, they are printed where the cursor stands.
const ABOVE: usize = 16;
/// How long a line may take to appear above the prompt. Only a prompt that ends at this very moment takes longer; the
/// line then appears with the next one.
const PRINTED: Duration = Duration::from_millis(200);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Line(String),
    /// Ctrl-C at an empty prompt.
    Interrupt,
    End,
}

pub(super) struct Input {
    ask: mpsc::Sender<()>,
    typed: mpsc::Receiver<io::Result<Typed>>,
    interrupts: Pin<Box<dyn Stream<Item = ()> + Send>>,
}

impl Input {
    /// Asks for a line. [`Input::line`] returns it.
    pub(super) fn ask(&self) {
        // A line that was asked for already is the one that is waited for.
        self.ask.try_send(()).unwrap_or_default();
    }

    pub(super) async fn line(&mut self) -> io::Result<Typed> {
        self.typed.recv().await.unwrap_or(Ok(Typed::End))
    }

    /// Ctrl-C while no prompt is shown.
    pub(super) async fn interrupt(&mut self) {
        match self.interrupts.next().await {
            Some(()) => {}
            None => std::future::pending().await,
        }
    }

    /// What was pressed before is not meant for what comes.
    pub(super) fn forget_interrupts(&mut self) {
        while let Some(Some(())) = self.interrupts.next().now_or_never() {}
    }

    pub(super) fn one(message: String) -> io::Result<Self> {
        let mut message = Some(message);
        Self::read_by(interrupts()?, "message", move || {
            Ok(message.take().map_or(Typed::End, Typed::Line))
        })
    }

    pub(super) fn piped(mut lines: impl BufRead + Send + 'static) -> io::Result<Self> {
        Self::read_by(interrupts()?, "piped input", move || read_line(&mut lines))
    }

    /// `next` blocks until there is a line.
    pub(super) fn read_by(
        interrupts: Pin<Box<dyn Stream<Item = ()> + Send>>,
        name: &str,
        mut next: impl FnMut() -> io::Result<Typed> + Send + 'static,
    ) -> io::Result<Self> {
        let (ask, mut asked) = mpsc::channel(1);
        let (send, typed) = mpsc::channel(1);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while asked.blocking_recv().is_some() {
                let read = next();
                let is_over = !matches!(read, Ok(Typed::Line(_)));
                if send.blocking_send(read).is_err() || is_over {
                    return;
                }
            }
        })?;
        Ok(Self { ask, typed, interrupts })
    }
}

fn read_line(lines: &mut impl BufRead) -> io::Result<Typed> {
    let mut line = Vec::new();
    let read = lines.take(LINE).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(Typed::End);
    }
    if line.len() as u64 >= LINE && !line.ends_with(b"\n") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a line is longer than 1 MiB",
        ));
    }
    Ok(Typed::Line(String::from_utf8_lossy(&line).into_owned()))
}

/// Every SIGINT from now on. Registered before the prompt is, which puts its own handler over this one and takes it
/// away again.
fn interrupts() -> io::Result<Pin<Box<dyn Stream<Item = ()> + Send>>> {
    let mut signals = signal(SignalKind::interrupt())?;
    Ok(Box::pin(stream! {
        while let Some(()) = signals.recv().await {
            yield ();
        }
    }))
}

/// The prompt of a terminal, and how to print above it when the terminal can.
pub(super) fn prompt(history_file: Option<&Path>) -> io::Result<(Input, Option<Above>)> {
    let interrupts = interrupts()?;
    let config = Config::builder()
        .history_ignore_space(true)
        .bracketed_paste(true)
        .build();
    let mut editor: Editor<(), DefaultHistory> = Editor::with_config(config).map_err(io::Error::other)?;
    editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(ClearsFirst)));
    let file = history_file.map(Path::to_owned);
    if let Some(folder) = history_file.and_then(Path::parent) {
        std::fs::create_dir_all(folder).unwrap_or_default();
    }
    if let Some(file) = &file {
        // There is none at the first time; one that cannot be read is no reason not to talk.
        editor.load_history(file).unwrap_or_default();
    }
    let above = match editor.create_external_printer() {
        Ok(printer) => Some(Above::start(printer)?),
        // A terminal without cursor movement.
        Err(_) => None,
    };
    let input = Input::read_by(interrupts, "prompt", move || {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => return Ok(Typed::Interrupt),
            Err(ReadlineError::Eof) => return Ok(Typed::End),
            Err(error) => return Err(io::Error::other(error)),
        };
        let is_new = editor.add_history_entry(line.as_str()).unwrap_or(false);
        if let Some(file) = file.as_ref().filter(|_| is_new) {
            editor.append_history(file).unwrap_or_default();
        }
        Ok(Typed::Line(line))
    })?;
    Ok((input, above))
}

/// Ctrl-C clears a line that has something in it, and leaves at an empty one.
struct ClearsFirst;

impl ConditionalEventHandler for ClearsFirst {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        (!context.line().is_empty()).then_some(Cmd::Kill(Movement::WholeBuffer))
    }
}

/// Prints above the prompt while a line is typed. Printing waits for the thread that reads, so it has its own.
pub(super) struct Above {
    queue: mpsc::Sender<(String, oneshot::Sender<()>)>,
}

impl Above {
    fn start(mut printer: impl ExternalPrinter + Send + 'static) -> io::Result<Self> {
        let (queue, mut texts) = mpsc::channel::<(String, oneshot::Sender<()>)>(ABOVE);
        thread::Builder::new()
            .name("above the prompt".to_owned())
            .spawn(move || {
                while let Some((text, done)) = texts.blocking_recv() {
                    if printer.print(text).is_err() {
                        return;
                    }
                    // Nobody waits any more when it took too long.
                    done.send(()).unwrap_or_default();
                }
            })?;
        Ok(Self { queue })
    }

    /// `false` when it has to be printed in another way.
    pub(super) async fn print(&self, text: String) -> bool {
        let (done, printed) = oneshot::channel();
        if self.queue.try_send((text, done)).is_err() {
            return false;
        }
        match tokio::time::timeout(PRINTED, printed).await {
            Ok(printed) => printed.is_ok(),
            Err(_) => true,
        }
    }
}
