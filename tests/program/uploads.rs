//! Sound that is uploaded, through the whole program.

use stand_in::Server;
use tokio::task::JoinSet;

use crate::jarvis::{Jarvis, Setup};
use crate::wire::{Answer, send};

const MIB: usize = 1024 * 1024;

fn setup(url: &str, targets: &[&str]) -> Setup {
    let targets = targets
        .iter()
        .map(|model| format!("{{ backend = \"voices\", model = \"{model}\" }}"));
    let targets: Vec<String> = targets.collect();
    let config = format!(
        "[backends.voices]\nkind = \"openai\"\nclass = \"gpu\"\nbase_url = \"{url}/v1\"\n\
         [aliases.jarvis-chat]\ntargets = [{{ backend = \"voices\", model = \"ok:chat\" }}]\n\
         [aliases.hear]\nkind = \"transcription\"\ntargets = [{}]\n",
        targets.join(", ")
    );
    Setup {
        config,
        ..Setup::default()
    }
}

async fn hear(address: &str, size: usize) -> Answer {
    let head = "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nhear\r\n\
                --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    let mut body = head.as_bytes().to_vec();
    body.resize(body.len() + size, 7);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=XX")];
    send(address, "POST", "/v1/audio/transcriptions", &headers, body).await
}

#[tokio::test]
async fn a_large_file_is_sent_to_the_next_target_from_the_memory_it_came_in() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let jarvis = Jarvis::start(&setup(&server.url(), &["500", "echo"])).await;
    let before = jarvis.peak_memory();
    let answer = hear(&jarvis.address, 20 * MIB).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["x-jarvis-target"], "voices/echo");
    assert!(answer.text.contains("20971520 bytes, sum "), "{}", answer.text);
    let grown = jarvis.peak_memory() - before;
    assert!(grown < 30, "20 MiB took {grown} MiB");
}

/// Twelve files of 20 MiB are 240 MiB; they take turns in 128.
#[tokio::test]
async fn many_large_files_at_once_take_turns() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let jarvis = Jarvis::start(&setup(&server.url(), &["late-300"])).await;
    let before = jarvis.peak_memory();
    let mut uploads = JoinSet::new();
    for _ in 0..12 {
        let address = jarvis.address.clone();
        uploads.spawn(async move { hear(&address, 20 * MIB).await });
    }
    let answers = uploads.join_all().await;
    for answer in &answers {
        // A slow machine may not get to all of them within the time that an upload waits.
        let is_refused = answer.status == 503 && answer.error_code() == "too_many_uploads";
        assert!(answer.status == 200 || is_refused, "{} {}", answer.status, answer.text);
    }
    assert!(answers.iter().filter(|answer| answer.status == 200).count() >= 6);
    let grown = jarvis.peak_memory() - before;
    assert!(grown < 190, "{grown} MiB");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_with_its_limit() {
    let server = Server::start("127.0.0.1:0").await.expect("the stand-in starts");
    let jarvis = Jarvis::start(&setup(&server.url(), &["ok"])).await;
    for size in [26 * MIB, 80 * MIB] {
        let answer = hear(&jarvis.address, size).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (413, "request_too_large")
        );
        assert!(answer.message().contains("25 MiB"), "{}", answer.text);
    }
    let heard = server
        .log()
        .iter()
        .any(|entry| entry.path == "/v1/audio/transcriptions");
    assert!(!heard, "nobody is sent what is refused");
}
