use async_trait::async_trait;

use super::{OpenAi, embeddings, forward};
use crate::demands::Hops;
use crate::jobs::{Embed, Embedded, Forward, Reply, Space, Worker};
use crate::provider::{Class, Error};
use crate::upstream::{Response, Upstream};

/// Which of the routes a server has is not known before it was asked; one that it has not it refuses.
#[async_trait]
impl Worker for OpenAi {
    fn kind(&self) -> &'static str {
        "openai"
    }

    fn space(&self) -> Option<&Space> {
        OpenAi::space(self)
    }

    fn cannot_embed(&self, _: &Embed) -> Option<&'static str> {
        None
    }

    fn cannot_forward(&self, _: &Forward) -> Option<String> {
        None
    }

    async fn embed(&self, model: &str, job: &Embed, hops: Hops) -> Result<Embedded, Error> {
        let embedded = embeddings::embed(self.upstream(), self.settings(), model, (job, hops)).await;
        embedded.map_err(|error| self.upstream().redacted(error))
    }

    async fn forward(&self, model: &str, job: &Forward, hops: Hops) -> Result<Reply, Error> {
        let reply = forward::forward(self.upstream(), self.settings(), model, (job, hops)).await;
        reply.map_err(|error| self.upstream().redacted(error))
    }
}

/// What a refusal on one of these routes means. Unlike chat, which every such server has, a route that is not there is
/// something that the server cannot do, and says nothing against it.
pub(super) async fn refused(upstream: &Upstream, response: Response, path: &str) -> Error {
    let status = response.status().as_u16();
    let retry_after = response.retry_after();
    let body = upstream.refusal(response).await;
    let error = super::fault::classify(crate::providers::refusal::Refusal {
        status,
        retry_after,
        body: &body,
    });
    let is_route = matches!(status, 404 | 405) && matches!(error.class, Class::Decode | Class::ClientFault);
    match error.class {
        _ if is_route => Error {
            status: Some(status),
            ..Error::new(Class::Capability, format!("does not serve {path}"))
        },
        Class::Decode => Error {
            message: format!("answered {path} with status {status}"),
            ..error
        },
        _ => error,
    }
}
