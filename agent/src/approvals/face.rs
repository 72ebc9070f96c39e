//! What a card looks like on a platform: the whole plan while it is open, one line afterwards.

use jarvis_memory::records::{Approval, ApprovalStatus};
use jiff::Timestamp;
use serde_json::Value;

use super::{grant, title};
use crate::platform::Button;
use crate::quarantine;

/// Characters of the arguments that a card shows. Whoever approves has to read all of them, so that a cut is named.
const ARGUMENT_CHARS: usize = 4_000;

/// It waits for a decision.
pub(crate) fn is_open(approval: &Approval) -> bool {
    approval.status == ApprovalStatus::Pending
}

/// The text and the buttons. `votes` is how many voted so far, `by` the name of who asked.
pub(crate) fn shown(approval: &Approval, votes: i64, by: &str) -> (String, Vec<Button>) {
    match approval.status {
        ApprovalStatus::Pending => (open(approval, votes, by), decisions(approval)),
        ApprovalStatus::Expired | ApprovalStatus::Stale => {
            let again = Button {
                label: "Ask again".to_owned(),
                says: format!("again {}", approval.id),
            };
            (line(approval), vec![again])
        }
        ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Executing
        | ApprovalStatus::Done
        | ApprovalStatus::Failed => (line(approval), Vec::new()),
    }
}

fn open(approval: &Approval, votes: i64, by: &str) -> String {
    let plan = |key: &str| approval.plan.get(key).and_then(Value::as_str);
    let mut text = format!("**Approval {}: {}**\n", approval.id, title(approval));
    for step in approval
        .plan
        .get("says")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        text += &format!("- {}\n", step.as_str().unwrap_or_default());
    }
    text += &format!(
        "Now: {}. Afterwards: {}.\n",
        plan("before").unwrap_or("unknown"),
        plan("after").unwrap_or("unknown")
    );
    if let Some(undo) = plan("undo") {
        text += &format!("To undo it: {undo}.\n");
    }
    let arguments = approval.arguments.to_string().replace('`', "'");
    let shown: String = arguments.chars().take(ARGUMENT_CHARS).collect();
    text += &format!("Tool: {} (`{shown}`, {})\n", approval.tool, approval.effect);
    let more = arguments.chars().count().saturating_sub(ARGUMENT_CHARS);
    if more > 0 {
        text += &format!(
            "{more} more characters of that are not shown here: read them in the console before you approve.\n"
        );
    }
    text += &format!("Asked for by: {}\n", quarantine::one_line(by));
    if approval.need > 1 {
        text += &format!("It takes {} different persons; {votes} voted so far.\n", approval.need);
    }
    let until = Timestamp::from_millisecond(approval.expires_at.0).unwrap_or_default();
    text += &format!("Say `approve {id}` or `deny {id}` until {until:.0}.", id = approval.id);
    text
}

fn decisions(approval: &Approval) -> Vec<Button> {
    let button = |label: &str, says: String| Button {
        label: label.to_owned(),
        says,
    };
    let mut buttons = vec![
        button("Approve", format!("approve {}", approval.id)),
        button("Deny", format!("deny {}", approval.id)),
    ];
    if grant::is_possible(approval) {
        buttons.insert(1, button("Approve for 1 h", format!("approve {} 1h", approval.id)));
    }
    buttons
}

/// The card after the decision.
fn line(approval: &Approval) -> String {
    let by = approval.decided_by.as_deref().unwrap_or("nobody");
    let how = match approval.status {
        ApprovalStatus::Pending => "waits".to_owned(),
        ApprovalStatus::Approved => format!("approved by {by}"),
        ApprovalStatus::Executing => format!("approved by {by}; being done"),
        ApprovalStatus::Done => format!("approved by {by}; done"),
        ApprovalStatus::Failed => format!("approved by {by}; it did not work"),
        ApprovalStatus::Denied => format!("denied by {by}"),
        ApprovalStatus::Expired => "expired".to_owned(),
        ApprovalStatus::Stale => format!("approved by {by}; the state had changed, so nothing was done"),
    };
    format!("**{}** {}: {how}.", approval.id, title(approval))
}
