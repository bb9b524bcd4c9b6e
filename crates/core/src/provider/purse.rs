//! The limits of money that a model call counts for, and their logs.

use jiff::Timestamp;

use super::digest;
use super::paced_model::input_tokens;
use super::spend::{Spend, SpendAnswer, SpendEntry};
use crate::logs;
use crate::model::price::Prices;
use crate::model::settings::Settings;
use crate::port::{KeepLogs, ModelCall, ModelError, ModelRequest};

/// The limits of money, in billionths of a US dollar, and the prices to estimate calls by.
#[derive(Clone, Debug, Default)]
pub struct SpendLimits {
    /// `HOLDFAST_SPEND_PER_RUN`.
    pub per_run: Option<u64>,
    /// `HOLDFAST_SPEND_PER_MONTH`, of the deployment.
    pub per_month: Option<u64>,
    /// `HOLDFAST_SPEND_PER_REPOSITORY_MONTH`.
    pub per_repository_month: Option<u64>,
    /// `HOLDFAST_SPEND_PER_AUTHOR_MONTH`.
    pub per_author_month: Option<u64>,
    /// Prices of models.
    pub prices: Prices,
}

/// A limit of money that a call counts for.
pub struct Purse {
    key: String,
    setting: &'static str,
    limit: u64,
    /// What the call has reserved.
    amount: u64,
}

impl SpendLimits {
    /// Returns the limits of a deployment's settings.
    pub fn of(settings: &Settings) -> Self {
        Self {
            per_run: settings.spend_per_run,
            per_month: settings.spend_per_month,
            per_repository_month: settings.spend_per_repository_month,
            per_author_month: settings.spend_per_author_month,
            prices: settings.prices.clone(),
        }
    }

    /// Reserves the most that a call can cost within each limit of money. Returns nothing while calls in flight hold the
    /// money that it needs.
    ///
    /// # Errors
    ///
    /// The call could exceed a limit; the table can't be reached.
    pub async fn reserve(
        &self,
        logs: &dyn KeepLogs,
        (call, id): (&ModelCall<'_>, &str),
        request: &ModelRequest,
        (now_ms, hold_ms): (u64, u64),
    ) -> Result<Option<Vec<Purse>>, ModelError> {
        let mut purses = self.purses(call, now_ms);
        let (input, output) = (input_tokens(request), u64::from(request.max_output_tokens));
        let Some(amount) = self.prices.cost(&request.model, input, output) else {
            return Ok(Some(Vec::new()));
        };
        for purse in &mut purses {
            purse.amount = amount;
        }
        for (at, purse) in purses.iter().enumerate() {
            let entry = SpendEntry::Reserve {
                call: id.to_owned(),
                amount,
                limit: purse.limit,
                now_ms,
                hold_ms,
            };
            let refused = match logs::append::<Spend>(logs, &purse.key, &entry).await {
                Ok((_, SpendAnswer::Over { spent })) => Some(ModelError::SpendLimit(format!(
                    "{} ({}) leaves no room for this call: {} are spent, and it could cost {}",
                    purse.setting,
                    usd(purse.limit),
                    usd(spent),
                    usd(amount)
                ))),
                Ok((_, SpendAnswer::Busy)) => None,
                Ok(_) => continue,
                Err(error) => {
                    let message = format!("no call without {}: {}", purse.setting, error.message);
                    Some(ModelError::LimitsUnavailable(message))
                }
            };
            settle(logs, id, purses.get(..at).unwrap_or_default(), Some(0)).await;
            return match refused {
                Some(error) => Err(error),
                None => Ok(None),
            };
        }
        Ok(Some(purses))
    }

    /// Returns the limits that a call counts for.
    fn purses(&self, call: &ModelCall<'_>, now_ms: u64) -> Vec<Purse> {
        let month = month_of(now_ms);
        let author = call.payer.author.as_deref();
        let purse = |limit: Option<u64>, setting, key: String| {
            limit.map(|limit| Purse {
                key,
                setting,
                limit,
                amount: 0,
            })
        };
        [
            purse(
                self.per_run,
                "HOLDFAST_SPEND_PER_RUN",
                format!("spend/run/{}", call.run.stem()),
            ),
            purse(
                self.per_repository_month,
                "HOLDFAST_SPEND_PER_REPOSITORY_MONTH",
                format!("spend/{month}/repository/{:016x}", digest(&call.payer.repository)),
            ),
            author.and_then(|author| {
                let key = format!("spend/{month}/author/{:016x}", digest(author));
                purse(self.per_author_month, "HOLDFAST_SPEND_PER_AUTHOR_MONTH", key)
            }),
            purse(self.per_month, "HOLDFAST_SPEND_PER_MONTH", format!("spend/{month}")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Returns the month of a time, in UTC: `2026-11`.
fn month_of(now_ms: u64) -> String {
    let time = i64::try_from(now_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%Y-%m").to_string()
}

/// Returns an amount in US dollars.
fn usd(amount: u64) -> String {
    format!("{}.{:04} USD", amount / 1_000_000_000, amount / 100_000 % 10_000)
}

/// Records what a call cost, or all that it had reserved if nobody knows, and logs each share of a limit that is reached for the first time.
pub async fn settle(logs: &dyn KeepLogs, id: &str, purses: &[Purse], cost: Option<u64>) {
    for purse in purses {
        let entry = SpendEntry::Settle {
            call: id.to_owned(),
            amount: cost.unwrap_or(purse.amount),
            limit: purse.limit,
        };
        match logs::append::<Spend>(logs, &purse.key, &entry).await {
            Ok((_, SpendAnswer::Settled { reached: Some(percent) })) => {
                tracing::warn!(
                    percent,
                    limit = usd(purse.limit),
                    "{} % of {} are spent",
                    percent,
                    purse.setting
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the cost of a model call isn't recorded: it counts with its estimate")
            }
        }
    }
}
