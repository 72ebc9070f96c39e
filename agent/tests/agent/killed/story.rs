//! The stories: what leads to one, what happens in it, and what Jarvis confirms on the way.

use std::cell::RefCell;
use std::time::Duration;

use jarvis_agent::ApprovalsConfig;
use jarvis_agent::view::{CardStatus, Happening, RunState};
use jarvis_gateway::providers::scripted::{Turn, calls, says};

use super::rows::settled;
use crate::approvals::STOP_WEB;
use crate::support::House;
use crate::support::house::Seen;

const READ_WEB: &str = r#"{"name":"web"}"#;
const RESTART_WEB: &str = r#"{"action":"restart","name":"web"}"#;
const RESTART_VPN: &str = r#"{"action":"restart","name":"vpn"}"#;

/// What is lived through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Story {
    Reads,
    ReadsALot,
    ActsAtOnce,
    IsJoined,
    Compacts,
    Raises,
    Approves,
    ApprovesForAnHour,
    Denies,
    DeniesInWords,
    FindsItStale,
    Expires,
    FollowsUp,
}

impl Story {
    /// What the model says before the story, and in it.
    pub(super) fn scripts(self) -> (Vec<Turn>, Vec<Turn>) {
        let card = vec![calls("c1", "act", STOP_WEB), says("It waits.")];
        match self {
            Self::Reads | Self::ReadsALot => (vec![], vec![calls("c1", "read_state", READ_WEB), says("It runs.")]),
            Self::ActsAtOnce => (vec![], vec![calls("c1", "act", RESTART_WEB), says("Done.")]),
            Self::IsJoined => (vec![], vec![calls("c1", "read_state", READ_WEB), says("Both seen.")]),
            Self::Compacts => {
                let before = (0..16).map(|number| says(&format!("answer {number}.")));
                (before.collect(), vec![says("- they talked"), says("here")])
            }
            Self::Raises => (vec![], card),
            Self::ApprovesForAnHour => {
                let acts = [
                    calls("c1", "read_state", READ_WEB),
                    calls("c2", "act", RESTART_VPN),
                    says("It waits."),
                ];
                (acts.into(), vec![])
            }
            Self::FollowsUp => (card, vec![says("So it is.")]),
            Self::Approves | Self::Denies | Self::DeniesInWords | Self::FindsItStale | Self::Expires => (card, vec![]),
        }
    }

    pub(super) fn approvals(self) -> ApprovalsConfig {
        ApprovalsConfig {
            room: Some("wall:ops".to_owned().try_into().expect("a room")),
            follow_up: self == Self::FollowsUp,
            ..ApprovalsConfig::default()
        }
    }

    /// The act that it is about, if there is one.
    pub(super) fn act(self) -> Option<&'static str> {
        match self {
            Self::Reads | Self::ReadsALot | Self::IsJoined | Self::Compacts => None,
            Self::ActsAtOnce => Some("restart web"),
            Self::ApprovesForAnHour => Some("restart vpn"),
            Self::Raises
            | Self::Approves
            | Self::Denies
            | Self::DeniesInWords
            | Self::FindsItStale
            | Self::Expires
            | Self::FollowsUp => Some("stop web"),
        }
    }

    /// What another story leaves for a start is killed in that one; here it would only take time.
    pub(super) fn has_a_start_of_its_own(self) -> bool {
        match self {
            Self::ApprovesForAnHour | Self::FindsItStale | Self::ReadsALot => false,
            Self::Reads
            | Self::ActsAtOnce
            | Self::IsJoined
            | Self::Compacts
            | Self::Raises
            | Self::Approves
            | Self::Denies
            | Self::DeniesInWords
            | Self::Expires
            | Self::FollowsUp => true,
        }
    }

    /// What leads to it, in a process that nothing happens to.
    pub(super) async fn begin(self, house: &House) {
        match self {
            Self::Compacts => {
                for number in 0..16 {
                    house.ask(&format!("question {number}.")).await;
                }
            }
            Self::ApprovesForAnHour => drop(house.ask("how is web?").await),
            Self::Approves
            | Self::Denies
            | Self::DeniesInWords
            | Self::FindsItStale
            | Self::Expires
            | Self::FollowsUp => drop(house.ask("stop web").await),
            Self::Reads | Self::ReadsALot | Self::ActsAtOnce | Self::IsJoined | Self::Raises => {}
        }
    }

    /// The story itself. `heard` keeps what Jarvis has confirmed.
    pub(super) async fn play(self, house: &House, card: Option<&str>, heard: &RefCell<Vec<&'static str>>) {
        let mut seen = house.watch();
        let card = card.unwrap_or_default();
        // A copy of the card is on the wall before anybody decides.
        settled(house).await;
        let say = async |text: &'static str| {
            let said = house.say(text).await.expect("taken").message;
            heard.borrow_mut().push(text);
            said.run_id.expect("a run")
        };
        match self {
            Self::Reads | Self::ReadsALot => {
                let run = say("how is web?").await;
                seen.finished(&run).await;
            }
            Self::Compacts => {
                let run = say("and now?").await;
                seen.finished(&run).await;
            }
            Self::ActsAtOnce => {
                let run = say("restart web").await;
                seen.finished(&run).await;
            }
            Self::Raises => {
                let run = say("stop web").await;
                seen.finished(&run).await;
            }
            Self::IsJoined => {
                let gate = house.world.hold("web");
                let first = say("how is web?").await;
                gate.arrived().await;
                let second = say("and plex?").await;
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                gate.open();
                seen.finished(&first).await;
                seen.finished(&second).await;
            }
            Self::Approves | Self::FollowsUp => {
                house.decide(card, true).await.expect("the owner may");
                heard.borrow_mut().push("yes");
                assert_eq!(seen.closed(card).await.status, CardStatus::Done);
            }
            Self::ApprovesForAnHour => {
                let owner = crate::support::owner();
                let decided = house.agent.approve_for_an_hour(&owner, card, None).await;
                decided.expect("the owner may");
                heard.borrow_mut().push("yes");
                assert_eq!(seen.closed(card).await.status, CardStatus::Done);
            }
            Self::Denies => {
                house.decide(card, false).await.expect("the owner may");
                heard.borrow_mut().push("no");
            }
            Self::DeniesInWords => {
                house.say(&format!("deny {card}")).await.expect("taken");
                heard.borrow_mut().push("no");
            }
            Self::FindsItStale => {
                house.world.set("web", "paused");
                house.decide(card, true).await.expect("the owner may");
                heard.borrow_mut().push("yes");
                assert_eq!(seen.closed(card).await.status, CardStatus::Stale);
            }
            Self::Expires => {
                house.clock.advance(Duration::from_hours(1));
                house.decide(card, true).await.expect_err("too late");
            }
        }
        if self == Self::FollowsUp {
            followed(&mut seen).await;
        }
        settled(house).await;
    }
}

async fn followed(seen: &mut Seen) {
    let is_end = |happening: &Happening| {
        matches!(
            happening,
            Happening::Run {
                state: RunState::Finished,
                ..
            }
        )
    };
    seen.first("the end of the follow-up", is_end).await;
}
