//! The limits of one change. The repository may come from a stranger: size, depth and number of its objects are
//! bounded, and everything that is left out is reported.

use std::time::{Duration, Instant};

/// The limits of one change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Time to read the change.
    pub time: Duration,
    /// Bytes of trees and files; each read counts.
    pub content_bytes: u64,
    /// Number of listed files.
    pub files: usize,
    /// Number of compared trees.
    pub trees: usize,
    /// Nesting of folders.
    pub depth: usize,
    /// Bytes of one tree object: about 400,000 entries.
    pub tree_bytes: u64,
    /// Size of one version of a file that is searched for secrets, in bytes; fewer bytes are shown.
    pub searched_bytes: u64,
    /// Deleted and added files among which renames are searched: the square root of the number of pairs, as in git.
    pub rename_candidates: usize,
    /// Bytes of files that are read to find renames.
    pub rename_bytes: u64,
    /// Lines that are compared to find renames.
    pub rename_lines: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_mins(1),
            content_bytes: 512 * 1024 * 1024,
            files: 50_000,
            trees: 100_000,
            depth: 256,
            tree_bytes: 16 * 1024 * 1024,
            searched_bytes: 16 * 1024 * 1024,
            rename_candidates: 1_000,
            rename_bytes: 128 * 1024 * 1024,
            rename_lines: 200_000_000,
        }
    }
}

/// A limit of a change that was reached.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Exceeded {
    #[error("the change's limit of {} s for reading it was reached", .0.as_secs())]
    Time(Duration),
    /// In bytes.
    #[error("the change's limit of {} MiB of content was reached", .0 / (1024 * 1024))]
    Content(u64),
}

/// The rest of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    pub limits: Limits,
    end: Option<Instant>,
    content_left: u64,
}

impl Budget {
    /// Starts with the whole limits, from now.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            end: Instant::now().checked_add(limits.time),
            content_left: limits.content_bytes,
        }
    }

    /// Fails if the time is over.
    pub fn check_time(&self) -> Result<(), Exceeded> {
        match self.end.is_some_and(|end| Instant::now() >= end) {
            true => Err(Exceeded::Time(self.limits.time)),
            false => Ok(()),
        }
    }

    /// Counts bytes as read. Fails without counting them if a limit is reached.
    pub fn spend(&mut self, bytes: u64) -> Result<(), Exceeded> {
        self.check_time()?;
        let left = self.content_left.checked_sub(bytes);
        self.content_left = left.ok_or(Exceeded::Content(self.limits.content_bytes))?;
        Ok(())
    }
}
