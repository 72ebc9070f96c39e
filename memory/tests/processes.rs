//! Several processes on one database: they migrate it once, keep one audit chain, and one that dies leaves it whole.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use jarvis_gateway::clock::Millis;
use jarvis_memory::jobs::{Job, JobKind, JobRun, JobRunState, JobStatus, Misfire};
use jarvis_memory::records::{AuditCheck, AuditEvent, Person};
use jarvis_memory::{Store, empty_postgres_database, postgres_database};

const CHILDREN: usize = 6;
const ENTRIES: i64 = 20;
const JOBS: i64 = 120;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "as-child", "append", url] => append(url, ENTRIES).await,
        [_, "as-child", "append-forever", url] => append(url, i64::MAX).await,
        [_, "as-child", "claim", url] => claim(url).await,
        [_, "as-child", "hold-lock", path] => hold_lock(path),
        [_, "as-child", "hold-lock-of-server", url] => hold_lock_of_server(url).await,
        // Anything else is what the test runner passes.
        _ => {
            let folder = tempfile::tempdir()?;
            let file = |name: &str| format!("sqlite:{}/{name}/jarvis.db", folder.path().display());
            opened_by_many(&file("opened")).await?;
            opened_by_many(&empty_postgres_database().await).await?;
            for url in [file("claimed"), postgres_database().await] {
                claimed_by_many(&url).await?;
            }
            for url in [file("killed"), postgres_database().await] {
                killed_while_writing(&url).await?;
            }
            killed_while_migrating().await?;
            killed_while_migrating_a_server(&empty_postgres_database().await).await
        }
    }
}

/// Says a line when it has begun.
#[expect(clippy::print_stdout, reason = "the parent waits for the line")]
async fn append(url: &str, entries: i64) -> Result<()> {
    let store = Store::open(url).await?;
    for index in 0..entries {
        store.append_audit(&event(), Millis(index)).await?;
        if index == 10 {
            println!("appending");
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the parent waits for the line")]
fn hold_lock(path: &str) -> Result<()> {
    let lock = std::fs::File::create(path)?;
    lock.lock()?;
    println!("locked");
    // Until the parent kills this process, or is gone.
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the parent waits for the line")]
async fn hold_lock_of_server(url: &str) -> Result<()> {
    let _lock = jarvis_memory::hold_migration_lock(url).await?;
    println!("locked");
    // Until the parent kills this process, or is gone.
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

async fn opened_by_many(url: &str) -> Result<()> {
    let children = (0..CHILDREN)
        .map(|_| child("append", url))
        .collect::<Result<Vec<_>>>()?;
    for mut child in children {
        let ended = child.wait()?;
        expect(
            ended.success(),
            &format!("a process that opens and appends ended with {ended}"),
        )?;
    }
    let checked = Store::open(url).await?.check_audit().await?;
    let entries = i64::try_from(CHILDREN)? * ENTRIES;
    expect(
        checked == AuditCheck::Intact { entries },
        &format!("{entries} entries, found {checked:?}"),
    )
}

/// Claims every due job that it can get, and says how many these were.
#[expect(clippy::print_stdout, reason = "the parent counts")]
async fn claim(url: &str) -> Result<()> {
    let store = Store::open(url).await?;
    let mut claimed = 0;
    loop {
        let due = store.due_jobs(Millis(JOBS), 10).await?;
        if due.is_empty() {
            break;
        }
        for job in due {
            let run = JobRun {
                job_id: job.id,
                due: job.next_due.ok_or("a due job has a time")?,
                state: JobRunState::Claimed,
                holder: format!("{}", std::process::id()),
                lease_until: Millis(JOBS),
                run_id: String::new(),
                missed: 0,
                claimed_at: Millis(0),
                ended_at: None,
                delivered_at: None,
                says: None,
            };
            claimed += i64::from(store.claim_job(&run, None).await?);
        }
    }
    println!("{claimed}");
    Ok(())
}

/// Every due time goes to one process, and none is left over.
async fn claimed_by_many(url: &str) -> Result<()> {
    let store = Store::open(url).await?;
    let person = Person {
        id: "anna".into(),
        display: "Anna".into(),
        trust: 3,
    };
    store.put_person(&person).await?;
    for number in 0..JOBS {
        let job = Job {
            id: format!("JOB{number}"),
            person_id: person.id.clone(),
            conversation_id: None,
            kind: JobKind::Message,
            text: "tea".into(),
            rule: serde_json::Value::Null,
            zone: "UTC".into(),
            misfire: Misfire::RunOnce,
            may_use: Vec::new(),
            grounded: true,
            tainted: false,
            max_trust: 3,
            status: JobStatus::Active,
            next_due: Some(Millis(number)),
            failures: 0,
            created_at: Millis(0),
        };
        expect(store.create_job(&job, JOBS).await?, "a job is made")?;
    }
    let children = (0..CHILDREN).map(|_| child("claim", url)).collect::<Result<Vec<_>>>()?;
    let mut claimed = 0;
    for child in children {
        let output = child.wait_with_output()?;
        expect(
            output.status.success(),
            &format!("a claiming process ended with {}", output.status),
        )?;
        claimed += String::from_utf8(output.stdout)?.trim().parse::<i64>()?;
    }
    let held = store.abandoned_job_runs(Millis(JOBS), 2 * JOBS).await?.len();
    expect(
        claimed == JOBS && i64::try_from(held)? == JOBS,
        &format!("{JOBS} due times were claimed {claimed} times, in {held} rows"),
    )
}

async fn killed_while_writing(url: &str) -> Result<()> {
    for round in 1..=5 {
        let mut writer = child("append-forever", url)?;
        said(&mut writer, "appending")?;
        writer.kill()?;
        writer.wait()?;
        let checked = Store::open(url).await?.check_audit().await?;
        let whole = matches!(checked, AuditCheck::Intact { entries } if entries >= 11 * round);
        expect(whole, &format!("after {round} kills the chain is {checked:?}"))?;
    }
    Ok(())
}

/// The lock of a process that dies does not keep others out.
async fn killed_while_migrating() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("jarvis.db");
    let mut holder = child("hold-lock", &format!("{}.lock", path.display()))?;
    said(&mut holder, "locked")?;
    let url = format!("sqlite:{}", path.display());
    let opening = Store::open(&url);
    let kill = async {
        tokio::task::yield_now().await;
        holder.kill()?;
        holder.wait()
    };
    let (opened, killed) = futures_util::join!(opening, kill);
    killed?;
    Ok(opened?.ping().await?)
}

/// The same of a server's lock, which goes with the connection of the one that died.
async fn killed_while_migrating_a_server(url: &str) -> Result<()> {
    let mut holder = child("hold-lock-of-server", url)?;
    said(&mut holder, "locked")?;
    let opening = Store::open(url);
    let kill = async {
        tokio::task::yield_now().await;
        holder.kill()?;
        holder.wait()
    };
    let (opened, killed) = futures_util::join!(opening, kill);
    killed?;
    Ok(opened?.ping().await?)
}

fn child(what: &str, argument: &str) -> Result<Child> {
    let child = Command::new(std::env::current_exe()?)
        .args(["as-child", what, argument])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

fn said(child: &mut Child, expected: &str) -> Result<()> {
    let output = child.stdout.take().ok_or("the child has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    expect(
        line.trim() == expected,
        &format!("the child said `{line}` and not `{expected}`"),
    )
}

fn event() -> AuditEvent {
    AuditEvent {
        kind: "x".into(),
        ..AuditEvent::default()
    }
}

fn expect(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(what.into()) }
}
