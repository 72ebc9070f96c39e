use async_trait::async_trait;

use super::embed::{Embed, Embedded};
use super::forward::Forward;
use super::reply::Reply;
use super::space::Space;
use crate::demands::Hops;
use crate::provider::Error;

/// What a server does beside chat. A [`Provider`](crate::provider::Provider) whose server does any of it hands out its
/// worker.
///
/// The errors are those of chat, with the same classes, because a job is left for the next target for the same reasons.
#[async_trait]
pub trait Worker: Send + Sync {
    /// The protocol, for messages: `ollama`, `openai`.
    fn kind(&self) -> &'static str;

    /// The vector space of its models' vectors, where a person named it.
    fn space(&self) -> Option<&Space>;

    /// Why these inputs cannot be embedded here, as it goes on after the target's name: "cannot …". Nothing is asked
    /// of the server then.
    fn cannot_embed(&self, job: &Embed) -> Option<&'static str>;

    /// Why this cannot be done here, in the same form.
    fn cannot_forward(&self, job: &Forward) -> Option<String>;

    /// One vector for every input, in the order of the inputs. `hops` is what the request came through.
    async fn embed(&self, model: &str, job: &Embed, hops: Hops) -> Result<Embedded, Error>;

    /// Returns when the answer has begun, so that failing before it leaves nothing half said. Dropping the reply
    /// cancels the work.
    async fn forward(&self, model: &str, job: &Forward, hops: Hops) -> Result<Reply, Error>;
}
