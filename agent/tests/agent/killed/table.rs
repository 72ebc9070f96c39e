//! Every write and every effect of each story. Whoever adds one finds it missing here, and has it killed.

use super::life::lived_and_died;
use super::story::Story;

const ASKED: [&str; 2] = ["the model is asked", "the model has answered"];
const SHOWN: &[&str] = &[
    "copy sending",
    "copy sent",
    "something is shown",
    "something is to be shown",
];
const SHOWN_AND_CHANGED: &[&str] = &[
    "a card is changed",
    "a card is to be changed",
    "copy sending",
    "copy sent",
    "something is shown",
    "something is to be shown",
];

#[test]
fn a_reading() {
    let writes = [
        "run running",
        "message user",
        "call started",
        "audit tool.intent",
        "call ok",
        "audit tool.outcome",
        "message assistant",
        "run done answered",
    ];
    let effects = [ASKED[0], ASKED[1], "a read begins", ASKED[0], ASKED[1]];
    lived_and_died(Story::Reads, [&writes, &effects, &[]]);
}

#[test]
fn a_long_reading() {
    let writes = [
        "run running",
        "message user",
        "call started",
        "audit tool.intent",
        "call ok",
        "audit tool.outcome",
        "result kept",
        "message assistant",
        "run done answered",
    ];
    let effects = [ASKED[0], ASKED[1], "a read begins", ASKED[0], ASKED[1]];
    lived_and_died(Story::ReadsALot, [&writes, &effects, &[]]);
}

#[test]
fn an_act_at_once() {
    let writes = [
        "run running",
        "message user",
        "call started",
        "audit tool.intent",
        "call ok",
        "audit tool.outcome",
        "message assistant",
        "run done answered",
    ];
    let effects = [
        ASKED[0],
        ASKED[1],
        "an act begins",
        "an act has ended",
        ASKED[0],
        ASKED[1],
    ];
    lived_and_died(Story::ActsAtOnce, [&writes, &effects, &[]]);
}

#[test]
fn a_message_that_joins() {
    let writes = [
        "run running",
        "message user",
        "call started",
        "audit tool.intent",
        "run running",
        "message user",
        "call ok",
        "audit tool.outcome",
        "message assistant",
        "run done answered",
        "run stopped joined",
    ];
    let effects = [ASKED[0], ASKED[1], "a read begins", ASKED[0], ASKED[1]];
    lived_and_died(Story::IsJoined, [&writes, &effects, &[]]);
}

#[test]
fn a_compaction() {
    let writes = [
        "run running",
        "message user",
        "summary",
        "message event",
        "message assistant",
        "run done answered",
    ];
    lived_and_died(Story::Compacts, [&writes, &[ASKED, ASKED].concat(), &[]]);
}

#[test]
fn a_card() {
    let writes = [
        "run running",
        "message user",
        "card pending",
        "audit approval.created",
        "call pending",
        "message assistant",
        "run done answered",
    ];
    let shows = [&["copy sending", "copy sent", "copy waiting"], &SHOWN[2..]].concat();
    lived_and_died(Story::Raises, [&writes, &[ASKED, ASKED].concat(), &shows]);
}

/// From the decision for yes to the end of the act.
const VOTE: &[&str] = &["vote", "card approved", "audit approval.vote"];
const ACT: &[&str] = &[
    "card executing",
    "call started",
    "audit tool.intent",
    "call ok",
    "audit tool.outcome",
    "card done untold",
    "audit approval.finished",
    "card done",
    "message event",
];
const ACTS: [&str; 2] = ["an act begins", "an act has ended"];

#[test]
fn an_approval() {
    lived_and_died(Story::Approves, [&[VOTE, ACT].concat(), &ACTS, SHOWN_AND_CHANGED]);
}

#[test]
fn an_approval_for_an_hour() {
    let vote: &[&str] = &["vote", "card approved", "grant", "audit approval.vote", "audit grant"];
    let writes = [vote, ACT].concat();
    lived_and_died(Story::ApprovesForAnHour, [&writes, &ACTS, SHOWN_AND_CHANGED]);
}

#[test]
fn a_denial() {
    let writes = [
        "vote",
        "card denied untold",
        "audit approval.vote",
        "card denied",
        "message event",
    ];
    lived_and_died(Story::Denies, [&writes, &[], SHOWN_AND_CHANGED]);
}

#[test]
fn a_denial_in_words() {
    let writes = [
        "message user",
        "command said",
        "vote",
        "card denied untold",
        "audit approval.vote",
        "card denied",
        "message event",
        "command answered",
    ];
    lived_and_died(Story::DeniesInWords, [&writes, &[], SHOWN_AND_CHANGED]);
}

#[test]
fn a_stale_card() {
    let anew = [
        "card executing",
        "card pending",
        "audit approval.created",
        "call pending",
        "card stale untold",
        "audit approval.finished",
        "card stale",
        "message event",
    ];
    let mut shows = SHOWN_AND_CHANGED.to_vec();
    shows.insert(4, "copy waiting");
    lived_and_died(Story::FindsItStale, [&[VOTE, &anew].concat(), &[], &shows]);
}

#[test]
fn a_card_that_expires() {
    let writes = [
        "card expired untold",
        "audit approval.expired",
        "card expired",
        "message event",
    ];
    lived_and_died(Story::Expires, [&writes, &[], SHOWN_AND_CHANGED]);
}

#[test]
fn a_follow_up() {
    let then = [
        "run running",
        "audit follow_up",
        "message assistant",
        "run done answered",
    ];
    let effects = [ACTS, ASKED].concat();
    lived_and_died(
        Story::FollowsUp,
        [&[VOTE, ACT, &then].concat(), &effects, SHOWN_AND_CHANGED],
    );
}
