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

    /// Returns the exceeded limit as a reason: the time, or the content if `bytes` more are read.
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

    /// Counts bytes as read.
    pub fn spend(&mut self, bytes: u64) {
        self.content_left = self.content_left.saturating_sub(bytes);
    }
}
