//! Jobs and their due times.

use futures_util::future::join_all;
use jarvis_gateway::clock::Millis;
use jarvis_memory::jobs::{Job, JobEnd, JobKind, JobRun, JobRunState, JobStatus, Misfire};
use jarvis_memory::{Error, Store};
use serde_json::json;

use super::make::NOW;
use super::{Case, make};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a job is created, found and listed by its person",
        run: |store| Box::pin(created(store)),
    },
    Case {
        name: "a person has so many open jobs and no more",
        run: |store| Box::pin(limited(store)),
    },
    Case {
        name: "jobs are due in order, and only active ones",
        run: |store| Box::pin(due(store)),
    },
    Case {
        name: "a due time is claimed once, by one of many",
        run: |store| Box::pin(raced(store)),
    },
    Case {
        name: "a due time that was taken is not taken again, whatever becomes of the job",
        run: |store| Box::pin(once_ever(store)),
    },
    Case {
        name: "runs that ended long ago are forgotten",
        run: |store| Box::pin(forgotten(store)),
    },
    Case {
        name: "a lease that ran out is taken over once, and its old holder writes nothing",
        run: |store| Box::pin(fenced(store)),
    },
    Case {
        name: "a job that fails in a row is paused",
        run: |store| Box::pin(failing(store)),
    },
    Case {
        name: "jobs are cancelled, paused and resumed from the states that allow it",
        run: |store| Box::pin(changed(store)),
    },
];

pub(super) async fn job(store: &Store) -> Job {
    let conversation = make::stored_conversation(store).await;
    store.put_person(&make::person("anna", 3)).await.unwrap();
    Job {
        id: "K7QXA".into(),
        person_id: "anna".into(),
        conversation_id: Some(conversation.id),
        kind: JobKind::Prompt,
        text: "what is 'down'?".into(),
        rule: json!({ "kind": "every", "seconds": 60, "from": 0 }),
        zone: "Europe/Berlin".into(),
        misfire: Misfire::Skip,
        may_use: vec!["docker_action".into()],
        grounded: true,
        tainted: false,
        max_trust: 3,
        status: JobStatus::Active,
        next_due: Some(NOW),
        failures: 0,
        created_at: NOW,
    }
}

async fn stored(store: &Store) -> Job {
    let job = job(store).await;
    assert!(store.create_job(&job, 10).await.unwrap());
    job
}

fn claim(job: &Job, holder: &str) -> JobRun {
    JobRun {
        job_id: job.id.clone(),
        due: job.next_due.unwrap(),
        state: JobRunState::Claimed,
        holder: holder.into(),
        lease_until: Millis(NOW.0 + 60_000),
        run_id: make::id(),
        missed: 2,
        claimed_at: NOW,
        ended_at: None,
        delivered_at: None,
        says: None,
    }
}

const LATER: Millis = Millis(NOW.0 + 60_000);

fn end(state: JobRunState) -> JobEnd {
    JobEnd {
        state,
        delivered_at: Some(LATER),
        says: Some("well".into()),
    }
}

async fn created(store: Store) {
    let job = stored(&store).await;
    assert_eq!(store.job("k7qxa").await.unwrap(), Some(job.clone()));
    assert_eq!(store.job("K7QXB").await.unwrap(), None);
    assert!(!store.create_job(&job, 10).await.unwrap(), "the id is taken");
    assert_eq!(store.open_jobs(None, 10).await.unwrap(), std::slice::from_ref(&job));
    assert_eq!(
        store.open_jobs(Some("anna"), 10).await.unwrap(),
        std::slice::from_ref(&job)
    );
    assert_eq!(store.open_jobs(Some("bert"), 10).await.unwrap(), []);
    let nobodys = Job {
        id: "NOONE".into(),
        person_id: "nobody".into(),
        ..job
    };
    assert!(matches!(
        store.create_job(&nobodys, 10).await,
        Err(Error::Missing { .. })
    ));
}

async fn limited(store: Store) {
    let job = job(&store).await;
    let numbered = |number: usize| Job {
        id: format!("JOB0{number}"),
        ..job.clone()
    };
    assert!(store.create_job(&numbered(1), 2).await.unwrap());
    assert!(store.create_job(&numbered(2), 2).await.unwrap());
    assert!(!store.create_job(&numbered(3), 2).await.unwrap());
    store.cancel_job("JOB01").await.unwrap();
    assert!(
        store.create_job(&numbered(3), 2).await.unwrap(),
        "a cancelled one does not count"
    );
}

async fn due(store: Store) {
    let job = job(&store).await;
    for (id, due, status) in [
        ("LATE1", Some(NOW.0), JobStatus::Active),
        ("FIRST", Some(NOW.0 - 5), JobStatus::Active),
        ("AFTER", Some(NOW.0 + 1), JobStatus::Active),
        ("PAUSE", Some(NOW.0 - 9), JobStatus::Paused),
        ("NEVER", None, JobStatus::Active),
    ] {
        let job = Job {
            id: id.into(),
            next_due: due.map(Millis),
            status,
            ..job.clone()
        };
        assert!(store.create_job(&job, 10).await.unwrap());
    }
    let ids = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(store.due_jobs(NOW, 10).await.unwrap()), ["FIRST", "LATE1"]);
    assert_eq!(ids(store.due_jobs(NOW, 1).await.unwrap()), ["FIRST"]);
}

async fn raced(store: Store) {
    let job = stored(&store).await;
    let claims: Vec<JobRun> = (0..24).map(|index| claim(&job, &format!("holder {index}"))).collect();
    let results = join_all(claims.iter().map(|run| store.claim_job(run, Some(LATER)))).await;
    let won: Vec<&JobRun> = claims
        .iter()
        .zip(results)
        .filter_map(|(run, result)| result.unwrap().then_some(run))
        .collect();
    assert_eq!(won.len(), 1);
    assert_eq!(store.job_runs(&job.id, 10).await.unwrap(), [won[0].clone()]);
    assert_eq!(store.job(&job.id).await.unwrap().unwrap().next_due, Some(LATER));
    assert!(store.is_job_running(&job.id).await.unwrap());
}

async fn once_ever(store: Store) {
    let job = stored(&store).await;
    assert!(store.claim_job(&claim(&job, "one"), None).await.unwrap());
    assert_eq!(store.job(&job.id).await.unwrap().unwrap().status, JobStatus::Done);
    assert!(!store.claim_job(&claim(&job, "two"), Some(LATER)).await.unwrap());

    // The clock went back, or somebody resumed it at a time that has run.
    let other = Job {
        id: "OTHER".into(),
        ..job
    };
    assert!(store.create_job(&other, 10).await.unwrap());
    assert!(store.claim_job(&claim(&other, "one"), Some(LATER)).await.unwrap());
    store.pause_job("OTHER").await.unwrap();
    assert!(store.resume_job("other", NOW).await.unwrap().is_some());
    assert!(!store.claim_job(&claim(&other, "two"), Some(LATER)).await.unwrap());
    let moved = store.job("OTHER").await.unwrap().unwrap();
    assert_eq!(moved.next_due, Some(LATER), "it moves on all the same");
    assert_eq!(store.job_runs("OTHER", 10).await.unwrap().len(), 1);
}

async fn forgotten(store: Store) {
    let year = 366 * 24 * 60 * 60 * 1000;
    let mut job = stored(&store).await;
    for (due, held) in [
        (NOW.0, true),
        (NOW.0 + 1, false),
        (NOW.0 + year, false),
        (NOW.0 + year + 5, false),
    ] {
        store
            .execute_raw(&format!("UPDATE jobs SET next_due = {due}"))
            .await
            .unwrap();
        job.next_due = Some(Millis(due));
        let run = claim(&job, "one");
        assert!(store.claim_job(&run, Some(LATER)).await.unwrap());
        if !held {
            store
                .finish_job_run(&run, &end(JobRunState::Done), 5, LATER)
                .await
                .unwrap();
        }
    }
    let kept = store.job_runs(&job.id, 10).await.unwrap();
    let kept: Vec<i64> = kept.iter().map(|run| run.due.0 - NOW.0).collect();
    assert_eq!(kept, [year + 5, year, 0], "what is at work stays");
}

async fn fenced(store: Store) {
    let job = stored(&store).await;
    let run = claim(&job, "one");
    assert!(store.claim_job(&run, Some(LATER)).await.unwrap());
    let before = Millis(run.lease_until.0 - 1);
    assert_eq!(store.abandoned_job_runs(before, 10).await.unwrap(), []);
    assert!(!store.take_over_job_run(&run, "two", LATER, before).await.unwrap());
    let kept = Millis(run.lease_until.0 + 500);
    assert!(store.renew_job_lease(&run, kept).await.unwrap());
    assert_eq!(store.abandoned_job_runs(run.lease_until, 10).await.unwrap(), []);

    let abandoned = store.abandoned_job_runs(kept, 10).await.unwrap();
    assert_eq!(abandoned.len(), 1);
    let until = Millis(kept.0 + 1000);
    let takers: Vec<String> = (0..8).map(|index| format!("taker {index}")).collect();
    let tries = join_all(
        takers
            .iter()
            .map(|taker| store.take_over_job_run(&abandoned[0], taker, until, kept)),
    );
    let taken = tries.await.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(taken, 1);

    assert!(!store.renew_job_lease(&run, Millis(until.0 + 9)).await.unwrap());
    assert_eq!(
        store
            .finish_job_run(&run, &end(JobRunState::Done), 5, LATER)
            .await
            .unwrap(),
        None
    );
    let now_held = store.job_runs(&job.id, 1).await.unwrap().remove(0);
    assert_eq!((now_held.state, now_held.ended_at), (JobRunState::Claimed, None));
    let finished = store
        .finish_job_run(&now_held, &end(JobRunState::Unknown), 5, LATER)
        .await;
    assert_eq!(finished.unwrap(), Some(JobStatus::Active));
    let ended = store.job_runs(&job.id, 1).await.unwrap().remove(0);
    let expect = JobRun {
        state: JobRunState::Unknown,
        ended_at: Some(LATER),
        delivered_at: Some(LATER),
        says: Some("well".into()),
        ..now_held
    };
    assert_eq!(ended, expect);
    assert!(!store.is_job_running(&job.id).await.unwrap());
    assert_eq!(
        store
            .finish_job_run(&ended, &end(JobRunState::Done), 5, LATER)
            .await
            .unwrap(),
        None
    );
}

async fn failing(store: Store) {
    let mut job = stored(&store).await;
    let states = [
        (JobRunState::Failed, JobStatus::Active, 1),
        (JobRunState::Done, JobStatus::Active, 0),
        (JobRunState::Failed, JobStatus::Active, 1),
        (JobRunState::Unknown, JobStatus::Active, 2),
        (JobRunState::Failed, JobStatus::Paused, 3),
    ];
    for (state, status, failures) in states {
        let next = Millis(job.next_due.unwrap().0 + 1);
        let run = claim(&job, "one");
        assert!(store.claim_job(&run, Some(next)).await.unwrap());
        assert_eq!(
            store.finish_job_run(&run, &end(state), 3, NOW).await.unwrap(),
            Some(status)
        );
        job = store.job(&job.id).await.unwrap().unwrap();
        assert_eq!((job.status, job.failures), (status, failures));
    }
    let resumed = store.resume_job(&job.id, LATER).await.unwrap().unwrap();
    assert_eq!(
        (resumed.status, resumed.failures, resumed.next_due),
        (JobStatus::Active, 0, Some(LATER))
    );
}

async fn changed(store: Store) {
    let job = stored(&store).await;
    assert_eq!(
        store.resume_job(&job.id, LATER).await.unwrap(),
        None,
        "it is not paused"
    );
    assert_eq!(
        store.pause_job(&job.id).await.unwrap().unwrap().status,
        JobStatus::Paused
    );
    assert_eq!(store.pause_job(&job.id).await.unwrap(), None);
    assert!(
        !store.claim_job(&claim(&job, "one"), Some(LATER)).await.unwrap(),
        "paused is not due"
    );
    let cancelled = store.cancel_job("k7qxa").await.unwrap().unwrap();
    assert_eq!((cancelled.status, cancelled.next_due), (JobStatus::Cancelled, None));
    assert_eq!(store.cancel_job(&job.id).await.unwrap(), None);
    assert_eq!(store.resume_job(&job.id, LATER).await.unwrap(), None);
    assert_eq!(store.open_jobs(None, 10).await.unwrap(), []);
}
