//! The label sets. Their values are names of the configuration and words of this program, so their number is bounded.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// A shared name as the value of a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&&*self.0, encoder)
    }
}

/// What OpenTelemetry wants to know of every operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the labels are given by the conventions"
)]
pub(super) struct Operation {
    pub(super) gen_ai_operation_name: &'static str,
    pub(super) gen_ai_provider_name: &'static str,
    pub(super) gen_ai_request_model: String,
    pub(super) gen_ai_response_model: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Tokens {
    #[prometheus(flatten)]
    pub(super) operation: Operation,
    /// `input` or `output`.
    pub(super) gen_ai_token_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ended {
    #[prometheus(flatten)]
    pub(super) operation: Operation,
    /// The class of the failure, or empty.
    pub(super) error_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Attempted {
    pub(super) target: String,
    /// `answered`, `cached`, `cancelled`, or the class of the failure.
    pub(super) class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Fallback {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfTarget {
    pub(super) target: String,
}
