//! One server with several keys.

use std::time::Duration;

use bytes::Bytes;
use jarvis_gateway::upstream::Upstream;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers so many requests, by the key that each one brings, and tells the keys.
async fn serve(listener: &TcpListener, requests: usize) -> Vec<String> {
    let mut keys = Vec::new();
    while keys.len() < requests {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut read, mut piece) = (Vec::new(), [0; 1024]);
        while !read.ends_with(b"{}") {
            let count = socket.read(&mut piece).await.unwrap();
            assert!(count > 0, "the request ends early");
            read.extend_from_slice(&piece[..count]);
        }
        let text = String::from_utf8(read).unwrap();
        let field = text
            .lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "));
        let key = field.unwrap_or_default().to_owned();
        let status = match key.as_str() {
            "sk-wrong" => "401 Unauthorized",
            "sk-busy" => "429 Too Many Requests\r\nretry-after: 60",
            _ => "200 OK",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
        socket.write_all(answer.as_bytes()).await.unwrap();
        keys.push(key);
    }
    keys
}

async fn check(upstream: &Upstream, listener: &TcpListener, status: u16, expect: &[&str]) {
    let asked = async {
        let response = upstream.post_json("/x", Bytes::from_static(b"{}")).await.unwrap();
        response.status().as_u16()
    };
    let both = async { tokio::join!(serve(listener, expect.len()), asked) };
    let (keys, seen) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .expect("an answer");
    assert_eq!(
        (keys.iter().map(String::as_str).collect::<Vec<_>>(), seen),
        (expect.to_vec(), status)
    );
}

#[tokio::test]
async fn a_key_that_is_refused_is_left_for_the_next_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let with = |keys: &[&str]| {
        let upstream = Upstream::new(&url, None, Duration::from_secs(1)).unwrap();
        upstream
            .with_keys(keys.iter().map(|key| SecretString::from(*key)))
            .unwrap()
    };
    let three = with(&["sk-wrong", "sk-busy", "sk-good"]);
    check(&three, &listener, 200, &["sk-wrong", "sk-busy", "sk-good"]).await;
    // What was refused rests.
    check(&three, &listener, 200, &["sk-good"]).await;
    let none = with(&["sk-busy", "sk-wrong"]);
    check(&none, &listener, 401, &["sk-busy", "sk-wrong"]).await;
    // All of them rest, so that the one which is back soonest is asked alone.
    check(&none, &listener, 429, &["sk-busy"]).await;
    check(&with(&["sk-wrong"]), &listener, 401, &["sk-wrong"]).await;
    assert!(!format!("{three:?}").contains("sk-"));
}
