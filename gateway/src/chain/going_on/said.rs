use crate::chain::manner::Manner;
use crate::chain::thoughts::Chunk;
use crate::chat::{Delivery, Event, Protocol, Request};

/// More than this is not given to another target, in bytes.
const LONGEST: usize = 256 * 1024;

/// What the caller has read so far, while another target could go on with it.
#[derive(Debug, Default)]
pub(in crate::chain) struct Said {
    text: String,
    /// There was more than text.
    is_more: bool,
}

impl Said {
    /// `None` when a broken answer stays broken: nobody wants it otherwise, or it is bound by more than words.
    pub(in crate::chain) fn of(manner: &Manner, request: &Request) -> Option<Self> {
        let options = &request.options;
        let is_free = request.tools.is_empty() && options.response_format.is_none() && options.logprobs.is_none();
        let is_chat = request
            .original
            .as_ref()
            .is_none_or(|original| original.protocol != Protocol::OllamaGenerate);
        let wanted = request.demands.goes_on.unwrap_or(manner.goes_on);
        (wanted && is_free && is_chat && request.delivery == Delivery::Live).then(Self::default)
    }

    /// Must see every event that the caller is given.
    pub(in crate::chain) fn note(&mut self, event: &Event) {
        match event {
            Event::Text(text) => self.text.push_str(text),
            Event::Wire(chunk) => match Chunk::read(&chunk.data) {
                Some(read) if !read.is_more_than_text() => self.text.push_str(read.text()),
                Some(_) => self.is_more = true,
                None => self.is_more |= chunk.meaningful,
            },
            Event::Reasoning(_) | Event::ToolCall(_) | Event::Logprobs(_) => self.is_more = true,
            Event::Served(_) | Event::Reset | Event::Finish(_) => {}
        }
        self.is_more |= self.text.len() > LONGEST;
    }

    /// The text, when it is all that there was.
    pub(in crate::chain) fn text(self) -> Option<String> {
        (!self.is_more && !self.text.trim().is_empty()).then_some(self.text)
    }
}
