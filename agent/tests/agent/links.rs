//! One person with several accounts: a code for one account, confirmed where it was given out.

use std::time::Duration;

use jarvis_agent::people::Heard;
use jarvis_gateway::providers::scripted::{calls, says};
use jarvis_memory::records::MessageRole;

use crate::support::town::{GENERAL, OPS, Somebody, Town, discord, owner, twitch};

const READ_WEB: &str = r#"{"name":"web"}"#;
const RESTART_WEB: &str = r#"{"action":"restart","name":"web"}"#;

const NO_CODE: &str = "This code is not for this account, or it is over. Codes hold for 10 minutes, once, and for the account \
                       that was named, under the name that it had then.";
const NONE_WAITS: &str = "No code of yours waits here. `/link PLATFORM:NAME` gives you one. If you have one, the other account \
                          has to say it first.";
const CONFIRM_THERE: &str = "Now say `/link confirm` where you got the code.";
const TOO_OFTEN: &str = "Too many codes were tried from this account. Wait ten minutes.";

fn kim() -> Somebody {
    discord("20", "kim", &[])
}

fn kim_tv() -> Somebody {
    twitch("21", "Kim_TV", &[])
}

/// A code of `who` for `target`; what was said about it is shown and kept nowhere.
async fn code(town: &Town, who: &Somebody, target: &str) -> String {
    let heard = town.hears(town.event(who, "dm", &format!("/link {target}"))).await;
    let Heard::Says(words) = heard else { panic!("{heard:?}") };
    read(&words)
}

fn read(words: &str) -> String {
    let (_, rest) = words.split_once("`/link ").expect("a code");
    rest.split_once('`').expect("its end").0.to_owned()
}

async fn link(town: &Town, issuer: &Somebody, target: &str, redeemer: &Somebody, room: &str) {
    let code = code(town, issuer, target).await;
    assert_eq!(town.asks(redeemer, room, &format!("!link {code}")).await, CONFIRM_THERE);
    let linked = town.asks_last(issuer, "dm", "/link confirm", "Linked.").await;
    assert!(linked.starts_with("Linked."), "{linked}");
}

impl Town {
    /// Like [`Town::asks`], where something else may be told in between.
    async fn asks_last(&self, who: &Somebody, room: &str, text: &str, wanted: &str) -> String {
        let mut seen = self.house.watch();
        self.hears(self.event(who, room, text)).await;
        seen.told(wanted).await.text
    }
}

#[tokio::test]
async fn two_accounts_become_one_person_with_all_that_they_said() {
    let town = Town::new([says("hello on twitch"), says("hello on discord")]).await;
    town.asks(&kim_tv(), "chat", "hi").await;
    town.asks(&kim(), "dm", "hi").await;
    let (mine, theirs) = (town.person(&kim()).await, town.person(&kim_tv()).await);
    assert_ne!(mine, theirs);
    link(&town, &kim(), "twitch:kim_tv", &kim_tv(), "chat").await;
    assert_eq!(
        (town.person(&kim()).await, town.person(&kim_tv()).await),
        (mine.clone(), mine.clone())
    );
    assert_eq!(town.house.store.person(&theirs.clone().unwrap()).await.unwrap(), None);
    let heard = town.hears(town.event(&kim_tv(), "chat", "/stop")).await;
    let Heard::Taken(said) = heard else { panic!("{heard:?}") };
    let authors: Vec<Option<String>> = town
        .messages(&said.message.conversation_id)
        .await
        .into_iter()
        .filter(|message| message.role == MessageRole::User)
        .map(|message| message.person_id)
        .collect();
    assert_eq!(authors, [mine.clone(), mine.clone(), mine]);
    let audit = town.house.audit().await.join("\n");
    for kind in ["link.issued", "link.redeemed", "link.confirmed", "link.outcome"] {
        assert!(audit.contains(kind), "{kind}: {audit}");
    }
}

#[tokio::test]
async fn a_code_is_shown_to_its_issuer_alone_and_kept_nowhere() {
    let town = Town::new([]).await;
    let refused = town.asks(&kim(), GENERAL, "/link twitch:kim_tv").await;
    assert_eq!(
        refused,
        "Others read along here. Ask for a code in a direct message or in the console."
    );
    let code = code(&town, &kim(), "twitch:kim_tv").await;
    town.asks(&kim_tv(), "chat", &format!("/link {code}")).await;
    let bare = code.replace('-', "");
    let mut written = town.house.audit().await.join("\n");
    for (who, room) in [(kim(), "dm"), (kim_tv(), "chat")] {
        let Heard::Taken(said) = town.hears(town.event(&who, room, "/stop")).await else {
            panic!("not taken");
        };
        for message in town.messages(&said.message.conversation_id).await {
            written += &message.text;
        }
    }
    assert!(written.contains("/link …"), "{written}");
    assert!(!written.contains(&code) && !written.contains(&bare), "{written}");
    assert!(
        !town.lines("discord", "dm-20").concat().contains(&code),
        "the adapter alone showed it"
    );
}

#[tokio::test]
async fn nobody_but_the_named_account_redeems_a_code() {
    let town = Town::new([]).await;
    let code = code(&town, &kim(), "twitch:kim_tv").await;
    let said = format!("/link {code}");
    // Somebody else; the same name on another platform; a name that only looks alike; the right account renamed.
    for other in [
        twitch("99", "thief", &["broadcaster"]),
        discord("98", "kim_tv", &[]),
        twitch("97", "kim-tv", &[]),
        twitch("21", "kim_renamed", &[]),
        kim(),
    ] {
        assert_eq!(town.asks(&other, "dm", &said).await, NO_CODE, "{other:?}");
    }
    assert_eq!(town.asks(&kim(), "dm", "/link confirm").await, NONE_WAITS);
    assert_eq!(town.asks(&kim_tv(), "chat", &said).await, CONFIRM_THERE);
    assert_eq!(town.asks(&kim_tv(), "chat", &said).await, NO_CODE, "once");
    // The wrong one cannot confirm, and neither can the right one elsewhere.
    assert_eq!(town.asks(&kim_tv(), "chat", "/link confirm").await, NONE_WAITS);
    assert_eq!(town.asks(&kim(), GENERAL, "/link confirm").await, NONE_WAITS);
    assert_ne!(town.person(&kim()).await, town.person(&kim_tv()).await);
}

#[tokio::test]
async fn an_id_names_an_account_more_exactly_than_a_name() {
    let town = Town::new([]).await;
    let code = code(&town, &kim(), "twitch:21").await;
    // Whoever takes the number for a name is not the account of that number.
    assert_eq!(
        town.asks(&twitch("99", "21", &[]), "chat", &format!("/link {code}"))
            .await,
        NO_CODE
    );
    let renamed = twitch("21", "kim_renamed", &[]);
    assert_eq!(
        town.asks(&renamed, "chat", &format!("/link {code}")).await,
        CONFIRM_THERE
    );
}

#[tokio::test]
async fn codes_end_and_guesses_are_few() {
    let town = Town::new([]).await;
    let late = code(&town, &kim(), "twitch:kim_tv").await;
    town.house.clock.advance(Duration::from_mins(10));
    assert_eq!(town.asks(&kim_tv(), "chat", &format!("/link {late}")).await, NO_CODE);
    // A newer code makes the one before void.
    let first = code(&town, &kim(), "twitch:kim_tv").await;
    let second = code(&town, &kim(), "twitch:kim_tv").await;
    assert_eq!(town.asks(&kim_tv(), "chat", &format!("/link {first}")).await, NO_CODE);
    for _ in 0..3 {
        assert_eq!(town.asks(&kim_tv(), "chat", "/link AAAA-AAAA").await, NO_CODE);
    }
    assert_eq!(
        town.asks(&kim_tv(), "chat", &format!("/link {second}")).await,
        TOO_OFTEN
    );
    // A confirmation comes in time, too.
    town.house.clock.advance(Duration::from_mins(10));
    let third = code(&town, &kim(), "twitch:kim_tv").await;
    assert_eq!(
        town.asks(&kim_tv(), "chat", &format!("/link {third}")).await,
        CONFIRM_THERE
    );
    town.house.clock.advance(Duration::from_mins(10));
    assert_eq!(
        town.asks_last(&kim(), "dm", "/link confirm", "No code").await,
        NONE_WAITS
    );
}

#[tokio::test]
async fn a_link_gives_nobody_the_trust_of_another() {
    let town = Town::new([]).await;
    town.asks(&kim_tv(), "chat", "/whoami").await;
    town.asks(&owner(), "dm", "/trust twitch:21 operator").await;
    // Somebody talks the operator into bringing a code.
    let thief = discord("66", "thief", &[]);
    let code_of_thief = code(&town, &thief, "twitch:kim_tv").await;
    town.asks(&kim_tv(), "chat", &format!("/link {code_of_thief}")).await;
    let refused = town.asks_last(&thief, "dm", "/link confirm", "gives nobody").await;
    assert!(
        refused.contains("A link gives nobody the trust of another"),
        "{refused}"
    );
    assert_eq!(town.trust(&thief, GENERAL).await, 0);
    // And the owner.
    let code_of_thief = code(&town, &thief, "discord:1").await;
    town.asks_last(&owner(), "dm", &format!("/link {code_of_thief}"), CONFIRM_THERE)
        .await;
    let refused = town.asks_last(&thief, "dm", "/link confirm", "is the owner's").await;
    assert!(refused.starts_with("That account is the owner's."), "{refused}");
    assert_eq!(town.trust(&thief, GENERAL).await, 0);
    assert_eq!(town.trust(&owner(), GENERAL).await, 4);
}

#[tokio::test]
async fn what_was_granted_goes_with_the_person_and_stays_when_an_account_leaves() {
    let town = Town::new([]).await;
    town.asks(&kim(), "dm", "/whoami").await;
    town.asks(&owner(), "dm", "/trust discord:20 operator").await;
    link(&town, &kim(), "twitch:kim_tv", &kim_tv(), "chat").await;
    assert_eq!(town.trust(&kim_tv(), "chat").await, 3);
    // The younger account cannot take the older one away: it may be in other hands.
    let refused = town
        .asks_last(&kim_tv(), "dm", "/unlink discord:20", "before this one")
        .await;
    assert_eq!(
        refused,
        "That account was yours before this one. Say it from there, or from an older one."
    );
    let done = town
        .asks_last(&kim(), "dm", "/unlink twitch:kim_tv", "of its own")
        .await;
    assert_eq!(done, "Kim_TV on twitch (`twitch:21`) is a person of its own now.");
    assert_eq!(town.trust(&kim_tv(), "chat").await, 0);
    assert_eq!(town.trust(&kim(), GENERAL).await, 3);
    // Nobody takes apart what is not theirs.
    let refused = town
        .asks_last(&kim_tv(), "dm", "/unlink discord:20", "none of your accounts")
        .await;
    assert!(refused.starts_with("That is none of your accounts."), "{refused}");
}

/// An account that was in wrong hands, say.
#[tokio::test]
async fn an_account_that_was_taken_away_acts_no_more_for_what_it_said_before() {
    let town = Town::new([
        calls("c1", "read_state", READ_WEB),
        says("looked"),
        calls("c2", "act", RESTART_WEB),
        says("no"),
    ])
    .await;
    let second = discord("30", "kim2", &[]);
    town.asks(&kim(), "dm", "/whoami").await;
    town.asks(&owner(), "dm", "/trust discord:20 operator").await;
    link(&town, &kim(), "discord:30", &second, "dm").await;
    let gate = town.house.world.hold("web");
    let before = town.lines("discord", OPS).len();
    town.hears(town.event(&owner(), OPS, "is web up?")).await;
    gate.arrived().await;
    town.hears(town.event(&second, OPS, "restart web")).await;
    town.asks_last(&kim(), "dm", "/unlink discord:30", "of its own").await;
    gate.open();
    assert_eq!(town.line("discord", OPS, before + 1).await, "no");
    assert_eq!(town.house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn the_owner_links_an_account_from_the_console_and_it_is_no_owner() {
    let town = Town::new([]).await;
    let mut seen = town.house.watch();
    town.house.say("/link discord:20").await.expect("taken");
    let code = read(&seen.told("Say `/link").await.text);
    assert!(!town.house.talk().await.concat().contains(&code), "shown once");
    town.asks(&kim(), GENERAL, &format!("/link {code}")).await;
    seen.told("brought your code").await;
    town.house.say("/link confirm").await.expect("taken");
    seen.told("Linked. Your accounts: kim on discord").await;
    assert_eq!(town.person(&kim()).await.as_deref(), Some("owner"));
    assert_eq!(
        town.trust(&kim(), GENERAL).await,
        3,
        "the configuration alone makes owners"
    );
    // A key has no accounts.
    let laptop = crate::support::key("laptop", &[jarvis_gateway::caller::Scope::Ops]);
    let laptop = jarvis_agent::Principal::of(&laptop, jarvis_agent::Surface::Api);
    let said = town
        .house
        .agent
        .say(&laptop, &town.house.conversation, "/link discord:30", None)
        .await;
    said.expect("taken");
    seen.told("A key is not a person").await;
}

/// Who confirms knows every account that becomes theirs.
#[tokio::test]
async fn all_accounts_that_come_with_one_are_named() {
    let town = Town::new([]).await;
    let other = discord("22", "kims_other", &[]);
    link(&town, &kim_tv(), "discord:kims_other", &other, "dm").await;
    let code = code(&town, &kim(), "twitch:kim_tv").await;
    let mut seen = town.house.watch();
    town.hears(town.event(&kim_tv(), "chat", &format!("!link {code}")))
        .await;
    let told = seen.told("brought your code").await.text;
    assert!(
        told.contains("Its person has kims_other on discord (`discord:22`) too, which come with it."),
        "{told}"
    );
}

#[tokio::test]
async fn two_who_link_each_other_at_once_become_one() {
    for _ in 0..10 {
        let town = Town::new([]).await;
        let (a, b) = (
            code(&town, &kim(), "twitch:kim_tv").await,
            code(&town, &kim_tv(), "discord:kim").await,
        );
        town.asks(&kim_tv(), "dm", &format!("/link {a}")).await;
        let mut seen = town.house.watch();
        town.hears(town.event(&kim(), "dm", &format!("/link {b}"))).await;
        seen.told(CONFIRM_THERE).await;
        tokio::join!(
            town.hears(town.event(&kim(), "dm", "/link confirm")),
            town.hears(town.event(&kim_tv(), "dm", "/link confirm"))
        );
        let (mine, theirs) = (town.person(&kim()).await, town.person(&kim_tv()).await);
        assert!(mine.is_some());
        assert_eq!(mine, theirs);
        let known = town.house.store.known_person(&mine.unwrap()).await.unwrap().unwrap();
        assert_eq!(known.identities.len(), 2);
    }
}
