//! What probes and people do to a breaker.

use super::*;

/// Plays events that no request brings.
fn after(machine: &mut Machine, seconds: i64, event: Event) -> (Shown, Option<i64>) {
    let now = Millis(seconds * 1000);
    machine.on(event, None, now, 0.0);
    shown(machine, seconds)
}

fn shown(machine: &Machine, seconds: i64) -> (Shown, Option<i64>) {
    let snapshot = machine.snapshot(Millis(seconds * 1000));
    (snapshot.state, snapshot.open_until.map(|until| until.0))
}

fn admits(machine: &mut Machine, seconds: i64) -> bool {
    machine.admit(Millis(seconds * 1000), LEASE).0.is_some()
}

#[test]
fn probes_tell_a_hiccup_from_an_outage() {
    let down = Event::Down(why());
    let (works, fails) = (Event::ProbeWorks, Event::ProbeFailed(why()));
    check(&[(1, down.clone()), (1, works.clone())], (Shown::Closed, None));
    let outage = [(1, down.clone()), (1, fails.clone())];
    check(
        &[&outage[..], &[(5, works.clone())]].concat(),
        (Shown::Open, Some(6_000)),
    );
    // Two in a row, and a request is let through before its time, to prove the rest.
    let back = [&outage[..], &[(3, works.clone()), (5, works.clone())]].concat();
    check(&back, (Shown::HalfOpen, Some(5_000)));
    check(&[&back[..], &[(5, Event::Works)]].concat(), (Shown::Closed, None));
    check(&[&back[..], &[(5, down.clone())]].concat(), (Shown::Open, Some(15_000)));
    // A refused trial is no hiccup: one probe that works does not close it.
    check(
        &[&back[..], &[(5, down.clone()), (6, works.clone())]].concat(),
        (Shown::Open, Some(15_000)),
    );
    check(
        &[&back[..], &[(10, works.clone())]].concat(),
        (Shown::HalfOpen, Some(5_000)),
    );
    check(
        &[&back[..], &[(10, fails.clone())]].concat(),
        (Shown::Open, Some(15_000)),
    );
    check(
        &[
            &outage[..],
            &[(3, works.clone()), (4, fails.clone()), (5, works.clone())],
        ]
        .concat(),
        (Shown::Open, Some(6_000)),
    );
    // A probe knows nothing of keys and models.
    check(
        &[(1, Event::MoneyGone(why())), (2, works.clone()), (3, works.clone())],
        (Shown::HardDown, Some(1_801_000)),
    );
    let failing = vec![(1, failed(Failure::Plain)); 3];
    check(
        &[&failing[..], &[(2, works.clone()), (3, works)]].concat(),
        (Shown::Open, Some(6_000)),
    );
}

#[test]
fn after_a_hiccup_one_more_refusal_is_forgiven_and_two_within_ten_seconds_are_not() {
    let down = Event::Down(why());
    let flap = [(1, down.clone()), (1, Event::ProbeWorks)];
    check(&[&flap[..], &[(20, down.clone())]].concat(), (Shown::Closed, None));
    check(
        &[&flap[..], &[(20, down.clone()), (25, down.clone())]].concat(),
        (Shown::Open, Some(35_000)),
    );
    check(
        &[&flap[..], &[(20, down.clone()), (31, down.clone())]].concat(),
        (Shown::Closed, None),
    );
    check(&[&flap[..], &[(70, down)]].concat(), (Shown::Open, Some(80_000)));
}

#[test]
fn two_probes_in_a_row_without_an_answer_open_it_although_nobody_asked() {
    let (works, fails) = (Event::ProbeWorks, Event::ProbeFailed(why()));
    check(&[(1, fails.clone())], (Shown::Closed, None));
    check(&[(1, fails.clone()), (8, fails.clone())], (Shown::Open, Some(13_000)));
    check(
        &[(1, fails.clone()), (5, works.clone()), (10, fails.clone())],
        (Shown::Closed, None),
    );
    // An answer in between proves that it is there.
    check(
        &[(1, fails.clone()), (5, Event::Works), (8, fails.clone())],
        (Shown::Closed, None),
    );
    check(&[(1, fails.clone()), (60, fails.clone())], (Shown::Closed, None));
    // Found down by probes, it takes two to be found up.
    let found = [(1, fails.clone()), (8, fails)];
    check(
        &[&found[..], &[(9, works.clone())]].concat(),
        (Shown::Open, Some(13_000)),
    );
    check(
        &[&found[..], &[(9, works.clone()), (10, works)]].concat(),
        (Shown::HalfOpen, Some(10_000)),
    );
}

#[test]
fn a_key_is_taken_again_when_a_free_question_shows_that_it_works() {
    let check = |event: Event, expect: (Shown, Option<i64>)| {
        let mut machine = Machine::new(Place::Cloud);
        after(&mut machine, 1, event.clone());
        assert_eq!(after(&mut machine, 61, Event::KeyWorks), expect, "{event:?}");
    };
    check(Event::KeyRefused(why()), (Shown::Closed, None));
    check(Event::MoneyGone(why()), (Shown::HardDown, Some(1_801_000)));
    check(Event::Missing(why()), (Shown::Missing, Some(601_000)));
}

#[test]
fn a_model_stays_missing_for_as_long_as_the_list_lacks_it() {
    let mut machine = Machine::new(Place::Local);
    after(&mut machine, 1, Event::Missing(why()));
    assert_eq!(
        after(&mut machine, 500, Event::Unlisted),
        (Shown::Missing, Some(1_100_000))
    );
    assert!(!admits(&mut machine, 700));
    assert_eq!(after(&mut machine, 701, Event::Listed), (Shown::Closed, None));
    assert_eq!(after(&mut machine, 702, Event::Unlisted), (Shown::Closed, None));
}

#[test]
fn what_a_person_holds_open_stays_open_until_its_time_is_over() {
    let mut machine = Machine::new(Place::Local);
    let until = Millis(60_000);
    assert_eq!(
        after(&mut machine, 1, force(ForcedTo::Open, until)),
        (Shown::Open, Some(60_000))
    );
    assert_eq!(after(&mut machine, 2, Event::Works), (Shown::Open, Some(60_000)));
    assert!(!admits(&mut machine, 59));
    assert_eq!(machine.admit_anyway(Millis(59_000)), None);
    assert!(!machine.tick(Millis(59_000)).changed);
    assert_eq!(shown(&machine, 60), (Shown::Closed, None));
    assert!(machine.tick(until).changed);
    assert!(!machine.tick(until).changed);
    assert!(admits(&mut machine, 60));

    // What it was before is what it is afterwards, and a reset ends both.
    after(&mut machine, 61, Event::MoneyGone(why()));
    after(&mut machine, 62, force(ForcedTo::Open, Millis(90_000)));
    assert_eq!(shown(&machine, 91), (Shown::HardDown, Some(1_861_000)));
    after(&mut machine, 92, force(ForcedTo::Open, Millis(900_000)));
    assert_eq!(after(&mut machine, 93, Event::Reset), (Shown::Closed, None));
}

#[test]
fn what_a_person_holds_closed_is_used_whatever_fails() {
    let mut machine = Machine::new(Place::Local);
    after(&mut machine, 1, Event::MoneyGone(why()));
    after(&mut machine, 2, force(ForcedTo::Closed, Millis(60_000)));
    for event in [
        Event::Down(why()),
        Event::KeyRefused(why()),
        Event::Missing(why()),
        Event::Parked(Duration::from_secs(9), why()),
        failed(Failure::Slow),
        failed(Failure::Slow),
        Event::ProbeFailed(why()),
        Event::ProbeFailed(why()),
    ] {
        let permit = machine.admit(Millis(3_000), LEASE).0;
        assert!(permit.is_some_and(|permit| !permit.lease), "{event:?}");
        machine.on(event, permit, Millis(3_000), 0.0);
    }
    assert_eq!(shown(&machine, 59), (Shown::Closed, None));
    let by = machine.snapshot(Millis(59_000)).reason;
    assert_eq!(by.as_deref(), Some("held closed by ann"));
    after(&mut machine, 60, Event::KeyRefused(why()));
    assert_eq!(shown(&machine, 60), (Shown::HardDown, Some(1_860_000)));
}

#[test]
fn another_server_under_the_same_name_starts_afresh_but_stays_forced() {
    let mut machine = Machine::new(Place::Local);
    after(&mut machine, 1, Event::MoneyGone(why()));
    assert_eq!(after(&mut machine, 2, Event::Replaced), (Shown::Closed, None));
    after(&mut machine, 3, force(ForcedTo::Open, Millis(60_000)));
    assert_eq!(after(&mut machine, 4, Event::Replaced), (Shown::Open, Some(60_000)));
}

#[test]
fn a_trial_that_nobody_ended_is_taken_back() {
    let mut machine = Machine::new(Place::Local);
    after(&mut machine, 1, Event::Down(why()));
    assert!(admits(&mut machine, 6));
    assert!(!machine.tick(Millis(15_000)).changed);
    assert!(machine.tick(Millis(16_000)).changed);
    assert_eq!(shown(&machine, 16), (Shown::Open, Some(18_000)));
    assert!(admits(&mut machine, 18));
}
