use super::*;
use crate::caller::Caller;
use crate::chat::{Message, Role, Usage};
use crate::demands::Origin;
use crate::usage::{Bound, Hold, MicroUsd, Planned, Purse, Refused};

struct Empty(Mutex<Vec<String>>);

impl Purse for Empty {
    fn may_spend(&self, _: &Caller, planned: &Planned<'_>) -> Result<Hold, Refused> {
        self.0.lock().unwrap().push(planned.backend.to_owned());
        Err(Refused {
            says: "the budget of today is used up".into(),
            class: Class::OverBudget,
            retry_after: Some(Duration::from_hours(2)),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn without_money_nobody_outside_is_asked() {
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let down: &[&[Step]] = &[&[fail(Class::HostDown)]];
    let purse = Arc::new(Empty(Mutex::default()));
    let rig = rig_of(&[(HostClass::Cloud, hi), (HostClass::Gpu, hi)]).with_purse(purse.clone());
    let left = [("t0/m", "the budget of today is used up", Class::OverBudget)];
    assert_eq!(rig.ask().await, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    assert_eq!(
        *purse.0.lock().unwrap(),
        ["t0"],
        "it is not asked for what costs nothing"
    );

    let rig =
        rig_of(&[(HostClass::Gpu, &[&[fail(Class::HardDown)]]), (HostClass::Cloud, hi)]).with_purse(purse.clone());
    let says = "no model answered (t0/m: it failed; t1/m: the budget of today is used up)";
    let error = Error {
        retry_after: Some(Duration::from_hours(2)),
        ..Error::new(Class::OverBudget, says)
    };
    assert_eq!(rig.ask().await, [Err(error)]);
    let rig = rig_of(&[(HostClass::Gpu, down), (HostClass::Cloud, hi)]).with_purse(purse);
    let events = rig.ask().await;
    let retry_after = events[0].as_ref().unwrap_err().retry_after.unwrap();
    assert!(
        retry_after < Duration::from_secs(7),
        "the host is back sooner: {retry_after:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_told_once() {
    let script = [text("some words"), Step::Wait(2_000), text(" more"), Step::Cut];
    let usage = Usage {
        prompt_tokens: 7,
        completion_tokens: 3,
        ..Usage::default()
    };
    let end = Step::Say(Event::Finish(Finish {
        usage: Some(usage),
        ..Finish::because(FinishReason::Stop)
    }));
    let rig = rig(&[
        &[&[fail(Class::HostDown)]],
        &[&script],
        &[&[Step::Wait(500), text("whole"), end]],
    ]);
    let request = Request {
        messages: vec![Message::text(Role::User, "x".repeat(36))],
        ..Request::default()
    };
    rig.ask_with(request).await;
    let told = rig.told.attempts();
    let seen: Vec<_> = told
        .iter()
        .map(|attempt| {
            (
                attempt.number,
                attempt.usage,
                attempt.estimated,
                attempt.took.as_millis(),
                attempt.left.len(),
            )
        })
        .collect();
    let estimate = |prompt_tokens, completion_tokens| Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    };
    assert_eq!(
        seen,
        [
            (1, estimate(0, 0), true, 0, 0),
            (2, estimate(18, 5), true, 2_000, 1),
            (3, usage, false, 500, 2)
        ]
    );
    assert_eq!(told[2].first_token, Some(Duration::from_millis(500)));
    assert_eq!(rig.outcomes(), ["t0 host_down", "t1 truncated", "t2 answered"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_is_told_as_that() {
    let rig = rig(&[&[&[text("some"), Step::Wait(9_000), text("more")]]]);
    let mut stream = rig.chain.stream(call(Request::default()));
    stream.next().await;
    stream.next().await;
    drop(stream);
    assert_eq!(rig.outcomes(), ["t0 cancelled"]);
    assert_eq!(rig.told.attempts()[0].usage.completion_tokens, 2);
}

#[tokio::test(start_paused = true)]
async fn a_busy_target_is_passed_over_and_not_blamed() {
    let slow: &[&[Step]] = &[&[Step::Wait(5_000), text("slow"), finish()]];
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let rig = rig(&[slow, hi]);
    let targets = rig.chain.targets();
    let busy =
        Target::new(&rig.board, "t0", "m", HostClass::Gpu, targets[0].provider.clone()).with_settings(&Settings {
            max_inflight: Some(1),
            queue: Some(1),
            ..Settings::default()
        });
    busy.answered(&Finish::because(FinishReason::Stop), 0);
    rig.chain.replace(vec![Arc::new(busy), targets[1].clone()]);
    let began = Instant::now();
    let (first, second, third) = futures_util::future::join3(rig.ask(), rig.ask(), async {
        let events = rig.ask().await;
        (began.elapsed().as_millis(), events)
    })
    .await;
    assert_eq!(first[1], said("slow"));
    let left = [("t0/m", "it is busy with other requests", Class::Saturated)];
    assert_eq!(second, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    assert_eq!(
        third,
        (0, vec![served("t1/m", 1, &left), said("hi"), Ok(finished())]),
        "the queue is full"
    );
    assert_eq!(rig.asked(), [1, 2]);
    assert_eq!(rig.states(), [Shown::Closed, Shown::Closed]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_slow_to_listen_to_is_begun_anew() {
    let words = (0..20).flat_map(|_| [text("word "), Step::Wait(1_300)]);
    let slow: Vec<Step> = words.chain([finish()]).collect();
    let rig = rig(&[&[&slow], &[&[text("hi"), finish()]]]);
    let manner = Manner {
        pace: PaceFor {
            chat: Some(15),
            ..PaceFor::default()
        },
        ..Manner::default()
    };
    rig.chain.set_manner(manner);
    let events = rig.ask().await;
    let left = [(
        "t0/m",
        "it wrote fewer than 15 characters per second",
        Class::IdleTimeout,
    )];
    assert_eq!(
        events[4..],
        [Ok(Event::Reset), served("t1/m", 2, &left), said("hi"), Ok(finished())]
    );
    rig.chain.set_manner(Manner::default());
    assert_eq!(rig.ask().await.len(), 22);
}

/// What costs nothing goes on; when nothing of that is left, the caller is told, and not command mode.
#[tokio::test(start_paused = true)]
async fn over_its_bound_a_request_stays_in_the_house() {
    struct Over;
    impl Purse for Over {
        fn may_spend(&self, _: &Caller, planned: &Planned<'_>) -> Result<Hold, Refused> {
            assert!(planned.bound.is_some());
            Err(Refused {
                says: "too dear".into(),
                class: Class::OverBound,
                retry_after: None,
            })
        }
    }
    let hi: &[&[Step]] = &[&[text("hi"), finish()]];
    let request = || Request {
        origin: Origin {
            bound: Some(Bound::new(MicroUsd(1))),
            ..Origin::default()
        },
        ..Request::default()
    };
    let rig = rig_of(&[(HostClass::Cloud, hi), (HostClass::Gpu, hi)]).with_purse(Arc::new(Over));
    let left = [("t0/m", "too dear", Class::OverBound)];
    let events = rig.ask_with(request()).await;
    assert_eq!(events, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    let rig =
        rig_of(&[(HostClass::Gpu, &[&[fail(Class::HardDown)]]), (HostClass::Cloud, hi)]).with_purse(Arc::new(Over));
    let rig = Rig {
        chain: rig.chain.clone().with_last(Arc::new(Played::default())),
        ..rig
    };
    let says = "no model answered (t0/m: it failed; t1/m: too dear)";
    assert_eq!(rig.ask_with(request()).await, [Err(Error::new(Class::OverBound, says))]);
}
