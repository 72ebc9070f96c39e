//! Models looked after: against the stand-in what it plays, and pulls against a server of our own.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures_util::StreamExt;
use jarvis_gateway::providers::ollama::{Admin, Kept, Progress};

use super::server;

#[tokio::test]
async fn models_are_listed() {
    let server = server().await;
    let admin = Admin::new(&server.url()).unwrap();
    let listed = admin.list().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|Kept { name, .. }| name.as_str()).collect();
    assert_eq!(names, ["embed:latest", "ok:latest", "tools:latest", "echo:latest"]);
    let refused = Admin::new("http://127.0.0.1:9").unwrap().list().await.unwrap_err();
    assert_eq!(refused.message, "the host cannot be reached");
    let refused = Admin::new("https://gpu").err().unwrap();
    assert!(refused.message.contains("over http:// only"), "{refused}");
}

/// A server whose pulls answer with `lines`, cut into pieces at any byte.
async fn pull(lines: &'static str) -> Vec<Result<Progress, String>> {
    let answer = move || async move {
        let pieces = lines.as_bytes().chunks(7).map(Ok::<_, std::io::Error>);
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = axum::serve(listener, Router::new().route("/api/pull", post(answer)));
    let pulling = async {
        let admin = Admin::new(&url).unwrap();
        let steps = admin.pull("m").await.unwrap();
        steps.map(|step| step.map_err(|error| error.message)).collect().await
    };
    tokio::select! {
        steps = pulling => steps,
        _ = serving.into_future() => unreachable!("it serves for ever"),
    }
}

fn step(says: &str, bytes: Option<(u64, u64)>) -> Progress {
    Progress {
        says: says.into(),
        bytes,
    }
}

#[tokio::test]
async fn a_pull_tells_its_steps_and_its_end() {
    let whole = pull(
        "{\"status\":\"pulling manifest\"}\n\
         {\"status\":\"pulling a\",\"digest\":\"sha256:a\",\"total\":10,\"completed\":4}\n\
         {\"status\":\"success\"}\n",
    );
    let expect = [
        Ok(step("pulling manifest", None)),
        Ok(step("pulling a", Some((4, 10)))),
        Ok(step("success", None)),
    ];
    assert_eq!(whole.await, expect);
    let refused = pull("{\"status\":\"pulling manifest\"}\n{\"error\":\"pull model manifest: file does not exist\"}\n");
    let refused = refused.await;
    assert_eq!(refused[1], Err("pull model manifest: file does not exist".to_owned()));
    let broken = pull("{\"status\":\"pulling manifest\"}\n").await;
    assert_eq!(broken[1], Err("the pull broke off; pull again to go on".to_owned()));
}
