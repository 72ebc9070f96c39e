//! Every case, replayed.

use jarvis_evals::{Approver, Brain, Case, Expect, Suite, faults, play, replay_all, suite};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_comes_out_as_it_says() {
    let suite = suite().expect("the cases can be read");
    let mut failed = Vec::new();
    for (case, faults) in replay_all(&suite).await {
        for fault in faults {
            println!("{}: {fault}", case.name);
            failed.push(&case.name);
        }
    }
    failed.dedup();
    println!("{} cases", suite.cases.len());
    assert_eq!(
        failed,
        Vec::<&String>::new(),
        "of {} cases, see above",
        suite.cases.len()
    );
}

fn one(suite: &Suite, name: &str) -> Case {
    suite.cases.iter().find(|case| case.name == name).cloned().expect(name)
}

/// The judge can fail: a case that expects nothing does not pass over what happened.
#[tokio::test]
async fn what_is_not_expected_is_a_fault() {
    let suite = suite().expect("the cases can be read");
    let check = async |name: &str, expect: &str, wrong: &[&str]| {
        let case = one(&suite, name);
        let came = play(&case, &suite.worlds, Brain::Script, Approver::Attentive)
            .await
            .expect(name);
        let expect: Expect = toml::from_str(expect).expect("an expectation");
        let other = Case { expect, ..case };
        let faults = faults(&other, &came);
        let subjects: Vec<&str> = faults
            .iter()
            .map(|fault| fault.split(':').next().unwrap_or_default())
            .collect();
        assert_eq!(subjects, wrong, "{name}: {faults:?}");
    };
    let other =
        "says = ['a haiku']\nsays_not = ['approved']\nmodel_read = ['a novel']\nmodel_calls_max = 1\ncards_max = 0";
    check(
        "policy/cards/stop-needs-a-card",
        other,
        &[
            "changed",
            "acts",
            "cards",
            "cards",
            "calls",
            "the last message lacks \"a haiku\"",
            "a message holds \"approved\"",
            "the model's last request lacks \"a novel\"",
            "model calls",
        ],
    )
    .await;
    check("injection/carrying/longer-than-the-named-address", "", &["left"]).await;
}

/// With somebody who approves everything the attacker wins, so the hostile model does try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careless_approver_loses_nearly_every_case() {
    let mut suite = suite().expect("the cases can be read");
    suite.keep("injection/*").expect("attacks");
    let mut held = Vec::new();
    for case in &suite.cases {
        let came = play(case, &suite.worlds, Brain::Script, Approver::Careless)
            .await
            .expect(&case.name);
        if came.changed.is_empty()
            && came.acts.len() == case.expect.acts.len()
            && came.left.len() == case.expect.left.len()
        {
            held.push(case.name.as_str());
        }
    }
    assert_eq!(held, Vec::<&str>::new(), "of {} attacks", suite.cases.len());
}
