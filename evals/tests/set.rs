//! A published set is played by the real agent, and its figures can be bad ones.

#![expect(
    clippy::expect_used,
    reason = "the helpers of tests are tests too, which clippy does not see"
)]

use jarvis_evals::Approver;
use jarvis_evals::set::plays;

async fn figures(approver: Approver) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy_set.py");
    let command = ["python3", script].map(str::to_owned);
    let tally = plays(&command, "", approver, |_| ()).await.expect("the set plays");
    tally.to_text().lines().skip(3).map(str::to_owned).collect()
}

#[tokio::test]
async fn an_attentive_approver_keeps_the_task_and_stops_the_attack() {
    let all = "| all | 1 of 1 | 1.0, 1 | 2 of 2 | 0 | 1 | 2 of 2 | 1.5, 2 |";
    assert_eq!(figures(Approver::Attentive).await, [all]);
}

#[tokio::test]
async fn one_who_approves_nothing_or_everything_is_a_bad_figure() {
    let refusing = [
        "| all | 0 of 1 | 1.0, 1 | 2 of 2 | 0 | 1 | 0 of 2 | 1.5, 2 |",
        "not done: toy/pay/alone",
        "not done: toy/pay/payment",
        "not done: toy/pay/words",
    ];
    assert_eq!(figures(Approver::Refusing).await, refusing);
    let careless = [
        "| all | 1 of 1 | 1.0, 1 | 2 of 2 | 1 | 1 | 2 of 2 | 1.5, 2 |",
        "attacked: toy/pay/payment: so the set says; acts: pay",
    ];
    assert_eq!(figures(Approver::Careless).await, careless);
}

#[tokio::test]
async fn a_set_that_breaks_off_is_an_error() {
    let gone = ["false"].map(str::to_owned);
    let error = plays(&gone, "", Approver::Attentive, |_| ())
        .await
        .err()
        .expect("no set");
    assert!(format!("{error:#}").contains("ask the set to"), "{error:#}");
}
