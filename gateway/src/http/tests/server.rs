use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

/// A server on loopback, with what stops it.
struct Running {
    address: SocketAddr,
    tasks: Tasks,
    server: JoinSet<()>,
}

async fn run(site: &Site, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, tasks) = (site.router.clone(), Tasks::default());
    let (mut server, ours) = (JoinSet::new(), tasks.clone());
    server.spawn(async move { serve(listener, router, &ours, limits).await });
    Running { address, tasks, server }
}

fn limits() -> Limits {
    Limits {
        connections: 8,
        header: Duration::from_millis(300),
        finish: Duration::from_millis(300),
    }
}

impl Running {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

fn post(body: &str) -> String {
    let length = body.len();
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Everything until the server closes the connection; a broken connection ends it too.
async fn read_all(mut stream: TcpStream) -> String {
    let mut read = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            read.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    String::from_utf8(read).unwrap()
}

async fn read_until(stream: &mut TcpStream, what: &str) -> String {
    let mut read = String::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !read.contains(what) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed after {read}");
            read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.unwrap();
    read
}

#[tokio::test]
async fn it_answers_over_a_socket_and_knows_its_peer() {
    let site = site(vec![vec![text("hi"), finish()]]);
    let running = run(&site, limits()).await;
    let mut stream = running.send(&post(&question("chat", false))).await;
    assert!(
        read_until(&mut stream, "\"hi\"")
            .await
            .starts_with("HTTP/1.1 200 OK\r\n")
    );
}

#[tokio::test]
async fn a_header_that_never_ends_is_not_waited_for() {
    let site = site(vec![]);
    let running = run(&site, limits()).await;
    let stream = running.send("GET /healthz HTTP/1.1\r\nhost: loc").await;
    let read = read_all(stream).await;
    assert!(read.is_empty() || read.starts_with("HTTP/1.1 408"), "{read}");
}

#[tokio::test]
async fn a_body_of_fifty_mebibytes_gets_its_answer() {
    let site = site(vec![]);
    let running = run(&site, limits()).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 52428800\r\n\r\n";
    let stream = running.send(head).await;
    let (mut reading, mut writing) = stream.into_split();
    let write = async {
        let piece = vec![b' '; 1024 * 1024];
        for _ in 0..50 {
            writing.write_all(&piece).await.unwrap();
        }
    };
    let read = async {
        let mut read = String::new();
        let mut buffer = [0; 4096];
        while !read.contains("request_too_large") {
            let count = reading.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed after {read}");
            read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        read
    };
    let both = tokio::time::timeout(Duration::from_secs(20), futures_util::future::join(write, read));
    let ((), read) = both.await.unwrap();
    assert!(read.starts_with("HTTP/1.1 413"), "{read}");
}

async fn wait_until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
}

/// Says one word if it is to, and then nothing for ever; holds on to `held` while anybody listens.
struct Holds {
    held: Arc<()>,
    speaks: bool,
}

impl Provider for Holds {
    fn stream(&self, _call: crate::provider::Call) -> crate::provider::Events {
        let (held, speaks) = (self.held.clone(), self.speaks);
        Box::pin(async_stream::stream! {
            if speaks {
                yield Ok(Event::Text("one".to_owned()));
            }
            std::future::pending::<()>().await;
            drop(held);
        })
    }
}

#[tokio::test]
async fn whoever_leaves_cancels_the_work() {
    for (stream, speaks) in [(true, true), (true, false), (false, false)] {
        let (site, held) = (site(vec![]), Arc::new(()));
        site.registry.set_backend(backend(
            "gpu",
            Arc::new(Holds {
                held: held.clone(),
                speaks,
            }),
        ));
        let before = Arc::strong_count(&held);
        let running = run(&site, limits()).await;
        let mut client = running.send(&post(&question("chat", stream))).await;
        wait_until(|| Arc::strong_count(&held) > before).await;
        if speaks {
            read_until(&mut client, "one").await;
        }
        drop(client);
        wait_until(|| Arc::strong_count(&held) == before).await;
    }
}

#[tokio::test]
async fn stopping_lets_requests_finish_and_cuts_what_does_not() {
    let quick = vec![
        text("one"),
        Step::Wait(Duration::from_millis(100)),
        text("two"),
        finish(),
    ];
    let endless = vec![text("one"), Step::Hang];
    let site = site(vec![quick, endless]);
    let mut running = run(&site, limits()).await;
    let mut first = running.send(&post(&question("chat", true))).await;
    let mut second = running.send(&post(&question("chat", true))).await;
    read_until(&mut first, "one").await;
    read_until(&mut second, "one").await;
    running.tasks.stopping().cancel();
    let [first, second] = [read_all(first).await, read_all(second).await];
    let (quick, cut) = if first.contains("two") {
        (first, second)
    } else {
        (second, first)
    };
    assert!(quick.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{quick}");
    assert!(!cut.contains("[DONE]") && !cut.ends_with("0\r\n\r\n"), "{cut}");
    tokio::time::timeout(Duration::from_secs(5), running.server.join_next())
        .await
        .unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let site = site(vec![]);
    let limits = Limits {
        connections: 1,
        header: Duration::from_secs(30),
        ..limits()
    };
    let running = run(&site, limits).await;
    let mut first = running.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    read_until(&mut first, "ok\n").await;
    let mut second = running.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut buffer = [0; 16];
    let waits = tokio::time::timeout(Duration::from_millis(100), second.read(&mut buffer)).await;
    assert!(waits.is_err());
    drop(first);
    read_until(&mut second, "ok\n").await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let site = site(vec![]);
    let patient = Limits {
        header: Duration::from_mins(1),
        finish: Duration::from_mins(1),
        ..limits()
    };
    let mut running = run(&site, patient).await;
    let mut idle = running.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    read_until(&mut idle, "ok\n").await;
    running.tasks.stopping().cancel();
    assert_eq!(read_all(idle).await, "");
    tokio::time::timeout(Duration::from_secs(5), running.server.join_next())
        .await
        .unwrap();
}

/// Nobody accepts here, so every connection that is made is one that the kernel holds.
#[tokio::test]
async fn a_crowd_that_comes_at_once_is_let_in_by_the_kernel() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    for number in 0..300 {
        let connected = tokio::time::timeout(Duration::from_millis(900), TcpStream::connect(address)).await;
        held.push(
            connected
                .unwrap_or_else(|_| panic!("connection {number} waits"))
                .unwrap(),
        );
    }
}
