//! Reminders and prompts that run by themselves: made in words or by a model, due, delivered, bounded.

use std::time::Duration;

use jarvis_agent::schedule::{Change, JobView};
use jarvis_agent::{ApprovalsConfig, Error, Principal, Surface};
use jarvis_gateway::caller::{Allowance, Scope};
use jarvis_gateway::providers::scripted::{calls, says};
use jarvis_memory::jobs::{JobKind, JobRunState, JobStatus};
use jarvis_memory::records::KeyRow;
use serde_json::json;

use crate::support::house::NOW;
use crate::support::town::{self, OPS, TOOLS, Town, discord};
use crate::support::wall::Wall;
use crate::support::{House, key, owner, short};

/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(25);

/// Waits until `look` finds what it looks for.
pub(crate) async fn found<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(STEP).await;
    }
}

pub(crate) async fn jobs(house: &House) -> Vec<JobView> {
    house.agent.jobs(&owner()).await.expect("the owner may see jobs")
}

pub(crate) async fn job(house: &House) -> JobView {
    let mut jobs = jobs(house).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

/// The messages that jobs wrote, in order.
pub(crate) async fn of_jobs(house: &House) -> Vec<String> {
    let messages = house.messages().await.into_iter();
    messages
        .filter(|message| message.detail.get("job").is_some())
        .map(|message| short::message(&message))
        .collect()
}

/// The last run of a job that came to an end.
pub(crate) async fn ended(house: &House, id: &str, nth: usize) -> (JobRunState, Option<String>) {
    let runs = found("the end of a job's run", async || {
        let runs = house.store.job_runs(id, 100).await.expect("a store");
        let over = runs.len() >= nth && runs.iter().all(|run| run.state != JobRunState::Claimed);
        over.then_some(runs)
    });
    let newest = runs.await.remove(0);
    (newest.state, newest.says)
}

/// The clock goes on, and the schedule has looked at it twice.
pub(crate) async fn pass(house: &House, minutes: u64) {
    house.clock.advance(Duration::from_mins(minutes));
    tokio::time::sleep(Duration::from_millis(2_200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_in_words_is_said_once_at_its_time() {
    let house = House::new([]).await;
    house.say("remind me in 20 min to stretch").await.expect("taken");
    let made = job(&house).await;
    assert_eq!(
        house.talk().await[1],
        format!(
            "event: **{}** is set, a reminder: stretch\nWhen: once, Fri 2026-11-20 10:06:40 (UTC).",
            made.id
        )
    );
    pass(&house, 19).await;
    assert_eq!(of_jobs(&house).await, Vec::<String>::new(), "not yet");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(ended(&house, &made.id, 1).await, (JobRunState::Done, None));
    pass(&house, 500).await;
    assert_eq!(of_jobs(&house).await, ["event: **Reminder**: stretch"]);
    assert_eq!(jobs(&house).await, Vec::<JobView>::new());
    let run = house.store.job_runs(&made.id, 10).await.expect("a store").remove(0);
    assert!(run.delivered_at.is_some());
    assert_eq!(house.audit().await, ["job.ended owner/schedule done"]);
    assert_eq!(house.model.calls().len(), 0, "no model is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_says_why() {
    let house = House::new([]).await;
    let check = async |said: &str, expect: &str| {
        house.say(said).await.expect("taken");
        let told = house.talk().await.pop().unwrap_or_default();
        assert!(told.contains(expect), "{said}: {told}");
    };
    check("/reminder me tomorrow at 9 to go", "`9` can be 09:00 or 21:00").await;
    check("/reminder me soon to go", "`soon` was not understood").await;
    check("/reminder me in 20 min", "what should I remind you of?").await;
    check("/jobs", "There are no reminders").await;
    check("/jobs cancel ABCDE", "there is no job `ABCDE` here").await;
    assert_eq!(jobs(&house).await, Vec::<JobView>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_paused_resumed_and_cancelled_in_words() {
    let house = House::new([]).await;
    house.say("/remind me every 2h to drink").await.expect("taken");
    let made = job(&house).await;
    let told = async |said: String| {
        house.say(&said).await.expect("taken");
        house.talk().await.pop().unwrap_or_default()
    };
    let line = format!(
        "- **{}** reminder, every 2 h (UTC), next Fri 2026-11-20 11:46:40: drink",
        made.id
    );
    assert!(told("/jobs".into()).await.contains(&line));
    assert_eq!(
        told(format!("/jobs pause {}", made.id)).await,
        format!("event: **{}** is paused.", made.id)
    );
    pass(&house, 600).await;
    assert_eq!(job(&house).await.status, JobStatus::Paused);
    let resumed = told(format!("/jobs resume {}", made.id.to_lowercase())).await;
    assert_eq!(
        resumed,
        format!("event: **{}** goes on; next Fri 2026-11-20 21:46:40 (UTC).", made.id),
        "what passed while it was paused does not run"
    );
    let cancelled = told(format!("/jobs cancel {}", made.id)).await;
    assert_eq!(cancelled, format!("event: **{}** is cancelled.", made.id));
    let again = told(format!("/jobs cancel {}", made.id)).await;
    assert_eq!(
        again,
        format!(
            "event: Not changed: job {} is cancelled; there is nothing to cancel.",
            made.id
        )
    );
    pass(&house, 600).await;
    assert_eq!(of_jobs(&house).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_its_makers_and_the_owners() {
    let house = House::new([]).await;
    house.say("/remind me every 2h to drink").await.expect("taken");
    let id = job(&house).await.id;
    let member = Principal::of(&key("phone", &[Scope::Chat]), Surface::Api);
    assert_eq!(
        house.agent.jobs(&member).await.expect("their own"),
        Vec::<JobView>::new()
    );
    let refused = house.agent.change_job(&member, &id, Change::Cancel).await;
    assert!(matches!(refused, Err(Error::NoJob(_))), "{refused:?}");
    let laptop = Principal::of(&key("laptop", &[Scope::Ops]), Surface::Terminal);
    let view = house
        .agent
        .change_job(&laptop, &id, Change::Pause)
        .await
        .expect("the owner's place");
    assert_eq!((view.status, view.created_by.as_str()), (JobStatus::Paused, "owner"));
    assert_eq!(house.audit().await, ["job.pause key:id-laptop/terminal paused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_gives_the_time_in_words_and_hears_what_was_understood() {
    let house = House::with_jobs([
        calls("c1", "schedule", r#"{"text":"tea","when":"at 4"}"#),
        calls(
            "c2",
            "schedule",
            r#"{"text":"tea","when":"daily 16:00","timezone":"Europe/Berlin"}"#,
        ),
        says("Done."),
    ])
    .await;
    let answer = house.ask("tea at 4 every day").await;
    let made = job(&house).await;
    let results: Vec<String> = house
        .calls_of(&answer)
        .await
        .iter()
        .map(|call| call.result.clone().unwrap_or_default().to_string())
        .collect();
    assert!(results[0].contains("`4` can be 04:00 or 16:00"), "{results:?}");
    assert!(
        results[1].contains("every day at 16:00 (Europe/Berlin). Next: Fri 2026-11-20 16:00, Sat 2026-11-21 16:00")
            && results[1].contains("2026-11-20T16:00:00+01:00"),
        "{results:?}"
    );
    assert_eq!((made.kind, made.timezone.as_str()), (JobKind::Message, "Europe/Berlin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_without_a_card_only_reads() {
    let house = House::with_jobs([
        calls(
            "c1",
            "schedule",
            r#"{"kind":"prompt","text":"restart plex when it is down","when":"daily 10:00"}"#,
        ),
        says("Set."),
        calls("c2", "read_state", r#"{"name":"plex"}"#),
        calls("c3", "act", r#"{"action":"restart","name":"plex"}"#),
        says("I may not."),
    ])
    .await;
    house.ask("look after plex").await;
    let made = job(&house).await;
    house.clock.advance(Duration::from_mins(14));
    assert_eq!(ended(&house, &made.id, 1).await, (JobRunState::Done, None));
    assert_eq!(house.world.done(), Vec::<String>::new());
    assert_eq!(house.cards().await.len(), 0);
    let talk = house.talk().await;
    assert_eq!(
        talk[2..],
        ["user: restart plex when it is down", "assistant: I may not."]
    );
    let audit = house.audit().await;
    assert_eq!(
        audit[2..],
        [
            "job.fired owner/schedule",
            "tool.intent owner/schedule read_state {\"name\":\"plex\"} allow read",
            "tool.outcome owner/schedule read_state ok",
            "decision owner/schedule act {\"action\":\"restart\",\"name\":\"plex\"} deny reads_only denied",
            "job.ended owner/schedule done",
        ]
    );
    let view = job(&house).await;
    let last = view.last.expect("it ran");
    assert!(last.delivered_at.is_some() && last.run_id.is_some(), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_acts_needs_a_card_that_says_with_what() {
    let wanted = r#"{"kind":"prompt","text":"restart plex, and stop web","when":"daily 10:00","may_use":["act"]}"#;
    let house = House::with_jobs([
        calls("c1", "schedule", wanted),
        says("It waits."),
        calls("c2", "act", r#"{"action":"restart","name":"plex"}"#),
        calls("c3", "act", r#"{"action":"stop","name":"web"}"#),
        says("Plex is restarted; web waits for you."),
    ])
    .await;
    house.ask("every day at 10 restart plex and stop web").await;
    assert_eq!(
        jobs(&house).await,
        Vec::<JobView>::new(),
        "nothing is set without approval"
    );
    let card = house.card().await;
    let plan = card.plan["says"].to_string();
    assert!(
        plan.contains("it may act with act") && plan.contains("Fri 2026-11-20 10:00"),
        "{plan}"
    );
    house.approve(&card.id).await;
    let made = job(&house).await;
    assert_eq!(made.may_use, ["act"]);

    house.clock.advance(Duration::from_mins(14));
    assert_eq!(ended(&house, &made.id, 1).await, (JobRunState::Done, None));
    assert_eq!(
        house.world.done(),
        ["restart plex"],
        "what destroys is asked for each time"
    );
    assert_eq!(house.cards().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_table_a_tool_says_what_it_did_not_do() {
    let wish = r#"{"text":"tea","when":"in 1 h"}"#;
    let tools = [
        ("schedule", wish, "nothing was set"),
        ("list_jobs", "{}", "the jobs cannot be listed"),
        ("cancel_job", r#"{"id":"K7QXA"}"#, "nothing was cancelled"),
    ];
    for (tool, arguments, expect) in tools {
        let house = House::with_jobs([calls("c1", tool, arguments), says("No.")]).await;
        let gone = "ALTER TABLE jobs RENAME TO gone";
        house.store.execute_raw(gone).await.expect("a table");
        let answer = house.ask("in 1 h: cancel job K7QXA").await;
        let result = house.calls_of(&answer).await.remove(0).result.expect("a result");
        let expect = format!("the database does not answer, so {expect}");
        assert_eq!(result["error"], json!(expect), "{tool}");
    }
}

/// Whoever approves it has read all of it, wherever they read it.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_shows_the_whole_prompt() {
    let text = format!("{}then stop web", "look at the logs, ".repeat(80));
    let wanted = json!({ "kind": "prompt", "text": text, "when": "daily 10:00", "may_use": ["act"] }).to_string();
    let approvals = ApprovalsConfig {
        room: Some("wall:ops".to_owned().try_into().expect("a room")),
        ..ApprovalsConfig::default()
    };
    let house = House::with_jobs([]).await;
    let house = House { approvals, ..house };
    let house = house
        .restarted([calls("c1", "schedule", &wanted), says("It waits.")])
        .await;
    let wall = Wall::new();
    house.agent.connect(wall.adapter());
    house.ask("every day at 10").await;
    let plan = house.card().await.plan["says"][1].to_string();
    assert!(plan.ends_with("then stop web\""), "{plan}");
    let shown = found("the card", async || wall.shows().pop()).await;
    assert_eq!(shown.matches("then stop web").count(), 2, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_use_no_tool_that_makes_jobs() {
    let wanted = r#"{"kind":"prompt","text":"x","when":"daily 10:00","may_use":["schedule"]}"#;
    let often = r#"{"kind":"prompt","text":"x","when":"every 1 min"}"#;
    let house = House::with_jobs([
        calls("c1", "schedule", wanted),
        calls("c2", "schedule", often),
        says("No."),
    ])
    .await;
    let answer = house.ask("x").await;
    let results: Vec<String> = house
        .calls_of(&answer)
        .await
        .iter()
        .map(|call| call.result.clone().unwrap_or_default().to_string())
        .collect();
    assert!(
        results.iter().any(|result| result.contains("at most every 5 minutes")),
        "{results:?}"
    );
    assert_eq!(jobs(&house).await, Vec::<JobView>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_lost_its_rights_runs_nothing_any_more() {
    let check = async |change: &str| {
        let house = House::with_jobs([
            calls(
                "c1",
                "schedule",
                r#"{"kind":"prompt","text":"well?","when":"daily 10:00"}"#,
            ),
            says("Set."),
        ])
        .await;
        let row = KeyRow {
            id: "id-laptop".into(),
            name: "laptop".into(),
            hash: "h".into(),
            prefix: "p".into(),
            scopes: "chat ops".into(),
            created_at: NOW,
            last_used_at: None,
            revoked_at: None,
            allowance: Allowance::default(),
            expires_at: None,
        };
        house.store.add_key(&row).await.expect("a key");
        let laptop = Principal::of(&key("laptop", &[Scope::Chat, Scope::Ops]), Surface::Api);
        let mut seen = house.watch();
        let said = house
            .agent
            .say(&laptop, &house.conversation, "ask daily", None)
            .await
            .expect("taken");
        seen.finished(said.message.run_id.as_deref().expect("a run")).await;
        let id = job(&house).await.id;

        house.store.execute_raw(change).await.expect("changed");
        house.clock.advance(Duration::from_mins(14));
        assert_eq!(ended(&house, &id, 1).await.0, JobRunState::Failed, "{change}");
        seen.told("It is paused now.").await;
        assert_eq!(job(&house).await.status, JobStatus::Paused);
        assert_eq!(house.model.calls().len(), 2, "no model was asked: {change}");
    };
    check("UPDATE api_keys SET revoked_at = 1").await;
    check("UPDATE api_keys SET expires_at = 1").await;
    check("UPDATE api_keys SET scopes = 'chat'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_made_on_a_platform_asks_there_with_what_its_maker_has_now() {
    let prompt = r#"{"kind":"prompt","text":"how is plex?","when":"daily 10:00"}"#;
    let town = Town::with_jobs([
        calls("c1", "schedule", prompt),
        says("Set."),
        calls("c2", "read_state", r#"{"name":"plex"}"#),
        says("plex runs."),
    ])
    .await;
    let kim = discord("20", "kim", &[]);
    town.asks(&kim, OPS, "/whoami").await;
    town.asks(&town::owner(), OPS, "/trust discord:20 operator").await;
    let answer = town.asks(&kim, OPS, "daily 10:00, tell me how plex is").await;
    assert_eq!(answer, "Set.");
    let made = job(&town.house).await;
    assert_eq!((made.kind, made.status), (JobKind::Prompt, JobStatus::Active));
    let before = town.lines("discord", OPS).len();
    town.house.clock.advance(Duration::from_mins(14));
    assert_eq!(ended(&town.house, &made.id, 1).await, (JobRunState::Done, None));
    assert_eq!(town.line("discord", OPS, before).await, "plex runs.");
    let asked = town.house.model.calls().pop().expect("a call").request;
    assert!(
        asked
            .messages
            .iter()
            .any(|message| message.joined_text().contains("how is plex?"))
    );

    // Taken back: nothing more is asked, and the owner is told.
    town.asks(&town::owner(), OPS, "/trust discord:20 public").await;
    let calls = town.house.model.calls().len();
    town.house.clock.advance(Duration::from_hours(24));
    let (state, says) = ended(&town.house, &made.id, 2).await;
    assert_eq!(state, JobRunState::Failed);
    assert_eq!(says.as_deref(), Some("whoever made it may not ask for it any more"));
    assert_eq!(town.house.model.calls().len(), calls);
    assert_eq!(job(&town.house).await.status, JobStatus::Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_on_a_platform_schedules_no_prompt() {
    let prompt = r#"{"kind":"prompt","text":"how is plex?","when":"daily 10:00"}"#;
    let town = Town::with_jobs([calls("c1", "schedule", prompt), says("I may not.")]).await;
    let role = discord("30", "mo", &[town::MODERATORS]);
    town.asks(&role, TOOLS, "every day at ten, tell me how plex is").await;
    assert_eq!(jobs(&town.house).await, Vec::<JobView>::new());
}
