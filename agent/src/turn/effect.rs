//! What a turn wants done.

use jarvis_gateway::chat::{Message, ToolResult};

use super::bounds::Why;
use super::event::ReadyCall;
use super::shorten::ShownResult;
use crate::policy::Decision;

/// Something for the driver to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the chain. Without tools the model has to answer in words.
    Ask { messages: Vec<Message>, offer_tools: bool },
    /// Make what was said before the turn, of `context` characters, and its `results`, the oldest first, shorter for a
    /// window of so many tokens; answered by `Shortened`. The messages of the turn have `turn` characters.
    Shorten {
        window: u32,
        context: usize,
        turn: usize,
        results: Vec<ShownResult>,
    },
    /// Write the decision down and run the call; answered by `Ended`.
    Run { call: ReadyCall, decision: Decision },
    /// Write the decision down, make the plan and raise a card; answered by `Ended` with a pending result.
    RaiseCard { call: ReadyCall, decision: Decision },
    /// Write down a call that is not made, with what the model is told of it.
    Note {
        call: ReadyCall,
        decision: Option<Decision>,
        result: ToolResult,
    },
    /// Stop waiting for the model, and let running reads end at once. Acts go on.
    Abandon,
    /// The turn is over.
    Finish { text: String, why: Why },
}
