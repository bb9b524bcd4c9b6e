//! The adapters of a function: made at its start, and again when a secret has changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::secrets_manager::read_secrets;
use holdfast_core::rule::RedactedLog;
use tokio::sync::Mutex;

use crate::settings::{SECRETS_MAX_AGE, secret_ids};
use crate::setup::{Setup, SetupError};

/// The time between two reads of the secrets, in seconds, unless [`SECRETS_MAX_AGE`] sets another one.
const DEFAULT_AGE_S: u64 = 300;
/// Maximum of that setting, in seconds.
const MAX_AGE_S: u64 = 86_400;
/// The time until the next read of the secrets after a failed event or a failed read. A changed secret may be the
/// reason for the failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The adapters of a function and their sources.
pub struct Wiring<P> {
    aws: SdkConfig,
    secret_ids: Vec<String>,
    places: Vec<&'static str>,
    make: fn(&Setup) -> Result<P, SetupError>,
    max_age: Duration,
    github_patience: Duration,
    held: Mutex<Held<P>>,
}

struct Held<P> {
    ports: Arc<P>,
    secrets: BTreeMap<String, String>,
    /// The time of the next read, by the wall clock: a monotonic clock may stop while a function is frozen.
    due: SystemTime,
}

impl<P> Wiring<P> {
    /// Starts logging, reads the settings, including those that `places` names, and makes the adapters.
    ///
    /// # Errors
    ///
    /// Every invalid or missing setting, together.
    pub async fn begin(
        places: Vec<&'static str>,
        make: fn(&Setup) -> Result<P, SetupError>,
    ) -> Result<Self, SetupError> {
        lambda_runtime::tracing::init_default_subscriber_with_writer(|| RedactedLog(std::io::stdout()));
        let environment = |name: &str| std::env::var(name).ok();
        let aws = account::load().await;
        let (secret_ids, max_age) = (secret_ids(&environment), max_age(&environment)?);
        let secrets = read(&aws, &secret_ids).await?;
        let setup = Setup::new(&aws, &secrets, &places)?;
        let (ports, github_patience) = (make(&setup)?, setup.github_patience());
        let held = Held {
            ports: Arc::new(ports),
            secrets,
            due: SystemTime::now() + max_age,
        };
        Ok(Self {
            aws,
            secret_ids,
            places,
            make,
            max_age,
            github_patience,
            held: Mutex::new(held),
        })
    }

    /// Returns the longest time that a state waits for GitHub.
    pub const fn github_patience(&self) -> Duration {
        self.github_patience
    }

    /// Returns the adapters with the current secrets, after a new read of the secrets if one is due. If the secrets
    /// can't be read or used, returns the previous adapters.
    pub async fn ports(&self) -> Arc<P> {
        let mut held = self.held.lock().await;
        if self.secret_ids.is_empty() || SystemTime::now() < held.due {
            return Arc::clone(&held.ports);
        }
        match self.renewed(&held.secrets).await {
            Ok(renewed) => {
                held.due = SystemTime::now() + self.max_age;
                if let Some((ports, secrets)) = renewed {
                    tracing::info!("a secret has changed: using the new one");
                    (held.ports, held.secrets) = (Arc::new(ports), secrets);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read the secrets: using the previous ones");
                held.due = SystemTime::now() + AFTER_FAILURE;
            }
        }
        Arc::clone(&held.ports)
    }

    /// Reads the secrets, and makes adapters from them if they differ from `before`.
    async fn renewed(
        &self,
        before: &BTreeMap<String, String>,
    ) -> Result<Option<(P, BTreeMap<String, String>)>, SetupError> {
        let secrets = read(&self.aws, &self.secret_ids).await?;
        if secrets == *before {
            return Ok(None);
        }
        let ports = (self.make)(&Setup::new(&self.aws, &secrets, &self.places)?)?;
        Ok(Some((ports, secrets)))
    }

    /// Schedules a read of the secrets soon, after a failure that a changed secret may have caused.
    pub async fn reread_secrets_soon(&self) {
        let mut held = self.held.lock().await;
        held.due = held.due.min(SystemTime::now() + AFTER_FAILURE);
    }
}

async fn read(aws: &SdkConfig, ids: &[String]) -> Result<BTreeMap<String, String>, SetupError> {
    let read = read_secrets(aws, ids).await;
    read.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        SetupError(lines.join("\n"))
    })
}

fn max_age(environment: &dyn Fn(&str) -> Option<String>) -> Result<Duration, SetupError> {
    let Some(text) = environment(SECRETS_MAX_AGE) else {
        return Ok(Duration::from_secs(DEFAULT_AGE_S));
    };
    match text.trim().parse() {
        Ok(seconds @ 0..=MAX_AGE_S) => Ok(Duration::from_secs(seconds)),
        _ => Err(SetupError(format!(
            "{SECRETS_MAX_AGE} (environment): {text:?} is invalid: expected a whole number of seconds, at most {MAX_AGE_S}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_of_seconds_within_a_day() {
        let read = |text: Option<&str>| max_age(&|_| text.map(str::to_owned)).ok().map(|age| age.as_secs());
        for (text, expected) in [
            (None, Some(300)),
            (Some("0"), Some(0)),
            (Some(" 60 "), Some(60)),
            (Some("86400"), Some(86_400)),
            (Some("86401"), None),
            (Some("-1"), None),
            (Some("18446744073709551615"), None),
            (Some("5m"), None),
            (Some(""), None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }
}
