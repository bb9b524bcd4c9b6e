//! The engine's data directory: one writer, newer and damaged databases, and a full disk.

use std::time::Duration;

use crate::support::{World, machine, open, options, output, task};
use holdfast_engine::{Archive, Engine, EngineError, back_up};
use serde_json::json;

const DATABASE: &str = "engine.sqlite";

fn slow_pair() -> String {
    machine(
        "One",
        json!({ "One": task("echo", json!({ "Next": "Two" })), "Two": task("echo", json!({ "End": true })) }),
    )
}

async fn refused(directory: &std::path::Path) -> EngineError {
    match Engine::open(options(directory, &World::taking_ms(0))).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_writer_is_refused() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let data = directory.path().join("new").join("data");
    let (engine, _) = open(&data, &world).await;
    let error = refused(&data).await;
    assert!(matches!(error, EngineError::DirectoryInUse { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join(DATABASE)), 0o600);
        assert_eq!(mode(&data.join("engine.sqlite-wal")), 0o600);
        assert_eq!(mode(&data.join("lock")), 0o600);
    }
    engine.shutdown().await;
    open(&data, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_schema_is_refused() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    open(directory.path(), &world).await.0.shutdown().await;
    let database = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    database
        .execute("UPDATE meta SET value = 99 WHERE key = 'version'", [])
        .unwrap();
    drop(database);
    assert!(matches!(
        refused(directory.path()).await,
        EngineError::SchemaNewer { found: 99, .. }
    ));
    let archive = Archive::open(directory.path());
    assert!(matches!(archive, Err(EngineError::SchemaNewer { found: 99, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(DATABASE), vec![7; 8192]).unwrap();
    assert!(matches!(refused(directory.path()).await, EngineError::Corrupt { .. }));

    // A valid beginning doesn't hide a damaged end.
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    engine
        .start("a", &slow_pair(), json!({ "text": "x".repeat(100_000) }))
        .await
        .unwrap();
    output(&engine, "a").await;
    engine.shutdown().await;
    let file = directory.path().join(DATABASE);
    let mut bytes = std::fs::read(&file).unwrap();
    for page in bytes.chunks_mut(4096).skip(2) {
        page[..64].fill(0xAA);
    }
    std::fs::write(&file, bytes).unwrap();
    assert!(matches!(refused(directory.path()).await, EngineError::Corrupt { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&file.join("data")).await;
    assert!(matches!(error, EngineError::DirectoryUnusable { .. }), "{error}");
    assert!(matches!(
        Archive::open(directory.path()),
        Err(EngineError::NoData { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_loses_nothing() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(1_500));
    let mut limited = options(directory.path(), &world);
    limited.max_database_pages = Some(300);
    let (engine, _) = Engine::open(limited).await.unwrap();
    let input = json!({ "text": "x".repeat(50_000) });
    engine.start("a", &slow_pair(), input.clone()).await.unwrap();

    // Something else takes all the space while the first function runs.
    let other = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other
        .execute_batch("CREATE TABLE ballast (bytes); INSERT INTO ballast VALUES (zeroblob(2000000));")
        .unwrap();

    let error = engine.wait("a").await.unwrap_err();
    assert!(matches!(error, EngineError::DiskFull { .. }), "{error}");
    assert!(engine.health().borrow().is_some());
    let error = engine.start("b", &slow_pair(), input.clone()).await.unwrap_err();
    assert!(matches!(error, EngineError::DiskFull { .. }), "{error}");

    other.execute_batch("DROP TABLE ballast;").unwrap();
    let mut health = engine.health();
    tokio::time::timeout(Duration::from_secs(20), health.wait_for(Option::is_none))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output(&engine, "a").await, input);
    let answered = world.answered.lock().unwrap().clone();
    assert_eq!(answered.len(), 2);
    assert!(answered.values().all(|count| *count == 1), "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_or_shortened_database_is_refused() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("one", &slow_pair(), json!({ "n": 1 })).await.unwrap();
    output(&engine, "one").await;
    engine.shutdown().await;
    let file = directory.path().join(DATABASE);
    let log = directory.path().join("engine.sqlite-wal");
    let whole = std::fs::read(&file).unwrap();
    let pages = |count: usize| whole[..(count * 4096).min(whole.len())].to_vec();
    let mut headless = whole.clone();
    headless[..100].fill(0);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("a part of a page", whole[..1_000].to_vec()),
        ("one page", pages(1)),
        ("three pages", pages(3)),
        ("all but the end", whole[..whole.len() - 4096].to_vec()),
        ("no header", headless),
        ("another file", b"not a database".repeat(1_000)),
    ] {
        drop(std::fs::remove_file(&log));
        std::fs::write(&file, &bytes).unwrap();
        let error = refused(directory.path()).await;
        assert!(matches!(error, EngineError::Corrupt { .. }), "{what}: {error}");
        let message = error.to_string();
        if what == "empty" {
            // Readers give the same error: the directory is not one in which nothing was started.
            let copy = back_up(directory.path(), &directory.path().with_extension("copy"));
            for error in [Archive::open(directory.path()).err(), copy.err()] {
                assert_eq!(error.map(|error| error.to_string()).as_ref(), Some(&message));
            }
        }
        assert!(
            message.contains(DATABASE) && message.contains("backup") && !message.contains('\n'),
            "{what}: {message}"
        );
        assert_eq!(
            std::fs::read(&file).unwrap(),
            bytes,
            "{what}: the file is left as it is"
        );
    }
    // A log without its database isn't treated as an empty directory either.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&log, b"log").unwrap();
    assert!(matches!(refused(directory.path()).await, EngineError::Corrupt { .. }));
    std::fs::remove_file(&log).unwrap();
    open(directory.path(), &world).await.0.shutdown().await;
    assert!(!directory.path().join("engine.sqlite-new").exists());
}
