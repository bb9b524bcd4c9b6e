//! The journal: what is listed in it and what is not is the same history, to whoever reads it and whenever.

use holdfast_asl::{HistoryEvent, Status};
use holdfast_engine::{Archive, Engine, back_up};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{World, finished, machine, open, output, task};

/// Enough turns for the list to be written on the way.
const CHAINS: usize = 30;
const STATES: usize = 50;

fn chain() -> String {
    let mut states = serde_json::Map::new();
    for position in 0..STATES {
        let after = match position + 1 {
            STATES => json!({ "End": true }),
            next => json!({ "Next": format!("S{next}") }),
        };
        states.insert(format!("S{position}"), task("echo", after));
    }
    machine("S0", Value::Object(states))
}

fn count(database: &Connection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database.query_row(&sql, [], |row| row.get(0)).unwrap()
}

async fn run_all(engine: &Engine) {
    for number in 0..CHAINS {
        engine
            .start(&format!("c{number}"), &chain(), json!(number))
            .await
            .unwrap();
    }
    for number in 0..CHAINS {
        assert_eq!(output(engine, &format!("c{number}")).await, json!(number));
    }
}

fn histories(directory: &std::path::Path) -> Vec<Vec<HistoryEvent>> {
    let archive = Archive::open(directory).unwrap();
    let history = |number| {
        let record = archive.execution(&format!("c{number}")).unwrap();
        archive.history(record.id).unwrap()
    };
    (0..CHAINS).map(history).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_whole_before_and_after_they_are_listed() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    run_all(&engine).await;
    let database = Connection::open(directory.path().join("engine.sqlite")).unwrap();
    let (entries, listed) = (count(&database, "journal"), count(&database, "journal_list"));
    assert!(listed >= 1_000 && listed < entries, "{listed} of {entries}");
    let before = histories(directory.path());
    for history in &before {
        // Each state is entered, scheduled, begun, answered and left; the execution starts and ends.
        assert_eq!(history.len(), 5 * STATES + 2);
        assert!(history.iter().zip(1..).all(|(event, id)| event.id == id));
    }
    let copy = directory.path().join("copy");
    back_up(directory.path(), &copy).unwrap();
    engine.shutdown().await;

    // On opening, everything is listed.
    for directory in [directory.path(), &copy] {
        let (engine, _) = open(directory, &world).await;
        assert_eq!(histories(directory), before);
        engine.shutdown().await;
        let database = Connection::open(directory.join("engine.sqlite")).unwrap();
        assert_eq!(
            (count(&database, "journal_list"), histories(directory)),
            (entries, before.clone())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn execution_is_redriven_from_a_history_that_is_not_listed() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let states = json!({
        "One": task("echo", json!({ "Next": "Two" })),
        "Two": task("switched", json!({ "End": true })),
    });
    engine.start("e", &machine("One", states), json!(7)).await.unwrap();
    assert!(matches!(finished(&engine, "e").await, Status::Failed { .. }));
    let database = Connection::open(directory.path().join("engine.sqlite")).unwrap();
    assert_eq!(count(&database, "journal_list"), 0);
    world.switch.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(engine.redrive("e").await.unwrap(), 1);
    assert_eq!(output(&engine, "e").await, json!(7));
    let asked = world.answered.lock().unwrap().clone();
    let times = |state: &str| asked.iter().filter(|((_, of, _), _)| of == state).count();
    assert_eq!((times("One"), times("Two")), (1, 2));
}
