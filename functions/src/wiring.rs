//! What a function's events are handled with: made at its start, and anew when a secret has changed.

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

/// How long a secret is taken to be what it was, in seconds, unless [`SECRETS_MAX_AGE`] says otherwise.
const MAX_AGE_S: u64 = 300;
/// The longest age that may be set.
const MAX_SETTABLE_AGE_S: u64 = 86_400;
/// How long after a failure: a secret that was changed may be its reason. Also how long after they could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The adapters of a function, and what they are made from.
pub struct Wiring<P> {
    aws: SdkConfig,
    secret_ids: Vec<String>,
    places: Vec<&'static str>,
    make: fn(&Setup) -> Result<P, SetupError>,
    max_age: Duration,
    held: Mutex<Held<P>>,
}

struct Held<P> {
    ports: Arc<P>,
    secrets: BTreeMap<String, String>,
    /// When they are read again. By the wall clock: the other one may stand still while a function is frozen.
    due: SystemTime,
}

impl<P> Wiring<P> {
    /// Starts logging, reads the settings, `places` among them, and makes the adapters. Errors: what is wrong or missing,
    /// all together.
    pub async fn begin(
        places: Vec<&'static str>,
        make: fn(&Setup) -> Result<P, SetupError>,
    ) -> Result<Self, SetupError> {
        lambda_runtime::tracing::init_default_subscriber_with_writer(|| RedactedLog(std::io::stdout()));
        let environment = |name: &str| std::env::var(name).ok();
        let aws = account::load().await;
        let (secret_ids, max_age) = (secret_ids(&environment), max_age(&environment)?);
        let secrets = read(&aws, &secret_ids).await?;
        let ports = make(&Setup::new(&aws, &secrets, &places)?)?;
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
            held: Mutex::new(held),
        })
    }

    /// The adapters, with the secrets of now: they are read again when that is due. Where they cannot be, or are no use, the
    /// ones before go on.
    pub async fn ports(&self) -> Arc<P> {
        let mut held = self.held.lock().await;
        if self.secret_ids.is_empty() || SystemTime::now() < held.due {
            return Arc::clone(&held.ports);
        }
        match self.renewed(&held.secrets).await {
            Ok(renewed) => {
                held.due = SystemTime::now() + self.max_age;
                if let Some((ports, secrets)) = renewed {
                    tracing::info!("a secret has changed: it is used from here on");
                    (held.ports, held.secrets) = (Arc::new(ports), secrets);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the secrets of before are used on");
                held.due = SystemTime::now() + AFTER_FAILURE;
            }
        }
        Arc::clone(&held.ports)
    }

    /// Adapters made from the secrets of now, where these are others than `before`.
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

    /// Something failed that a secret may be the reason of: they are read again soon.
    pub async fn doubt(&self) {
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
        return Ok(Duration::from_secs(MAX_AGE_S));
    };
    match text.trim().parse() {
        Ok(seconds @ 0..=MAX_SETTABLE_AGE_S) => Ok(Duration::from_secs(seconds)),
        _ => Err(SetupError(format!(
            "{SECRETS_MAX_AGE} (environment): {text:?} is not allowed: a whole number of seconds, to {MAX_SETTABLE_AGE_S}"
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
