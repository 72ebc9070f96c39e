//! An attempt as a span.

use super::span::{Attribute, Kind, Span};
use super::tracer::Tracer;
use crate::usage::{Attempt, Observer, Outcome};

impl Observer for Tracer {
    fn attempt(&self, attempt: &Attempt) {
        if self.is_on() {
            self.tell(span(attempt));
        }
    }
}

fn span(attempt: &Attempt) -> Span {
    let parent = attempt.origin.trace;
    let operation = attempt.origin.endpoint.as_str();
    let mut attributes: Vec<(&'static str, Attribute)> = vec![
        ("gen_ai.operation.name", operation.into()),
        ("gen_ai.provider.name", attempt.kind.into()),
        ("gen_ai.request.model", attempt.origin.model.clone().into()),
        ("gen_ai.response.model", attempt.model.to_string().into()),
        ("gen_ai.usage.input_tokens", attempt.usage.prompt_tokens.into()),
        ("gen_ai.usage.output_tokens", attempt.usage.completion_tokens.into()),
        ("jarvis.target", format!("{}/{}", attempt.backend, attempt.model).into()),
        ("jarvis.attempt", u64::from(attempt.number).into()),
        ("jarvis.request.id", attempt.origin.id.clone().into()),
        ("jarvis.usage.estimated", attempt.estimated.into()),
    ];
    if let Some(first) = attempt.first_token {
        let micros = u64::try_from(first.as_micros()).unwrap_or(u64::MAX);
        attributes.push(("jarvis.first_token_us", micros.into()));
    }
    let error = match &attempt.outcome {
        Outcome::Answered | Outcome::Cached => None,
        Outcome::Cancelled => {
            attributes.push(("jarvis.cancelled", true.into()));
            None
        }
        Outcome::Left { class, reason } => {
            attributes.push(("error.type", class.as_str().into()));
            Some(reason.to_string())
        }
    };
    Span {
        context: parent.map_or_else(super::Context::root, super::Context::child),
        parent,
        name: format!("{operation} {}", attempt.model),
        kind: Kind::Client,
        started_at: attempt.started_at,
        took: attempt.took,
        attributes,
        error,
    }
}
