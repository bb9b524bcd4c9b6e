//! The terms of model calls: what a deployment allows, and how long it waits.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::digest;
use super::purse::SpendLimits;
use crate::model::account_shares::AccountShares;
use crate::model::provider_limits::Limits;
use crate::model::settings::Settings;

/// What a deployment allows, and how long it waits.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The configured limits of each model.
    pub limits: Limits,
    /// The shares of each tenant.
    pub shares: AccountShares,
    /// Longest wait for a provider that is down, in milliseconds.
    pub outage_patience_ms: u64,
    /// Longest wait for a provider that limits, in milliseconds.
    pub limit_patience_ms: u64,
    /// The configured time limit of one call, in milliseconds; none: learned.
    pub call_ms: Option<u64>,
    /// The limits of money.
    pub spend: SpendLimits,
    /// A short identity of each provider's server and key: another server, or another account, has a state of its own.
    pub servers: BTreeMap<String, u64>,
}

/// Returns the identities of the providers' servers.
fn servers(settings: &Settings) -> BTreeMap<String, u64> {
    let url = settings.model_url.as_ref().map_or("", |url| url.as_str());
    let keys = [("anthropic", &settings.anthropic_key), ("openai", &settings.openai_key)];
    let identity = |key: &Option<SecretString>| {
        let key = key.as_ref().map_or("", |key| key.expose_secret());
        digest(&format!("{url}\n{key}"))
    };
    keys.into_iter()
        .map(|(provider, key)| (provider.to_owned(), identity(key)))
        .collect()
}

impl Terms {
    /// Returns the key of a provider's state.
    pub fn key_of(&self, provider: &str) -> String {
        match self.servers.get(provider) {
            Some(server) => format!("provider/{provider}/{server:016x}"),
            None => format!("provider/{provider}"),
        }
    }

    /// Returns the terms of a deployment's settings. Without a setting, it waits six hours for a provider that is down
    /// and 24 for one that limits.
    pub fn of(settings: &Settings) -> Self {
        Self {
            limits: Limits {
                requests_per_minute: settings.model_requests_per_minute,
                input_tokens_per_minute: settings.model_tokens_per_minute,
                concurrent: settings.max_concurrency,
            },
            shares: settings.account_shares.clone(),
            outage_patience_ms: settings.model_patience_s.unwrap_or(6 * 3_600) * 1_000,
            limit_patience_ms: settings.model_limit_patience_s.unwrap_or(24 * 3_600) * 1_000,
            call_ms: settings.model_timeout_s.map(|seconds| seconds * 1_000),
            spend: SpendLimits::of(settings),
            servers: servers(settings),
        }
    }
}
