//! The platforms that are connected, and the bell that wakes the worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::platform::Adapter;

/// Cheap to clone; all clones are one outbox.
#[derive(Clone, Default)]
pub struct Outbox {
    adapters: Arc<RwLock<Vec<Arc<dyn Adapter>>>>,
    bell: Arc<Notify>,
    /// The dead may have left something that they were sending.
    left: Arc<AtomicBool>,
}

impl Outbox {
    /// Connects a platform, in the place of its former adapter if it had one.
    pub(crate) fn connect(&self, adapter: Arc<dyn Adapter>) {
        let mut adapters = self.adapters.write().unwrap_or_else(PoisonError::into_inner);
        adapters.retain(|known| known.platform() != adapter.platform());
        adapters.push(adapter);
        drop(adapters);
        self.ring();
    }

    pub(crate) fn adapter(&self, platform: &str) -> Option<Arc<dyn Adapter>> {
        let adapters = self.adapters.read().unwrap_or_else(PoisonError::into_inner);
        adapters.iter().find(|known| known.platform() == platform).cloned()
    }

    pub(crate) fn platforms(&self) -> Vec<String> {
        let adapters = self.adapters.read().unwrap_or_else(PoisonError::into_inner);
        adapters.iter().map(|known| known.platform().to_owned()).collect()
    }

    /// Something was put into the outbox, or a card changed.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// What the dead were sending is to be settled.
    pub(crate) fn settle(&self) {
        self.left.store(true, Ordering::Release);
        self.ring();
    }

    pub(super) fn is_to_settle(&self) -> bool {
        self.left.swap(false, Ordering::AcqRel)
    }

    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }
}
