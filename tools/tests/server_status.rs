//! The state of this machine and of services on loopback.

use std::sync::Arc;

use jarvis_gateway::clock::{Clock, System};
use jarvis_gateway::tasks::Tasks;
use jarvis_tools::{Config, Context, Output, catalog};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request with `answer`; with nothing at all when it is empty.
#[cfg(test)]
async fn server(tasks: &Tasks, answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/health", listener.local_addr().expect("an address"));
    tasks.spawn("a service", async move {
        let mut held = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 1024];
            client.read(&mut request).await.unwrap_or_default();
            client.write_all(answer.as_bytes()).await.unwrap_or_default();
            if answer.is_empty() {
                held.push(client);
            }
        }
    });
    url
}

#[cfg(test)]
async fn status(services: Value) -> Output {
    let clock: Arc<dyn Clock> = Arc::new(System);
    let config: Config = serde_json::from_value(json!({"server_status": {"services": services}})).expect("valid");
    let tools = catalog::standard(config, &clock);
    let tool = tools.get("get_server_status").expect("a known tool");
    tool.run(&Context::default(), json!({})).await.expect("a status")
}

#[tokio::test]
async fn the_machine_is_described() {
    let output = status(json!([])).await;
    for part in ["- CPU ", " core", "- memory ", " used", "- disk `/`: ", " free"] {
        assert!(output.summary.contains(part), "{part} is not in:\n{}", output.summary);
    }
    assert!(!output.summary.contains("Services"), "{}", output.summary);
    assert!(output.data["memory_total_bytes"].as_u64() > output.data["memory_used_bytes"].as_u64());
    let percent = output.data["cpu_percent"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&percent), "{percent}");
}

#[tokio::test]
async fn each_service_says_whether_it_is_well() {
    let tasks = Tasks::default();
    let well = server(&tasks, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let moved = server(
        &tasks,
        "HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let locked = server(&tasks, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let broken = server(&tasks, "SSH-2.0-OpenSSH\r\n").await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let tls = well.replace("http://", "https://");
    let output = status(json!([
        {"name": "well", "url": well},
        {"name": "moved", "url": moved},
        {"name": "locked", "url": locked},
        {"name": "expected", "url": locked, "expect": 401},
        {"name": "broken", "url": broken},
        {"name": "gone", "url": gone},
        {"name": "tls", "url": tls},
    ]))
    .await;
    let services = output.data["services"].as_array().unwrap();
    let told: Vec<(&str, bool, Option<u64>)> = services
        .iter()
        .map(|service| {
            let name = service["name"].as_str().unwrap();
            (name, service["ok"].as_bool().unwrap(), service["status"].as_u64())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("well", true, Some(200)),
            ("moved", true, Some(302)),
            ("locked", false, Some(401)),
            ("expected", true, Some(401)),
            ("broken", false, None),
            ("gone", false, None),
            ("tls", false, None),
        ]
    );
    for part in [
        "- **well** answers (status 200 after ",
        "- **locked** is not well: status 401",
        "- **gone** cannot be reached: Connection refused\n",
    ] {
        assert!(output.summary.contains(part), "{part} is not in:\n{}", output.summary);
    }
}

/// Time is paused, so the limit passes at once.
#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_does_not_hold_up_the_rest() {
    let tasks = Tasks::default();
    let hangs = server(&tasks, "").await;
    let output = status(json!([{"name": "slow", "url": hangs}])).await;
    let last = output.summary.lines().last();
    assert_eq!(last, Some("- **slow** cannot be reached: no answer within 3 s"));
}
