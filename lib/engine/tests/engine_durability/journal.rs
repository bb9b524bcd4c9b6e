//! The journal: listed and unlisted entries give the same history, for every reader at any time.

use std::ops::ControlFlow;

use holdfast_asl::{HistoryEvent, Status};
use holdfast_engine::{Archive, Engine, HistoryOrder, HistoryPlace, back_up};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{World, finished, machine, open, output, task};

/// Enough turns for the list to be extended in between.
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
        // Each state has five events: entered, scheduled, started, succeeded, exited. The execution adds its start and
        // its end.
        assert_eq!(history.len(), 5 * STATES + 2);
        assert!(history.iter().zip(1..).all(|(event, id)| event.id == id));
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    back_up(directory.path(), &copy).unwrap();
    engine.shutdown().await;

    // Opening lists everything.
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

/// Returns a page of at most `most` events, and the place of its last one.
fn page(
    archive: &Archive,
    id: i64,
    order: HistoryOrder,
    after: Option<HistoryPlace>,
    most: usize,
) -> Result<(Vec<HistoryEvent>, Option<HistoryPlace>), holdfast_engine::EngineError> {
    let (mut events, mut last) = (Vec::new(), after);
    archive.visit_history(id, order, after, &mut |place, event| {
        if events.len() == most {
            return ControlFlow::Break(());
        }
        events.push(event);
        last = Some(place);
        ControlFlow::Continue(())
    })?;
    Ok((events, last))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_history_reads_only_its_events() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let mut states = serde_json::Map::new();
    for number in 0..12 {
        let next = json!({ "Next": format!("S{}", number + 1) });
        states.insert(format!("S{number}"), task("echo", next));
    }
    states.insert("S12".to_owned(), task("echo", json!({ "End": true })));
    let chain = machine("S0", serde_json::Value::Object(states));
    for name in ["one", "two"] {
        engine.start(name, &chain, json!({ "of": name })).await.unwrap();
        output(&engine, name).await;
    }
    engine.shutdown().await;
    let archive = Archive::open(directory.path()).unwrap();
    let id = archive.execution("one").unwrap().id;
    let whole = archive.history(id).unwrap();
    assert!(whole.len() > 60 && whole.is_sorted_by_key(|event| event.id));
    for order in [HistoryOrder::OldestFirst, HistoryOrder::NewestFirst] {
        for most in [1, 7, 1_000] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let (events, last) = page(&archive, id, order, after, most).unwrap();
                if events.is_empty() {
                    break;
                }
                assert!(events.len() <= most);
                all.extend(events);
                after = last;
            }
            if order == HistoryOrder::NewestFirst {
                all.reverse();
            }
            assert_eq!(all, whole, "{order:?} {most}");
        }
    }
    // The entries behind a page may be damaged: the page doesn't read them.
    let database = Connection::open(directory.path().join("engine.sqlite")).unwrap();
    let damage = "UPDATE journal SET events = 'damaged' WHERE id = (SELECT max(id) FROM journal WHERE execution = ?1)";
    assert_eq!(database.execute(damage, [id]).unwrap(), 1);
    assert!(archive.history(id).is_err());
    let (first, _) = page(&archive, id, HistoryOrder::OldestFirst, None, 10).unwrap();
    assert_eq!(first[..], whole[..10]);
    assert!(page(&archive, id, HistoryOrder::NewestFirst, None, 10).is_err());
}
