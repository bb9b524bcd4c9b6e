//! What one change may cost. The repository may come from a stranger: what it makes large, deep or many ends here, and what
//! was left out is reported.

use std::time::{Duration, Instant};

/// The bounds of one change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Time for reading the change.
    pub time: Duration,
    /// Bytes of trees and files, counted each time they are read.
    pub content_bytes: u64,
    /// Changed files that are listed.
    pub files: usize,
    /// Trees that are compared.
    pub trees: usize,
    /// Folders below each other.
    pub depth: usize,
    /// Bytes of one tree object: about 400,000 entries.
    pub tree_bytes: u64,
    /// Bytes of one version of a file that are read for the search for secrets; fewer are shown.
    pub searched_bytes: u64,
    /// Deleted and added files between which renames are searched: the square root of the number of pairs, as in git.
    pub rename_candidates: usize,
    /// Bytes of files read to search for renames.
    pub rename_bytes: u64,
    /// Lines compared to search for renames.
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

/// What is left of the bounds.
#[derive(Debug)]
pub(super) struct Budget {
    pub limits: Limits,
    end: Option<Instant>,
    content_left: u64,
}

impl Budget {
    /// All of it, from now.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            end: Instant::now().checked_add(limits.time),
            content_left: limits.content_bytes,
        }
    }

    /// The bound that is used up, as a reason: of time, or of content before so many more bytes are read.
    pub fn exceeded(&self, bytes: u64) -> Option<String> {
        if self.end.is_some_and(|end| Instant::now() >= end) {
            Some(format!(
                "the change's limit of {} s for reading it was reached",
                self.limits.time.as_secs()
            ))
        } else if bytes > self.content_left {
            Some(format!(
                "the change's limit of {} MiB of content was reached",
                self.limits.content_bytes / (1024 * 1024)
            ))
        } else {
            None
        }
    }

    /// Counts bytes that are read.
    pub fn spend(&mut self, bytes: u64) {
        self.content_left = self.content_left.saturating_sub(bytes);
    }
}
