//! Who asks a backend.

use jarvis_gateway::health::{Listed, Loaded, Report, Together};

use crate::replica::{eventually, replica, server};

#[tokio::test]
async fn one_asks_until_it_is_gone_and_all_learn() {
    let mut server = server().await;
    let (one, other) = (replica(&server).await, replica(&server).await);
    assert!(one.redis.leads("gpu").await);
    assert!(!other.redis.leads("gpu").await);
    assert!(one.redis.leads("gpu").await, "it goes on");
    assert!(other.redis.leads("cpu").await, "each backend by itself");
    let report = Report {
        address: "http://gpu:11434".to_owned(),
        says: String::new(),
        version: Some("0.33.0".to_owned()),
        listed: Some(vec![Listed {
            name: "qwen3:14b".to_owned(),
            size: Some(u64::MAX),
            ..Listed::default()
        }]),
        loaded: Some(vec![Loaded::default()]),
    };
    one.redis.report("gpu", &report).await;
    eventually("the report", async || {
        (other.redis.reported("gpu").await.as_ref() == Some(&report)).then_some(())
    })
    .await;
    let ends: i64 = server.run(&["PTTL", "jv:probe:gpu"]).await.unwrap().parse().unwrap();
    assert!(ends > 0 && ends <= 8_000, "{ends}");
    server.run(&["DEL", "jv:probe:gpu"]).await.unwrap();
    assert!(other.redis.leads("gpu").await && !one.redis.leads("gpu").await);
    server.kill().await;
    assert!(
        one.redis.leads("gpu").await && other.redis.leads("gpu").await,
        "nobody else is known of"
    );
}
