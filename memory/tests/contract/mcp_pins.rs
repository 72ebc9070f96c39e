//! What the owner allowed of the tools of MCP servers.

use jarvis_memory::Store;
use jarvis_memory::records::{AuditEvent, McpPin};

use super::{Case, make};

pub(crate) const CASES: &[Case] = &[Case {
    name: "a pin is of one tool of one server, and the last one holds",
    run: |store| Box::pin(kept(store)),
}];

fn pin(tool: &str, allowed: Option<&str>, seen: &str) -> McpPin {
    McpPin {
        tool: tool.to_owned(),
        allowed: allowed.map(str::to_owned),
        seen: seen.to_owned(),
    }
}

async fn kept(store: Store) {
    let event = AuditEvent {
        kind: "mcp.pins".to_owned(),
        via: "mcp".to_owned(),
        ..AuditEvent::default()
    };
    let keep = async |server: &str, pins: &[McpPin]| {
        store.keep_mcp_pins(server, pins, &event, make::NOW).await.unwrap();
    };
    keep("home", &[pin("b", Some("1"), "1"), pin("a", None, "2")]).await;
    keep("other", &[pin("a", Some("9"), "9")]).await;
    let expect = [pin("a", None, "2"), pin("b", Some("1"), "1")];
    assert_eq!(store.mcp_pins("home").await.unwrap(), expect);
    keep("home", &[pin("a", Some("3"), "3"), pin("b", Some("1"), "4")]).await;
    let expect = [pin("a", Some("3"), "3"), pin("b", Some("1"), "4")];
    assert_eq!(store.mcp_pins("home").await.unwrap(), expect);
    assert_eq!(store.mcp_pins("nobody").await.unwrap(), []);
    assert_eq!(store.audit(None, 10).await.unwrap().len(), 3);
}
