//! The window of the model that really serves, whichever that is by then.

use std::sync::Arc;

use jarvis_gateway::breaker::Board;
use jarvis_gateway::chain::{Chain, HostClass, Settings, Target};
use jarvis_gateway::chat::{Message, Request, Role};
use jarvis_gateway::clock::Fixed;
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{Scripted, Turn, calls, fails, says};
use jarvis_memory::records::Message as Kept;

use crate::support::house::NOW;
use crate::support::{House, World, short};

const DONE: &str =
    "event: Older messages of this conversation are summarised for the model from here on. They stay in the history.";
const READ_WEB: &str = r#"{"name":"web"}"#;

/// A house with a large model and a small one that stands in for it.
struct Two {
    house: House,
    gpu: Arc<Scripted>,
    cpu: Arc<Scripted>,
}

async fn two(windows: (u32, u32), gpu: Vec<Turn>, cpu: Vec<Turn>) -> Two {
    let board = Board::new(Arc::new(Fixed::at(NOW)));
    let (gpu, cpu) = (Arc::new(Scripted::new(gpu)), Arc::new(Scripted::new(cpu)));
    let target = |name: &str, class, window, model: &Arc<Scripted>| {
        let settings = Settings {
            context: Some(window),
            ..Settings::default()
        };
        Arc::new(Target::new(&board, name, "m", class, model.clone()).with_settings(&settings))
    };
    let chain = Chain::new(vec![
        target("gpu", HostClass::Gpu, windows.0, &gpu),
        target("cpu", HostClass::Cpu, windows.1, &cpu),
    ]);
    let house = House::with_chain(Arc::new(chain), World::new()).await;
    Two { house, gpu, cpu }
}

impl Two {
    /// So many turns were talked before, with answers of so many letters.
    async fn talked(&self, turns: usize, letters: usize) {
        for number in 0..turns {
            self.gpu
                .push(says(&format!("answer {number}. {}", "word ".repeat(letters / 5))));
            self.house.ask(&format!("question {number}.")).await;
        }
    }

    async fn notices(&self) -> usize {
        self.house.talk().await.iter().filter(|line| *line == DONE).count()
    }
}

/// About as the gateway counts, from below.
fn tokens(request: &Request) -> usize {
    request
        .messages
        .iter()
        .map(|message| message.joined_text().len())
        .sum::<usize>()
        * 10
        / 36
}

/// Every call has its result right behind it.
fn groups(messages: &[Message]) -> Vec<String> {
    let mut seen = Vec::new();
    for message in messages {
        seen.extend(message.tool_calls.iter().map(|call| format!("call {}", call.id)));
        seen.extend(message.tool_call_id.iter().map(|id| format!("result {id}")));
    }
    seen
}

fn count(messages: &[Kept], text: &str) -> usize {
    messages.iter().filter(|message| message.text == text).count()
}

#[tokio::test]
async fn a_smaller_model_that_stands_in_gets_what_it_can_read() {
    let two = two(
        (32_000, 4_096),
        vec![],
        vec![says("- the cellar was talked about"), says("web is fine")],
    )
    .await;
    two.talked(8, 3_000).await;
    let log: Vec<String> = (1..=2_000).map(|n| format!("line number {n} of the log")).collect();
    two.house.world.set("web", "running");
    two.house.world.set_log("web", &log.join("\n"));
    two.gpu.push(calls("c1", "read_state", READ_WEB));
    two.gpu.push(calls("c2", "read_state", READ_WEB));
    two.gpu.push(fails(Class::HardDown, "gone"));
    let answer = two.house.ask("how is web?").await;
    assert_eq!(answer.text, "web is fine");
    assert_eq!(answer.detail["target"], "cpu/m");
    assert_eq!(two.notices().await, 1);
    let asked = two.cpu.calls();
    let [summary, turn] = &asked[..] else {
        panic!("a summary and an answer: {}", asked.len());
    };
    assert!(summary.request.tools.is_empty() && tokens(&summary.request) < 4_096 * 7 / 10);
    assert!(tokens(&turn.request) < 4_096 * 7 / 10, "{}", tokens(&turn.request));
    let messages = &turn.request.messages;
    assert_eq!(groups(messages), ["call c1", "result c1", "call c2", "result c2"]);
    assert!(messages.iter().any(|message| message.joined_text() == "how is web?"));
    assert!(short::unmarked(&messages[1]).contains("the cellar was talked about"));
    let results: Vec<String> = messages
        .iter()
        .filter(|message| message.role == Role::Tool)
        .map(short::unmarked)
        .collect();
    for shown in &results {
        assert!(shown.contains("`read_result` with id"), "{shown}");
        assert!(
            shown.contains("line number 1 of") && shown.contains("line number 2000 of"),
            "{shown}"
        );
    }
    assert!(turn.request.tools.iter().any(|tool| tool.name == "read_result"));
    assert_eq!(count(&two.house.messages().await, "how is web?"), 1);
    let run = two.house.run_of(&answer).await;
    assert_eq!((run.model_calls, run.tool_calls), (3, 2), "nothing was called anew");
}

/// What cannot be made short enough ends in words, and not in a loop.
#[tokio::test]
async fn a_window_that_nothing_fits_ends_in_an_answer() {
    let two = two((32_000, 300), vec![], vec![says("short"), says("not asked")]).await;
    two.talked(4, 3_000).await;
    two.gpu.push(fails(Class::HardDown, "gone"));
    let answer = two.house.ask("how is web?").await;
    assert!(answer.text.starts_with("I could not answer: "), "{}", answer.text);
    assert!(two.cpu.calls().len() <= 1, "{}", two.cpu.calls().len());
}

/// Without a summary the oldest messages are left out, and the answer comes all the same.
#[tokio::test]
async fn a_summary_that_cannot_be_made_is_no_reason_to_be_silent() {
    let no_summary = calls("c1", "read_state", READ_WEB);
    let two = two((32_000, 4_096), vec![], vec![no_summary, says("here")]).await;
    two.talked(8, 3_000).await;
    two.gpu.push(fails(Class::HardDown, "gone"));
    let answer = two.house.ask("and now?").await;
    assert_eq!((answer.text.as_str(), two.notices().await), ("here", 0));
    let last = two.cpu.calls().pop().expect("a call").request;
    assert!(tokens(&last) < 4_096 * 7 / 10);
}

/// A server that refuses what was thought to fit is believed, once.
#[tokio::test]
async fn a_refusal_of_the_server_is_believed() {
    let too_long = || fails(Class::ContextLength, "exceeds the context size");
    let two = two((32_000, 32_000), vec![], vec![]).await;
    two.talked(8, 3_000).await;
    for model in [&two.gpu, &two.cpu] {
        model.push(too_long());
    }
    two.gpu.push(says("- in short"));
    two.gpu.push(says("here"));
    assert_eq!(two.house.ask("and now?").await.text, "here");
    assert_eq!(two.notices().await, 1);
    for model in [&two.gpu, &two.cpu] {
        for _ in 0..4 {
            model.push(too_long());
        }
    }
    let answer = two.house.ask("and then?").await;
    assert!(answer.text.starts_with("I could not answer: "), "{}", answer.text);
}
