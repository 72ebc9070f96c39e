use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_target_answers() {
    let rig = rig(&[&[&[text("hi"), finish()]], &[&[text("no"), finish()]]]);
    assert_eq!(rig.ask().await, [served("t0/m", 1, &[]), said("hi"), Ok(finished())]);
    assert_eq!(rig.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_left_at_once_and_not_asked_again() {
    let rig = rig(&[&[&[fail(Class::HostDown)]], &[&[text("hi"), finish()]]]);
    let left = [("t0/m", "it failed", Class::HostDown)];
    assert_eq!(rig.ask().await, [served("t1/m", 2, &left), said("hi"), Ok(finished())]);
    assert_eq!(rig.ask().await, [served("t1/m", 1, &left), said("hi"), Ok(finished())]);
    assert_eq!(rig.asked(), [1, 2]);
    assert_eq!(rig.states(), [Shown::Open, Shown::Closed]);
}

/// How often each of two targets is asked when the first fails so on every request, and the second answers.
async fn check_asked(step: Step, expect: [usize; 2]) {
    let rig = rig(&[&[&[step]], &[&[text("hi"), finish()]]]);
    rig.ask().await;
    assert_eq!(rig.asked(), expect);
}

#[tokio::test(start_paused = true)]
async fn the_class_decides_who_is_asked_next() {
    check_asked(fail(Class::Transport), [2, 1]).await;
    check_asked(fail_status(Class::Upstream5xx, 500), [2, 1]).await;
    check_asked(fail_status(Class::Upstream5xx, 200), [1, 1]).await;
    check_asked(fail(Class::Saturated), [1, 1]).await;
    check_asked(fail(Class::RateShort), [2, 1]).await;
    check_asked(fail(Class::RateLong), [2, 1]).await;
    let said_when = Error {
        retry_after: Some(Duration::from_secs(10)),
        ..Error::new(Class::RateLong, "it failed")
    };
    check_asked(Step::Fail(said_when), [1, 1]).await;
    check_asked(fail(Class::HardDown), [1, 1]).await;
    check_asked(fail(Class::ModelMissing), [1, 1]).await;
    check_asked(fail(Class::Capability), [1, 1]).await;
    check_asked(fail(Class::ContextLength), [1, 1]).await;
    check_asked(fail(Class::ClientFault), [1, 0]).await;
    check_asked(fail(Class::Policy), [1, 0]).await;
    check_asked(Step::Cut, [1, 1]).await;
    check_asked(finish(), [1, 1]).await;
    check_asked(Step::Wait(7_000), [1, 1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_try_waits_as_long_as_was_asked() {
    let again = Step::Fail(Error {
        retry_after: Some(Duration::from_secs(2)),
        ..Error::new(Class::RateShort, "slow down")
    });
    let rig = rig(&[&[&[again], &[text("hi"), finish()]]]);
    assert_eq!(rig.ask().await, [served("t0/m", 2, &[]), said("hi"), Ok(finished())]);
    let asked_at = rig.played[0].asked_at.lock().unwrap().clone();
    assert_eq!(asked_at[1] - asked_at[0], Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn when_nobody_answers_the_error_says_what_everybody_said() {
    let rig = rig(&[&[&[fail(Class::HostDown)]], &[&[fail(Class::HardDown)]]]);
    let [Err(error)] = &rig.ask().await[..] else {
        panic!("an error and nothing else");
    };
    assert_eq!(error.message, "no model answered (t0/m: it failed; t1/m: it failed)");
    let wait = error.retry_after.unwrap();
    assert!(
        (Duration::from_secs(4)..=Duration::from_secs(6)).contains(&wait),
        "{wait:?}"
    );
    assert_eq!(rig.asked(), [1, 1]);
    // The host that was refused is the least bad one; the one with the wrong key is not asked.
    rig.ask().await;
    assert_eq!(rig.asked(), [2, 1]);

    let rig = self::rig(&[]);
    let expect = Error::new(Class::HostDown, "no model is set up");
    assert_eq!(rig.ask().await, [Err(expect)]);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_too_long_needs_a_larger_context() {
    let contexts = |rig: &Rig, contexts: [Option<u32>; 2]| {
        let targets = rig.chain.targets();
        let with = (0..2).map(|index| {
            let provider = targets[index].provider.clone();
            let target = Target::new(&rig.board, &format!("t{index}"), "m", HostClass::Gpu, provider);
            let context = contexts[index];
            Arc::new(target.with_settings(&Settings {
                context,
                ..Settings::default()
            }))
        });
        rig.chain.replace(with.collect());
    };
    let too_long: &[&[Step]] = &[&[fail(Class::ContextLength)]];
    let answers: &[&[Step]] = &[&[text("hi"), finish()]];
    let larger = rig(&[too_long, answers]);
    contexts(&larger, [Some(4096), Some(8192)]);
    larger.ask().await;
    assert_eq!(larger.asked(), [1, 1]);

    let smaller = rig(&[too_long, answers]);
    contexts(&smaller, [Some(4096), Some(4096)]);
    let says = "This model's maximum context length is 4096 tokens. However, your messages are about 0 tokens. Please \
                reduce the length of the messages. (t0/m: it failed; t1/m: its context is not larger either)";
    let expect = Error::new(Class::ContextLength, says);
    assert_eq!(smaller.ask().await, [Err(expect)]);
    assert_eq!(smaller.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_last_link_is_told_why() {
    struct Tells;
    impl Provider for Tells {
        fn stream(&self, call: Call) -> Events {
            let told: Vec<String> = call
                .left
                .iter()
                .map(|left| format!("{}: {}", left.target, left.reason))
                .collect();
            let events = [Event::Text(told.join("; ")), finished()];
            Box::pin(futures_util::stream::iter(events.map(Ok)))
        }
    }
    let rig = rig(&[&[&[fail(Class::HostDown)]]]);
    let chain = rig.chain.clone().with_last(Arc::new(Tells));
    let events: Vec<_> = chain.stream(call(Request::default())).collect().await;
    let left = [("t0/m", "it failed", Class::HostDown)];
    assert_eq!(
        events,
        [served("command", 1, &left), said("t0/m: it failed"), Ok(finished())]
    );
}

#[tokio::test(start_paused = true)]
async fn changes_are_told() {
    let rig = rig(&[&[&[fail(Class::HostDown)]]]);
    let mut changes = rig.board.changes();
    rig.ask().await;
    let key = changes.recv().await.unwrap();
    assert_eq!((&*key.backend, key.model), ("t0", None));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_back_is_found_without_traffic() {
    /// A host that is up or not, or one that is up and has its model or not.
    struct Switch(Mutex<bool>, Class);
    #[async_trait]
    impl Source for Switch {
        fn address(&self) -> String {
            "http://played".into()
        }
        async fn alive(&self) -> Result<Option<String>, Error> {
            let is_up = self.1 == Class::ModelMissing || *self.0.lock().unwrap();
            is_up
                .then_some(None)
                .ok_or_else(|| Error::new(Class::HostDown, "refused"))
        }
        async fn models(&self) -> Result<Vec<Listed>, Error> {
            let model = Listed {
                name: "m".into(),
                ..Listed::default()
            };
            Ok(vec![model].into_iter().filter(|_| *self.0.lock().unwrap()).collect())
        }
    }
    for (class, expect) in [(Class::HostDown, Shown::HalfOpen), (Class::ModelMissing, Shown::Closed)] {
        let rig = rig(&[&[&[fail(class)]]]);
        let (tasks, switch) = (Tasks::default(), Arc::new(Switch(Mutex::new(false), class)));
        let host = Health::new(Arc::new(rig.clock.clone()), tasks.clone()).host("t0");
        host.set_source(Some(switch.clone()));
        let watch = Watch {
            host,
            board: rig.board.clone(),
            place: HostClass::Gpu.place(),
            preload: Vec::new(),
            together: None,
        };
        let _probing = prober::spawn(&tasks, watch);
        tokio::task::yield_now().await;
        let mut changes = rig.board.changes();
        rig.ask().await;
        changes.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_ne!(rig.states(), [Shown::Closed]);
        *switch.0.lock().unwrap() = true;
        let back = Instant::now();
        changes.recv().await.unwrap();
        assert_eq!(rig.states(), [expect]);
        assert!(back.elapsed() < Duration::from_secs(15), "{:?}", back.elapsed());
        assert!(tasks.stop(Duration::from_secs(1)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn targets_that_are_set_up_anew_keep_what_was_learned() {
    let rig = rig(&[&[&[fail(Class::HardDown)]]]);
    rig.ask().await;
    let provider = rig.chain.targets()[0].provider.clone();
    let again = Target::new(&rig.board, "t0", "m", HostClass::Gpu, provider);
    rig.chain.replace(vec![Arc::new(again)]);
    assert_eq!(rig.states(), [Shown::HardDown]);
    rig.board.reset("t0");
    assert_eq!(rig.states(), [Shown::Closed]);
    assert_eq!(rig.clock.now(), Millis(1_000_000));
}
