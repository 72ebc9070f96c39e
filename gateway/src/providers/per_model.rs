//! One backend whose models are spoken to in different ways.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chat::Request;
use crate::jobs::Worker;
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

impl PerModel {
    fn of(&self, model: &str) -> &Arc<dyn Provider> {
        self.models.get(model).unwrap_or(&self.others)
    }
}

impl Provider for PerModel {
    fn stream(&self, call: Call) -> Events {
        self.of(&call.model).stream(call)
    }

    fn dropped(&self, model: &str, request: &Request) -> Vec<String> {
        self.of(model).dropped(model, request)
    }

    fn worker(&self, model: &str) -> Option<&dyn Worker> {
        self.of(model).worker(model)
    }
}
