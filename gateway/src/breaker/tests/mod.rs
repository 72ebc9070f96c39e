mod probes;
mod together;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::Millis;
use crate::provider::Class;

const LEASE: Duration = Duration::from_secs(10);

fn why() -> Why {
    Why {
        class: Class::Upstream5xx,
        reason: "it said 500".into(),
        retry_after: None,
    }
}

fn asked_to_wait(seconds: u64) -> Why {
    Why {
        retry_after: Some(Duration::from_secs(seconds)),
        ..why()
    }
}

/// Plays events at given seconds, each as the outcome of a request admitted just then, and returns the state and when
/// it ends, in milliseconds.
fn play(place: Place, script: &[(i64, Event)]) -> (Shown, Option<i64>) {
    let mut machine = Machine::new(place);
    let mut now = Millis(0);
    for (at, event) in script {
        now = Millis(at * 1000);
        let permit = match event {
            Event::ProbeWorks
            | Event::ProbeFailed(_)
            | Event::Listed
            | Event::Unlisted
            | Event::KeyWorks
            | Event::Forced(_)
            | Event::Replaced
            | Event::Reset => None,
            _ => machine.admit(now, LEASE).0.or_else(|| machine.admit_anyway(now)),
        };
        machine.on(event.clone(), permit, now, 0.0);
    }
    let snapshot = machine.snapshot(now);
    (snapshot.state, snapshot.open_until.map(|until| until.0))
}

fn check(script: &[(i64, Event)], expect: (Shown, Option<i64>)) {
    assert_eq!(play(Place::Local, script), expect, "{script:?}");
}

fn force(to: ForcedTo, until: Millis) -> Event {
    Event::Forced(Forced {
        to,
        until,
        by: "ann".into(),
    })
}

fn failed(failure: Failure) -> Event {
    Event::Failed(failure, why())
}

#[test]
fn a_closed_breaker_opens_by_its_rules() {
    let plain = failed(Failure::Plain);
    check(&[(1, Event::Down(why()))], (Shown::Open, Some(6_000)));
    check(&[(1, plain.clone()), (2, plain.clone())], (Shown::Closed, None));
    check(
        &[(1, plain.clone()), (2, plain.clone()), (3, plain.clone())],
        (Shown::Open, Some(8_000)),
    );
    check(
        &[
            (1, plain.clone()),
            (2, plain.clone()),
            (2, Event::Finished),
            (3, plain.clone()),
        ],
        (Shown::Closed, None),
    );
    check(
        &[
            (1, plain.clone()),
            (2, Event::Finished),
            (3, plain.clone()),
            (4, Event::Finished),
            (5, plain.clone()),
        ],
        (Shown::Open, Some(10_000)),
    );
    check(
        &[
            (1, plain.clone()),
            (2, Event::Finished),
            (3, plain.clone()),
            (4, Event::Finished),
            (40, plain),
        ],
        (Shown::Closed, None),
    );
    check(
        &[(1, failed(Failure::Slow)), (9, failed(Failure::Slow))],
        (Shown::Open, Some(14_000)),
    );
    check(
        &[
            (1, failed(Failure::MidStream)),
            (2, Event::Finished),
            (290, failed(Failure::MidStream)),
        ],
        (Shown::Open, Some(295_000)),
    );
    check(
        &[
            (1, failed(Failure::MidStream)),
            (2, Event::Finished),
            (305, failed(Failure::MidStream)),
        ],
        (Shown::Closed, None),
    );
    let empties = vec![(1, failed(Failure::Empty)); 8];
    check(&empties, (Shown::Closed, None));
    let empties = vec![(1, failed(Failure::Empty)); 9];
    check(&empties, (Shown::Open, Some(6_000)));
    check(&[(1, Event::MoneyGone(why()))], (Shown::HardDown, Some(1_801_000)));
    check(&[(1, Event::Missing(why()))], (Shown::Missing, Some(601_000)));
    check(&[(1, Event::Missing(why())), (2, Event::Listed)], (Shown::Closed, None));
    check(
        &[(1, Event::MoneyGone(why())), (2, Event::Listed)],
        (Shown::HardDown, Some(1_801_000)),
    );
    check(
        &[(1, Event::MoneyGone(why())), (2, Event::Reset)],
        (Shown::Closed, None),
    );
}

#[test]
fn what_asks_for_a_pause_gets_it_and_is_used_again_without_a_trial() {
    let park = Event::Parked(Duration::from_secs(2), why());
    check(&[(1, park.clone())], (Shown::Open, Some(3_000)));
    check(&[(1, park), (4, Event::Finished)], (Shown::Closed, None));
    check(
        &[(1, Event::Parked(Duration::from_secs(2), asked_to_wait(30)))],
        (Shown::Open, Some(31_000)),
    );
    check(
        &[(1, Event::Parked(Duration::from_secs(2), asked_to_wait(86_400)))],
        (Shown::Open, Some(3_601_000)),
    );
    check(&[(1, Event::Down(asked_to_wait(20)))], (Shown::Open, Some(21_000)));
}

#[test]
fn a_trial_decides() {
    let down = Event::Down(why());
    check(&[(1, down.clone()), (6, Event::Works)], (Shown::Closed, None));
    check(&[(1, down.clone()), (6, down.clone())], (Shown::Open, Some(16_000)));
    check(
        &[(1, down.clone()), (6, down.clone()), (16, down.clone())],
        (Shown::Open, Some(36_000)),
    );
    check(
        &[(1, down.clone()), (6, Event::Nothing)],
        (Shown::HalfOpen, Some(6_000)),
    );
    // A success of a request that was let through although it was open is a success.
    check(&[(1, down.clone()), (3, Event::Works)], (Shown::Closed, None));
    // Trips are forgotten after ten quiet minutes.
    check(
        &[(1, down.clone()), (6, Event::Works), (605, down.clone())],
        (Shown::Open, Some(615_000)),
    );
    check(
        &[(1, down.clone()), (6, Event::Works), (607, down.clone())],
        (Shown::Open, Some(612_000)),
    );
    // A remote backend has to succeed twice.
    let once = [(1, down.clone()), (6, Event::Works)];
    assert_eq!(play(Place::Cloud, &once), (Shown::HalfOpen, Some(6_000)));
    let twice = [(1, down.clone()), (6, Event::Works), (7, Event::Works)];
    assert_eq!(play(Place::Cloud, &twice), (Shown::Closed, None));
}

#[test]
fn what_belongs_to_an_earlier_state_is_not_counted() {
    let mut machine = Machine::new(Place::Local);
    let (now, later) = (Millis(1_000), Millis(7_000));
    let (early, _) = machine.admit(now, LEASE);
    machine.on(Event::MoneyGone(why()), early, now, 0.0);
    machine.on(Event::Works, early, later, 0.0);
    assert_eq!(machine.snapshot(later).state, Shown::HardDown);
    machine.on(Event::Reset, None, later, 0.0);
    machine.on(Event::Down(why()), early, later, 0.0);
    assert_eq!(machine.state(), &State::Closed);
}

#[test]
fn only_a_plain_outage_is_tried_anyway() {
    let check = |event: Event, expect: bool| {
        let mut machine = Machine::new(Place::Local);
        let (permit, _) = machine.admit(Millis(0), LEASE);
        machine.on(event.clone(), permit, Millis(0), 0.0);
        assert_eq!(machine.admit_anyway(Millis(1)).is_some(), expect, "{event:?}");
    };
    check(Event::Down(why()), true);
    check(Event::Parked(Duration::from_secs(9), why()), true);
    check(Event::MoneyGone(why()), false);
    check(Event::Missing(why()), false);

    let mut machine = Machine::new(Place::Local);
    let (permit, _) = machine.admit(Millis(0), LEASE);
    machine.on(Event::Down(why()), permit, Millis(0), 0.0);
    machine.on(Event::ProbeFailed(why()), None, Millis(250), 0.0);
    assert_eq!(machine.admit_anyway(Millis(10_000)), None);
    assert!(machine.admit_anyway(Millis(10_250)).is_some());
}

#[test]
fn the_table_of_classes() {
    let check = |class: Class, expect: (Mark, Mark, Retry, Next)| {
        let (backend, model, retry, next) = expect;
        let expect = Disposition {
            backend,
            model,
            retry,
            next,
        };
        assert_eq!(class.disposition(), expect, "{class:?}");
    };
    let (nothing, works) = (Mark::Nothing, Mark::Works);
    let plain = Mark::Failed(Failure::Plain);
    let soon = Retry::After(Duration::from_millis(300));
    let two_seconds = Mark::Park(Duration::from_secs(2));
    check(Class::HostDown, (Mark::Down, nothing, Retry::Never, Next::Any));
    check(
        Class::Transport,
        (nothing, plain, Retry::After(Duration::ZERO), Next::Any),
    );
    check(
        Class::TtftTimeout,
        (nothing, Mark::Failed(Failure::Slow), Retry::Never, Next::Any),
    );
    check(Class::ColdSlow, (nothing, nothing, Retry::Never, Next::Any));
    check(Class::OverBudget, (nothing, nothing, Retry::Never, Next::Any));
    check(Class::OverBound, (nothing, nothing, Retry::Never, Next::Any));
    check(Class::NoPrice, (nothing, nothing, Retry::Never, Next::Any));
    check(Class::Privacy, (nothing, nothing, Retry::Never, Next::Any));
    let at_once = Retry::After(Duration::ZERO);
    check(Class::NoCall, (works, nothing, at_once, Next::Any));
    check(Class::Upstream5xx, (works, plain, soon, Next::Any));
    check(Class::Saturated, (works, two_seconds, Retry::Never, Next::Any));
    check(Class::RateShort, (works, nothing, Retry::AsAsked, Next::Any));
    check(Class::HardDown, (Mark::Hard, nothing, Retry::Never, Next::Any));
    check(Class::ModelMissing, (works, Mark::Missing, Retry::Never, Next::Any));
    check(
        Class::ContextLength,
        (works, nothing, Retry::Never, Next::LargerContext),
    );
    check(Class::ClientFault, (works, nothing, Retry::Never, Next::Relay));
    check(Class::Policy, (works, nothing, Retry::Never, Next::Relay));
    check(Class::Cancelled, (nothing, nothing, Retry::Never, Next::Relay));
}

/// A step of a random history: some request is let in, some request under way ends, a probe answers, time passes.
#[derive(Debug, Clone)]
enum Step {
    Ask,
    End(usize, Event),
    Probe(bool),
    Force(ForcedTo),
    Tick,
    Wait(u32),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Works),
        Just(Event::Finished),
        Just(Event::Nothing),
        Just(failed(Failure::Plain)),
        Just(failed(Failure::Slow)),
        Just(failed(Failure::MidStream)),
        Just(Event::Down(why())),
        Just(Event::MoneyGone(asked_to_wait(999_999))),
        Just(Event::Missing(why())),
        Just(Event::Parked(Duration::from_secs(2), asked_to_wait(999_999))),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Ask),
        3 => (0..8usize, any_event()).prop_map(|(which, event)| Step::End(which, event)),
        1 => any::<bool>().prop_map(Step::Probe),
        1 => prop_oneof![Just(Step::Force(ForcedTo::Open)), Just(Step::Force(ForcedTo::Closed)), Just(Step::Tick)],
        2 => (1..40_000u32).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn every_open_ends_every_trial_has_a_lease_and_trials_are_alone(
        steps in prop::collection::vec(any_step(), 1..120),
        cloud in any::<bool>(),
        jitter in -1.0..1.0f64,
    ) {
        let mut machine = Machine::new(if cloud { Place::Cloud } else { Place::Local });
        let mut now = Millis(0);
        let mut under_way: Vec<Permit> = Vec::new();
        let mut trial_ends: Option<Millis> = None;
        for step in steps {
            match step {
                Step::Ask => {
                    if let (Some(permit), _) = machine.admit(now, LEASE) {
                        if permit.lease {
                            prop_assert!(trial_ends.is_none_or(|end| end <= now), "two trials at once");
                            trial_ends = Some(now.plus(LEASE));
                        }
                        under_way.push(permit);
                    }
                }
                Step::End(which, event) => {
                    if which < under_way.len() {
                        let permit = under_way.swap_remove(which);
                        machine.on(event, Some(permit), now, jitter);
                        if !matches!(machine.state(), State::HalfOpen { .. }) {
                            trial_ends = None;
                        }
                    }
                }
                Step::Probe(true) => { machine.on(Event::ProbeWorks, None, now, jitter); }
                Step::Probe(false) => { machine.on(Event::ProbeFailed(why()), None, now, jitter); }
                Step::Force(to) => { machine.on(force(to, now.plus(Duration::from_secs(30))), None, now, jitter); }
                Step::Tick => { machine.tick(now); }
                Step::Wait(millis) => now = now.plus(Duration::from_millis(millis.into())),
            }
            match machine.state() {
                State::Closed => trial_ends = None,
                State::Open { until, trouble } => {
                    prop_assert!(*until <= now.plus(Duration::from_hours(1)), "{trouble:?} has no end");
                    prop_assert!(trouble.kind != TroubleKind::Parked || machine.snapshot(now).state != Shown::HalfOpen);
                }
                State::HalfOpen { lease_until, .. } => prop_assert!(*lease_until <= now.plus(LEASE)),
            }
        }
        // Left alone for long enough it always lets somebody through.
        now = now.plus(Duration::from_hours(1));
        let first = machine.admit(now, LEASE).0;
        let second = machine.admit(now.plus(Duration::from_secs(2)), LEASE).0;
        prop_assert!(first.or(second).is_some());
    }
}
