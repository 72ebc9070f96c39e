//! What happens below the protocols.

use std::io;
use std::net::TcpListener as StdListener;
use std::time::Duration;

use bytes::Bytes;
use jarvis_gateway::provider::{Class, Error};
use jarvis_gateway::providers::ollama::{Ollama, Settings};
use jarvis_gateway::upstream::Upstream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{ask, question, reply, server, upstream};

async fn check_unreachable(url: &str, class: Class, message: &str) {
    let given = Upstream::new(url, None, Duration::from_millis(200)).unwrap();
    let error = given.post_json("/x", Bytes::from_static(b"{}")).await.unwrap_err();
    assert_eq!(error, Error::new(class, message), "given {url}");
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_down_and_says_why() {
    let closed = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check_unreachable(&format!("http://{closed}"), Class::HostDown, "connection refused").await;
    // A label of 64 letters is no name, so that no resolver is asked.
    check_unreachable(
        &format!("http://{}.test", "a".repeat(64)),
        Class::HostDown,
        "no such host",
    )
    .await;
    let server = server().await;
    let secure = server.url().replace("http://", "https://");
    let message = "TLS failed: received corrupt message of type InvalidContentType";
    check_unreachable(&secure, Class::HostDown, message).await;
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    // A listener that accepts nothing: once its queue is full, Linux drops what knocks.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut knocking = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        knocking.push(connected.unwrap());
    }
    check_unreachable(
        &format!("http://{address}"),
        Class::HostDown,
        "no connection within 200 ms",
    )
    .await;
}

#[tokio::test]
async fn a_reset_is_not_tried_again_on_a_new_connection() {
    let server = server().await;
    let upstream = upstream(&server.url());
    let body = Bytes::from_static(br#"{"model":"reset","messages":[]}"#);
    let error = upstream.post_json("/api/chat", body).await.unwrap_err();
    assert_eq!(
        error,
        Error::new(Class::Transport, "the connection broke before the answer began")
    );
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn answers_that_were_read_to_their_end_share_a_connection() {
    let server = server().await;
    let ollama = Ollama::new(upstream(&server.url()), Settings::default());
    let openai = jarvis_gateway::providers::openai::OpenAi::new(
        upstream(&format!("{}/v1", server.url())),
        jarvis_gateway::providers::openai::Settings::default(),
    );
    for _ in 0..5 {
        reply(&ollama, ask("ok", question("hello"))).await;
        reply(&openai, ask("ok", question("hello"))).await;
    }
    let connections: Vec<u64> = server.log().iter().map(|entry| entry.connection).collect();
    assert_eq!(connections, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
}

#[tokio::test]
async fn the_end_of_an_answer_is_waited_for_a_moment() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            read_request(&mut stream).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let line = "{\"message\":{\"content\":\"hi\"},\"done\":true}\n";
            stream
                .write_all(format!("{head}{:x}\r\n{line}\r\n", line.len()).as_bytes())
                .await
                .unwrap();
            // Real servers send the end of the body in a packet of its own.
            tokio::time::sleep(Duration::from_millis(20)).await;
            stream.write_all(b"0\r\n\r\n").await.unwrap();
        }
    };
    let ollama = Ollama::new(upstream(&url), Settings::default());
    let client = async {
        for _ in 0..2 {
            assert_eq!(reply(&ollama, ask("m", question("hello"))).await.text, "hi");
        }
    };
    tokio::time::timeout(super::PATIENCE, async { tokio::join!(serve, client) })
        .await
        .unwrap();
}

/// Reads one request whose body is an object.
async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut seen = Vec::new();
    while !seen.windows(5).any(|window| window == b"\r\n\r\n{") || !seen.ends_with(b"}") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen.extend_from_slice(&piece[..count]);
    }
    Ok(())
}

async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        .await
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_idled_is_replaced_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut first, _) = listener.accept().await.unwrap();
        read_request(&mut first).await.unwrap();
        answer(&mut first).await.unwrap();
        // The next request meets a server that closes the connection in the same moment.
        read_request(&mut first).await.unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        read_request(&mut second).await.unwrap();
        answer(&mut second).await.unwrap();
    };
    let client = async {
        let upstream = upstream(&url);
        for _ in 0..2 {
            let response = upstream.post_json("/x", Bytes::from_static(b"{}")).await.unwrap();
            assert_eq!(response.status(), 200);
            response.settle().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, async { tokio::join!(serve, client) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"-ERR unknown command 'POST'\r\n").await.unwrap();
    };
    tokio::join!(
        serve,
        check_unreachable(&url, Class::Decode, "the server does not speak HTTP")
    );
}

#[tokio::test]
async fn documents_have_a_deadline_and_a_class() {
    let server = server().await;
    let upstream = upstream(&server.url());
    let get = async |path: &str| {
        let answer = upstream
            .get_json::<serde_json::Value>(path, Duration::from_millis(300))
            .await;
        answer.map(|_| ()).map_err(|error| (error.class, error.message))
    };
    assert_eq!(get("/api/version").await, Ok(()));
    let nowhere = "/nowhere answered with status 404".to_owned();
    assert_eq!(get("/nowhere").await, Err((Class::Decode, nowhere)));
    let fault = |fault: &str| {
        let control = stand_in::Control {
            fault: Some(fault.into()),
            path: Some("/api/version".into()),
            ..stand_in::Control::default()
        };
        server.control(control).unwrap();
    };
    fault("hang");
    let late = "/api/version did not answer within 300 ms".to_owned();
    assert_eq!(get("/api/version").await, Err((Class::TtftTimeout, late)));
    fault("html");
    let page = "/api/version did not answer as expected, so another program may be there".to_owned();
    assert_eq!(get("/api/version").await, Err((Class::Decode, page)));
    fault("500");
    let status = "/api/version answered with status 500".to_owned();
    assert_eq!(get("/api/version").await, Err((Class::Upstream5xx, status)));
}
