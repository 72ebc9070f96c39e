use std::sync::Arc;
use std::time::Duration;

use super::Metrics;
use crate::caller::Caller;
use crate::chain::HostClass;
use crate::chat::{Left, Timings, Usage};
use crate::clock::{Fixed, Millis};
use crate::demands::Origin;
use crate::provider::Class;
use crate::registry::Registry;
use crate::tasks::Tasks;
use crate::usage::{Attempt, Observer, Outcome, Pieces};

fn attempt() -> Attempt {
    Attempt {
        origin: Arc::new(Origin {
            model: "chat".into(),
            ..Origin::default()
        }),
        caller: Caller::Internal,
        backend: "gpu".into(),
        model: "qwen3:14b".into(),
        kind: "ollama",
        class: HostClass::Gpu,
        number: 1,
        left: Vec::new(),
        started_at: Millis(0),
        waited: Some(Duration::from_micros(500)),
        took: Duration::from_secs(3),
        first_token: Some(Duration::from_secs(1)),
        outcome: Outcome::Answered,
        usage: Usage {
            prompt_tokens: 10,
            completion_tokens: 21,
            ..Usage::default()
        },
        estimated: false,
        pieces: Pieces::default(),
        timings: Timings {
            load: Some(Duration::from_secs(9)),
            ..Timings::default()
        },
        truncated: true,
    }
}

fn no_targets() -> Registry {
    Registry::new(Arc::new(Fixed::default()), Tasks::default())
}

fn check(attempt: &Attempt, expect: &[&str]) {
    let metrics = Metrics::new("1.2.3");
    metrics.attempt(attempt);
    let text = metrics.text(&no_targets()).unwrap();
    for line in expect {
        assert!(text.lines().any(|have| have == *line), "{line} is not in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn an_answer_is_told_in_the_words_of_opentelemetry() {
    let labels = r#"gen_ai_operation_name="chat",gen_ai_provider_name="ollama",gen_ai_request_model="chat",gen_ai_response_model="qwen3:14b""#;
    let line = |name: &str, more: &str, value: &str| format!("{name}{{{labels}{more}}} {value}");
    let lines = [
        line("gen_ai_client_token_usage_sum", r#",gen_ai_token_type="input""#, "10.0"),
        line(
            "gen_ai_client_token_usage_sum",
            r#",gen_ai_token_type="output""#,
            "21.0",
        ),
        line("gen_ai_server_request_duration_seconds_sum", r#",error_type="""#, "3.0"),
        line("gen_ai_server_time_to_first_token_seconds_sum", "", "1.0"),
        line("gen_ai_server_time_per_output_token_seconds_sum", "", "0.1"),
    ];
    let mut expect: Vec<&str> = lines.iter().map(String::as_str).collect();
    expect.extend([
        r#"jarvis_attempts_total{target="gpu/qwen3:14b",class="answered"} 1"#,
        r#"jarvis_truncated_total{target="gpu/qwen3:14b"} 1"#,
        r#"jarvis_cold_load_seconds_sum{target="gpu/qwen3:14b"} 9.0"#,
        "jarvis_gateway_overhead_seconds_sum 0.0005",
        r#"jarvis_build_info{version="1.2.3"} 1"#,
    ]);
    check(&attempt(), &expect);
}

#[test]
fn a_fallback_names_where_it_went_and_why() {
    let left = Left {
        target: "gpu/qwen3:14b".into(),
        reason: "connection refused".into(),
        class: Class::HostDown,
    };
    let fallback = Attempt {
        backend: "cpu".into(),
        number: 2,
        left: vec![left],
        ..attempt()
    };
    check(
        &fallback,
        &[r#"jarvis_fallback_total{from="gpu/qwen3:14b",to="cpu/qwen3:14b",class="host_down"} 1"#],
    );
}

#[test]
fn a_failure_counts_as_one_and_has_no_time_per_token() {
    let failed = Attempt {
        outcome: Outcome::Left {
            class: Class::Upstream5xx,
            reason: "500".into(),
        },
        ..attempt()
    };
    let metrics = Metrics::new("1");
    metrics.attempt(&failed);
    let text = metrics.text(&no_targets()).unwrap();
    assert!(
        text.contains(r#"jarvis_attempts_total{target="gpu/qwen3:14b",class="upstream5xx"} 1"#),
        "{text}"
    );
    assert!(!text.contains("time_per_output_token_seconds_count{"), "{text}");
}
