//! Stores a private file and a database: `cargo run -p holdfast-storage --example counter -- DIRECTORY`. The file keeps
//! the time of the first run, and the database counts the runs. Both survive a power cut.
#![expect(clippy::print_stdout, reason = "a program that shows what it does")]

use std::path::PathBuf;
use std::time::SystemTime;

use holdfast_storage::database::{self, WriteOptions};
use holdfast_storage::file;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("usage: counter DIRECTORY")?);

    // Only the first run creates the file; it and its directory are readable for this user only.
    let now = || match SystemTime::UNIX_EPOCH.elapsed() {
        Ok(since) => since.as_secs().to_string(),
        Err(_) => "before 1970".to_owned(),
    };
    let first = file::read_or_create(&directory.join("first-run"), now)?;

    let path = directory.join("runs.sqlite");
    database::create_empty(&path)?;
    let connection = database::open_writable(&path, &WriteOptions::default())?;
    if let Some(damage) = database::find_damage(&connection)? {
        return Err(format!("{} is damaged: {damage}", path.display()).into());
    }
    connection.execute_batch("CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY) STRICT")?;
    // Each commit is on the disk before it returns.
    connection.execute("INSERT INTO runs DEFAULT VALUES", [])?;

    // Another process may read meanwhile.
    let reader = database::open_read_only(&path)?;
    let runs: i64 = reader.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
    println!("run {runs}; the first one was at {first}");
    Ok(())
}
