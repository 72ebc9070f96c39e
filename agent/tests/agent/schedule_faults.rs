//! Jobs over restarts, crashes, two processes, jumping clocks, crowds and failures.

use std::collections::BTreeSet;
use std::time::Duration;

use jarvis_gateway::clock::Millis;
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{fails, says};
use jarvis_memory::jobs::{Job, JobKind, JobRun, JobRunState, JobStatus, Misfire};
use jarvis_memory::records::Run;
use serde_json::json;

use crate::schedule::{ended, found, job, of_jobs, pass};
use crate::support::House;
use crate::support::house::NOW;

/// Due every hour from `NOW` on, for the first time in an hour.
fn hourly(house: &House, id: &str, kind: JobKind, misfire: Misfire) -> Job {
    Job {
        id: id.into(),
        person_id: "owner".into(),
        conversation_id: Some(house.conversation.clone()),
        kind,
        text: format!("text of {id}"),
        rule: json!({ "kind": "every", "seconds": 3600, "from": NOW.0 }),
        zone: "UTC".into(),
        misfire,
        may_use: Vec::new(),
        grounded: true,
        tainted: false,
        max_trust: 3,
        status: JobStatus::Active,
        next_due: Some(Millis(NOW.0 + 3_600_000)),
        failures: 0,
        created_at: NOW,
    }
}

async fn with(house: &House, job: &Job) {
    // Persons are rows once they have spoken.
    house.say("/jobs").await.expect("taken");
    assert!(house.store.create_job(job, 10_000).await.expect("a store"));
}

/// The claim of a process that is gone.
async fn left_behind(house: &House, job: &Job) -> JobRun {
    let run = JobRun {
        job_id: job.id.clone(),
        due: job.next_due.expect("a due job"),
        state: JobRunState::Claimed,
        holder: "gone".into(),
        lease_until: Millis(NOW.0 + 1),
        run_id: uuid_of("11"),
        missed: 0,
        claimed_at: NOW,
        ended_at: None,
        delivered_at: None,
        says: None,
    };
    let next = Some(Millis(NOW.0 + 7_200_000));
    assert!(house.store.claim_job(&run, next).await.expect("a store"));
    run
}

fn uuid_of(end: &str) -> String {
    format!("01999999-0000-7000-8000-0000000000{end}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_during_a_downtime_runs_once_or_is_skipped() {
    let house = House::new([]).await;
    with(&house, &hourly(&house, "LATER", JobKind::Message, Misfire::RunOnce)).await;
    with(&house, &hourly(&house, "SKIPS", JobKind::Message, Misfire::Skip)).await;
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    house.clock.advance(Duration::from_mins(5 * 60 + 30));
    let house = house.restarted([]).await;
    assert_eq!(ended(&house, "LATER", 1).await, (JobRunState::Done, None));
    let (state, why) = ended(&house, "SKIPS", 1).await;
    assert_eq!(
        (state, why.as_deref()),
        (JobRunState::Skipped, Some("Jarvis was not running when it was due"))
    );
    pass(&house, 0).await;
    let late =
        "event: **Reminder**: text of LATER\n\n*Late: this was due Fri 2026-11-20 10:46:40, and 4 more times since.*";
    assert_eq!(of_jobs(&house).await, [late]);
    let next = house
        .store
        .job("SKIPS")
        .await
        .expect("a store")
        .expect("a job")
        .next_due;
    assert_eq!(next, Some(Millis(NOW.0 + 6 * 3_600_000)), "it goes on with its rule");
    house.clock.advance(Duration::from_mins(30));
    ended(&house, "SKIPS", 2).await;
    ended(&house, "LATER", 2).await;
    assert_eq!(of_jobs(&house).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_whose_process_died_is_said_once() {
    let house = House::new([]).await;
    let job = hourly(&house, "CRASH", JobKind::Message, Misfire::RunOnce);
    with(&house, &job).await;
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    let run = left_behind(&house, &job).await;
    house.clock.advance(Duration::from_hours(1));
    let house = house.restarted([]).await;
    assert_eq!(ended(&house, "CRASH", 1).await, (JobRunState::Done, None));
    assert_eq!(of_jobs(&house).await, ["event: **Reminder**: text of CRASH"]);

    // It died after the words and before the end was written.
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    let unwritten = "UPDATE job_runs SET state = 'claimed', ended_at = NULL, delivered_at = NULL, lease_until = 1";
    house.store.execute_raw(unwritten).await.expect("unwritten");
    let house = house.restarted([]).await;
    assert_eq!(ended(&house, "CRASH", 1).await, (JobRunState::Done, None));
    pass(&house, 0).await;
    assert_eq!(of_jobs(&house).await, ["event: **Reminder**: text of CRASH"]);
    assert_eq!(
        house.store.job_runs("CRASH", 9).await.expect("a store")[0].run_id,
        run.run_id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_whose_process_died_is_reported_and_not_asked_again() {
    let house = House::new([]).await;
    let job = hourly(&house, "CRASH", JobKind::Prompt, Misfire::RunOnce);
    with(&house, &job).await;
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    let claim = left_behind(&house, &job).await;
    let (here, by) = (house.conversation.clone(), Some("owner".to_owned()));
    let begun = Run::begun(claim.run_id.clone(), here, by, NOW);
    house.store.start_run(&begun).await.expect("a run");
    house.clock.advance(Duration::from_hours(1));
    let house = house.restarted([says("never")]).await;
    let (state, why) = ended(&house, "CRASH", 1).await;
    let expect = "Jarvis was stopped while it ran; it is not run again for this time";
    assert_eq!((state, why.as_deref()), (JobRunState::Unknown, Some(expect)));
    let told = found("the report", async || of_jobs(&house).await.pop()).await;
    assert_eq!(
        told,
        format!("event: Job **CRASH** of Fri 2026-11-20 10:46:40 has an unknown outcome: {expect}.")
    );
    assert_eq!(house.model.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_could_not_be_stored_is_asked_when_it_can_be() {
    let house = House::new([says("all is well")]).await;
    with(&house, &hourly(&house, "WAITS", JobKind::Prompt, Misfire::RunOnce)).await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'full'); END";
    house.store.execute_raw(full).await.expect("a trigger");
    pass(&house, 60).await;
    house.store.execute_raw("DROP TRIGGER full").await.expect("no trigger");
    // The claim is held for a minute.
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(ended(&house, "WAITS", 1).await, (JobRunState::Done, None));
    assert_eq!(house.talk().await.pop().as_deref(), Some("assistant: all is well"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_was_claimed_and_never_begun_is_asked() {
    let house = House::new([]).await;
    let job = hourly(&house, "CRASH", JobKind::Prompt, Misfire::RunOnce);
    with(&house, &job).await;
    assert!(house.tasks.stop(Duration::from_secs(10)).await);
    left_behind(&house, &job).await;
    house.clock.advance(Duration::from_hours(1));
    let house = house.restarted([says("all is well")]).await;
    assert_eq!(ended(&house, "CRASH", 1).await, (JobRunState::Done, None));
    assert_eq!(house.talk().await.pop().as_deref(), Some("assistant: all is well"));
    assert_eq!(house.model.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_and_a_clock_that_goes_back_say_it_once() {
    let house = House::new([]).await;
    with(&house, &hourly(&house, "TWICE", JobKind::Message, Misfire::RunOnce)).await;
    // The first one goes on beside the second.
    let first = house.tasks.clone();
    let house = house.restarted([]).await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(ended(&house, "TWICE", 1).await, (JobRunState::Done, None));
    pass(&house, 0).await;
    assert_eq!(of_jobs(&house).await.len(), 1);
    // As if the clock had been set back, and the job with it.
    let back = format!("UPDATE jobs SET next_due = {}", NOW.0 + 3_600_000);
    house.store.execute_raw(&back).await.expect("set back");
    pass(&house, 0).await;
    assert_eq!(of_jobs(&house).await.len(), 1);
    let next = house
        .store
        .job("TWICE")
        .await
        .expect("a store")
        .expect("a job")
        .next_due;
    assert_eq!(next, Some(Millis(NOW.0 + 2 * 3_600_000)));
    assert!(first.stop(Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_the_same_second_are_each_said_once() {
    const CROWD: usize = 1000;
    let house = House::new([]).await;
    for number in 0..CROWD {
        let id = format!("J{number:04}");
        let job = hourly(&house, &id, JobKind::Message, Misfire::RunOnce);
        if number == 0 {
            with(&house, &job).await;
        } else {
            assert!(house.store.create_job(&job, 10_000).await.expect("a store"));
        }
    }
    house.clock.advance(Duration::from_hours(1));
    let said = async || {
        let messages = house
            .store
            .messages(&house.conversation, None, 5_000)
            .await
            .expect("a store");
        let texts: Vec<String> = messages.into_iter().map(|message| message.text).collect();
        let reminders: Vec<String> = texts
            .into_iter()
            .filter(|text| text.starts_with("**Reminder**"))
            .collect();
        (reminders.len() >= CROWD).then_some(reminders)
    };
    let all = found("a thousand reminders", said).await;
    pass(&house, 0).await;
    assert_eq!(all.len(), CROWD);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), CROWD);
    assert_eq!(said().await.map(|all| all.len()), Some(CROWD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_always_fails_is_paused_and_says_so() {
    let broken = || fails(Class::HostDown, "no");
    let house = House::new([broken(), broken(), broken(), broken(), broken(), says("too late")]).await;
    with(&house, &hourly(&house, "FAILS", JobKind::Prompt, Misfire::RunOnce)).await;
    for nth in 1..=5 {
        house.clock.advance(Duration::from_hours(1));
        let (state, why) = ended(&house, "FAILS", nth).await;
        assert_eq!(
            (state, why.as_deref()),
            (JobRunState::Failed, Some("no model answered"))
        );
    }
    let told = found("the notice", async || {
        let told = of_jobs(&house).await.pop();
        told.filter(|text| text.contains("paused"))
    });
    assert_eq!(
        told.await,
        "event: Job **FAILS** of Fri 2026-11-20 14:46:40 did not work: no model answered. It is paused now. \
         `/jobs resume FAILS` starts it again."
    );
    assert_eq!(job(&house).await.status, JobStatus::Paused);
    pass(&house, 60).await;
    assert_eq!(house.model.left(), 1, "it is not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_nobody_can_be_told_are_an_event_for_the_owner() {
    let house = House::new([]).await;
    let gone = Job {
        conversation_id: None,
        ..hourly(&house, "ALONE", JobKind::Message, Misfire::RunOnce)
    };
    with(&house, &gone).await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(ended(&house, "ALONE", 1).await.0, JobRunState::Failed);
    let told = found("the notice", async || of_jobs(&house).await.pop()).await;
    assert!(
        told.starts_with("event: Job **ALONE** of Fri 2026-11-20 10:46:40 did not work: the conversation")
            && told.contains("It is paused now."),
        "{told}"
    );
    let run = house.store.job_runs("ALONE", 1).await.expect("a store").remove(0);
    assert_eq!(run.delivered_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_stops_nothing_else() {
    let house = House::new([]).await;
    let odd = Job {
        rule: json!({ "kind": "by moon" }),
        ..hourly(&house, "ODDLY", JobKind::Message, Misfire::RunOnce)
    };
    with(&house, &odd).await;
    with(&house, &hourly(&house, "GOODY", JobKind::Message, Misfire::RunOnce)).await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(ended(&house, "GOODY", 1).await, (JobRunState::Done, None));
    let odd = house.store.job("ODDLY").await.expect("a store").expect("a job");
    assert_eq!(odd.status, JobStatus::Paused);
}
