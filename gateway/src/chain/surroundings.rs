//! What a chain is told to tell and to ask.

use std::sync::Arc;

use crate::usage::{Observer, Purse};

/// Who hears of attempts and who guards the money. The same for all chains of a process.
#[derive(Clone, Default)]
pub struct Surroundings {
    pub observers: Vec<Arc<dyn Observer>>,
    /// Without one, nothing that is spent is counted.
    pub purse: Option<Arc<dyn Purse>>,
}
