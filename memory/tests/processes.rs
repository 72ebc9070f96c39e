//! Several processes on one database: they migrate it once, keep one audit chain, and one that dies leaves it whole.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use jarvis_gateway::clock::Millis;
use jarvis_memory::Store;
use jarvis_memory::records::{AuditCheck, AuditEvent};

const CHILDREN: usize = 6;
const ENTRIES: i64 = 20;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "as-child", "append", url] => append(url, ENTRIES).await,
        [_, "as-child", "append-forever", url] => append(url, i64::MAX).await,
        [_, "as-child", "hold-lock", path] => hold_lock(path),
        // Anything else is what the test runner passes.
        _ => {
            opened_by_many().await?;
            killed_while_writing().await?;
            killed_while_migrating().await
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

async fn opened_by_many() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}/new/jarvis.db", folder.path().display());
    let children = (0..CHILDREN)
        .map(|_| child("append", &url))
        .collect::<Result<Vec<_>>>()?;
    for mut child in children {
        let ended = child.wait()?;
        expect(
            ended.success(),
            &format!("a process that opens and appends ended with {ended}"),
        )?;
    }
    let checked = Store::open(&url).await?.check_audit().await?;
    let entries = i64::try_from(CHILDREN)? * ENTRIES;
    expect(
        checked == AuditCheck::Intact { entries },
        &format!("{entries} entries, found {checked:?}"),
    )
}

async fn killed_while_writing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}/jarvis.db", folder.path().display());
    for round in 1..=5 {
        let mut writer = child("append-forever", &url)?;
        said(&mut writer, "appending")?;
        writer.kill()?;
        writer.wait()?;
        let checked = Store::open(&url).await?.check_audit().await?;
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
