//! Every case of `cases/`, one line each.

use std::path::Path;

use jarvis_evals::{Expect, read_all, replay};

#[tokio::test]
async fn every_case_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = read_all(&folder).expect("the cases can be read");
    let mut failed = 0;
    for (name, case) in &cases {
        let faults = match replay(case).await {
            Ok(came) => came.faults(&case.expect),
            Err(error) => vec![format!("{error:#}")],
        };
        println!(
            "{} {name}: {}",
            if faults.is_empty() { "ok    " } else { "FAILED" },
            case.shows
        );
        for fault in &faults {
            println!("         {fault}");
        }
        failed += usize::from(!faults.is_empty());
    }
    assert_eq!(failed, 0, "of {} cases, see above", cases.len());
    assert!(!cases.is_empty(), "{} holds no cases", folder.display());
}

/// The grader can fail: a case that expects nothing does not pass over what happened.
#[tokio::test]
async fn what_is_not_expected_is_a_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let case = read_all(&folder)
        .expect("the cases can be read")
        .remove("stop-needs-a-card")
        .expect("the case");
    let came = replay(&case).await.expect("it can be played");
    let other: Expect = toml::from_str("says = ['a haiku']\nmodel_read = ['a novel']").expect("an expectation");
    let faults: Vec<String> = came
        .faults(&other)
        .into_iter()
        .map(|fault| fault.split(':').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        faults,
        [
            "changed",
            "acts",
            "cards",
            "calls",
            "the last message lacks \"a haiku\"",
            "the model's last request lacks \"a novel\"",
        ]
    );
}
