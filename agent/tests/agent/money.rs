//! What one answer may cost, and the card that asks for more.

use std::sync::Arc;
use std::time::Duration;

use jarvis_agent::view::{CardStatus, Happening, RunState};
use jarvis_gateway::breaker::Board;
use jarvis_gateway::chain::{Chain, HostClass, Surroundings, Target};
use jarvis_gateway::chat::{Event, Finish, Usage};
use jarvis_gateway::clock::{Clock, Fixed};
use jarvis_gateway::provider::Class;
use jarvis_gateway::providers::scripted::{Scripted, Step, Turn, calls, fails, says};
use jarvis_gateway::usage::{Budgets, Caps, Ledger, MicroUsd, Prices};
use jarvis_memory::Store;

use crate::support::house::NOW;
use crate::support::{House, World, short};

const READ_WEB: &str = r#"{"name":"web"}"#;
/// A token costs a ten thousandth of a dollar, and an answer is estimated at 1,024 of them.
const PRICES: &str = "[[price]]\nmodel = \"m\"\ninput = 100\noutput = 100\n";

/// A house whose chain is a model that costs money, behind one that does not when there are turns for that.
struct Paid {
    house: House,
    cloud: Arc<Scripted>,
    budgets: Arc<Budgets>,
}

async fn paid(local: Option<Vec<Turn>>, cloud: Vec<Turn>, caps: Caps) -> Paid {
    let clock: Arc<dyn Clock> = Arc::new(Fixed::at(NOW));
    let prices = Arc::new(Prices::with(PRICES).expect("prices"));
    let budgets = Arc::new(Budgets::new(prices.clone(), clock.clone(), caps));
    let books = Arc::new(Store::temporary().await.expect("a store"));
    let ledger = Ledger::new(books, prices, budgets.clone(), clock.clone());
    let board = Board::new(clock);
    let cloud = Arc::new(Scripted::new(cloud));
    let target = |name: &str, class, model: Arc<Scripted>| Arc::new(Target::new(&board, name, "m", class, model));
    let mut targets: Vec<_> = local
        .into_iter()
        .map(|turns| target("cpu", HostClass::Cpu, Arc::new(Scripted::new(turns))))
        .collect();
    targets.insert(0, target("cloud", HostClass::Cloud, cloud.clone()));
    let chain = Chain::new(targets).with_surroundings(Arc::new(Surroundings {
        observers: vec![Arc::new(ledger)],
        purse: Some(budgets.clone()),
    }));
    let house = House::with_chain(Arc::new(chain), World::new()).await;
    house.world.set("web", "running");
    Paid { house, cloud, budgets }
}

/// The same with the tokens that it used.
fn of(tokens: u64, turn: Turn) -> Turn {
    let used = |step| match step {
        Step::Event(Event::Finish(finish)) => Step::Event(Event::Finish(Finish {
            usage: Some(Usage {
                prompt_tokens: tokens,
                ..Usage::default()
            }),
            ..Finish::because(finish.reason)
        })),
        other => other,
    };
    turn.into_iter().map(used).collect()
}

/// A call of a tool that costs so many hundredths of a cent.
fn reads(tokens: u64) -> Turn {
    of(tokens, calls("c1", "read_state", READ_WEB))
}

impl Paid {
    /// Waits until the turn after the card has ended; its answer.
    async fn gone_on(&self, id: &str) -> String {
        let mut seen = self.house.watch();
        self.house.approve(id).await;
        let ended = |happening: &Happening| {
            matches!(
                happening,
                Happening::Run {
                    state: RunState::Finished,
                    ..
                }
            )
        };
        seen.first("the end of the turn after the card", ended).await;
        self.house.messages().await.pop().expect("an answer").text
    }
}

#[tokio::test]
async fn what_runs_in_the_house_costs_nothing() {
    let local = (0..6)
        .map(|_| of(90_000, calls("c", "read_state", READ_WEB)))
        .chain([of(90_000, says("done"))]);
    let paid = paid(
        Some(local.collect()),
        vec![fails(Class::HardDown, "gone")],
        Caps::default(),
    )
    .await;
    let answer = paid.house.ask("how is web?").await;
    assert_ne!(answer.detail["why"], "money");
    assert_eq!(
        (paid.house.cards().await.len(), paid.budgets.spent(None).0),
        (0, MicroUsd(0))
    );
}

#[tokio::test]
async fn a_model_in_the_house_goes_on_where_the_money_ends() {
    let paid = paid(Some(vec![says("web is fine")]), vec![reads(4_500)], Caps::default()).await;
    let answer = paid.house.ask("how is web?").await;
    assert_eq!(
        (answer.text.as_str(), &answer.detail["target"]),
        ("web is fine", &"cpu/m".into())
    );
    assert_eq!((paid.cloud.calls().len(), paid.house.cards().await.len()), (1, 0));
}

#[tokio::test]
async fn what_a_specialist_costs_the_answer_costs() {
    let asks = of(
        100,
        calls("c0", "consult", r#"{"specialist":"athena","question":"how is web?"}"#),
    );
    let paid = paid(None, vec![asks, reads(4_500), says("no")], Caps::default()).await;
    let answer = paid.house.ask("how is web?").await;
    assert_eq!(answer.detail["why"], "money");
    assert_eq!((paid.cloud.calls().len(), paid.house.cards().await.len()), (2, 1));
    let calls = paid.house.calls_of(&answer).await;
    let told = calls
        .first()
        .map(|call| format!("{:?}", call.result))
        .unwrap_or_default();
    assert!(told.contains("has no answer: the limit of money"), "{told}");
}

#[tokio::test]
async fn a_card_asks_for_more_and_the_answer_is_gone_on_with_once() {
    let paid = paid(
        None,
        vec![reads(4_500), reads(100), of(100, says("web is fine")), says("no")],
        Caps::default(),
    )
    .await;
    let answer = paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    assert_eq!((card.rule.as_str(), card.tool.as_str()), ("budget", "go_on"));
    assert!(
        answer
            .text
            .starts_with("I stop here: this answer has cost $0.45 of the $0.50 that one may cost, and the next"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("**web** is running.") && answer.text.contains(&card.id),
        "{}",
        answer.text
    );
    assert_eq!(paid.house.run_of(&answer).await.stop_reason.as_deref(), Some("money"));
    assert_eq!(paid.cloud.calls().len(), 1);
    assert_eq!(paid.gone_on(&card.id).await, "web is fine");
    let asked = paid.cloud.calls();
    assert_eq!(asked.len(), 3);
    let task = asked[1].request.messages.last().expect("a message").joined_text();
    assert!(task.contains("a person approved that you go on"), "{task}");
    let shown: Vec<String> = asked[1].request.messages.iter().map(short::unmarked).collect();
    assert!(
        shown.iter().any(|text| text.contains("**web** is running.")),
        "{shown:?}"
    );
    assert!(paid.house.decide(&card.id, true).await.is_err(), "once");
    assert_eq!(paid.cloud.calls().len(), 3);
    let audit = paid.house.audit().await;
    assert!(
        audit
            .iter()
            .any(|line| line.contains("go_on") && line.contains("budget")),
        "{audit:?}"
    );
}

/// Who said yes is told when nothing comes of it.
#[tokio::test]
async fn a_yes_is_answered_where_too_much_waits() {
    let waits = vec![Step::Event(Event::Text("Well".into())), Step::Hang];
    let paid = paid(None, vec![reads(4_500), waits], Caps::default()).await;
    paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    let mut seen = paid.house.watch();
    paid.house.say("0").await.expect("taken");
    seen.text("Well").await;
    for number in 1..=16 {
        paid.house.say(&number.to_string()).await.expect("there is room");
    }
    paid.house.approve(&card.id).await;
    seen.told("so the answer is not gone on with").await;
    paid.house.say("stop").await.expect("taken");
}

/// What was gone on with does not ask again: it ends with what it has.
#[tokio::test]
async fn it_is_gone_on_with_only_once() {
    let paid = paid(None, vec![reads(4_500), reads(4_500), says("no")], Caps::default()).await;
    paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    let last = paid.gone_on(&card.id).await;
    assert!(last.starts_with("I stop here: "), "{last}");
    assert_eq!((paid.cloud.calls().len(), paid.house.cards().await.len()), (2, 1));
}

#[tokio::test]
async fn a_no_and_no_word_end_it() {
    let paid = paid(None, vec![reads(4_500), reads(4_500), says("no")], Caps::default()).await;
    paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    paid.house.decide(&card.id, false).await.expect("a no");
    paid.house.ask("how is web now?").await;
    let open = paid
        .house
        .cards()
        .await
        .into_iter()
        .find(|card| card.status == CardStatus::Pending);
    let open = open.expect("the second one");
    paid.house.clock.advance(Duration::from_hours(1));
    assert!(paid.house.decide(&open.id, true).await.is_err());
    assert_eq!(paid.cloud.calls().len(), 2, "nothing was asked after either");
}

#[tokio::test]
async fn two_answers_at_once_have_a_bound_each() {
    let paid = paid(None, vec![reads(4_500), reads(4_500)], Caps::default()).await;
    let other = paid
        .house
        .agent
        .create_conversation(&crate::support::owner())
        .await
        .expect("a conversation")
        .id;
    let mut seen = paid.house.watch();
    let first = paid.house.say("how is web?").await.expect("taken");
    let second = paid
        .house
        .agent
        .say(&crate::support::owner(), &other, "how is web?", None)
        .await
        .expect("taken");
    for said in [first, second] {
        seen.finished(&said.message.run_id.expect("a run")).await;
    }
    let cards = paid.house.cards().await;
    assert_eq!(cards.len(), 2);
    assert_eq!(paid.cloud.calls().len(), 2, "each was asked once");
}

#[tokio::test]
async fn a_card_survives_a_restart() {
    let paid = paid(None, vec![reads(4_500)], Caps::default()).await;
    paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    let house = paid.house.restarted([says("web is fine")]).await;
    let mut seen = house.watch();
    house.approve(&card.id).await;
    let ended = |happening: &Happening| {
        matches!(
            happening,
            Happening::Run {
                state: RunState::Finished,
                ..
            }
        )
    };
    seen.first("the end of the turn after the card", ended).await;
    assert_eq!(house.messages().await.pop().expect("an answer").text, "web is fine");
}

/// A yes to a card is none to a budget that is used up.
#[tokio::test]
async fn budgets_hold_whatever_a_card_says() {
    let caps = Caps {
        day: Some(MicroUsd(460_000)),
        month: None,
    };
    let paid = paid(None, vec![reads(4_500), of(200, says("more")), says("no")], caps).await;
    paid.house.ask("how is web?").await;
    let card = paid.house.card().await;
    assert_eq!(paid.gone_on(&card.id).await, "more");
    let last = paid.house.ask("and now?").await;
    assert!(last.text.contains("the budget for today"), "{}", last.text);
    assert_eq!((paid.cloud.calls().len(), paid.house.cards().await.len()), (2, 1));
}

/// Whoever cannot be gone on with is told and nobody is asked; a model cannot call for it.
#[tokio::test]
async fn no_model_gives_itself_more() {
    let input = r#"{"run":"x","spent":1,"more":900000000}"#;
    let paid = paid(
        None,
        vec![of(10, calls("c1", "go_on", input)), of(10, says("no"))],
        Caps::default(),
    )
    .await;
    assert_eq!(paid.house.ask("spend!").await.text, "no");
    assert!(paid.house.cards().await.is_empty());
    assert!(
        paid.cloud.calls()[0]
            .request
            .tools
            .iter()
            .all(|tool| tool.name != "go_on")
    );
}
