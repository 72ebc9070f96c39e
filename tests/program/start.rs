//! The first minutes of a new user.

use serde_json::json;
use tempfile::TempDir;

use crate::jarvis::{Jarvis, Setup, command};

#[tokio::test]
async fn it_starts_with_nothing_and_says_what_it_found() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let lines = jarvis.lines.join("\n");
    assert!(
        lines.contains(&format!("listens on http://{}/", jarvis.address)),
        "{lines}"
    );
    assert!(lines.contains("Ollama     missing"), "{lines}");
    assert!(lines.contains("OpenAI     missing"), "{lines}");
    assert!(lines.contains("Docker     found    Engine"), "{lines}");
    assert_eq!(jarvis.get("/healthz").await.status, 200);
    assert_eq!(jarvis.get("/readyz").await.status, 200);
    let console = jarvis.get("/").await;
    assert_eq!(console.status, 200);
    assert!(console.text.contains("<title>"), "{}", console.text);
    let status = jarvis.get("/v1/jarvis/status").await.json();
    assert_eq!(status["console"], json!(format!("http://{}/", jarvis.address)));
    assert_eq!(status["found"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_database_is_private_to_its_user() {
    use std::os::unix::fs::PermissionsExt;
    let jarvis = Jarvis::start(&Setup::default()).await;
    for file in ["jarvis.db", "local.key"] {
        let mode = std::fs::metadata(jarvis.data().join(file))
            .expect(file)
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let (says, ok) = {
        let output = command(&jarvis.data()).output().await.expect("it runs");
        (
            String::from_utf8_lossy(&output.stderr).into_owned(),
            output.status.success(),
        )
    };
    assert!(!ok);
    assert!(says.contains("another Jarvis uses the data folder"), "{says}");
}

#[tokio::test]
async fn a_port_in_use_is_said_with_the_way_out() {
    let jarvis = Jarvis::start(&Setup::default()).await;
    let folder = TempDir::new().expect("a folder");
    let output = command(folder.path())
        .env("JARVIS_LISTEN", &jarvis.address)
        .output()
        .await
        .expect("it runs");
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(says.contains(&jarvis.address) && says.contains("--listen"), "{says}");
}

/// A configuration that is not right is refused with the key that is wrong.
#[tokio::test]
async fn a_wrong_configuration_names_its_fault() {
    let check = async |config: &str, expect: &str| {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("jarvis.toml"), config).expect("a configuration");
        let output = command(folder.path()).output().await.expect("it runs");
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{config}");
        assert!(says.contains(expect), "{config}: {says}");
    };
    check("lisen = 1", "lisen").await;
    check("[agent]\nhistory = 3", "history").await;
    check("[backends.x]\nkind = \"olama\"\nbase_url = \"http://x\"", "olama").await;
    check(
        "[[aliases.jarvis-chat.targets]]\nbackend = \"gpu\"\nmodel = \"m\"",
        "there is no [backends.gpu]",
    )
    .await;
    let pasted = "[backends.x]\nkind = \"openai\"\nbase_url = \"http://x\"\ncredential = \"sk-secret\"\n\
                  [[aliases.jarvis-chat.targets]]\nbackend = \"x\"\nmodel = \"m\"";
    check(pasted, "env:NAME").await;
}

#[tokio::test]
async fn migrate_and_doctor_say_how_things_are() {
    let folder = TempDir::new().expect("a folder");
    let run = async |arguments: &[&str]| {
        let output = command(folder.path()).args(arguments).output().await.expect("it runs");
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            output.status.success(),
        )
    };
    let (says, ok) = run(&["migrate", "--check"]).await;
    assert!(!ok && says.contains("pending"), "{says}");
    let (says, ok) = run(&["migrate"]).await;
    assert!(ok && says.contains("up to date"), "{says}");
    let (says, ok) = run(&["migrate", "--check"]).await;
    assert!(ok && says.contains("up to date"), "{says}");
    let (says, ok) = run(&["doctor"]).await;
    assert!(!ok, "no model is there: {says}");
    assert!(
        says.contains("audit of 0 entries intact") && says.contains("by the environment of this command"),
        "{says}"
    );
}
