//! Webhooks that were sent and not taken, as the App's own list of deliveries has them; and asking for them again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::port::{ReadError, RedeliverWebhooks};
use http::{HeaderMap, Method, header};
use serde_json::Value;
use url::Url;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::wire::Delivery;

const PAGE: usize = 100;
/// Pages of one call. What is older is left out, and told.
const MAX_PAGES: usize = 100;
/// Webhooks that one call asks for.
const MAX_REDELIVERIES: usize = 100;
/// After this long nothing more is read or asked for.
const MAX_TIME: Duration = Duration::from_mins(2);
/// What a refusal names as missing.
const WEBHOOK: &str = "a webhook of the App";

/// Asks for missed webhooks as the App. Other identities have no webhook of their own.
#[derive(Clone, Debug)]
pub struct GithubRedeliverWebhooks {
    connection: GithubConnection,
}

impl GithubRedeliverWebhooks {
    /// Asks through this connection.
    pub const fn new(connection: GithubConnection) -> Self {
        Self { connection }
    }

    /// All deliveries since then, newest first.
    async fn list(&self, since_ms: i64, end: Instant) -> Result<Vec<Delivery>, Failure> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let call = self.connection.get(&["app", "hook", "deliveries"], WEBHOOK);
            let mut call = call.query("per_page", &PAGE.to_string());
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let (page, headers) = self.connection.json_with_headers::<Vec<Delivery>>(call).await?;
            let is_recent = |delivery: &Delivery| delivery.delivered_at.as_millisecond() >= since_ms;
            let is_end = page.last().is_none_or(|oldest| !is_recent(oldest));
            all.extend(page.into_iter().filter(is_recent));
            cursor = next_cursor(&headers);
            if is_end || cursor.is_none() {
                return Ok(all);
            }
            if Instant::now() >= end {
                break;
            }
        }
        tracing::warn!(
            deliveries = all.len(),
            "only the newest deliveries of webhooks are looked at"
        );
        Ok(all)
    }

    /// Asks for one delivery again, and returns whether GitHub will send it.
    async fn redeliver(&self, id: u64) -> Result<bool, Failure> {
        let name = id.to_string();
        let segments = ["app", "hook", "deliveries", &name, "attempts"];
        let call = self.connection.write(Method::POST, &segments, Value::Null, WEBHOOK);
        match self.connection.send(call).await {
            Ok(_) => Ok(true),
            // Too old, or gone meanwhile.
            Err(failure) if matches!(failure.kind, Kind::Rejected | Kind::NotFound) => {
                tracing::warn!(delivery = id, error = failure.line, "a webhook cannot be sent again");
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
        let end = Instant::now() + MAX_TIME;
        let missed = missed(&self.list(since_ms, end).await?);
        let mut asked = 0;
        // One after the other: those that were tried least come first, and each is a write.
        for id in missed.into_iter().take(MAX_REDELIVERIES) {
            if Instant::now() >= end {
                tracing::warn!(asked, "the next call asks for the other missed webhooks");
                break;
            }
            asked += u64::from(self.redeliver(id).await?);
        }
        Ok(asked)
    }
}

/// The newest delivery of each webhook that was never taken. Those that were tried least come first, and then the oldest: none
/// that keeps failing stands in the way of the others.
fn missed(newest_first: &[Delivery]) -> Vec<u64> {
    struct Tried<'a> {
        newest: &'a Delivery,
        times: usize,
        is_taken: bool,
    }
    let mut webhooks: HashMap<&str, Tried<'_>> = HashMap::new();
    for delivery in newest_first {
        let is_taken = (200..300).contains(&delivery.status_code);
        match webhooks.entry(&delivery.guid) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.times += 1;
                known.is_taken |= is_taken;
            }
            Entry::Vacant(free) => {
                free.insert(Tried {
                    newest: delivery,
                    times: 1,
                    is_taken,
                });
            }
        }
    }
    let mut missed: Vec<Tried<'_>> = webhooks.into_values().filter(|webhook| !webhook.is_taken).collect();
    missed.sort_by_key(|webhook| (webhook.times, webhook.newest.delivered_at, webhook.newest.id));
    missed.into_iter().map(|webhook| webhook.newest.id).collect()
}

/// Where the next page begins. Only the cursor is taken from the header: the address stays ours.
fn next_cursor(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let next = link.split(',').find(|link| link.contains("rel=\"next\""))?;
    let (_, address) = next.split_once('<')?;
    let (address, _) = address.split_once('>')?;
    let address = Url::parse(address).ok()?;
    let cursor = address.query_pairs().find(|(name, _)| name == "cursor");
    cursor.map(|(_, cursor)| cursor.into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use jiff::Timestamp;

    use super::*;

    /// Deliveries, newest first: a webhook's guid and the status.
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
    fn what_was_never_taken_is_missed() {
        type Case<'a> = (&'a [(&'a str, u16)], &'a [u64]);
        let table: [Case<'_>; 7] = [
            (&[], &[]),
            (&[("a", 200), ("b", 202)], &[]),
            (&[("a", 500), ("b", 200)], &[2]),
            (&[("a", 200), ("a", 500)], &[]),
            (&[("a", 500), ("a", 200)], &[]),
            // Tried least first, then the oldest.
            (&[("a", 502), ("b", 0), ("c", 404), ("b", 302)], &[2, 4, 3]),
            (&[("a", 500), ("b", 500), ("c", 500)], &[1, 2, 3]),
        ];
        for (all, expected) in table {
            assert_eq!(missed(&deliveries(all)), expected, "{all:?}");
        }
    }

    #[test]
    fn the_next_pages_cursor_is_read() {
        let api = "https://api.github.com/app/hook/deliveries?per_page=100";
        for (link, expected) in [
            (format!("<{api}&cursor=v1_17>; rel=\"next\""), Some("v1_17")),
            (
                format!("<{api}&cursor=a>; rel=\"prev\", <{api}&cursor=b%26c>; rel=\"next\""),
                Some("b&c"),
            ),
            (format!("<{api}&cursor=v1_17>; rel=\"prev\""), None),
            (format!("<{api}>; rel=\"next\""), None),
            ("rel=\"next\"".to_owned(), None),
        ] {
            let headers = HeaderMap::from_iter([(header::LINK, link.parse().unwrap())]);
            assert_eq!(next_cursor(&headers).as_deref(), expected, "{link}");
        }
        assert_eq!(next_cursor(&HeaderMap::new()), None);
    }
}
