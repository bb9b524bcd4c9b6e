//! The settings of a deployment: typed, read once at start through a lookup, with all problems reported together.

mod reader;

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::account_shares::AccountShares;
use super::address::HttpHosts;
use super::approver::Approver;
use super::marker::MarkerKey;
use super::model_batch::ModelBatch;
use super::model_id::ModelId;
use super::price::Prices;
use super::setting_name::{SettingProblem, lines_of};
use super::token_limits::TokenLimits;
use super::webhook_secrets::WebhookSecrets;
use reader::Reader;

/// The time limit of a model call before a model's time is known, in seconds.
const FIRST_MODEL_TIMEOUT_S: u64 = 120;

/// The time in which a review is retried, in seconds.
const RETRY_WITHIN_S: u64 = 86_400;

/// The source of settings: returns the value of a name, `None` when it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The settings. Secrets do not print.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The main model. `HOLDFAST_MODEL`, default `rules`.
    pub model: ModelId,
    /// The light tier's model. `HOLDFAST_MODEL_LIGHT`, default the main model.
    pub model_light: ModelId,
    /// The model that answers while the provider of the asked one is down. `HOLDFAST_MODEL_FALLBACK`.
    pub model_fallback: Option<ModelId>,
    /// The reviews whose model calls are batch calls. `HOLDFAST_MODEL_BATCH`, default `off`.
    pub model_batch: ModelBatch,
    /// The model server's address instead of the provider's own. `HOLDFAST_MODEL_URL`.
    pub model_url: Option<Url>,
    /// Hosts besides loopback whose model server may be called without encryption. `HOLDFAST_ALLOW_HTTP`,
    /// comma-separated.
    pub allow_http: HttpHosts,
    /// Wall-clock limit of one model call, in seconds (1..=900), below the task's `TimeoutSeconds` in the workflow
    /// (930). `HOLDFAST_MODEL_TIMEOUT_SECONDS`; none: learned from the model's answers.
    pub model_timeout_s: Option<u64>,
    /// Token limits of one model call. `HOLDFAST_MODEL_CONTEXT_TOKENS`, `HOLDFAST_MODEL_OUTPUT_TOKENS`.
    pub model_tokens: TokenLimits,
    /// Limits of money for model calls, in billionths of a US dollar: of a run, of a calendar month (UTC) of the
    /// deployment, of a repository and of an author. `HOLDFAST_SPEND_PER_RUN`, `HOLDFAST_SPEND_PER_MONTH`,
    /// `HOLDFAST_SPEND_PER_REPOSITORY_MONTH`, `HOLDFAST_SPEND_PER_AUTHOR_MONTH`.
    pub spend_per_run: Option<u64>,
    /// See [`Self::spend_per_run`].
    pub spend_per_month: Option<u64>,
    /// See [`Self::spend_per_run`].
    pub spend_per_repository_month: Option<u64>,
    /// See [`Self::spend_per_run`].
    pub spend_per_author_month: Option<u64>,
    /// `ANTHROPIC_API_KEY`.
    pub anthropic_key: Option<SecretString>,
    /// `OPENAI_API_KEY`.
    pub openai_key: Option<SecretString>,
    /// Maximum number of model calls in flight, shared by all reviews of the deployment, 1 to 1,000.
    /// `HOLDFAST_MAX_CONCURRENCY`, default 10.
    pub max_concurrency: u32,
    /// The provider's limit of calls a minute, for each model. `HOLDFAST_MODEL_REQUESTS_PER_MINUTE`; none: learned from
    /// the provider's answers.
    pub model_requests_per_minute: Option<u32>,
    /// The provider's limit of input tokens a minute, for each model. `HOLDFAST_MODEL_TOKENS_PER_MINUTE`; none: learned.
    pub model_tokens_per_minute: Option<u64>,
    /// The shares of accounts in the calls in flight. `HOLDFAST_ACCOUNT_SHARES`, comma-separated; one if none are named.
    pub account_shares: AccountShares,
    /// Longest wait for a provider that is down, in seconds. `HOLDFAST_MODEL_PATIENCE`; none: the command's default.
    pub model_patience_s: Option<u64>,
    /// Longest wait for a provider that limits, in seconds. `HOLDFAST_MODEL_LIMIT_PATIENCE`; none: the command's default.
    pub model_limit_patience_s: Option<u64>,
    /// Longest wait of a state for GitHub, in seconds. `HOLDFAST_GITHUB_PATIENCE`; none: the command's default.
    pub github_patience_s: Option<u64>,
    /// The time after its end in which a review that an outage or a limit ended is retried by itself, in seconds.
    /// `HOLDFAST_RETRY_WITHIN`, default a day; none if it is `off`.
    pub retry_within_s: Option<u64>,
    /// The address of GitHub's API, if not `https://api.github.com`. `HOLDFAST_GITHUB_URL`.
    pub github_url: Option<Url>,
    /// Maximum writes to GitHub per minute of one process. `HOLDFAST_GITHUB_WRITES_PER_MINUTE`.
    pub github_writes_per_minute: u32,
    /// The token that reads and writes on GitHub. `GITHUB_TOKEN`.
    pub github_token: Option<SecretString>,
    /// The GitHub App that reads and writes instead. `HOLDFAST_GITHUB_APP_ID`.
    pub github_app: Option<GithubApp>,
    /// The App's client id and secret for sign-in. `HOLDFAST_GITHUB_APP_CLIENT_ID`.
    pub github_sign_in: Option<GithubSignInSettings>,
    /// Prices of models: `HOLDFAST_MODEL_PRICES`, then a built-in list.
    pub prices: Prices,
    /// The key that signs hidden markers on pull requests, at least 16 bytes. `HOLDFAST_MARKER_KEY`; on one
    /// machine the data directory has its own.
    pub marker_key: Option<MarkerKey>,
    /// Approvers, `login=address`. `HOLDFAST_APPROVERS`, comma-separated.
    pub approvers: Vec<Approver>,
    /// The sender of mails. `HOLDFAST_MAIL_FROM`, default `holdfast@localhost`.
    pub mail_from: String,
    /// The mail server: `smtp://HOST[:PORT]` (STARTTLS; plain on loopback) or `smtps://[USER:PASSWORD@]HOST[:PORT]`.
    /// `HOLDFAST_SMTP_URL`; none: mails are written below the data directory.
    pub smtp_url: Option<SecretString>,
    /// The beginning of links in mails and on pull requests. `HOLDFAST_PUBLIC_URL`.
    pub public_url: Option<Url>,
    /// The address that `serve` listens on: the beginning of links in mails without `public_url`. Never public.
    pub serve_url: Option<Url>,
    /// The secrets that sign deliveries of webhooks; two during a rotation. `HOLDFAST_WEBHOOK_SECRET`, comma-separated.
    pub webhook_secrets: Option<WebhookSecrets>,
    /// The address of `serve`'s metrics. `HOLDFAST_METRICS_LISTEN`, default `127.0.0.1:9464`; none if it is `off`.
    pub metrics_listen: Option<SocketAddr>,
    /// The collector that gets each run's trace; none: no traces. `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` after it.
    pub traces: Option<TraceSettings>,
}

/// A collector of OpenTelemetry.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The address that takes traces.
    pub url: Url,
    /// Headers of each request, such as a key: name and value. `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Vec<(String, SecretString)>,
    /// The name of this program there. `OTEL_SERVICE_NAME`, default `holdfast`.
    pub service: String,
}

/// A GitHub App.
#[derive(Clone, Debug)]
pub struct GithubApp {
    /// Its id, from its page.
    pub id: u64,
    /// Its private key.
    pub key: GithubAppKey,
}

/// An App's private key, PEM.
#[derive(Clone, Debug)]
pub enum GithubAppKey {
    /// In a file. `HOLDFAST_GITHUB_APP_KEY_FILE`.
    File(String),
    /// The text itself, from a secret. `HOLDFAST_GITHUB_APP_KEY`.
    Text(SecretString),
}

/// The App's OAuth client, which people sign in with.
#[derive(Clone, Debug)]
pub struct GithubSignInSettings {
    /// Its client id, from the App's page; not secret. `HOLDFAST_GITHUB_APP_CLIENT_ID`.
    pub client_id: String,
    /// A client secret, created on the App's page. `HOLDFAST_GITHUB_APP_CLIENT_SECRET`.
    pub client_secret: SecretString,
}

/// All problems with the settings, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines_of(.0))]
pub struct SettingsProblems(pub Vec<SettingProblem>);

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    ///
    /// Settings are wrong or missing: each with its name, its source and the allowed values.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, SettingsProblems> {
        Self::read_and_check(lookup, &|_| Vec::new())
    }

    /// Reads all settings and runs the caller's checks, so that all problems are reported together.
    ///
    /// # Errors
    ///
    /// Settings are wrong or missing.
    pub fn read_and_check(
        lookup: Lookup<'_>,
        more: &dyn Fn(&Self) -> Vec<SettingProblem>,
    ) -> Result<Self, SettingsProblems> {
        let (settings, mut problems) = Self::parse(lookup);
        settings.check_keys(&mut problems);
        for problem in more(&settings) {
            // Several checks may find the same problem: each setting is reported once.
            if !problems.iter().any(|reported| reported.is_of_same_setting(&problem)) {
                problems.push(problem);
            }
        }
        settings.unless(problems)
    }

    /// Reads all settings for a program that calls no model: the models' keys may be missing.
    ///
    /// # Errors
    ///
    /// Settings are wrong or missing.
    pub fn read_without_keys(lookup: Lookup<'_>) -> Result<Self, SettingsProblems> {
        let (settings, problems) = Self::parse(lookup);
        settings.unless(problems)
    }

    /// Returns the models that are called, each once.
    pub fn models(&self) -> Vec<&ModelId> {
        let mut models = vec![&self.model];
        for model in [Some(&self.model_light), self.model_fallback.as_ref()]
            .into_iter()
            .flatten()
        {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models.retain(|model| !model.is_rules());
        models
    }

    /// Returns the time limit of a model call, where no other one is learned.
    pub fn model_timeout(&self) -> Duration {
        Duration::from_secs(self.model_timeout_s.unwrap_or(FIRST_MODEL_TIMEOUT_S))
    }

    /// Returns the longest time that a state waits for GitHub.
    pub fn github_patience(&self) -> Duration {
        Duration::from_secs(self.github_patience_s.unwrap_or(6 * 3_600))
    }

    /// Returns [`Self::retry_within_s`] in milliseconds.
    pub fn retry_within_ms(&self) -> Option<i64> {
        let seconds = self.retry_within_s?;
        Some(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Returns the settings of a command whose caller waits for it: without settings of their own, it waits ten minutes
    /// for GitHub or a provider that is down and 30 for one that limits. Then the review fails or is partial, and can be
    /// redriven. Its model calls are batch calls only if all reviews' are.
    #[must_use]
    pub fn for_a_waiting_caller(mut self) -> Self {
        self.model_patience_s.get_or_insert(10 * 60);
        self.model_limit_patience_s.get_or_insert(30 * 60);
        self.github_patience_s.get_or_insert(10 * 60);
        if self.model_batch == ModelBatch::Marked {
            self.model_batch = ModelBatch::Off;
        }
        self
    }

    fn unless(self, problems: Vec<SettingProblem>) -> Result<Self, SettingsProblems> {
        match problems.is_empty() {
            true => Ok(self),
            false => Err(SettingsProblems(problems)),
        }
    }

    fn parse(lookup: Lookup<'_>) -> (Self, Vec<SettingProblem>) {
        let mut reader = Reader::new(lookup);
        let (model, model_light, are_valid) = reader.models();
        let model_fallback = reader.fallback();
        if are_valid && model.is_rules() && model_fallback.is_some() {
            reader.report(
                "HOLDFAST_MODEL_FALLBACK",
                "names a model, but HOLDFAST_MODEL is rules: set HOLDFAST_MODEL as well",
            );
        }
        if are_valid
            && model_fallback
                .as_ref()
                .is_some_and(|other| other.provider() == model.provider())
        {
            reader.report(
                "HOLDFAST_MODEL_FALLBACK",
                "names the same provider as HOLDFAST_MODEL, and a provider that is down is down with all its models: name a \
                 model of another one",
            );
        }
        if are_valid && model.is_rules() && !model_light.is_rules() {
            reader.report(
                "HOLDFAST_MODEL_LIGHT",
                "names a model, but HOLDFAST_MODEL is rules: set HOLDFAST_MODEL as well",
            );
        }
        if are_valid && !model.is_rules() && model_light.is_rules() {
            reader.report(
                "HOLDFAST_MODEL_LIGHT",
                "rules is not a model, and HOLDFAST_MODEL names one: name a model of the same kind, or leave it out",
            );
        }
        let allow_http = reader.allow_http();
        let model_url = reader.model_url(&allow_http);
        if are_valid && model_url.is_some() && model.is_rules() && model_light.is_rules() {
            reader.report("HOLDFAST_MODEL_URL", "a server is named, but HOLDFAST_MODEL is rules and no model is called: set HOLDFAST_MODEL, or remove it");
        }
        let settings = Self {
            model_timeout_s: reader.optional_number("HOLDFAST_MODEL_TIMEOUT_SECONDS", 900),
            model_tokens: reader.token_limits(),
            model_batch: reader.model_batch(),
            max_concurrency: u32::try_from(reader.number("HOLDFAST_MAX_CONCURRENCY", 10, 1_000)).unwrap_or(10),
            model_requests_per_minute: (reader.optional_number("HOLDFAST_MODEL_REQUESTS_PER_MINUTE", 1_000_000))
                .and_then(|number| u32::try_from(number).ok()),
            model_tokens_per_minute: reader.optional_number("HOLDFAST_MODEL_TOKENS_PER_MINUTE", 10_000_000_000),
            account_shares: reader.account_shares(),
            model_patience_s: reader.duration_s("HOLDFAST_MODEL_PATIENCE"),
            model_limit_patience_s: reader.duration_s("HOLDFAST_MODEL_LIMIT_PATIENCE"),
            retry_within_s: reader.duration_s_or_off("HOLDFAST_RETRY_WITHIN", RETRY_WITHIN_S),
            spend_per_run: reader.dollars("HOLDFAST_SPEND_PER_RUN"),
            spend_per_month: reader.dollars("HOLDFAST_SPEND_PER_MONTH"),
            spend_per_repository_month: reader.dollars("HOLDFAST_SPEND_PER_REPOSITORY_MONTH"),
            spend_per_author_month: reader.dollars("HOLDFAST_SPEND_PER_AUTHOR_MONTH"),
            anthropic_key: reader.credential("ANTHROPIC_API_KEY"),
            openai_key: reader.credential("OPENAI_API_KEY"),
            github_patience_s: reader.duration_s("HOLDFAST_GITHUB_PATIENCE"),
            github_url: reader.github_url(),
            github_writes_per_minute: u32::try_from(reader.number("HOLDFAST_GITHUB_WRITES_PER_MINUTE", 60, 6_000))
                .unwrap_or(60),
            github_token: reader.credential("GITHUB_TOKEN"),
            github_app: reader.github_app(),
            github_sign_in: reader.github_sign_in(),
            marker_key: reader.marker_key(),
            prices: reader.prices(model_url.is_none()),
            approvers: reader.approvers(),
            mail_from: reader.mail_from(),
            smtp_url: reader.smtp_url(),
            public_url: reader.public_url(),
            serve_url: None,
            webhook_secrets: reader.webhook_secrets(),
            metrics_listen: reader.metrics_listen(),
            traces: reader.traces(&allow_http),
            model,
            model_light,
            model_fallback,
            model_url,
            allow_http,
        };
        (settings, reader.problems)
    }

    /// Returns one line for each approver whose mail can never decide: nobody can sign in, and a code mailed to an
    /// address without a login counts for nobody.
    pub fn approvers_without_a_way(&self) -> Vec<String> {
        let nameless = self.approvers.iter().filter(|approver| approver.login.is_none());
        let line = |Approver { address, .. }: &Approver| {
            format!(
                "HOLDFAST_APPROVERS (environment): {address} names no GitHub login and nobody can sign in, so a mail to it \
                 can't decide: write LOGIN={address}, or set HOLDFAST_GITHUB_APP_CLIENT_ID and \
                 HOLDFAST_GITHUB_APP_CLIENT_SECRET"
            )
        };
        match self.github_sign_in {
            Some(_) => Vec::new(),
            None => nameless.map(line).collect(),
        }
    }

    /// Returns one line for each model whose calls no limit of money counts, because its price isn't known.
    pub fn limits_without_a_price(&self) -> Vec<String> {
        let limits = [
            ("HOLDFAST_SPEND_PER_RUN", self.spend_per_run),
            ("HOLDFAST_SPEND_PER_MONTH", self.spend_per_month),
            ("HOLDFAST_SPEND_PER_REPOSITORY_MONTH", self.spend_per_repository_month),
            ("HOLDFAST_SPEND_PER_AUTHOR_MONTH", self.spend_per_author_month),
        ];
        let set: Vec<&str> = (limits.iter())
            .filter(|(_, limit)| limit.is_some())
            .map(|(name, _)| *name)
            .collect();
        if set.is_empty() {
            return Vec::new();
        }
        let mut models = self.models();
        models.retain(|model| self.prices.cost(model, 1, 1).is_none());
        let line = |model: &ModelId| {
            format!(
                "{} (environment): the price of {model} is not known, so its calls don't count and nothing limits them: set \
                 HOLDFAST_MODEL_PRICES={model}=IN/OUT, in US dollars for a million tokens",
                set.join(", ")
            )
        };
        models.into_iter().map(line).collect()
    }

    /// Checks that the providers' keys are set. A server that the settings name, such as a local one, may need none.
    fn check_keys(&self, problems: &mut Vec<SettingProblem>) {
        let models = [
            (Some(&self.model), "HOLDFAST_MODEL"),
            (Some(&self.model_light), "HOLDFAST_MODEL_LIGHT"),
            (self.model_fallback.as_ref(), "HOLDFAST_MODEL_FALLBACK"),
        ];
        for (provider, key, name) in [
            ("anthropic", &self.anthropic_key, "ANTHROPIC_API_KEY"),
            ("openai", &self.openai_key, "OPENAI_API_KEY"),
        ] {
            let named = models
                .iter()
                .find(|(model, _)| model.is_some_and(|model| model.provider() == provider));
            if let Some((_, setting)) = named.filter(|_| key.is_none() && self.model_url.is_none()) {
                let what = format!("not set; {setting} names {provider}, whose server requires a key");
                problems.push(SettingProblem::new(name, what));
            }
        }
    }
}

#[cfg(test)]
mod tests;
