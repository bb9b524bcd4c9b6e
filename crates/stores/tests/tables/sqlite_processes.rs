//! Several processes on one SQLite file, some of which are killed. Each runs this test program, and in it only
//! [`other_process`].

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use holdfast_stores::sqlite::SqliteKeepRows;

use super::*;
use crate::sqlite::Directory;

/// The environment variable with the directory and the number of increments of the other process.
const ORDER: &str = "HOLDFAST_TEST_TABLES_ORDER";
const COUNTER: &str = "counter/1";
/// The prefix of each line that reports a written value.
const WRITTEN: &str = "written:";

/// Does the work of another process. In the test program itself the variable isn't set, and this returns immediately.
#[tokio::test]
async fn other_process() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let (increments, directory) = order.split_once(' ').unwrap();
    let rows = SqliteKeepRows::open(directory).await.unwrap();
    for _ in 0..increments.parse::<u64>().unwrap() {
        let value = increment(&rows, COUNTER).await;
        // Written directly: the test harness would hold the line back.
        writeln!(std::io::stdout(), "{WRITTEN}{value}").unwrap();
    }
}

struct Other {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Other {
    fn start(directory: &Path, increments: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite_processes::other_process", "--nocapture"])
            .env(ORDER, format!("{increments} {}", directory.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Returns the next value that it reports as written; `None` once it has ended.
    fn next(&mut self) -> Option<u64> {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if let Some((_, value)) = line.split_once(WRITTEN) {
                return value.trim().parse().ok();
            }
            line.clear();
        }
        None
    }

    fn rest(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_hold_across_processes() {
    let directory = Directory::new();
    let mut others: Vec<Other> = (0..3).map(|_| Other::start(directory.path(), 40)).collect();
    let rows = directory.open().await;
    let mut won = Vec::new();
    for _ in 0..40 {
        won.push(increment(rows.as_ref(), COUNTER).await);
    }
    for other in &mut others {
        won.extend(other.rest());
        assert!(other.child.wait().unwrap().success());
    }
    assert_eq!(won.len(), 160);
    assert_eq!(won.into_iter().collect::<BTreeSet<u64>>(), (1..=160).collect());
    assert_eq!(rows.get(COUNTER).await.unwrap(), Some(row(160, &n(160))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_leaves_a_usable_file() {
    let directory = Directory::new();
    // In every second round a server's connection stays open beside the killed processes.
    let server = directory.open().await;
    let mut server = Some(server);
    let mut least = 0;
    for round in 0..20_u64 {
        if round % 2 == 1 {
            server = None;
        } else if server.is_none() {
            server = Some(directory.open().await);
        }
        let mut other = Other::start(directory.path(), 1_000_000);
        for _ in 0..=round * 7 % 13 {
            least = other.next().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_micros(round * 977 % 5000));
        other.child.kill().unwrap();
        other.child.wait().unwrap();
        least = other.rest().last().copied().unwrap_or(least);

        let rows = directory.open().await;
        let kept = rows.get(COUNTER).await.unwrap().unwrap();
        assert!(
            (least..=least + 1).contains(&kept.version),
            "round {round}: {least}, {kept:?}"
        );
        assert_eq!(kept.value, n(kept.version));
        least = increment(rows.as_ref(), COUNTER).await;
        if let Some(server) = &server {
            assert_eq!(server.get(COUNTER).await.unwrap(), Some(row(least, &n(least))));
        }
    }
}
