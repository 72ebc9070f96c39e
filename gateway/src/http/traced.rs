//! The span of an API request: from its arrival until the last byte of its answer is gone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::clock::{Clock, Millis};
use crate::trace::{Attribute, Context, Kind, Span, Tracer};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Characters of a path that are told.
const LONGEST_PATH: usize = 200;

/// What the middleware works with.
#[derive(Clone)]
pub(super) struct Surface {
    pub(super) tracer: Tracer,
    pub(super) clock: Arc<dyn Clock>,
}

/// Makes the request a span of its caller's trace, or of a new one, and puts the span in the place of the caller's
/// `traceparent`, where the work on the request finds it.
pub(super) async fn traced(State(surface): State<Surface>, mut request: Request, next: Next) -> Response {
    if !surface.tracer.is_on() {
        return next.run(request).await;
    }
    let given = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let parent = given.and_then(Context::parse);
    let context = parent.map_or_else(Context::root, Context::child);
    if let Ok(value) = HeaderValue::try_from(context.to_string()) {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    // A name that held ids would be another one for every request, and collectors group by it.
    let route = request.extensions().get::<MatchedPath>();
    let name = format!("{} {}", request.method(), route.map_or("", MatchedPath::as_str));
    let path: String = request.uri().path().chars().take(LONGEST_PATH).collect();
    let method = request.method().to_string();
    let mut open = Open {
        tracer: surface.tracer,
        context,
        parent,
        name,
        attributes: vec![("http.request.method", method.into()), ("url.path", path.into())],
        started_at: surface.clock.now(),
        began: Instant::now(),
        status: 499,
    };
    let response = next.run(request).await;
    open.status = response.status().as_u16();
    let (parts, body) = response.into_parts();
    // The span goes with the body, and is told when that is sent or dropped.
    let body = body.map_frame(move |frame| {
        let _ = &open;
        frame
    });
    Response::from_parts(parts, Body::new(body))
}

/// A request that is being answered. It is told when it is dropped; 499 is the status of one whose caller left first.
struct Open {
    tracer: Tracer,
    context: Context,
    parent: Option<Context>,
    name: String,
    attributes: Vec<(&'static str, Attribute)>,
    started_at: Millis,
    began: Instant,
    status: u16,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.push(("http.response.status_code", u64::from(self.status).into()));
        self.tracer.tell(Span {
            context: self.context,
            parent: self.parent,
            name: std::mem::take(&mut self.name),
            kind: Kind::Server,
            started_at: self.started_at,
            took: self.began.elapsed(),
            attributes,
            error: (self.status >= 500).then(|| format!("status {}", self.status)),
        });
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    use super::*;
    use crate::clock::Fixed;

    #[tokio::test]
    async fn a_span_is_named_by_its_route_and_not_by_what_stands_in_the_address() {
        let (tracer, mut spans) = Tracer::into_channel();
        let surface = Surface {
            tracer,
            clock: Arc::new(Fixed::at(Millis(1))),
        };
        let router = Router::new()
            .route("/v1/responses/{id}", get(async || "there"))
            .route("/v1/{*path}", get(async || "nothing"))
            .route_layer(middleware::from_fn_with_state(surface, traced));
        let mut check = async |path: String, expect: (&str, usize)| {
            let request = Request::get(&path).body(Body::empty()).unwrap();
            drop(router.clone().oneshot(request).await.unwrap());
            let span = spans.try_recv().unwrap();
            let told = span.attributes.iter().find(|(name, _)| *name == "url.path");
            let Some((_, Attribute::Text(told))) = told else {
                panic!("no path in {:?}", span.attributes);
            };
            assert_eq!((span.name.as_str(), told.len()), expect, "{path}");
        };
        check("/v1/responses/resp_1".to_owned(), ("GET /v1/responses/{id}", 20)).await;
        check(format!("/v1/{}", "x".repeat(9000)), ("GET /v1/{*path}", LONGEST_PATH)).await;
    }
}
