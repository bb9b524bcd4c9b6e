//! The turns of writes to GitHub, in a row that all processes of a deployment share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::digest;
use super::github_writes::{GithubWrites, GithubWritesAnswer, GithubWritesEntry, WriteLimits};
use crate::logs;
use crate::port::{KeepLogs, Pace, PaceWrites, WritePaceError, WriteTurn};

/// The longest wait for a turn within a call, in milliseconds. A longer one is a state of the workflow.
const MAX_REST_MS: u64 = 30_000;
/// The refusal's length where GitHub names none, in seconds.
const UNNAMED_REFUSAL_S: u64 = 60;

/// Gives turns from the rows in a table.
pub struct PacedWrites {
    logs: Arc<dyn KeepLogs>,
    pace: Arc<dyn Pace>,
    limits: WriteLimits,
}

impl PacedWrites {
    /// Gives `per_minute` turns a minute on average.
    pub fn new(logs: Arc<dyn KeepLogs>, pace: Arc<dyn Pace>, per_minute: u32) -> Self {
        Self {
            logs,
            pace,
            limits: WriteLimits::of(per_minute),
        }
    }

    fn key(account: &str) -> String {
        format!("turn/{:016x}", digest(account))
    }

    async fn append(&self, account: &str, entry: &GithubWritesEntry) -> Result<GithubWritesAnswer, WritePaceError> {
        let appended = logs::append::<GithubWrites>(self.logs.as_ref(), &Self::key(account), entry).await;
        appended
            .map(|(_, answer)| answer)
            .map_err(|error| WritePaceError(error.message))
    }
}

#[async_trait]
impl PaceWrites for PacedWrites {
    async fn turn(&self, account: &str, write: &str) -> Result<WriteTurn, WritePaceError> {
        let entry = GithubWritesEntry::Reserve {
            write: digest(write),
            now_ms: self.pace.now_ms(),
            rest_ms: self.pace.longest_rest_ms().min(MAX_REST_MS),
            limits: self.limits,
        };
        Ok(match self.append(account, &entry).await? {
            GithubWritesAnswer::After(ms) => WriteTurn::After(Duration::from_millis(ms)),
            GithubWritesAnswer::Later(ms) => WriteTurn::Later(Duration::from_millis(ms)),
            GithubWritesAnswer::Noted => WriteTurn::After(Duration::ZERO),
        })
    }

    async fn refused(&self, account: &str, retry_after_s: Option<u64>) -> Result<(), WritePaceError> {
        let now_ms = self.pace.now_ms();
        let seconds = retry_after_s.unwrap_or(UNNAMED_REFUSAL_S);
        let entry = GithubWritesEntry::Refused {
            now_ms,
            until_ms: now_ms.saturating_add(seconds.saturating_mul(1_000)),
        };
        self.append(account, &entry).await.map(drop)
    }

    async fn refused_for(&self, account: &str) -> Result<Duration, WritePaceError> {
        let read = logs::read::<GithubWrites>(self.logs.as_ref(), &Self::key(account)).await;
        let writes = read.map_err(|error| WritePaceError(error.message))?;
        Ok(Duration::from_millis(writes.refused_ms(self.pace.now_ms())))
    }
}
