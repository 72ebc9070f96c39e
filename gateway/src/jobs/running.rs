use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, timeout_at};

use super::forward::Task;
use super::reply::{Head, Reply};
use super::walk::finish;
use crate::chain::Admission;
use crate::provider::{Class, Error};

/// An answer that is being passed on, within the target's limits. Dropping it cancels the work.
pub struct Running {
    reply: Reply,
    /// `None` once the attempt is over.
    admission: Option<Admission>,
    idle: Duration,
    total_ends: Instant,
}

impl Running {
    pub(super) fn new(reply: Reply, mut admission: Admission, task: Task) -> Self {
        let idle = task.idle(admission.target());
        let total_ends = admission.total_ends();
        if reply.is_whole() {
            admission.answered(&finish(reply.usage()));
        }
        Self {
            admission: (!reply.is_whole()).then_some(admission),
            reply,
            idle,
            total_ends,
        }
    }

    pub fn head(&self) -> &Head {
        &self.reply.head
    }

    /// The next piece; an error when the answer will not come to its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let ends = (Instant::now() + self.idle).min(self.total_ends);
        let next = match timeout_at(ends, self.reply.next()).await {
            Ok(next) => next,
            Err(_) if ends == self.total_ends => Err(Error::new(
                Class::CallerDeadline,
                "the answer took longer than it may take",
            )),
            Err(_) => {
                let message = format!("nothing more came for {} s", self.idle.as_secs());
                Err(Error::new(Class::IdleTimeout, message))
            }
        };
        match &next {
            Ok(Some(_)) => {}
            Ok(None) => {
                if let Some(mut admission) = self.admission.take() {
                    admission.answered(&finish(self.reply.usage()));
                }
            }
            Err(error) => {
                if let Some(mut admission) = self.admission.take() {
                    admission.broke(error);
                }
            }
        }
        next
    }

    /// Everything that comes, ending with the error if there is one.
    pub fn stream(mut self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        async_stream::stream! {
            loop {
                match self.next().await {
                    Ok(Some(bytes)) => yield Ok(bytes),
                    Ok(None) => return,
                    Err(error) => {
                        yield Err(error);
                        return;
                    }
                }
            }
        }
    }
}
