//! What a request needs of a target, whatever its words are.

use std::sync::Arc;

use super::estimate::prompt_tokens;
use crate::caller::Caller;
use crate::chat::Request;
use crate::demands::{Demands, Origin};

/// A request as a [`Walk`](super::Walk) sees it. One for chat is made of its request; jobs of other kinds fill it in.
#[derive(Debug, Clone, Default)]
pub struct Errand {
    pub origin: Arc<Origin>,
    pub caller: Caller,
    pub demands: Demands,
    /// An estimate of what the model has to read.
    pub prompt_tokens: u32,
}

impl Errand {
    pub fn of_chat(request: &Request) -> Self {
        Self {
            origin: Arc::new(request.origin.clone()),
            caller: request.caller.clone(),
            demands: request.demands.clone(),
            prompt_tokens: prompt_tokens(request),
        }
    }
}
