use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;

/// How long an unused connection is kept. Below the 60 s after which many servers and NAT tables drop theirs.
const IDLE: Duration = Duration::from_secs(50);
/// How often unused connections are looked after.
const LOOK: Duration = Duration::from_secs(10);

/// The connections to a server that nobody uses at the moment. Clones share them.
#[derive(Clone, Default)]
pub(in crate::upstream) struct Pool(Arc<Mutex<Unused>>);

#[derive(Default)]
struct Unused {
    /// In the order in which they came back, so that those used last are used next.
    connections: Vec<(Connection, Instant)>,
    is_looked_after: bool,
}

impl Pool {
    /// One that is still open, as far as can be told.
    pub(in crate::upstream) fn take(&self) -> Option<Connection> {
        loop {
            let (mut connection, since) = lock(&self.0).connections.pop()?;
            if since.elapsed() < IDLE && connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    pub(in crate::upstream) fn give(&self, connection: Connection) {
        let mut unused = lock(&self.0);
        unused.connections.push((connection, Instant::now()));
        if !std::mem::replace(&mut unused.is_looked_after, true) {
            let pool = Arc::downgrade(&self.0);
            #[expect(
                clippy::disallowed_methods,
                reason = "it holds nothing but a weak reference, and ends a minute after the last request by itself"
            )]
            tokio::spawn(look_after(pool));
        }
    }
}

/// Closes what was not used for long or was closed by the server, until nothing is left.
async fn look_after(pool: Weak<Mutex<Unused>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let mut unused = lock(&pool);
        unused
            .connections
            .retain_mut(|(connection, since)| since.elapsed() < IDLE && connection.is_quiet());
        unused.connections.shrink_to_fit();
        if unused.connections.is_empty() {
            unused.is_looked_after = false;
            return;
        }
    }
}

fn lock(unused: &Mutex<Unused>) -> std::sync::MutexGuard<'_, Unused> {
    unused.lock().unwrap_or_else(PoisonError::into_inner)
}
