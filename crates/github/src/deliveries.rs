//! Failed webhook deliveries, read from the App's own list of deliveries, and requests to send them again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::port::{ReadError, RedeliverWebhooks};
use http::Method;
use serde_json::Value;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::link;
use super::wire::Delivery;

const ITEMS_PER_PAGE: usize = 100;
/// Maximum number of pages that one call reads. Older deliveries are left out, with a warning in the log.
const MAX_PAGES: usize = 100;
/// Maximum number of webhooks that one call requests again.
const MAX_REDELIVERIES: usize = 100;
/// After this long a call reads no further page and starts no further redelivery.
const MAX_CALL_TIME: Duration = Duration::from_mins(2);
/// The requirement that a refusal names.
const WEBHOOK: &str = "a webhook of the App";

/// Has GitHub send failed webhooks again, with the App's identity: no other identity has a webhook of its own.
#[derive(Clone, Debug)]
pub struct GithubRedeliverWebhooks {
    connection: GithubConnection,
}

impl GithubRedeliverWebhooks {
    /// Uses this connection.
    pub const fn new(connection: GithubConnection) -> Self {
        Self { connection }
    }

    /// Lists the deliveries since `since_ms`, newest first. Page by page: a page's address is a cursor that only the
    /// page before it has.
    async fn list(&self, since_ms: i64, end: Instant) -> Result<Vec<Delivery>, Failure> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let call = self.connection.get(&["app", "hook", "deliveries"], WEBHOOK);
            let mut call = call.query("per_page", &ITEMS_PER_PAGE.to_string());
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let (page, headers) = self.connection.json_with_headers::<Vec<Delivery>>(call).await?;
            let is_recent = |delivery: &Delivery| delivery.delivered_at.as_millisecond() >= since_ms;
            let is_end = page.last().is_none_or(|oldest| !is_recent(oldest));
            all.extend(page.into_iter().filter(is_recent));
            cursor = link::query_parameter(&headers, "next", "cursor");
            if is_end || cursor.is_none() {
                return Ok(all);
            }
            if Instant::now() >= end {
                break;
            }
        }
        tracing::warn!(
            deliveries = all.len(),
            "only the newest webhook deliveries were checked"
        );
        Ok(all)
    }

    /// Requests one delivery again, and returns whether GitHub accepts the request.
    async fn redeliver(&self, id: u64) -> Result<bool, Failure> {
        let name = id.to_string();
        let segments = ["app", "hook", "deliveries", &name, "attempts"];
        let call = self.connection.write(Method::POST, &segments, Value::Null, WEBHOOK);
        match self.connection.send(call).await {
            Ok(_) => Ok(true),
            // The delivery is too old, or gone.
            Err(failure) if matches!(failure.kind, Kind::Rejected | Kind::NotFound) => {
                tracing::warn!(delivery = id, error = failure.line, "GitHub can't send a webhook again");
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }
}

#[async_trait]
impl RedeliverWebhooks for GithubRedeliverWebhooks {
    async fn redeliver_failed(&self, since_ms: i64) -> Result<u64, ReadError> {
        if !self.connection.is_app() {
            return Ok(0);
        }
        let end = Instant::now() + MAX_CALL_TIME;
        let failed = failed(&self.list(since_ms, end).await?);
        let mut redelivered = 0;
        // Each is a write, and GitHub wants writes one after the other, not concurrently:
        // <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests>
        for id in failed.into_iter().take(MAX_REDELIVERIES) {
            if Instant::now() >= end {
                tracing::warn!(
                    redelivered,
                    "time is up: the next call continues with the other failed webhooks"
                );
                break;
            }
            redelivered += u64::from(self.redeliver(id).await?);
        }
        Ok(redelivered)
    }
}

/// Returns the newest delivery of each webhook that was never accepted: those with the fewest attempts first, then the
/// oldest, so that a webhook that keeps failing doesn't block the others.
fn failed(newest_first: &[Delivery]) -> Vec<u64> {
    struct Webhook<'a> {
        newest: &'a Delivery,
        attempts: usize,
        is_accepted: bool,
    }
    let mut webhooks: HashMap<&str, Webhook<'_>> = HashMap::new();
    for delivery in newest_first {
        let is_accepted = (200..300).contains(&delivery.status_code);
        match webhooks.entry(&delivery.guid) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.attempts += 1;
                known.is_accepted |= is_accepted;
            }
            Entry::Vacant(free) => {
                free.insert(Webhook {
                    newest: delivery,
                    attempts: 1,
                    is_accepted,
                });
            }
        }
    }
    let mut failed: Vec<Webhook<'_>> = webhooks.into_values().filter(|webhook| !webhook.is_accepted).collect();
    failed.sort_by_key(|webhook| (webhook.attempts, webhook.newest.delivered_at, webhook.newest.id));
    failed.into_iter().map(|webhook| webhook.newest.id).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use jiff::Timestamp;

    use super::*;

    /// Returns deliveries, newest first, from each webhook's guid and status.
    fn deliveries(all: &[(&str, u16)]) -> Vec<Delivery> {
        let newest = u64::try_from(all.len()).unwrap();
        let delivery = |(id, (guid, status_code)): (u64, &(&str, u16))| Delivery {
            id,
            guid: (*guid).to_owned(),
            delivered_at: Timestamp::from_second(i64::try_from(id).unwrap()).unwrap(),
            status_code: i64::from(*status_code),
        };
        (1..=newest).rev().zip(all).map(delivery).collect()
    }

    #[test]
    fn webhooks_that_were_never_accepted_have_failed() {
        type Case<'a> = (&'a [(&'a str, u16)], &'a [u64]);
        let table: [Case<'_>; 7] = [
            (&[], &[]),
            (&[("a", 200), ("b", 202)], &[]),
            (&[("a", 500), ("b", 200)], &[2]),
            (&[("a", 200), ("a", 500)], &[]),
            (&[("a", 500), ("a", 200)], &[]),
            // The fewest attempts first, then the oldest.
            (&[("a", 502), ("b", 0), ("c", 404), ("b", 302)], &[2, 4, 3]),
            (&[("a", 500), ("b", 500), ("c", 500)], &[1, 2, 3]),
        ];
        for (all, expected) in table {
            assert_eq!(failed(&deliveries(all)), expected, "{all:?}");
        }
    }
}
