//! What can happen to a turn.

use jarvis_gateway::chat::{Message, Reply, ToolCall, ToolResult};
use jarvis_gateway::provider;
use jarvis_tools::Prepared;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The turn begins.
    Begin,
    /// A model answered. `calls` are the reply's calls, looked up in the catalogue, in the model's order.
    Replied { reply: Box<Reply>, calls: Vec<ReadyCall> },
    /// No model and not even command mode answered.
    NotAnswered(provider::Error),
    /// Only models that cost more than the turn may cost are left; `more` asks a person whether it may, where one can be
    /// asked.
    OverBound { says: String, more: Option<Box<ReadyCall>> },
    /// The model whose turn it is has a window of so many tokens, which is too small for all of it.
    TooLong { window: u32 },
    /// What can be shorter: the messages before this turn with their flags, tainted and private, and results of this turn
    /// by their calls.
    Shortened {
        context: Option<(Vec<Message>, bool, bool)>,
        results: Vec<(String, ToolResult)>,
    },
    /// A started call, or a card being written, came to its end.
    Ended {
        call_id: String,
        result: ToolResult,
        brings: Brings,
    },
    /// The one who asked wrote more while the turn runs.
    Steered(More),
    /// Somebody stopped the turn.
    Cancelled,
    /// The process is going down.
    ShuttingDown,
}

impl Event {
    /// Command mode alone would answer where only a model will do.
    pub(crate) fn no_model() -> Self {
        let says = "no model answers";
        Self::NotAnswered(provider::Error::new(provider::Class::Saturated, says))
    }
}

/// A message that joins the turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct More {
    /// What its author wrote.
    pub words: String,
    /// The same as a model is shown it.
    pub shown: String,
}

/// A call of the model after the catalogue and its tool have looked at it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyCall {
    pub call: ToolCall,
    /// What policy needs, or why the call cannot be made (unknown tool, arguments that do not fit).
    pub prepared: Result<Prepared, ToolResult>,
    pub untrusted_output: bool,
    /// The room's list has this tool.
    pub listed: bool,
    pub standing: Standing,
}

/// What a call brings into the turn beside its result, and what nobody could tell before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brings {
    /// Outside text was read in it.
    pub tainted: bool,
    /// Something private was.
    pub saw_private: bool,
    /// Tokens that models read and wrote in it.
    pub tokens: (u64, u64),
}

impl ReadyCall {
    /// The call is judged by what it turned out to be.
    pub(super) fn bring(&mut self, brings: &Brings) {
        self.untrusted_output |= brings.tainted;
        if let Ok(prepared) = &mut self.prepared {
            prepared.risk.reads_private |= brings.saw_private;
        }
    }
}

/// What people switched, as it was when the model asked for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Acts of this tool are frozen.
    pub frozen: bool,
    /// A grant fits the call.
    pub granted: bool,
}
