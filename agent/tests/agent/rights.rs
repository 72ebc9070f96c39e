//! What a key may see and do, by its scopes.

use jarvis_agent::{Agent, Error, Principal, Surface};
use jarvis_gateway::caller::Scope;
use jarvis_gateway::providers::scripted::{calls, says};
use jarvis_memory::records::Room;

use crate::approvals::{STOP_WEB, asked_to_stop_web};
use crate::provider::{answer, request};
use crate::support::{House, key};

const NO: &str = "forbidden";
const NOT_YOU: &str = "may not approve";

fn word<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Error::Forbidden) => NO,
        Err(Error::MayNotApprove) => NOT_YOU,
        Err(Error::NoConversation(_)) => "no conversation",
        Err(other) => panic!("{other}"),
    }
}

/// What each door of the agent says to a principal: look, watch, talk, read, cards, card, decide.
async fn doors(agent: &Agent, principal: &Principal, conversation: &str, card: &str) -> [&'static str; 10] {
    [
        word(agent.may_look(principal)),
        word(agent.watch(principal, None)),
        word(agent.create_conversation(principal).await),
        word(agent.conversations(principal, 10).await),
        word(agent.messages(principal, conversation, None, 10).await),
        word(agent.cancel(principal, conversation).await),
        word(agent.audit(principal, None, 10).await),
        word(agent.approvals(principal, None, 10).await),
        word(agent.approval(principal, card).await),
        word(agent.decide(principal, card, false, None).await),
    ]
}

#[tokio::test]
async fn each_door_opens_for_its_scope() {
    let check = async |scopes: &[Scope], expect: [&str; 10]| {
        let house = asked_to_stop_web().await;
        let card = house.card().await.id;
        let principal = Principal::of(&key("laptop", scopes), Surface::Api);
        let said = house.agent.say(&principal, &house.conversation, "/stop", None).await;
        assert_eq!(word(said), expect[0], "{scopes:?}");
        assert_eq!(
            doors(&house.agent, &principal, &house.conversation, &card).await,
            expect,
            "{scopes:?}"
        );
    };
    check(&[], [NO, NO, NO, NO, NO, NO, NO, NOT_YOU, NOT_YOU, NOT_YOU]).await;
    check(&[Scope::Chat], [NO, NO, NO, NO, NO, NO, NO, NOT_YOU, NOT_YOU, NOT_YOU]).await;
    check(&[Scope::Approve], [NO, NO, NO, NO, NO, NO, NO, "ok", "ok", "ok"]).await;
    let ok = "ok";
    check(&[Scope::Ops], [ok, ok, ok, ok, ok, ok, ok, ok, ok, NOT_YOU]).await;
    check(
        &[Scope::Chat, Scope::Ops, Scope::Approve],
        [ok, ok, ok, ok, ok, ok, ok, ok, ok, ok],
    )
    .await;
}

#[tokio::test]
async fn a_key_without_ops_is_offered_no_tool_and_none_acts_for_it() {
    let house = House::new([
        calls("c1", "read_state", r#"{"name":"web"}"#),
        calls("c2", "act", STOP_WEB),
        says("I cannot."),
    ])
    .await;
    let caller = key("guest", &[Scope::Chat, Scope::Approve]);
    let said = answer(&house, request(caller, &["stop web"])).await.expect("an answer");
    assert_eq!(said, "I cannot.");
    let asked = house.model.calls();
    assert!(asked.iter().all(|call| call.request.tools.is_empty()));
    assert_eq!(
        asked[1].request.messages[3].joined_text(),
        r#"{"status":"denied","reason":"this tool is not available here. Do not try again; tell the user."}"#
    );
    assert_eq!(
        house.audit().await,
        [
            r#"decision key:id-guest/api read_state {"name":"web"} deny not_in_this_room denied"#,
            r#"decision key:id-guest/api act {"action":"stop","name":"web"} deny not_in_this_room denied"#,
        ]
    );
    assert_eq!(house.cards().await, []);
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_key_without_ops_asks_is_its_own() {
    let house = House::new([says("hello guest")]).await;
    let caller = key("guest", &[Scope::Chat]);
    answer(&house, request(caller, &["hi"])).await.expect("an answer");
    let rooms = house
        .agent
        .conversations(&crate::support::owner(), 10)
        .await
        .expect("the owner may");
    assert_eq!(rooms.len(), 1, "only the owner's own");
    let theirs = house.store.conversation("api-key:id-guest").await.expect("a store");
    let theirs = theirs.expect("a conversation");
    assert_eq!(theirs.title, "API: guest");
    let room = house.store.room_by_id(&theirs.room_id).await.expect("a store");
    let expect = Room {
        id: theirs.room_id.clone(),
        platform: "key".into(),
        external_id: "id-guest".into(),
        ceiling: 1,
        public: false,
        server_id: None,
        direct: false,
    };
    assert_eq!(room, Some(expect));
}
