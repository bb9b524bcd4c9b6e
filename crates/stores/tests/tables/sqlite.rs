//! The SQLite table beyond the contract: its file, newer and damaged files, a full disk. `sqlite_processes` tests
//! several processes.

use std::path::Path;
use std::time::Duration;

use holdfast_stores::sqlite::{SqliteKeepRows, TABLES_FILE, TablesError};
use tokio::task::JoinSet;

use super::*;

pub struct Directory {
    directory: tempfile::TempDir,
}

impl Directory {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

#[async_trait]
impl World for Directory {
    async fn open(&self) -> Arc<dyn KeepRows> {
        Arc::new(SqliteKeepRows::open(self.path()).await.unwrap())
    }
}

#[async_trait]
impl logs::LogWorld for Directory {
    async fn open_logs(&self) -> Arc<dyn KeepLogs> {
        Arc::new(SqliteKeepRows::open(self.path()).await.unwrap())
    }
}

/// Opens the file without the adapter.
fn raw(directory: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.join(TABLES_FILE)).unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let data = directory.path().join("new/data");
    let rows = SqliteKeepRows::open(&data).await.unwrap();
    rows.put("a/1", &n(1), Precondition::Absent).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["tables.sqlite", "tables.sqlite-shm", "tables.sqlite-wal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_file_at_once() {
    for _ in 0..10 {
        let directory = Directory::new();
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let path = directory.path().to_path_buf();
            tasks.spawn(async move { increment(&SqliteKeepRows::open(path).await.unwrap(), "counter/1").await });
        }
        let mut won = tasks.join_all().await;
        won.sort_unstable();
        assert_eq!(won, (1..=8).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_newer_file_is_refused() {
    let directory = Directory::new();
    drop(directory.open().await);
    raw(directory.path()).pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteKeepRows::open(directory.path()).await.unwrap_err();
    assert!(
        matches!(
            error,
            TablesError::SchemaNewer {
                found: 99,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains(TABLES_FILE), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_reported_with_its_remedy() {
    let not_a_database = Directory::new();
    std::fs::write(not_a_database.path().join(TABLES_FILE), vec![7; 8192]).unwrap();

    // Damage at the end is found too.
    let damaged = Directory::new();
    let rows = damaged.open().await;
    for index in 0..50 {
        let value = json!({ "text": "x".repeat(5000) });
        rows.put(&format!("a/{index}"), &value, Precondition::Absent)
            .await
            .unwrap();
    }
    drop(rows);
    let file = damaged.path().join(TABLES_FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    for page in bytes.chunks_mut(4096).skip(2) {
        page[..64].fill(0xAA);
    }
    std::fs::write(&file, bytes).unwrap();

    for directory in [not_a_database, damaged] {
        let error = SqliteKeepRows::open(directory.path()).await.unwrap_err();
        assert!(matches!(error, TablesError::Damaged { .. }), "{error}");
        let message = error.to_string();
        let file = directory.path().join(TABLES_FILE).display().to_string();
        assert!(
            message.contains(&file) && message.contains("backup") && !message.contains('\n'),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_row_of_another_program_is_reported() {
    let directory = Directory::new();
    let rows = directory.open().await;
    rows.put("a/1", &n(1), Precondition::Absent).await.unwrap();
    let torn = r#"UPDATE rows SET value = '{"token":"TOKEN'"#;
    raw(directory.path()).execute(torn, []).unwrap();
    for error in [
        rows.get("a/1").await.unwrap_err(),
        rows.put("a/1", &n(1), Precondition::Absent).await.unwrap_err(),
        rows.list("a/", 1).await.unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(
            message.contains("a/1") && message.contains(TABLES_FILE) && !message.contains("TOKEN"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_unusable_place_is_named() {
    let directory = Directory::new();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteKeepRows::open(file.join("data")).await.unwrap_err();
    assert!(matches!(error, TablesError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("--data"), "{error}");

    std::fs::create_dir(directory.path().join(TABLES_FILE)).unwrap();
    let error = SqliteKeepRows::open(directory.path()).await.unwrap_err();
    assert!(matches!(error, TablesError::Unusable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_another_writer() {
    let directory = Directory::new();
    let rows = directory.open().await;
    let other = raw(directory.path());
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM rows;").unwrap();
    let reader = Arc::clone(&rows);
    let put = tokio::spawn(async move { rows.put("a/1", &n(1), Precondition::Absent).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!put.is_finished());
    other.execute_batch("COMMIT;").unwrap();
    assert_eq!(put.await.unwrap().unwrap(), done(1));
    assert_eq!(reader.get("a/1").await.unwrap(), Some(row(1, &n(1))));
}

#[tokio::test]
async fn a_full_disk_is_reported_and_loses_nothing() {
    let directory = Directory::new();
    let rows = SqliteKeepRows::open_limited(directory.path(), 60).await.unwrap();
    let value = json!({ "text": "x".repeat(20_000) });
    let key = |index: u64| format!("a/{index:03}");
    let mut kept = 0;
    let error = loop {
        match rows.put(&key(kept), &value, Precondition::Absent).await {
            Ok(written) => assert_eq!(written, done(1)),
            Err(error) => break error,
        }
        kept += 1;
        assert!(kept < 100, "60 pages hold no 2 MB");
    };
    assert!(kept > 5, "{kept}");
    let message = error.to_string();
    assert!(
        message.contains("no space") && message.contains(TABLES_FILE) && message.contains(&key(kept)),
        "{message}"
    );
    rows.put("small/1", &value, Precondition::Absent).await.unwrap_err();

    assert_eq!(
        rows.get(&key(kept)).await.unwrap(),
        None,
        "what was refused is not there"
    );
    assert_eq!(rows.list("a/", 1000).await.unwrap().len() as u64, kept);
    assert_eq!(
        rows.put(&key(0), &value, Precondition::Absent).await.unwrap(),
        conflict(1, &value)
    );
    assert_eq!(rows.delete(&key(1), 1).await.unwrap(), done(1));
    assert_eq!(
        rows.put(&key(kept), &value, Precondition::Absent).await.unwrap(),
        done(1),
        "room is used again"
    );

    drop(rows);
    let listed = directory.open().await.list("a/", 1000).await.unwrap();
    assert_eq!(listed.len() as u64, kept);
    assert!(listed.iter().all(|(_, row)| row.value == value));
}
