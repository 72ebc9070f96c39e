//! What must be so when a start has done its work, read from the rows.

use std::time::Duration;

use jarvis_memory::Store;
use jarvis_memory::records::AuditCheck;

use crate::support::{House, World, until};

const OPEN: &str = "SELECT 'run ' || id FROM runs WHERE status = 'running'
    UNION ALL SELECT 'command ' || text FROM messages WHERE unanswered = 1
    UNION ALL SELECT 'card ' || status FROM approvals WHERE status IN ('approved', 'executing') OR untold = 1
    UNION ALL SELECT 'copy ' || state FROM deliveries WHERE state IN ('waiting', 'sending')
    UNION ALL SELECT 'copy not changed' FROM deliveries d JOIN approvals a ON a.id = d.approval_id
      WHERE d.state = 'sent' AND d.shown NOT LIKE a.status || '/%'";

/// Waits until nothing is open any more.
pub(super) async fn settled(house: &House) {
    let mut open = Vec::new();
    let quiet = async {
        loop {
            open = house.store.texts_raw(OPEN).await.expect("a store");
            if open.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    until("the end of everything", quiet).await;
}

pub(super) struct Rows {
    pub(super) store: Store,
}

impl Rows {
    pub(super) async fn ask(&self, sql: &str) -> Vec<String> {
        self.store.texts_raw(sql).await.expect("a store")
    }

    async fn none(&self, what: &str, sql: &str, at: &str) {
        assert_eq!(self.ask(sql).await, Vec::<String>::new(), "{at}: {what}");
    }

    pub(super) async fn hold_together(&self, at: &str) {
        self.none("everything comes to an end", OPEN, at).await;
        self.none(
            "no call is left begun",
            "SELECT tool FROM tool_calls WHERE outcome = 'started'",
            at,
        )
        .await;
        self.none(
            "each message has one answer, or one word that there is none",
            "SELECT m.text FROM messages m JOIN runs r ON r.id = m.run_id
             WHERE m.role = 'user' AND COALESCE(r.stop_reason, '') <> 'joined' AND 1 <> (
               SELECT COUNT(*) FROM messages e WHERE e.run_id = r.id
                 AND (e.role = 'assistant' OR json_extract(e.detail, '$.why') = 'restarted'))",
            at,
        )
        .await;
        self.none(
            "a command that was not carried out is said not to be",
            "SELECT m.text FROM messages m WHERE m.role = 'user' AND m.run_id IS NULL
               AND NOT EXISTS (SELECT 1 FROM approval_votes) AND 1 <> (
               SELECT COUNT(*) FROM messages e WHERE e.id > m.id AND json_extract(e.detail, '$.why') = 'restarted')",
            at,
        )
        .await;
        self.none(
            "each card that ended is told once",
            "SELECT a.id || ' ' || a.status FROM approvals a WHERE a.status <> 'pending' AND 1 <> (
               SELECT COUNT(*) FROM messages e WHERE json_extract(e.detail, '$.approval') = a.id)",
            at,
        )
        .await;
        for (what, first, then) in [
            (
                "an intent has its outcome",
                "kind = 'tool.intent'",
                "kind = 'tool.outcome'",
            ),
            ("an act has its intent", "kind = 'tool.outcome'", "kind = 'tool.intent'"),
        ] {
            let sql = format!(
                "SELECT i.tool FROM audit i WHERE i.{first} AND 1 <> (SELECT COUNT(*) FROM audit o
                   WHERE o.{then} AND o.run_id = i.run_id AND o.tool = i.tool)"
            );
            self.none(what, &sql, at).await;
        }
        for (kind, rows) in [
            ("approval.vote", "SELECT approval_id FROM approval_votes"),
            ("approval.created", "SELECT id FROM approvals"),
            (
                "approval.finished",
                "SELECT id FROM approvals WHERE status IN ('done', 'failed', 'stale')",
            ),
            ("approval.expired", "SELECT id FROM approvals WHERE status = 'expired'"),
            ("grant", "SELECT approval_id FROM grants"),
        ] {
            let audit = format!("SELECT approval_id FROM audit WHERE kind = '{kind}' ORDER BY 1");
            let rows = self.ask(&format!("{rows} ORDER BY 1")).await;
            assert_eq!(self.ask(&audit).await, rows, "{at}: {kind} in the audit");
        }
        let check = self.store.check_audit().await.expect("a store");
        assert!(matches!(check, AuditCheck::Intact { .. }), "{at}: {check:?}");
    }

    pub(super) async fn keep_what_was_heard(&self, heard: &[&str], at: &str) {
        for text in heard {
            let sql = match *text {
                "yes" => "SELECT 'yes' FROM approval_votes WHERE yes = 1".to_owned(),
                "no" => "SELECT 'no' FROM approval_votes WHERE yes = 0".to_owned(),
                text => format!("SELECT text FROM messages WHERE role = 'user' AND text = '{text}'"),
            };
            assert_eq!(self.ask(&sql).await, [*text], "{at}");
        }
    }

    /// An act is done once at most; when it is said to be done, it is; when it is said not to be, it is not.
    pub(super) async fn tell_the_truth_of(&self, act: &str, world: &World, at: &str) {
        let done = world.done();
        let name = act.split_once(' ').expect("a verb and a name").1;
        let outcomes = self
            .ask("SELECT outcome FROM tool_calls WHERE tool = 'act' AND outcome <> 'pending'")
            .await;
        let times = match outcomes.first().map(String::as_str) {
            Some("ok") => 1..=1,
            Some("interrupted") => 0..=1,
            _ => 0..=0,
        };
        assert!(outcomes.len() <= 1, "{at}: {outcomes:?}");
        assert!(
            times.contains(&done.len()),
            "{at}: {outcomes:?}, and the world saw {done:?}"
        );
        assert!(done.iter().all(|one| one == act), "{at}: {done:?}");
        let told = self
            .ask("SELECT text FROM messages WHERE role = 'event' AND text LIKE '%unknown%'")
            .await;
        if outcomes == ["interrupted"] {
            assert!(!told.is_empty(), "{at}: nobody was told that the outcome is unknown");
        }
        let cards = self
            .ask("SELECT status FROM approvals ORDER BY created_at, rowid LIMIT 1")
            .await;
        match cards.first().map(String::as_str) {
            Some("done") => assert_eq!(done.len(), 1, "{at}"),
            Some("failed") => {
                let state = format!("The state now: {}.", world.state(name));
                assert!(told.iter().any(|text| text.contains(&state)), "{at}: {told:?}, {state}");
            }
            Some("pending" | "denied" | "expired" | "stale") => assert_eq!(done.len(), 0, "{at}"),
            Some(other) => panic!("{at}: a card is {other}"),
            None => {}
        }
    }
}
