//! The disk's own rate: writes of one page, each followed by a sync.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const PAGE_BYTES: usize = 4_096;
const PAGES: u64 = 1_000;
const LASTS: Duration = Duration::from_millis(700);

/// Returns the writes with `fdatasync` per second, over existing pages, like in a write-ahead log.
pub fn syncs_per_second(directory: &Path) -> f64 {
    let path = directory.join("syncs");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .unwrap();
    for page in 0..PAGES {
        file.write_all_at(&[1; PAGE_BYTES], page * PAGE_BYTES as u64).unwrap();
    }
    file.sync_all().unwrap();
    let began = Instant::now();
    let mut syncs = 0;
    while began.elapsed() < LASTS {
        file.write_all_at(&[2; PAGE_BYTES], (syncs % PAGES) * PAGE_BYTES as u64)
            .unwrap();
        file.sync_data().unwrap();
        syncs += 1;
    }
    let rate = syncs as f64 / began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path).unwrap();
    rate
}
