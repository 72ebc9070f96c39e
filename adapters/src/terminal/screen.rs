//! What is shown of what happens. Pure: happenings in, text out.

use std::collections::BTreeSet;

use super::clean::{Cleaner, clean, clean_line};
use super::wire::{Card, Delta, Happening, Message, Reset, Role, RunChange, Tool};

/// Ids of messages that are remembered as shown. Ids grow with time, so the oldest are forgotten first.
const REMEMBERED: usize = 2_000;
/// Characters of a tool's name and target.
const NAME: usize = 120;

const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// How the place looks where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Answers are shown while they come. Without it only whole answers are, so that nothing void is ever written.
    pub(super) streams: bool,
    pub(super) color: bool,
}

/// Text to write as it is, line ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// What was asked for.
    Answer(String),
    /// What is told about it.
    Notice(String),
}

#[derive(Debug)]
pub(super) struct Screen {
    look: Look,
    conversation: Option<String>,
    following: Option<Followed>,
    shown: BTreeSet<String>,
    cursor: Cursor,
}

/// Where the next character would stand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cursor {
    LineStart,
    InAnswer,
    /// Behind the line of this call, which still lacks its outcome.
    InTool(String),
}

/// The run that is shown while it goes on.
#[derive(Debug, Default)]
struct Followed {
    run_id: String,
    cleaner: Cleaner,
    /// What is on the screen of the answer.
    streamed: String,
    /// Where in `streamed` the text after the last tool call begins.
    since_tool: usize,
    /// A part of it was missed, so that only the whole answer is worth showing.
    has_gap: bool,
}

impl Screen {
    pub(super) fn new(look: Look) -> Self {
        Self {
            look,
            conversation: None,
            following: None,
            shown: BTreeSet::new(),
            cursor: Cursor::LineStart,
        }
    }

    /// Shows `conversation` from now on.
    pub(super) fn enter(&mut self, conversation: Option<&str>) {
        self.conversation = conversation.map(str::to_owned);
        self.following = None;
    }

    /// Whether the message belongs on the screen and is not there yet.
    pub(super) fn is_new(&self, message: &Message) -> bool {
        self.conversation.as_ref() == Some(&message.conversation_id) && !self.shown.contains(&message.id)
    }

    /// Remembers a message as shown.
    pub(super) fn mark(&mut self, id: &str) {
        self.shown.insert(id.to_owned());
        if self.shown.len() > REMEMBERED {
            self.shown.pop_first();
        }
    }

    /// Streams this run's answer.
    pub(super) fn follow(&mut self, run_id: &str) {
        self.following = Some(Followed {
            run_id: run_id.to_owned(),
            ..Followed::default()
        });
    }

    /// Shows the rest of the run only when it is whole.
    pub(super) fn leave(&mut self) -> Vec<Piece> {
        self.following = None;
        self.end_line()
    }

    /// Something was missed: what is on the screen of an answer in progress cannot be continued.
    pub(super) fn gap(&mut self) -> Vec<Piece> {
        let Some(run) = &mut self.following else {
            return Vec::new();
        };
        let had_text = !run.streamed.is_empty();
        *run = Followed {
            run_id: std::mem::take(&mut run.run_id),
            has_gap: true,
            ..Followed::default()
        };
        if had_text {
            self.notice("a part of this answer was missed; it comes as a whole when it is ready")
        } else {
            Vec::new()
        }
    }

    pub(super) fn notice(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = self.end_line();
        pieces.push(self.dim(&format!("· {}", clean(text)), "\n"));
        pieces
    }

    /// Messages from before, with who said them.
    pub(super) fn history(&mut self, messages: &[Message]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for message in messages {
            match message.role {
                Role::User => pieces.push(self.dim(&format!("> {}", clean(&message.text)), "\n")),
                Role::Assistant | Role::Event => pieces.extend(self.block(&clean(&message.text))),
            }
        }
        pieces
    }

    /// What came of a card whose own conversation is not the one on the screen.
    pub(super) fn outcome(&mut self, card: &Card) -> Vec<Piece> {
        if card.conversation_id.is_some() && card.conversation_id == self.conversation {
            return Vec::new();
        }
        let outcome = card.outcome.clone().unwrap_or_default();
        let hint = outcome.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let error = outcome.error.map(|error| format!("{error}{hint}"));
        let says = outcome.summary.or(error).or(outcome.says);
        let title = if card.plan.title.is_empty() {
            String::new()
        } else {
            format!(", {}", card.plan.title)
        };
        let head = clean_line(&format!("**{}**{title}: {}", card.id, card.status), 2 * NAME);
        let says = says.map(|says| format!("\n\n{}", clean(&says))).unwrap_or_default();
        self.block(&format!("{head}{says}"))
    }

    pub(super) fn on(&mut self, happening: &Happening) -> Vec<Piece> {
        match happening {
            Happening::Message { message } => self.message(message),
            Happening::Run(run) => self.run(run),
            Happening::Delta(delta) => self.delta(delta),
            Happening::Reset(reset) => self.reset(reset),
            Happening::Tool(tool) => self.tool(tool),
            Happening::Approval { .. } | Happening::Reload | Happening::Other => Vec::new(),
        }
    }

    fn message(&mut self, message: &Message) -> Vec<Piece> {
        if !self.is_new(message) {
            return Vec::new();
        }
        self.mark(&message.id);
        let text = clean(&message.text);
        match message.role {
            Role::User => self.notice(&format!("said elsewhere: {}", message.text)),
            Role::Event => self.block(&text),
            Role::Assistant => {
                let is_followed = |run: &mut Followed| message.run_id.as_ref() == Some(&run.run_id);
                let followed = self.following.take_if(is_followed);
                match followed {
                    _ if text.trim().is_empty() => self.without_answer(message.why().unwrap_or("answered")),
                    Some(run) => self.answer(&run, text.trim()),
                    None => self.block(&text),
                }
            }
        }
    }

    /// The authoritative answer: only what is not on the screen yet.
    fn answer(&mut self, run: &Followed, text: &str) -> Vec<Piece> {
        match rest(run, text) {
            Rest::Nothing => self.end_line(),
            Rest::After(missing) => {
                let mut pieces = self.end_tool();
                // A notice ended the line in its middle.
                let is_cut = self.cursor == Cursor::LineStart && !run.streamed.ends_with('\n');
                let missing = if is_cut {
                    missing.trim_start_matches('\n')
                } else {
                    missing
                };
                pieces.push(Piece::Answer(format!("{missing}\n")));
                self.cursor = Cursor::LineStart;
                pieces
            }
            Rest::Anew => {
                let mut pieces = self.notice("the answer as it is kept:");
                pieces.extend(self.block(text));
                pieces
            }
        }
    }

    fn run(&mut self, run: &RunChange) -> Vec<Piece> {
        let ended = |followed: &mut Followed| run.state == "finished" && followed.run_id == run.run_id;
        // The message comes before the end of its run; when there was none, there is none.
        match self.following.take_if(ended) {
            Some(_) => self.without_answer(run.why.as_deref().unwrap_or("unknown")),
            None => Vec::new(),
        }
    }

    fn without_answer(&mut self, why: &str) -> Vec<Piece> {
        self.notice(&format!(
            "this turn ended without an answer ({})",
            clean_line(why, NAME)
        ))
    }

    fn delta(&mut self, delta: &Delta) -> Vec<Piece> {
        let streams = self.look.streams;
        let Some(run) = self
            .following
            .as_mut()
            .filter(|run| streams && !run.has_gap && run.run_id == delta.run_id)
        else {
            return Vec::new();
        };
        let cleaned = run.cleaner.push(&delta.text);
        let is_first = run.streamed.is_empty();
        let text = if is_first {
            cleaned.trim_start()
        } else {
            cleaned.as_str()
        };
        if text.is_empty() {
            return Vec::new();
        }
        run.streamed.push_str(text);
        let mut pieces = self.end_tool();
        self.cursor = if text.ends_with('\n') {
            Cursor::LineStart
        } else {
            Cursor::InAnswer
        };
        pieces.push(Piece::Answer(text.to_owned()));
        pieces
    }

    fn reset(&mut self, reset: &Reset) -> Vec<Piece> {
        let Some(run) = self.following.as_mut().filter(|run| run.run_id == reset.run_id) else {
            return Vec::new();
        };
        let had_text = !run.streamed.is_empty();
        // What comes from here on is whole again, also after a gap.
        *run = Followed {
            run_id: std::mem::take(&mut run.run_id),
            ..Followed::default()
        };
        if had_text {
            self.notice("the model went away in the middle of this answer; it starts over")
        } else {
            Vec::new()
        }
    }

    /// One line for each call. Where answers stream, it stands there while the call runs and gets its outcome at its
    /// end, unless something else was shown meanwhile.
    fn tool(&mut self, tool: &Tool) -> Vec<Piece> {
        let Some(run) = self.following.as_mut().filter(|run| run.run_id == tool.run_id) else {
            return Vec::new();
        };
        run.since_tool = run.streamed.len();
        let target = tool
            .target
            .as_deref()
            .map(|target| format!(" {target}"))
            .unwrap_or_default();
        let name = format!("· {}", clean_line(&format!("{}{target}", tool.name), NAME));
        let card = tool.approval.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        let status = clean_line(&format!("{}{card}", tool.status), NAME);
        let is_running = tool.status == "running";
        if self.cursor == Cursor::InTool(tool.call_id.clone()) {
            if is_running {
                return Vec::new();
            }
            self.cursor = Cursor::LineStart;
            return vec![self.dim(&format!(": {status}"), "\n")];
        }
        if is_running && !self.look.streams {
            return Vec::new();
        }
        let mut pieces = self.end_line();
        if is_running {
            self.cursor = Cursor::InTool(tool.call_id.clone());
            pieces.push(self.dim(&name, ""));
        } else {
            pieces.push(self.dim(&format!("{name}: {status}"), "\n"));
        }
        pieces
    }

    fn block(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = self.end_line();
        pieces.push(Piece::Answer(format!("{}\n", text.trim_end())));
        pieces
    }

    fn end_tool(&mut self) -> Vec<Piece> {
        match self.cursor {
            Cursor::InTool(_) => self.end_line(),
            Cursor::LineStart | Cursor::InAnswer => Vec::new(),
        }
    }

    fn end_line(&mut self) -> Vec<Piece> {
        match std::mem::replace(&mut self.cursor, Cursor::LineStart) {
            Cursor::LineStart => Vec::new(),
            Cursor::InAnswer => vec![Piece::Answer("\n".to_owned())],
            Cursor::InTool(_) => vec![self.dim(": running", "\n")],
        }
    }

    fn dim(&self, text: &str, end: &str) -> Piece {
        Piece::Notice(if self.look.color {
            format!("{DIM}{text}{PLAIN}{end}")
        } else {
            format!("{text}{end}")
        })
    }
}

/// What of an answer is missing on the screen.
enum Rest<'a> {
    Nothing,
    After(&'a str),
    /// What was streamed is not how the answer begins.
    Anew,
}

/// Compares the answer with what was streamed of its run:
///
/// 1. it was streamed to its end, perhaps after what was said before tool calls
/// 2. it continues all that was streamed
/// 3. it continues what was streamed after the last tool call
/// 4. it is something else
fn rest<'a>(run: &Followed, text: &'a str) -> Rest<'a> {
    let streamed = run.streamed.trim_end();
    let stands_alone = |before: &str| before.is_empty() || before.ends_with(char::is_whitespace);
    if streamed.strip_suffix(text).is_some_and(stands_alone) {
        return Rest::Nothing;
    }
    let since_tool = run.streamed.get(run.since_tool..).unwrap_or_default().trim_start();
    let continued = text
        .strip_prefix(run.streamed.as_str())
        .or_else(|| text.strip_prefix(since_tool));
    match continued {
        Some(missing) => Rest::After(missing),
        None => Rest::Anew,
    }
}

impl Piece {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Answer(text) | Self::Notice(text) => text,
        }
    }
}
