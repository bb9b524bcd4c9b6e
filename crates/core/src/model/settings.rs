//! A deployment's settings: typed, read once at start through a lookup, every problem reported together.

mod reader;

use secrecy::SecretString;
use url::Url;

use super::address::HttpHosts;
use super::approver::Approver;
use super::marker::MarkerKey;
use super::model_id::ModelId;
use super::price::Prices;
use super::token_limits::TokenLimits;
use super::webhook_secrets::WebhookSecrets;
use reader::Reader;

/// Where a setting's text comes from: its name in, its value out, `None` when it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The settings. Secrets do not print.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The main model. `HOLDFAST_MODEL`, default `rules`.
    pub model: ModelId,
    /// The cheap tier's model. `HOLDFAST_MODEL_LIGHT`, default the same.
    pub model_light: ModelId,
    /// The model server's address instead of the provider's own. `HOLDFAST_MODEL_URL`.
    pub model_url: Option<Url>,
    /// Hosts besides loopback that a model server may be asked at without encryption. `HOLDFAST_ALLOW_HTTP`,
    /// comma-separated.
    pub allow_http: HttpHosts,
    /// Wall-clock limit of one model call, in seconds (1..=900). `HOLDFAST_MODEL_TIMEOUT_SECONDS`, default 120. Stays
    /// below the workflow's `TimeoutSeconds` of its task (930).
    pub model_timeout_s: u64,
    /// What one model call may hold. `HOLDFAST_MODEL_CONTEXT_TOKENS`, `HOLDFAST_MODEL_OUTPUT_TOKENS`.
    pub model_tokens: TokenLimits,
    /// `ANTHROPIC_API_KEY`.
    pub anthropic_key: Option<SecretString>,
    /// `OPENAI_API_KEY`.
    pub openai_key: Option<SecretString>,
    /// Units reviewed at once in one review, 1 to 1,000. `HOLDFAST_MAX_CONCURRENCY`, default 10.
    pub max_concurrency: u32,
    /// GitHub's API, where it is not `https://api.github.com`. `HOLDFAST_GITHUB_URL`.
    pub github_url: Option<Url>,
    /// Writes to GitHub in a minute, of one process. `HOLDFAST_GITHUB_WRITES_PER_MINUTE`.
    pub github_writes_per_minute: u32,
    /// Who reads and writes on GitHub. `GITHUB_TOKEN`.
    pub github_token: Option<SecretString>,
    /// The GitHub App that reads and writes instead. `HOLDFAST_GITHUB_APP_ID`.
    pub github_app: Option<GithubApp>,
    /// The App's client id and secret, by which people sign in. `HOLDFAST_GITHUB_APP_CLIENT_ID`.
    pub github_sign_in: Option<GithubSignInSettings>,
    /// What models cost: a built-in list, and `HOLDFAST_MODEL_PRICES` before it.
    pub prices: Prices,
    /// What hidden markers on pull requests are signed with, 16 characters at least. `HOLDFAST_MARKER_KEY`; on one machine
    /// the data directory has one of its own.
    pub marker_key: Option<MarkerKey>,
    /// People asked for approval, `login=address`. `HOLDFAST_APPROVERS`, comma-separated.
    pub approvers: Vec<Approver>,
    /// What mails come from. `HOLDFAST_MAIL_FROM`, default `holdfast@localhost`.
    pub mail_from: String,
    /// The mail server: `smtp://HOST[:PORT]` (STARTTLS; plain on loopback) or `smtps://[USER:PASSWORD@]HOST[:PORT]`.
    /// `HOLDFAST_SMTP_URL`; none: mails are written below the data directory.
    pub smtp_url: Option<SecretString>,
    /// What links in mails start with. `HOLDFAST_PUBLIC_URL`, default the address that `serve` listens on.
    pub public_url: Option<Url>,
    /// What deliveries of webhooks are signed with; two while they are rotated. `HOLDFAST_WEBHOOK_SECRET`,
    /// comma-separated.
    pub webhook_secrets: Option<WebhookSecrets>,
}

/// A GitHub App.
#[derive(Clone, Debug)]
pub struct GithubApp {
    /// Its id, from its page.
    pub id: u64,
    /// Where its private key is.
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

/// What people sign in by: the App's OAuth client.
#[derive(Clone, Debug)]
pub struct GithubSignInSettings {
    /// Its client id, from its page; no secret. `HOLDFAST_GITHUB_APP_CLIENT_ID`.
    pub client_id: String,
    /// A client secret, made on its page. `HOLDFAST_GITHUB_APP_CLIENT_SECRET`.
    pub client_secret: SecretString,
}

/// Everything that is wrong with the settings, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsProblems(pub Vec<String>);

impl Settings {
    /// Reads all settings. Errors: every wrong or missing one, each with its name, where it was looked for, and what is
    /// allowed.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, SettingsProblems> {
        Self::read_and_check(lookup, &|_| Vec::new())
    }

    /// The same with checks of whoever uses the settings, so that what they find is reported together with the rest.
    ///
    /// # Errors
    /// Every wrong or missing setting.
    pub fn read_and_check(lookup: Lookup<'_>, more: &dyn Fn(&Self) -> Vec<String>) -> Result<Self, SettingsProblems> {
        let (settings, mut problems) = Self::parse(lookup);
        settings.check_keys(&mut problems);
        for problem in more(&settings) {
            // What one setting lacks may show in several ways: it is reported once.
            let name = problem.split(" (environment)").next().unwrap_or_default().to_owned();
            if !problems
                .iter()
                .any(|reported| reported.starts_with(&format!("{name} (environment)")))
            {
                problems.push(problem);
            }
        }
        settings.unless(problems)
    }

    /// The same for who asks no model itself, but may name one for others: the models' keys may be missing.
    pub fn read_without_keys(lookup: Lookup<'_>) -> Result<Self, SettingsProblems> {
        let (settings, problems) = Self::parse(lookup);
        settings.unless(problems)
    }

    fn unless(self, problems: Vec<String>) -> Result<Self, SettingsProblems> {
        match problems.is_empty() {
            true => Ok(self),
            false => Err(SettingsProblems(problems)),
        }
    }

    fn parse(lookup: Lookup<'_>) -> (Self, Vec<String>) {
        let mut reader = Reader::new(lookup);
        let (model, model_light, are_valid) = reader.models();
        if are_valid && model.is_rules() && !model_light.is_rules() {
            reader.problems.push("HOLDFAST_MODEL_LIGHT (environment): names a model, but HOLDFAST_MODEL is rules: set HOLDFAST_MODEL as well".to_owned());
        }
        if are_valid && !model.is_rules() && model_light.is_rules() {
            reader.problems.push("HOLDFAST_MODEL_LIGHT (environment): rules is no model, and HOLDFAST_MODEL names one: name a model of the same kind, or leave it out".to_owned());
        }
        let allow_http = reader.allow_http();
        let model_url = reader.model_url(&allow_http);
        if are_valid && model_url.is_some() && model.is_rules() && model_light.is_rules() {
            reader.problems.push("HOLDFAST_MODEL_URL (environment): a server is named, but HOLDFAST_MODEL is rules and no model is asked: set HOLDFAST_MODEL, or remove it".to_owned());
        }
        let settings = Self {
            model_timeout_s: reader.number("HOLDFAST_MODEL_TIMEOUT_SECONDS", 120, 900),
            model_tokens: reader.token_limits(),
            max_concurrency: u32::try_from(reader.number("HOLDFAST_MAX_CONCURRENCY", 10, 1_000)).unwrap_or(10),
            anthropic_key: reader.credential("ANTHROPIC_API_KEY"),
            openai_key: reader.credential("OPENAI_API_KEY"),
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
            webhook_secrets: reader.webhook_secrets(),
            model,
            model_light,
            model_url,
            allow_http,
        };
        (settings, reader.problems)
    }

    /// Returns the approvers whose mails can never decide, in one line each: nobody can sign in, and a code that is mailed to
    /// an address without a login counts for nobody.
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

    /// A provider's own server wants its key; one that was named (a local server, say) may not.
    fn check_keys(&self, problems: &mut Vec<String>) {
        let uses = |provider: &str| {
            [&self.model, &self.model_light]
                .iter()
                .any(|model| model.provider() == provider)
        };
        for (provider, key, name) in [
            ("anthropic", &self.anthropic_key, "ANTHROPIC_API_KEY"),
            ("openai", &self.openai_key, "OPENAI_API_KEY"),
        ] {
            if uses(provider) && key.is_none() && self.model_url.is_none() {
                problems.push(format!(
                    "{name} (environment): not set; HOLDFAST_MODEL names {provider}, whose server wants a key"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
