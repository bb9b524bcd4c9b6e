//! Asking for webhooks that were sent and not taken.

use async_trait::async_trait;

use super::ReadError;

/// Asks GitHub to send webhooks again: it does not do so by itself.
#[async_trait]
pub trait RedeliverWebhooks: Send + Sync {
    /// Asks once more for each webhook sent since `since_ms` (milliseconds since 1970) that was never taken, 100 at most;
    /// gives how many were asked for. GitHub sends again what is not older than three days: older ones are passed over.
    /// What came more than once is known by its delivery's id. Errors: the deliveries cannot be read, or no more can be asked
    /// for; the next call goes on.
    async fn redeliver_failed(&self, since_ms: i64) -> Result<u64, ReadError>;
}
