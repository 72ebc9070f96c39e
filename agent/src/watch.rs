//! Who is told of a turn while it runs.

use std::sync::Arc;

use jarvis_gateway::chat::Served;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::view::{Happening, ToolLine};

/// A step that is shown while it happens. None of it is stored: the final message is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Progress {
    Served(Served),
    Text(String),
    /// What was streamed of this answer is void.
    Reset,
    /// The model stopped talking to call tools.
    Break,
    Tool(ToolLine),
}

/// Where progress goes.
pub(crate) enum Watch {
    /// To everyone who watches the conversation.
    Bus {
        bus: Arc<Bus>,
        conversation_id: String,
        run_id: String,
    },
    /// To the one API request that asked. A full channel makes the turn wait until the process stops; a closed one is no
    /// error.
    Request {
        steps: mpsc::Sender<Progress>,
        stopping: CancellationToken,
    },
    /// To nobody: what a specialist says goes to the one who asked.
    Nobody,
}

impl Watch {
    pub(crate) async fn tell(&self, progress: Progress) {
        match self {
            Self::Nobody => {}
            Self::Request { steps, stopping } => tokio::select! {
                sent = steps.send(progress) => drop(sent),
                () = stopping.cancelled() => {}
            },
            Self::Bus {
                bus,
                conversation_id,
                run_id,
            } => {
                let (conversation_id, run_id) = (conversation_id.clone(), run_id.clone());
                match progress {
                    Progress::Text(text) => bus.publish(Happening::Delta {
                        conversation_id,
                        run_id,
                        text,
                    }),
                    Progress::Reset => bus.publish(Happening::Reset {
                        conversation_id,
                        run_id,
                    }),
                    Progress::Break => {
                        let text = "\n\n".to_owned();
                        bus.publish(Happening::Delta {
                            conversation_id,
                            run_id,
                            text,
                        });
                    }
                    Progress::Tool(line) => bus.publish(Happening::Tool(line)),
                    Progress::Served(_) => {}
                }
            }
        }
    }
}
