//! The prompt in a real terminal: the example `chat` runs in one, and keys are pressed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use serde_json::json;

use super::clean::clean;
use super::stand_in::{Server, Step};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const UP: &str = "\u{1b}[A";

struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// What of the screen, in bytes of its plain text, was waited for already.
    passed: usize,
}

impl Terminal {
    fn open(url: &str, history: &Path, kind: &str) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(Some(&size), None).unwrap();
        let (keys, theirs) = (File::from(pair.master), File::from(pair.slave));
        // `setsid` makes the terminal the child's own, so that Ctrl-C reaches it and not the test.
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(example())
            .args([url.as_ref(), history.as_os_str()])
            .env("TERM", kind)
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs)
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (shown, mut reader) = (Arc::clone(&screen), keys.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails when the last one who holds the other side is gone.
            while let Ok(read) = reader.read(&mut bytes) {
                shown
                    .lock()
                    .unwrap()
                    .extend_from_slice(bytes.get(..read).unwrap_or_default());
            }
        });
        Self {
            child,
            keys,
            screen,
            passed: 0,
        }
    }

    fn text(&self) -> String {
        clean(&String::from_utf8_lossy(&self.screen.lock().unwrap()))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `expect` was printed after all that was waited for before.
    async fn shows(&mut self, expect: &str) {
        let limit = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            let text = self.text();
            let new = text.get(self.passed..).unwrap_or_default();
            if let Some((before, _)) = new.split_once(expect) {
                self.passed += before.len() + expect.len();
                return;
            }
            assert!(tokio::time::Instant::now() < limit, "waited for {expect:?} in {new:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ends(&mut self) -> ExitStatus {
        let limit = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                tokio::time::Instant::now() < limit,
                "the chat did not end: {:?}",
                self.text()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

/// Cargo puts examples beside the folder of the test programs.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().and_then(Path::parent).unwrap().join("examples/chat");
    assert!(
        path.exists(),
        "there is no {}: `cargo build -p jarvis-adapters --example chat` makes it",
        path.display()
    );
    path
}

fn answer(text: &str, why: &str) -> Step {
    Step::Message(json!({ "run_id": "RUN", "role": "assistant", "text": text, "detail": { "why": why } }))
}

#[tokio::test]
async fn lines_are_edited_and_kept_and_events_appear_above_them() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("jarvis/history");
    let mut terminal = Terminal::open(&server.url(), &history, "xterm");
    terminal.shows("`/help` says what can be typed\n").await;
    terminal.shows("> ").await;
    server.script(vec![answer("one", "answered")]);
    terminal.press("firsd\u{7f}t\r");
    terminal.shows("one\n").await;
    terminal.shows("> ").await;
    terminal.press("half a li");
    terminal.shows("half a li").await;
    server.happen(Step::Message(
        json!({ "run_id": null, "role": "event", "text": "web was\nrestarted", "detail": {} }),
    ));
    terminal.shows("web was\nrestarted\n> half a li").await;
    terminal.press(CTRL_C);
    terminal.shows("> ").await;
    server.script(vec![answer("two", "answered")]);
    terminal.press(" not kept\r");
    terminal.shows("two\n").await;
    terminal.shows("> ").await;
    terminal.press(UP);
    terminal.shows("first").await;
    terminal.press(CTRL_C);
    terminal.shows("> ").await;
    terminal.press(CTRL_C);
    assert!(terminal.ends().await.success());
    assert_eq!(std::fs::read_to_string(&history).unwrap(), "#V2\nfirst\n");
    assert_eq!(history.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let said: Vec<String> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.contains("text"))
        .collect();
    assert!(said.len() == 2 && said[0].contains(r#""text":"first""#), "{said:?}");
}

#[tokio::test]
async fn ctrl_c_stops_an_answer_and_the_prompt_comes_back() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(&server.url(), &folder.path().join("history"), "xterm");
    terminal.shows("> ").await;
    let delta = json!({ "type": "delta", "conversation_id": "c1", "run_id": "RUN", "text": "one two" });
    server.script(vec![
        Step::Event(delta),
        Step::UntilCancelled,
        answer("one two\n\n*Stopped.*", "cancelled"),
    ]);
    terminal.press("count\r");
    terminal.shows("one two").await;
    terminal.press(CTRL_C);
    terminal.shows("· stopping\n*Stopped.*\n").await;
    terminal.shows("> ").await;
    terminal.press(CTRL_D);
    assert!(terminal.ends().await.success());
}

#[tokio::test]
async fn a_terminal_that_cannot_move_its_cursor_will_do() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(&server.url(), &folder.path().join("history"), "dumb");
    terminal.shows("> ").await;
    server.script(vec![answer("one", "answered")]);
    terminal.press("first\n");
    terminal.shows("one\n").await;
    terminal.shows("> ").await;
    terminal.press(CTRL_D);
    assert!(terminal.ends().await.success());
}
