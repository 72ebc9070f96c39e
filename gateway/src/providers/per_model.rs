//! One backend whose models are spoken to in different ways.

use std::collections::HashMap;
use std::sync::Arc;

use crate::provider::{Call, Events, Provider};

/// Sends each model to the provider that was set up for it.
pub struct PerModel {
    models: HashMap<String, Arc<dyn Provider>>,
    others: Arc<dyn Provider>,
}

impl PerModel {
    /// `others` answers for every model that `models` does not name.
    pub fn new(models: HashMap<String, Arc<dyn Provider>>, others: Arc<dyn Provider>) -> Self {
        Self { models, others }
    }
}

impl Provider for PerModel {
    fn stream(&self, call: Call) -> Events {
        self.models.get(&call.model).unwrap_or(&self.others).stream(call)
    }
}
