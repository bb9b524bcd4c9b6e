//! The limits of money that a model call counts for, and their logs.

use jiff::Timestamp;

use super::digest;
use super::paced_model::input_tokens;
use super::spend::{FULL, Spend, SpendAnswer, SpendEntry};
use crate::logs;
use crate::model::policy::POLICY_PATH;
use crate::model::price::Prices;
use crate::model::settings::Settings;
use crate::port::{Alarm, KeepLogs, ModelCall, ModelError, ModelRequest};

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
    /// The name of the limit's setting.
    setting: String,
    /// The repository or the author that it limits, if it is one's own.
    of: Option<String>,
    limit: u64,
    /// What the call has reserved.
    amount: u64,
}

impl Purse {
    /// Returns the alarm of a share of the limit that is reached.
    fn reached(&self, percent: u8) -> Alarm {
        Alarm::Spent {
            setting: self.setting.clone(),
            of: self.of.clone(),
            percent,
            limit: self.limit,
        }
    }
}

/// The reason why a call is not made.
pub struct NoMoney {
    /// The call's error.
    pub error: ModelError,
    /// The limit that leaves no room, if it is the first time.
    pub reached: Option<Alarm>,
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
    ) -> Result<Option<Vec<Purse>>, NoMoney> {
        let purses = self.purses_of(call, request, now_ms);
        for (at, purse) in purses.iter().enumerate() {
            let amount = purse.amount;
            let entry = SpendEntry::Reserve {
                call: id.to_owned(),
                amount,
                limit: purse.limit,
                now_ms,
                hold_ms,
            };
            let refused = match logs::append::<Spend>(logs, &purse.key, &entry).await {
                Ok((_, SpendAnswer::Over { spent, is_first })) => Some(NoMoney {
                    error: ModelError::SpendLimit(format!(
                        "{} ({}) leaves no room for this call: {} are spent, and it could cost {}",
                        purse.setting,
                        usd(purse.limit),
                        usd(spent),
                        usd(amount)
                    )),
                    reached: is_first.then(|| purse.reached(FULL)),
                }),
                Ok((_, SpendAnswer::Busy)) => None,
                Ok(_) => continue,
                Err(error) => {
                    let message = format!("no call without {}: {}", purse.setting, error.message);
                    Some(NoMoney {
                        error: ModelError::LimitsUnavailable(message),
                        reached: None,
                    })
                }
            };
            settle(logs, id, purses.get(..at).unwrap_or_default(), Some(0)).await;
            return match refused {
                Some(refused) => Err(refused),
                None => Ok(None),
            };
        }
        Ok(Some(purses))
    }

    /// Returns the key of what the deployment spent in a month.
    pub fn key_of_month(month: &str) -> String {
        format!("spend/{month}")
    }

    /// Returns the limits that a call counts for since this time, with the most that it can cost; none without a known
    /// price.
    pub fn purses_of(&self, call: &ModelCall<'_>, request: &ModelRequest, since_ms: u64) -> Vec<Purse> {
        let (input, output) = (input_tokens(request), u64::from(request.max_output_tokens));
        let Some(amount) = self.prices.cost(&request.model, input, output) else {
            return Vec::new();
        };
        let purses = self.purses(call, since_ms).into_iter();
        purses.map(|purse| Purse { amount, ..purse }).collect()
    }

    /// Returns the limits that a call counts for. Of the deployment's limit and the repository's own, the lower one
    /// counts.
    fn purses(&self, call: &ModelCall<'_>, now_ms: u64) -> Vec<Purse> {
        let (month, payer) = (month_of(now_ms), call.payer);
        let of_author = |author: &String| format!("spend/{month}/author/{:016x}", digest(author));
        let limits = [
            Limit {
                deployment: (self.per_run, "HOLDFAST_SPEND_PER_RUN"),
                repository: (payer.spend.per_run, "spend.per_run"),
                key: Some(format!("spend/run/{}", call.run.stem())),
                of: None,
            },
            Limit {
                deployment: (self.per_repository_month, "HOLDFAST_SPEND_PER_REPOSITORY_MONTH"),
                repository: (payer.spend.per_repository_month, "spend.per_repository_month"),
                key: Some(format!("spend/{month}/repository/{:016x}", digest(&payer.repository))),
                // Documents of earlier versions have no name.
                of: (!payer.repository_name.is_empty()).then(|| format!("repository {}", payer.repository_name)),
            },
            Limit {
                deployment: (self.per_author_month, "HOLDFAST_SPEND_PER_AUTHOR_MONTH"),
                repository: (payer.spend.per_author_month, "spend.per_author_month"),
                key: payer.author.as_ref().map(of_author),
                of: payer.author.as_ref().map(|author| format!("author {author}")),
            },
            Limit {
                deployment: (self.per_month, "HOLDFAST_SPEND_PER_MONTH"),
                repository: (None, ""),
                key: Some(Self::key_of_month(&month)),
                of: None,
            },
        ];
        limits.into_iter().filter_map(Limit::purse).collect()
    }
}

/// A limit that the deployment, the repository, or both may set: each in billionths of a US dollar, with its setting.
struct Limit {
    deployment: (Option<u64>, &'static str),
    repository: (Option<u64>, &'static str),
    /// The key of what is spent within it; none if the call doesn't count for it.
    key: Option<String>,
    of: Option<String>,
}

impl Limit {
    /// Returns the purse of the lower one.
    fn purse(self) -> Option<Purse> {
        let (deployment, setting) = self.deployment;
        let (repository, key_in_file) = self.repository;
        let of_repository = repository.filter(|limit| deployment.is_none_or(|other| *limit < other));
        let (limit, setting) = match of_repository {
            Some(limit) => (limit, format!("{key_in_file} in {POLICY_PATH}")),
            None => (deployment?, setting.to_owned()),
        };
        Some(Purse {
            key: self.key?,
            setting,
            of: self.of,
            limit,
            amount: 0,
        })
    }
}

/// Returns the month of a time, in UTC: `2026-11`.
pub fn month_of(now_ms: u64) -> String {
    let time = i64::try_from(now_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%Y-%m").to_string()
}

/// Returns an amount in US dollars.
fn usd(amount: u64) -> String {
    format!("{}.{:04} USD", amount / 1_000_000_000, amount / 100_000 % 10_000)
}

/// Records what a call cost, or all that it had reserved if nobody knows. Returns each share of a limit that is reached
/// for the first time.
pub async fn settle(logs: &dyn KeepLogs, id: &str, purses: &[Purse], cost: Option<u64>) -> Vec<Alarm> {
    let mut reached = Vec::new();
    for purse in purses {
        let entry = SpendEntry::Settle {
            call: id.to_owned(),
            amount: cost.unwrap_or(purse.amount),
            limit: purse.limit,
        };
        match logs::append::<Spend>(logs, &purse.key, &entry).await {
            Ok((_, SpendAnswer::Settled { reached: Some(percent) })) => reached.push(purse.reached(percent)),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the cost of a model call isn't recorded: it counts with its estimate")
            }
        }
    }
    reached
}
