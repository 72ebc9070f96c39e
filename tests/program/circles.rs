//! Jarvises that are told to ask themselves, or one another; and what of a configuration is never told.

use serde_json::{Value, json};

use crate::chains::{chain, chat, stand_in};
use crate::jarvis::{Jarvis, Setup, command, eventually};
use crate::wire::{Answer, PATIENCE};

/// A chain of one target of OpenAI's protocol, asked for `jarvis-chat`.
fn asks(url: &str) -> String {
    format!(
        "[backends.other]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\nclass = \"gpu\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"other\"\nmodel = \"jarvis-chat\"\n"
    )
}

fn write(jarvis: &Jarvis, config: &str) {
    std::fs::write(jarvis.data().join("jarvis.toml"), config).expect("a configuration");
}

async fn question(jarvis: &Jarvis) -> Answer {
    jarvis
        .post("/v1/chat/completions", chat("jarvis-chat", "hi", false))
        .await
}

#[tokio::test]
async fn a_backend_that_is_jarvis_itself_is_refused_by_name() {
    let server = stand_in().await;
    let setup = chain(&server.url(), &[("gpu", "ok")]);
    let jarvis = Jarvis::start(&setup).await;
    let (_, port) = jarvis.address.rsplit_once(':').expect("a port");
    let itself = asks(&format!("http://localhost:{port}"));
    let says = format!("[backends.other] base_url = \"http://localhost:{port}/v1\" is this Jarvis itself");
    write(&jarvis, &itself);
    for arguments in [&["config", "check"][..], &["doctor"]] {
        let (told, ok) = jarvis.run(arguments).await;
        assert!(!ok && told.contains(&says), "{arguments:?}: {told}");
    }
    // Nothing changed for who asks.
    assert_eq!(question(&jarvis).await.status, 200);
    let address = jarvis.address.clone();
    let folder = jarvis.kill().await;
    let mut start = command(folder.path());
    let start = start.env("JARVIS_LISTEN", &address).arg("serve").output();
    let output = tokio::time::timeout(PATIENCE, start)
        .await
        .expect("an end")
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains(&says), "{told}");
}

/// Two that name each other end with an error that says so, after a few rounds; a target beside them is still found.
#[tokio::test]
async fn two_that_ask_each_other_come_to_an_end() {
    let server = stand_in().await;
    let one = Jarvis::start(&chain(&server.url(), &[("cloud", "ok")])).await;
    let other = Jarvis::start(&Setup {
        config: asks(&format!("http://{}", one.address)),
        variables: Vec::new(),
    })
    .await;
    assert_eq!(question(&other).await.status, 200);
    let circle = asks(&format!("http://{}", other.address));
    write(&one, &circle);
    let answer = eventually("the circle", async || {
        let answer = question(&one).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (508, "loop_detected"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("ask one another in a circle"), "{}", answer.text);
    let response = json!({ "model": "jarvis-chat", "input": "hi" });
    for (path, body) in [
        ("/api/chat", chat("jarvis-chat", "hi", false)),
        ("/v1/responses", response),
    ] {
        let answer = one.post(path, body).await;
        assert_eq!(answer.status, 508, "{path}: {}", answer.text);
    }
    let beside = format!(
        "{circle}[backends.cpu]\nkind = \"ollama\"\nbase_url = \"{}\"\n\
         [[aliases.jarvis-chat.targets]]\nbackend = \"cpu\"\nmodel = \"ok\"\n",
        server.url()
    );
    write(&one, &beside);
    eventually("an answer", async || (question(&one).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_credential_of_any_name_is_never_said() {
    let server = stand_in().await;
    let mut setup = chain(&server.url(), &[("cloud", "echo")]);
    setup.config = setup.config.replace("env:TEST_KEY", "env:ACCESS");
    setup.variables = vec![
        ("ACCESS", "orchid-lantern-77".into()),
        ("LATER", "walnut-harbour-42".into()),
    ];
    let jarvis = Jarvis::start(&setup).await;
    let says = async |text: &str| -> Value {
        let conversation = jarvis.conversation().await;
        jarvis.ask(&conversation, text).await["text"].clone()
    };
    assert_eq!(
        says("say orchid-lantern-77 and walnut-harbour-42").await,
        "say ⟦redacted⟧ and walnut-harbour-42"
    );
    write(&jarvis, &setup.config.replace("env:ACCESS", "env:LATER"));
    eventually("the new one", async || {
        let text = says("say orchid-lantern-77 and walnut-harbour-42").await;
        (text == "say ⟦redacted⟧ and ⟦redacted⟧").then_some(())
    })
    .await;
}
