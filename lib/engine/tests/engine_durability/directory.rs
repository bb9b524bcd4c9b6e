//! The data directory over time: older versions are migrated, copies are made while it is in use.

use std::path::Path;

use holdfast_asl::{HistoryEvent, Status};
use holdfast_engine::{Archive, Engine, EngineError, Outcome, back_up};
use rusqlite::Connection;
use serde_json::json;

use crate::support::{World, finished, items, journal_events, machine, open, options, output, task, token_task};

const DATABASE: &str = "engine.sqlite";
/// The tables of version 1.
const VERSION_1: &str = include_str!("version_1.sql");

fn asking() -> String {
    machine(
        "Ask",
        json!({ "Ask": token_task(json!({ "TimeoutSeconds": 86_400, "Next": "Last" })), "Last": task("echo", json!({ "End": true })) }),
    )
}

/// Builds a database of version 1 with the rows of one of this version, as far as version 1 had them.
async fn build_version_1(directory: &Path) {
    let (source, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(source.path(), &world).await;
    engine
        .start(
            "done",
            &machine("One", json!({ "One": task("echo", json!({ "End": true })) })),
            json!(1),
        )
        .await
        .unwrap();
    output(&engine, "done").await;
    engine.start("asks", &asking(), json!({})).await.unwrap();
    assert!(matches!(
        engine.wait("asks").await.unwrap(),
        Outcome::WaitingForToken { .. }
    ));
    let map = crate::support::distributed("hang", json!({ "MaxConcurrency": 2, "End": true }));
    engine
        .start("maps", &machine("All", json!({ "All": map })), items(3))
        .await
        .unwrap();
    while world.calls.load(std::sync::atomic::Ordering::SeqCst) < 4 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    engine.shutdown().await;
    let old = Connection::open(directory.join(DATABASE)).unwrap();
    // Rows are copied table by table, not in the order of their references.
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    old.execute("ATTACH ?1 AS source", [source.path().join(DATABASE).to_str().unwrap()])
        .unwrap();
    for table in ["definitions", "executions", "map_runs", "tokens"] {
        let columns: Vec<String> = old
            .prepare(&format!("SELECT name FROM main.pragma_table_info('{table}')"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let columns = columns.join(", ");
        old.execute(
            &format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}"),
            [],
        )
        .unwrap();
    }
    let source = Connection::open(source.path().join(DATABASE)).unwrap();
    for (name, event) in journal_events(&source) {
        old.execute(
            "INSERT INTO events (execution, id, json) SELECT id, ?2, ?3 FROM executions WHERE name = ?1",
            (
                name,
                i64::try_from(event.id).unwrap(),
                serde_json::to_string(&event).unwrap(),
            ),
        )
        .unwrap();
    }
}

fn histories(directory: &Path) -> Vec<Vec<HistoryEvent>> {
    let archive = Archive::open(directory).unwrap();
    let names = ["done", "asks", "maps"];
    let history = |name: &str| archive.history(archive.execution(name).unwrap().id).unwrap();
    names.into_iter().map(history).collect()
}

fn version(directory: &Path) -> i64 {
    let database = Connection::open(directory.join(DATABASE)).unwrap();
    database
        .query_row("SELECT value FROM meta WHERE key = 'version'", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_migrated_and_its_executions_resume() {
    let directory = tempfile::tempdir().unwrap();
    build_version_1(directory.path()).await;
    assert_eq!(version(directory.path()), 1);
    // The archive reads it before it is migrated.
    assert_eq!(Archive::open(directory.path()).unwrap().executions(9).unwrap().len(), 3);
    let before = histories(directory.path());
    assert_eq!(before[0].len(), 7);

    let world = World::taking_ms(0);
    let (engine, recovered) = open(directory.path(), &world).await;
    assert_eq!(
        (recovered.executions, recovered.waiting, recovered.unreadable.len()),
        (4, 0, 0)
    );
    assert_eq!(output(&engine, "done").await, json!(1));
    let pending = engine.pending_tokens("asks").await.unwrap();
    engine.send_task_success(&pending[0].token, json!("yes")).await.unwrap();
    assert_eq!(output(&engine, "asks").await, json!("yes"));
    engine.stop("maps", None, None).await.unwrap();
    assert!(matches!(finished(&engine, "maps").await, Status::Aborted { .. }));
    engine.shutdown().await;
    assert_eq!(version(directory.path()), 5);
    for (before, after) in before.iter().zip(histories(directory.path())) {
        assert_eq!(before[..], after[..before.len()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn step_that_fails_leaves_the_version_before_it() {
    let directory = tempfile::tempdir().unwrap();
    build_version_1(directory.path()).await;
    let database = Connection::open(directory.path().join(DATABASE)).unwrap();
    // The step's second-to-last statement fails.
    database
        .execute_batch("ALTER TABLE map_runs ADD COLUMN redrives INTEGER")
        .unwrap();
    drop(database);
    let world = World::taking_ms(0);
    let error = Engine::open(options(directory.path(), &world)).await.err().unwrap();
    assert!(matches!(error, EngineError::Database { .. }), "{error}");
    assert_eq!(version(directory.path()), 1);
    let database = Connection::open(directory.path().join(DATABASE)).unwrap();
    database
        .execute_batch("ALTER TABLE map_runs DROP COLUMN redrives")
        .unwrap();
    drop(database);
    let (engine, _) = open(directory.path(), &world).await;
    assert_eq!(output(&engine, "done").await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_while_running_is_independent() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(1));
    let (engine, _) = open(directory.path(), &world).await;
    std::fs::create_dir_all(directory.path().join("artifacts/runs")).unwrap();
    std::fs::write(directory.path().join("artifacts/runs/a.json"), "{}").unwrap();
    engine.start("asks", &asking(), json!({})).await.unwrap();
    let Outcome::WaitingForToken { pending, .. } = engine.wait("asks").await.unwrap() else {
        panic!("it ended")
    };
    let chain = machine(
        "One",
        json!({ "One": task("echo", json!({ "Next": "Two" })), "Two": task("echo", json!({ "End": true })) }),
    );
    for number in 0..50 {
        engine
            .start(&format!("c{number}"), &chain, json!({ "text": "x".repeat(5_000) }))
            .await
            .unwrap();
    }
    // Fifty executions run meanwhile.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("backups/first");
    let copied = engine.backup(&copy).await.unwrap();
    assert_eq!((copied.files, copied.file_bytes), (1, 2));
    let refused = engine.backup(&copy).await;
    assert!(matches!(refused, Err(EngineError::BackupFailed { .. })), "{refused:?}");
    engine.send_task_success(&pending[0].token, json!("no")).await.unwrap();
    assert_eq!(output(&engine, "asks").await, json!("no"));

    // The copy and the original are independent.
    let (copied, recovered) = open(&copy, &world).await;
    assert!(recovered.executions >= 1);
    copied.send_task_success(&pending[0].token, json!("yes")).await.unwrap();
    assert_eq!(output(&copied, "asks").await, json!("yes"));
    for number in 0..50 {
        output(&copied, &format!("c{number}")).await;
    }
    assert_eq!(
        std::fs::read_to_string(copy.join("artifacts/runs/a.json")).unwrap(),
        "{}"
    );
    let nothing = back_up(&directory.path().join("artifacts"), &directory.path().join("other"));
    assert!(matches!(nothing, Err(EngineError::NoData { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_inside_of_its_own_source_is_refused() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    drop(open(directory.path(), &world).await);
    let source = directory.path();
    std::fs::create_dir(source.join("empty")).unwrap();
    let link = tempfile::tempdir().unwrap();
    let linked = link.path().join("link");
    std::os::unix::fs::symlink(source, &linked).unwrap();
    for to in [
        source.to_path_buf(),
        source.join("empty"),
        source.join("new/copy"),
        linked.join("new"),
    ] {
        let refused = back_up(source, &to).unwrap_err();
        assert!(
            matches!(&refused, EngineError::BackupFailed { detail, .. } if detail.contains("in the data directory")),
            "{refused}"
        );
    }
    assert!(!source.join("new").exists());
}
