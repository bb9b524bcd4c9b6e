//! Waiting: an execution that only waits is only in the database, and resumes when a timer is due or an answer arrives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_asl::{Status, Timestamp};
use holdfast_engine::{Archive, Clock, Engine, EngineError, Outcome, VirtualClock};
use serde_json::{Value, json};

use crate::support::{
    World, distributed, finished, items, machine, open, open_virtual, options, output, still_open, task, token_task,
};

const HOUR_MS: i64 = 3_600_000;

fn wait(seconds: u64) -> String {
    machine(
        "Wait",
        json!({ "Wait": { "Type": "Wait", "Seconds": seconds, "End": true } }),
    )
}

/// Starts a function that hangs, so that a virtual clock doesn't jump by itself.
async fn hang(engine: &Engine, world: &World) {
    let text = machine("Hang", json!({ "Hang": task("hang", json!({ "End": true })) }));
    engine.start("hang", &text, json!({})).await.unwrap();
    while world.calls.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_waits_are_not_read_on_opening_and_end_in_time() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    hang(&engine, &world).await;
    for number in 0..50_u64 {
        engine
            .start(&format!("w{number}"), &wait(7_200 + number), json!({}))
            .await
            .unwrap();
    }
    let stored = clock.now();
    drop(engine);

    let clock = Arc::new(VirtualClock::new(stored));
    let mut again = options(directory.path(), &world);
    again.clock = Arc::clone(&clock) as Arc<_>;
    let (engine, recovered) = Engine::open(again).await.unwrap();
    assert_eq!((recovered.executions, recovered.waiting), (51, 50));
    // The events of the running execution: its start, state entered, task scheduled, task started.
    assert_eq!(recovered.events, 4);
    assert!(still_open(&engine, "w0").await);
    clock.advance_ms(7_200_000 + 25_000);
    for number in 0..=25 {
        output(&engine, &format!("w{number}")).await;
    }
    assert!(still_open(&engine, "w26").await);
    engine.stop("w26", None, None).await.unwrap();
    assert!(matches!(finished(&engine, "w26").await, Status::Aborted { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn function_that_is_run_again_after_a_restart_has_its_whole_time() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    let within = |function: &str| {
        let state = task(function, json!({ "TimeoutSeconds": 60, "End": true }));
        machine("Within", json!({ "Within": state }))
    };
    for (name, function) in [("answers", "hang-until-switched"), ("hangs", "hang")] {
        engine.start(name, &within(function), json!({})).await.unwrap();
    }
    while world.calls.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let killed_at = clock.now();
    drop(engine);

    world.switch.store(true, Ordering::SeqCst);
    let clock = Arc::new(VirtualClock::new(killed_at.after_ms(5 * HOUR_MS)));
    let mut again = options(directory.path(), &world);
    again.clock = Arc::clone(&clock) as Arc<_>;
    let (engine, _) = Engine::open(again).await.unwrap();
    assert_eq!(output(&engine, "answers").await, json!({}));
    clock.advance_ms(59_000);
    assert!(still_open(&engine, "hangs").await);
    clock.advance_ms(2_000);
    let Status::Failed { error, .. } = finished(&engine, "hangs").await else {
        panic!("it did not time out");
    };
    assert_eq!(error.as_deref(), Some("States.Timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_survive_a_clock_that_is_set_in_either_direction() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    hang(&engine, &world).await;
    engine.start("hour", &wait(3_600), json!({})).await.unwrap();
    engine.start("minute", &wait(60), json!({})).await.unwrap();
    // The clock is set back by a year: nothing fires early, and nothing waits a year.
    clock.jump_wall_ms(-365 * 24 * HOUR_MS);
    assert!(still_open(&engine, "minute").await);
    clock.advance_ms(60_000);
    output(&engine, "minute").await;
    assert!(still_open(&engine, "hour").await);
    let reached = Timestamp(clock.now().0 + 365 * 24 * HOUR_MS);
    drop(engine);

    // Opened with the clock still wrong: time continues from where it was.
    let clock = Arc::new(VirtualClock::new(Timestamp(reached.0 - 365 * 24 * HOUR_MS)));
    let mut again = options(directory.path(), &world);
    again.clock = Arc::clone(&clock) as Arc<_>;
    world.calls.store(0, Ordering::SeqCst);
    let (engine, recovered) = Engine::open(again).await.unwrap();
    // The engine had followed the clock before.
    assert_eq!(recovered.clock_set_back_ms, None);
    assert!(still_open(&engine, "hour").await);
    // The clock is right again, and an hour further.
    clock.jump_wall_ms(365 * 24 * HOUR_MS + HOUR_MS);
    output(&engine, "hour").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn children_that_wait_are_answered_counted_and_stopped() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let text = |name: &str| {
        let mut map = distributed("echo", json!({ "MaxConcurrency": 20, "End": true }));
        map["ItemProcessor"]["States"] =
            json!({ "Work": token_task(json!({ "TimeoutSeconds": 86_400, "End": true })) });
        machine(name, json!({ name: map }))
    };
    let (engine, _) = open(directory.path(), &world).await;
    for name in ["answered", "stopped"] {
        engine.start(name, &text("All"), items(20)).await.unwrap();
        let Outcome::WaitingForToken { pending, .. } = engine.wait(name).await.unwrap() else {
            panic!("it ended")
        };
        assert_eq!(pending.len(), 20);
    }
    let (calls, tokens) = (
        world.calls.load(Ordering::SeqCst),
        engine.pending_tokens("answered").await.unwrap(),
    );
    drop(engine);

    let (engine, recovered) = open(directory.path(), &world).await;
    assert_eq!((recovered.executions, recovered.waiting), (42, 40));
    for (number, token) in tokens.iter().enumerate() {
        engine.send_task_success(&token.token, json!(number)).await.unwrap();
    }
    assert_eq!(output(&engine, "answered").await, json!((0..20).collect::<Vec<_>>()));
    let open_tokens = engine.pending_tokens("stopped").await.unwrap();
    engine.stop("stopped", None, None).await.unwrap();
    assert!(matches!(finished(&engine, "stopped").await, Status::Aborted { .. }));
    for token in tokens.iter().chain(&open_tokens) {
        let late = engine.send_task_success(&token.token, json!("late")).await;
        assert!(matches!(late, Err(EngineError::TokenClosed)), "{late:?}");
    }
    assert_eq!(world.calls.load(Ordering::SeqCst), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_keep_a_task_alive_and_their_absence_ends_it() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    hang(&engine, &world).await;
    let text = machine(
        "Ask",
        json!({ "Ask": token_task(json!({ "HeartbeatSeconds": 600, "End": true })) }),
    );
    engine.start("beat", &text, json!({})).await.unwrap();
    let Outcome::WaitingForToken { pending, .. } = engine.wait("beat").await.unwrap() else {
        panic!("it ended")
    };
    for _ in 0..5 {
        clock.advance_ms(599_000);
        engine.send_task_heartbeat(&pending[0].token).await.unwrap();
    }
    assert_eq!(engine.pending_tokens("beat").await.unwrap(), pending);
    clock.advance_ms(600_000);
    let Status::Failed { error, .. } = finished(&engine, "beat").await else {
        panic!("it did not fail")
    };
    assert!(
        matches!(error.as_deref(), Some("States.Timeout" | "States.HeartbeatTimeout")),
        "{error:?}"
    );
    let late = engine.send_task_heartbeat(&pending[0].token).await;
    assert!(matches!(late, Err(EngineError::TokenClosed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn same_name_and_input_is_the_same_execution_also_while_it_waits() {
    use holdfast_engine::Started;
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let (input, other): (Value, Value) = (json!({ "a": 1 }), json!({ "a": 2 }));
    assert_eq!(
        engine.start("x", &wait(86_400), input.clone()).await.unwrap(),
        Started::New
    );
    for _ in 0..2 {
        assert_eq!(
            engine.start("x", &wait(86_400), input.clone()).await.unwrap(),
            Started::AlreadyRunning
        );
        let refused = engine.start("x", &wait(86_400), other.clone()).await;
        assert!(matches!(refused, Err(EngineError::ExecutionAlreadyExists { .. })));
    }
    engine.stop("x", None, None).await.unwrap();
    assert_eq!(
        engine.start("x", &wait(86_400), input).await.unwrap(),
        Started::AlreadyFinished
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_once_ahead_does_not_bind_later_times() {
    const YEAR_MS: i64 = 365 * 24 * HOUR_MS;
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    let right = clock.now();
    hang(&engine, &world).await;
    let started = |name: &str| {
        let archive = Archive::open(directory.path()).unwrap();
        archive.execution(name).unwrap().started.0 - right.0
    };
    // In one process: ahead, and right again.
    clock.jump_wall_ms(YEAR_MS);
    engine.start("ahead", &wait(3_600), json!({})).await.unwrap();
    assert!(started("ahead") >= YEAR_MS);
    clock.jump_wall_ms(-YEAR_MS);
    engine.start("after", &wait(3_600), json!({})).await.unwrap();
    assert!(started("after") < HOUR_MS, "{}", started("after"));
    assert!(still_open(&engine, "after").await);
    // Ahead again: that is trusted, since the machine may have slept. It is right again only at a restart.
    clock.jump_wall_ms(YEAR_MS);
    output(&engine, "after").await;
    engine.start("ahead-again", &wait(3_600), json!({})).await.unwrap();
    clock.advance_ms(20_000);
    engine.start("stored", &wait(60), json!({})).await.unwrap();
    engine.shutdown().await;
    for (round, is_set_back) in [(0, true), (1, false)] {
        let clock = Arc::new(VirtualClock::new(right.after_ms(60_000 * (1 + round))));
        let mut again = options(directory.path(), &world);
        again.clock = Arc::clone(&clock) as Arc<_>;
        world.calls.store(0, Ordering::SeqCst);
        let (engine, recovered) = Engine::open(again).await.unwrap();
        assert_eq!(recovered.clock_set_back_ms.is_some(), is_set_back, "{round}");
        let name = format!("restarted-{round}");
        engine.start(&name, &wait(3_600), json!({})).await.unwrap();
        assert!(started(&name) < HOUR_MS, "{}", started(&name));
        for name in ["ahead", "ahead-again"] {
            assert!(still_open(&engine, name).await, "{name}");
        }
        if round == 1 {
            // Nothing waits a year, and no history goes back.
            clock.advance_ms(HOUR_MS + 60_000);
            for name in ["stored", "ahead", "ahead-again", "restarted-0", "restarted-1"] {
                output(&engine, name).await;
                let archive = Archive::open(directory.path()).unwrap();
                let events = archive.history(archive.execution(name).unwrap().id).unwrap();
                assert!(events.is_sorted_by_key(|event| event.at), "{name}");
                let took = events.last().unwrap().at.0 - events[0].at.0;
                assert!(
                    took >= if name == "stored" { 60_000 } else { HOUR_MS },
                    "{name}: {took}"
                );
                assert!(took < 3 * HOUR_MS, "{name}: {took}");
            }
        }
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_definition_that_is_now_refused_still_runs() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "Ask",
        json!({
            "Ask": token_task(json!({ "Output": "{% $states.result %}", "Next": "Last" })),
            "Last": { "Type": "Pass", "Output": "{% [$states.input, 'taken'] %}", "End": true },
        }),
    );
    engine.start("a", &text, json!({})).await.unwrap();
    let mut tokens = Vec::new();
    while tokens.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
        tokens = engine.pending_tokens("a").await.unwrap();
    }
    drop(engine);

    // The definition that an older version stored, which did not refuse it.
    let refused = text.replace("[$states.input, 'taken']", "[$states.input, $nothing ?? 'refused']");
    let database = rusqlite::Connection::open(directory.path().join("engine.sqlite")).unwrap();
    database
        .execute("UPDATE definitions SET text = ?1", [&refused])
        .unwrap();
    drop(database);

    let (engine, recovered) = open(directory.path(), &world).await;
    assert_eq!(recovered.unreadable.len(), 0);
    engine.send_task_success(&tokens[0].token, json!(1)).await.unwrap();
    assert_eq!(output(&engine, "a").await, json!([1, "refused"]));
    let again = engine.start("b", &refused, json!({})).await;
    assert!(matches!(again, Err(EngineError::Definition(_))), "{again:?}");
}
