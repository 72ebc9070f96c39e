//! Runs and tool calls.

use jarvis_gateway::clock::Millis;
use jarvis_memory::records::{NestedIn, Run, RunStatus, ToolCall};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a run is started, updated and found",
        run: |store| Box::pin(run(store)),
    },
    Case {
        name: "runs that are still running are listed, oldest first",
        run: |store| Box::pin(unfinished(store)),
    },
    Case {
        name: "a nested run is found by its parent, and is not the latest by itself",
        run: |store| Box::pin(nested(store)),
    },
    Case {
        name: "a tool call is stored before it starts and completed afterwards",
        run: |store| Box::pin(tool_calls(store)),
    },
    Case {
        name: "what is not there cannot be updated",
        run: |store| Box::pin(missing(store)),
    },
];

async fn run(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    store.put_person(&make::person("owner", 4)).await.unwrap();
    let started = Run {
        person_id: Some("owner".into()),
        ..make::run(&conversation.id)
    };
    assert_eq!(store.run(&started.id).await.unwrap(), None);
    store.start_run(&started).await.unwrap();
    assert_eq!(store.run(&started.id).await.unwrap(), Some(started.clone()));
    let ended = Run {
        status: RunStatus::Stopped,
        target: Some("gpu/qwen3:14b".into()),
        model_calls: 3,
        tool_calls: 2,
        tokens_in: 5_000_000_000,
        tokens_out: 7,
        tainted: true,
        saw_private: true,
        ended_at: Some(Millis(make::NOW.0 + 5)),
        stop_reason: Some("cancelled".into()),
        ..started.clone()
    };
    // Who asked, where and when is not rewritten.
    let update = Run {
        person_id: None,
        started_at: Millis(0),
        ..ended.clone()
    };
    store.update_run(&update).await.unwrap();
    assert_eq!(store.run(&started.id).await.unwrap(), Some(ended));
}

async fn unfinished(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let mut expect = Vec::new();
    for status in [
        RunStatus::Running,
        RunStatus::Done,
        RunStatus::Running,
        RunStatus::Failed,
        RunStatus::Stopped,
    ] {
        let run = Run {
            status,
            ..make::run(&conversation.id)
        };
        store.start_run(&run).await.unwrap();
        if status == RunStatus::Running {
            expect.push(run);
        }
    }
    assert_eq!(store.unfinished_runs().await.unwrap(), expect);
}

async fn tool_calls(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let run = make::run(&conversation.id);
    store.start_run(&run).await.unwrap();
    let first = make::tool_call(&run.id, "c1");
    let second = make::tool_call(&run.id, "c2");
    store.start_tool_call(&first, None).await.unwrap();
    store
        .start_tool_call(&second, Some(&make::event("intent")))
        .await
        .unwrap();
    let result = json!({"status": "ok", "summary": "stopped"});
    let event = make::event("outcome");
    store
        .finish_tool_call(&first.id, ("ok", &result), 1200, &event, make::NOW)
        .await
        .unwrap();
    let finished = ToolCall {
        outcome: "ok".into(),
        result: Some(result),
        took_ms: Some(1200),
        ..first
    };
    assert_eq!(store.tool_calls(&run.id).await.unwrap(), [finished, second]);
    assert_eq!(store.tool_calls("another run").await.unwrap(), []);
}

async fn missing(store: Store) {
    let answers = [
        store.update_run(&make::run("c")).await,
        store.start_run(&make::run("no such conversation")).await,
        store.start_tool_call(&make::tool_call("no such run", "c1"), None).await,
        store
            .finish_tool_call(
                "no such call",
                ("ok", &json!(null)),
                1,
                &make::event("outcome"),
                make::NOW,
            )
            .await,
    ];
    for answer in answers {
        assert!(matches!(answer, Err(Error::Missing { .. })), "{answer:?}");
    }
}

async fn nested(store: Store) {
    let conversation = make::stored_conversation(&store).await;
    let parent = make::run(&conversation.id);
    store.start_run(&parent).await.unwrap();
    let child = Run {
        nested_in: Some(NestedIn {
            run_id: parent.id.clone(),
            call_id: "c1".into(),
            agent: "athena".into(),
        }),
        ..make::run(&conversation.id)
    };
    let orphan = Run {
        nested_in: Some(NestedIn {
            run_id: "nobody".into(),
            call_id: "c1".into(),
            agent: "athena".into(),
        }),
        ..make::run(&conversation.id)
    };
    assert!(store.start_run(&orphan).await.is_err());
    store.start_run(&child).await.unwrap();
    let moved = Run {
        nested_in: None,
        ..child.clone()
    };
    store.update_run(&moved).await.unwrap();
    assert_eq!(
        store.nested_runs(&parent.id).await.unwrap(),
        std::slice::from_ref(&child)
    );
    assert_eq!(store.nested_runs(&child.id).await.unwrap(), []);
    assert_eq!(store.run(&child.id).await.unwrap(), Some(child.clone()));
    assert_eq!(store.latest_run().await.unwrap(), Some(parent.id.clone()));
    assert_eq!(store.unfinished_runs().await.unwrap(), [parent, child]);
}
