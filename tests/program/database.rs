//! The database on a server, and from one place to another.

use jarvis_memory::empty_postgres_database;
use tempfile::TempDir;

use crate::jarvis::{Jarvis, Setup, command};

fn on(url: &str) -> Setup {
    Setup {
        config: format!("[database]\nurl = \"{url}\""),
        ..Setup::default()
    }
}

#[tokio::test]
async fn two_servers_on_one_postgresql_know_the_same() {
    let url = empty_postgres_database().await;
    let setup = on(&url);
    let (one, two) = tokio::join!(Jarvis::start(&setup), Jarvis::start(&setup));
    let conversation = one.conversation().await;
    one.ask(&conversation, "help").await;
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let (here, there) = (one.get(&path).await, two.get(&path).await);
    assert_eq!(there.status, 200, "{}", there.text);
    assert_eq!(here.json(), there.json());
    assert!(here.text.contains("help"), "{}", here.text);
    assert_eq!(one.get("/readyz").await.status, 200);
    assert!(!one.data().join("jarvis.db").exists());

    let (says, ok) = one.run(&["migrate", "--check"]).await;
    assert!(ok && says.contains("The database is up to date."), "{says}");
    let (says, _) = one.run(&["doctor"]).await;
    let line = says.lines().find(|line| line.contains("database")).unwrap_or_default();
    assert!(
        line.contains("postgres://jarvis@") && line.contains("entries intact"),
        "{says}"
    );
    let (says, ok) = two.run(&["key", "add", "laptop"]).await;
    assert!(ok, "{says}");
    let (says, ok) = one.run(&["key", "list"]).await;
    assert!(ok && says.contains("laptop"), "{says}");
}

#[tokio::test]
async fn an_installation_moves_to_a_server_and_back() {
    let from = Jarvis::start(&Setup::default()).await;
    let conversation = from.conversation().await;
    from.ask(&conversation, "help").await;
    let path = format!("/v1/jarvis/conversations/{conversation}/messages");
    let said = from.get(&path).await.json();
    let (says, ok) = from.run(&["export", "all.jsonl"]).await;
    assert!(ok && says.contains("messages") && says.contains("all.jsonl"), "{says}");
    let (says, ok) = from.run(&["export", "all.jsonl"]).await;
    assert!(!ok && says.contains("is there already"), "{says}");
    let file = from.data().join("all.jsonl");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
    assert_eq!(mode & 0o077, 0, "only its owner reads it");

    let url = empty_postgres_database().await;
    let folder = TempDir::new().expect("a folder");
    let setup = on(&url);
    std::fs::write(folder.path().join("jarvis.toml"), &setup.config).expect("a configuration");
    let import = async || {
        let output = command(folder.path())
            .arg("import")
            .arg(&file)
            .output()
            .await
            .expect("it runs");
        let says = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&says).into_owned(), output.status.success())
    };
    let (says, ok) = import().await;
    assert!(ok && says.contains("the same by count and hash"), "{says}");
    let (says, ok) = import().await;
    assert!(
        !ok && says.contains("is not empty") && says.contains("nothing was changed"),
        "{says}"
    );
    let to = Jarvis::start_in(folder, &setup).await;
    assert_eq!(to.get(&path).await.json(), said);
    let (says, ok) = to.run(&["import", file.to_str().expect("a path")]).await;
    assert!(!ok && says.contains("another Jarvis uses the data folder"), "{says}");
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let check = async |config: &str, url: &str, arguments: &[&str], expect: &str| {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("jarvis.toml"), config).expect("a configuration");
        let mut jarvis = command(folder.path());
        let output = jarvis
            .args(arguments)
            .env("PLACE", url)
            .output()
            .await
            .expect("it runs");
        let says = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!output.status.success(), "{says}");
        assert!(says.contains(expect), "{config}: {says}");
        assert!(!says.contains("hunter2"), "{says}");
    };
    let url = "postgres://jarvis:hunter2@127.0.0.1:9/home";
    let named = "[database]\nurl = \"env:PLACE\"";
    let away = "`postgres://jarvis@127.0.0.1:9/home`: the connection to the database failed";
    for arguments in [
        &[][..],
        &["migrate", "--check"],
        &["doctor"],
        &["audit"],
        &["export", "f"],
    ] {
        check(named, url, arguments, away).await;
    }
    check(
        &format!("[database]\nurl = \"{url}\""),
        "",
        &[],
        "database.url holds a password",
    )
    .await;
    check(named, "", &[], "the environment variable `PLACE` is not set").await;
    let mysql = "mysql://jarvis:hunter2@127.0.0.1:9/home";
    check(named, mysql, &[], "the address of a PostgreSQL database").await;
    let database = empty_postgres_database().await;
    let nowhere = database.replacen("localhost/", "localhost/nowhere_", 1);
    check(named, &nowhere, &["doctor"], "the server has no database of this name").await;
}
