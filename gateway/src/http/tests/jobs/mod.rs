//! Work beside chat, over the API, down chains of servers that the stand-in plays.

mod audio;
mod door;
mod embeddings;
mod images;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Method;
use serde_json::Value;
use stand_in::Server;

use super::*;
use crate::health::Facts;
use crate::jobs::Space;
use crate::providers::ollama::{self, Ollama};
use crate::providers::openai::{self, OpenAi};
use crate::upstream::Upstream;

/// Two Ollamas, `gpu` and `cpu`, two servers of OpenAI's protocol, `cloud` and `other`, and `down`, where nobody is.
pub(super) struct Stage {
    pub(super) site: Site,
    gpu: Server,
    cpu: Server,
    cloud: Server,
    other: Server,
}

async fn stage() -> Stage {
    let start = async || Server::start("127.0.0.1:0").await.unwrap();
    let stage = Stage {
        site: site(Vec::new()),
        gpu: start().await,
        cpu: start().await,
        cloud: start().await,
        other: start().await,
    };
    stage.ollama("gpu", None);
    stage.ollama("cpu", None);
    stage.openai("cloud", None);
    stage.openai("other", None);
    let nobody = upstream("http://127.0.0.1:9");
    stage.set("down", Arc::new(Ollama::new(nobody, ollama::Settings::default())));
    stage
}

fn upstream(url: &str) -> Arc<Upstream> {
    Arc::new(Upstream::new(url, Some("sk-test".into()), Duration::from_millis(500)).unwrap())
}

fn space(name: &str, dimensions: u32) -> Space {
    Space {
        name: name.to_owned(),
        dimensions,
    }
}

impl Stage {
    fn server(&self, name: &str) -> &Server {
        match name {
            "gpu" => &self.gpu,
            "cpu" => &self.cpu,
            "cloud" => &self.cloud,
            _ => &self.other,
        }
    }

    fn ollama(&self, name: &str, space: Option<Space>) {
        let upstream = upstream(&self.server(name).url());
        self.set(
            name,
            Arc::new(Ollama::new(upstream, ollama::Settings::default()).with_space(space)),
        );
    }

    fn openai(&self, name: &str, space: Option<Space>) {
        let upstream = upstream(&format!("{}/v1", self.server(name).url()));
        self.set(
            name,
            Arc::new(OpenAi::new(upstream, openai::Settings::default()).with_space(space)),
        );
    }

    /// The server of OpenAI's protocol called `name`, on another kind of machine.
    fn set_class(&self, name: &str, class: HostClass) {
        let upstream = upstream(&format!("{}/v1", self.server(name).url()));
        let provider = Arc::new(OpenAi::new(upstream, openai::Settings::default()));
        self.site.registry.set_backend(Backend {
            class,
            limits: TargetLimits::of(class),
            ..backend(name, provider)
        });
    }

    fn set(&self, name: &str, provider: Arc<dyn Provider>) {
        let limits = TargetLimits {
            first_token: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            ..TargetLimits::of(HostClass::Gpu)
        };
        self.site.registry.set_backend(Backend {
            limits,
            ..backend(name, provider)
        });
    }

    /// Makes the alias `it`: `gpu/embed cloud/ok`.
    pub(super) fn alias(&self, targets: &str) {
        let links = targets.split_whitespace().filter_map(|target| target.split_once('/'));
        let links = links.map(|(backend, model)| link(backend, model));
        self.site.registry.set_alias("it", links.collect());
    }

    fn digest(&self, backend: &str, model: &str, digest: &str) {
        let facts = Facts {
            digest: Some(digest.to_owned()),
            ..Facts::default()
        };
        self.site.registry.health().model(backend, model).set(facts);
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answered {
        self.site.send(request(Method::POST, path, body.to_string())).await
    }

    async fn post_form(&self, path: &str, form: &Form) -> Answered {
        let mut request = request(Method::POST, path, Body::from(form.bytes.clone()));
        request
            .headers_mut()
            .insert("content-type", form.media_type.parse().unwrap());
        self.site.send(request).await
    }

    /// The paths and bodies that a server was sent.
    fn sent_to(&self, name: &str) -> Vec<(String, Value)> {
        let log = self.server(name).log();
        log.into_iter().map(|entry| (entry.path, entry.body)).collect()
    }
}

/// A form as browsers and OpenAI's clients send it.
pub(super) struct Form {
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

/// `file` is the name of the field that brings `content`.
pub(super) fn form(fields: &[(&str, &str)], file: &str, content: &[u8]) -> Form {
    let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
    let mut bytes = Vec::new();
    for (name, value) in fields {
        let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        bytes.extend_from_slice(part.as_bytes());
    }
    if !file.is_empty() {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Form {
        media_type: format!("multipart/form-data; boundary={boundary}"),
        bytes,
    }
}

impl Answered {
    /// Status, target and number of attempts.
    pub(super) fn by(&self) -> (u16, &str, &str) {
        let header = |name| self.header(name).unwrap_or_default();
        (
            self.status.as_u16(),
            header("x-jarvis-target"),
            header("x-jarvis-attempts"),
        )
    }

    /// Code and message of an error.
    pub(super) fn said(&self) -> (u16, String, String) {
        let (status, code) = self.error();
        (
            status,
            code,
            self.json()["error"]["message"].as_str().unwrap().to_owned(),
        )
    }
}
