//! The port that requests failed webhook deliveries again.

use async_trait::async_trait;

use super::ReadError;

/// Requests webhooks again, because GitHub doesn't retry them.
#[async_trait]
pub trait RedeliverWebhooks: Send + Sync {
    /// Requests again each webhook sent since `since_ms` (milliseconds since 1970) that was never accepted, at most
    /// 100, and returns their number. Skips webhooks older than three days, which GitHub no longer sends. A duplicate
    /// has the id of its first delivery.
    ///
    /// # Errors
    ///
    /// The deliveries can't be read, or no more can be requested; the next call continues.
    async fn redeliver_failed(&self, since_ms: i64) -> Result<u64, ReadError>;
}
