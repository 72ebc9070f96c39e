//! Whether a target can do what a request needs, found out without asking it.

use super::errand::Errand;
use super::limits::HostClass;
use super::target::Target;
use crate::chat::Usage;
use crate::health::{Ability, Facts};
use crate::provider::Class;

/// An estimate may be this far below what the server counts.
const SAFETY: f64 = 1.1;

/// A server that read less than this share of the estimate did not read everything; of short prompts nobody can tell.
const LEAST_SHARE: f64 = 0.6;
const LEAST_TO_JUDGE: u32 = 100;

/// Why a target is of no use for a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    pub(super) class: Class,
    pub(super) reason: String,
}

/// In this order: a request that must stay in the house never looks at what a target outside of it can do.
/// 1. privacy
/// 2. abilities
/// 3. the length of the context
pub(super) fn misfit(errand: &Errand, target: &Target, facts: &Facts) -> Option<Misfit> {
    if errand.is_local_only() && target.class == HostClass::Cloud {
        return Some(Misfit {
            class: Class::Privacy,
            reason: "it is not in the house, and this request must not leave it".into(),
        });
    }
    lacking(errand, target, facts).or_else(|| too_long(errand, target, facts))
}

fn lacking(errand: &Errand, target: &Target, facts: &Facts) -> Option<Misfit> {
    let claims = &target.claims;
    let needs = &errand.needs;
    let lacks = |ability: &&Ability| claims.can(**ability, facts) == Some(false);
    let reason = if let Some(ability) = needs.abilities.iter().find(lacks) {
        match ability {
            Ability::Completion => "it does not chat",
            Ability::Tools => "it does not support tools",
            Ability::Vision => "it does not support images",
            Ability::Audio => "it does not support audio",
            Ability::Thinking => "it does not support thinking",
            Ability::Embedding => "it does not support embeddings",
        }
    } else if needs.json_schema && claims.json_schema == Some(false) {
        "it does not support answers by a JSON schema"
    } else if needs.tool_choice && claims.tool_choice == Some(false) {
        "it does not support a demanded tool call (tool_choice)"
    } else if needs.prefill && claims.prefill != Some(true) {
        "nobody says that it goes on with an answer that was begun (capabilities.prefill)"
    } else {
        return None;
    };
    Some(Misfit {
        class: Class::Capability,
        reason: reason.into(),
    })
}

fn too_long(errand: &Errand, target: &Target, facts: &Facts) -> Option<Misfit> {
    let context = target.context(facts)?;
    // Callers ask for long answers as a matter of course; half of the context is enough of a promise.
    let answer = errand.answer_tokens.unwrap_or(0).min(context / 2);
    let prompt = counted(errand.at_once.unwrap_or(errand.prompt_tokens), facts);
    let needed = prompt * SAFETY + f64::from(answer);
    (needed > f64::from(context)).then(|| Misfit {
        class: Class::ContextLength,
        reason: format!("its context of {context} tokens is too short for about {prompt:.0}"),
    })
}

/// The context of the target, when the caller wants to shorten the request for it before it is asked.
pub(super) fn overfull(errand: &Errand, target: &Target, facts: &Facts) -> Option<u32> {
    let shortens = errand.demands.shortens?;
    let context = target.context(facts).filter(|context| *context < shortens.below)?;
    let prompt = counted(errand.at_once.unwrap_or(errand.prompt_tokens), facts);
    (prompt * 100.0 > f64::from(context) * f64::from(shortens.full_percent)).then_some(context)
}

/// Whether the server read much less than it was sent. An Ollama that is told to drops the oldest messages in silence; a
/// prompt of which a part was in its cache looks the same, hence only the first turn is judged.
pub(super) fn is_truncated(errand: &Errand, target: &Target, usage: Option<Usage>) -> bool {
    let Some(usage) = usage.filter(|_| target.kind == "ollama" && errand.is_first_turn) else {
        return false;
    };
    let estimate = counted(errand.prompt_tokens, &target.facts());
    let read = u32::try_from(usage.prompt_tokens + usage.cached_tokens).map_or(f64::MAX, f64::from);
    errand.prompt_tokens >= LEAST_TO_JUDGE && read > 0.0 && read < estimate * LEAST_SHARE
}

/// An estimate as this model's server would count it.
pub(super) fn counted(estimate: u32, facts: &Facts) -> f64 {
    f64::from(estimate) * facts.rates.per_estimate.unwrap_or(1.0)
}
