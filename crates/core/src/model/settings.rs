//! A deployment's settings: typed, read once at start through a lookup, every problem reported together.

use std::net::IpAddr;

use secrecy::SecretString;
use url::Url;

use super::approver::{Approver, shared_addresses};
use super::marker::MarkerKey;
use super::policy::is_mail_address;
use super::price::Prices;
use super::token_limits::TokenLimits;
use super::webhook_secrets::WebhookSecrets;

/// Where a setting's text comes from: its name in, its value out, `None` when it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The settings. Secrets do not print.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The main model: `rules`, or `provider/name`. `HOLDFAST_MODEL`, default `rules`.
    pub model: String,
    /// The cheap tier's model. `HOLDFAST_MODEL_LIGHT`, default the same.
    pub model_light: String,
    /// The model server's address instead of the provider's own. `HOLDFAST_MODEL_URL`.
    pub model_url: Option<Url>,
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
        let mut reader = Reader {
            lookup,
            problems: Vec::new(),
        };
        let model = reader.model("HOLDFAST_MODEL").unwrap_or_else(|| "rules".to_owned());
        let model_light = reader.model("HOLDFAST_MODEL_LIGHT").unwrap_or_else(|| model.clone());
        if model == "rules" && model_light != "rules" {
            reader.problems.push("HOLDFAST_MODEL_LIGHT (environment): names a model, but HOLDFAST_MODEL is rules: set HOLDFAST_MODEL as well".to_owned());
        }
        if model != "rules" && model_light == "rules" {
            reader.problems.push("HOLDFAST_MODEL_LIGHT (environment): rules is no model, and HOLDFAST_MODEL names one: name a model of the same kind, or leave it out".to_owned());
        }
        let model_url = reader.url("HOLDFAST_MODEL_URL");
        if model_url.is_some() && model == "rules" && model_light == "rules" {
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
                .any(|model| model.split('/').next() == Some(provider))
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

/// Whether a host is this machine: what is not encrypted is allowed there alone.
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

/// A text that is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It has no address's shape.
    #[error("{0:?} is not an address ({1}): expected https://HOST, or http://127.0.0.1:PORT")]
    Malformed(String, #[source] url::ParseError),
    /// Plain HTTP to another machine.
    #[error("{0:?}: http is allowed for loopback hosts only: use https")]
    Unencrypted(String),
    /// Neither HTTP nor HTTPS.
    #[error("{0:?}: scheme {1:?} is not allowed: use https")]
    Scheme(String, String),
    /// It has parts that it must not have, which may be secret, or no host.
    #[error("an address needs a host, and must not hold a user, a password or a query")]
    Parts,
}

/// Parses an address that requests go to: https, or http on loopback; no user, no query. Errors: what is wrong, in words.
pub fn parse_url(text: &str) -> Result<Url, InvalidAddress> {
    let text_given = || text.to_owned();
    let url = Url::parse(text).map_err(|error| InvalidAddress::Malformed(text_given(), error))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(InvalidAddress::Unencrypted(text_given())),
        other => return Err(InvalidAddress::Scheme(text_given(), other.to_owned())),
    }
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(InvalidAddress::Parts);
    }
    Ok(url)
}

struct Reader<'a> {
    lookup: Lookup<'a>,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// An empty value counts as not set: that is how people switch a variable off.
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn url(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        parse_url(&text)
            .map_err(|problem| self.problems.push(format!("{name} (environment): {problem}")))
            .ok()
    }

    /// What is sent in a header: other characters would only fail there.
    fn credential(&mut self, name: &str) -> Option<SecretString> {
        let text = self.text(name)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.problems.push(format!(
                "{name} (environment): holds spaces or characters that no key has: store the key alone"
            ));
        }
        Some(text.into())
    }

    fn github_url(&mut self) -> Option<Url> {
        let url = self.url("HOLDFAST_GITHUB_URL")?;
        if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
            self.problems.push(
                "HOLDFAST_GITHUB_URL (environment): names GitHub's pages and not its API: did you mean https://api.github.com? \
                 That is the default"
                    .to_owned(),
            );
        }
        Some(url)
    }

    fn public_url(&mut self) -> Option<Url> {
        let url = self.url("HOLDFAST_PUBLIC_URL")?;
        if url.path() != "/" || url.fragment().is_some() {
            self.problems.push(format!(
                "HOLDFAST_PUBLIC_URL (environment): {url} has a path, and the pages are at the root of a host: expected https://HOST"
            ));
        }
        Some(url)
    }

    fn approvers(&mut self) -> Vec<Approver> {
        let list = self
            .text("HOLDFAST_APPROVERS")
            .map(|list| split(&list))
            .unwrap_or_default();
        let (read, problems): (Vec<_>, Vec<_>) = list.iter().map(|text| Approver::parse(text)).partition(Result::is_ok);
        let read: Vec<Approver> = read.into_iter().flatten().collect();
        let problems = problems
            .into_iter()
            .filter_map(Result::err)
            .map(|problem| problem.to_string())
            .chain(shared_addresses(&read));
        self.problems
            .extend(problems.map(|problem| format!("HOLDFAST_APPROVERS (environment): {problem}")));
        read
    }

    fn mail_from(&mut self) -> String {
        let Some(from) = self.text("HOLDFAST_MAIL_FROM") else {
            return "holdfast@localhost".to_owned();
        };
        let address = from.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        if !is_mail_address(address.map_or(from.as_str(), |(_, address)| address)) {
            self.problems.push(format!(
                "HOLDFAST_MAIL_FROM (environment): {from:?} is no mail address: expected NAME@HOST, or Name <NAME@HOST>"
            ));
        }
        from
    }

    fn number(&mut self, name: &str, default: u64, most: u64) -> u64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if (1..=most).contains(&number) => number,
            _ => {
                self.problems.push(format!(
                    "{name} (environment): {text:?} is not allowed: a whole number from 1 to {most}"
                ));
                default
            }
        }
    }

    fn token_limits(&mut self) -> TokenLimits {
        let mut limit = |name: &str, least: u64, most: u64| {
            let text = self.text(name)?;
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            if number.is_none() {
                self.problems.push(format!(
                    "{name} (environment): {text:?} is not allowed: a whole number from {least} to {most}"
                ));
            }
            number.and_then(|number| u32::try_from(number).ok())
        };
        let limits = TokenLimits {
            context: limit(
                "HOLDFAST_MODEL_CONTEXT_TOKENS",
                TokenLimits::MIN_CONTEXT,
                TokenLimits::MAX_CONTEXT,
            ),
            output: limit(
                "HOLDFAST_MODEL_OUTPUT_TOKENS",
                TokenLimits::MIN_OUTPUT,
                TokenLimits::MAX_OUTPUT,
            ),
        };
        if let TokenLimits {
            context: Some(context),
            output: Some(output),
        } = limits
            && output > context / 4
        {
            self.problems.push(format!(
                "HOLDFAST_MODEL_OUTPUT_TOKENS (environment): {output} is more than a quarter of HOLDFAST_MODEL_CONTEXT_TOKENS; \
                 at most {} leaves room for the change",
                context / 4
            ));
        }
        limits
    }

    fn marker_key(&mut self) -> Option<MarkerKey> {
        let text = self.text("HOLDFAST_MARKER_KEY")?;
        MarkerKey::new(text.into())
            .map_err(|problem| {
                self.problems
                    .push(format!("HOLDFAST_MARKER_KEY (environment): {problem}"))
            })
            .ok()
    }

    fn prices(&mut self, is_providers_own: bool) -> Prices {
        let text = self.text("HOLDFAST_MODEL_PRICES").unwrap_or_default();
        Prices::parse(&text, is_providers_own).unwrap_or_else(|problem| {
            self.problems
                .push(format!("HOLDFAST_MODEL_PRICES (environment): {problem}"));
            Prices::default()
        })
    }

    fn webhook_secrets(&mut self) -> Option<WebhookSecrets> {
        let text = self.text("HOLDFAST_WEBHOOK_SECRET")?;
        WebhookSecrets::parse(&text.into())
            .map_err(|problem| {
                self.problems
                    .push(format!("HOLDFAST_WEBHOOK_SECRET (environment): {problem}"));
            })
            .ok()
    }

    /// A mail server's address; a password in it never stands in a problem.
    fn smtp_url(&mut self) -> Option<SecretString> {
        let text = self.text("HOLDFAST_SMTP_URL")?;
        let is_server = Url::parse(&text).is_ok_and(|url| {
            let is_plain = url.scheme() == "smtp" && (url.password().is_none() || is_loopback(&url));
            let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
            (is_plain || url.scheme() == "smtps") && url.has_host() && url.port() != Some(0) && is_bare
        });
        if !is_server {
            let allowed = "smtps://USER:PASSWORD@HOST[:PORT], or smtp://HOST[:PORT] without a password";
            self.problems.push(format!(
                "HOLDFAST_SMTP_URL (environment): not a mail server's address; allowed: {allowed}"
            ));
        }
        Some(text.into())
    }

    fn github_app(&mut self) -> Option<GithubApp> {
        let file = self.text("HOLDFAST_GITHUB_APP_KEY_FILE").map(GithubAppKey::File);
        let text = self.text("HOLDFAST_GITHUB_APP_KEY").map(SecretString::from);
        let key = text.map(GithubAppKey::Text).or(file);
        match (self.text("HOLDFAST_GITHUB_APP_ID"), key) {
            (None, None) => None,
            (Some(_), None) => {
                self.problems.push(
                    "HOLDFAST_GITHUB_APP_KEY_FILE (environment): not set; HOLDFAST_GITHUB_APP_ID needs the App's private key"
                        .to_owned(),
                );
                None
            }
            (None, Some(_)) => {
                self.problems.push(
                    "HOLDFAST_GITHUB_APP_ID (environment): not set; the App's private key needs the App's id"
                        .to_owned(),
                );
                None
            }
            (Some(_), Some(key)) => Some(GithubApp {
                id: self.number("HOLDFAST_GITHUB_APP_ID", 0, u64::MAX),
                key,
            }),
        }
    }

    fn github_sign_in(&mut self) -> Option<GithubSignInSettings> {
        let (id, secret) = ("HOLDFAST_GITHUB_APP_CLIENT_ID", "HOLDFAST_GITHUB_APP_CLIENT_SECRET");
        let (missing, given) = match (self.text(id), self.text(secret)) {
            (None, None) => return None,
            (Some(client_id), Some(client_secret)) => {
                return Some(GithubSignInSettings {
                    client_id,
                    client_secret: client_secret.into(),
                });
            }
            (None, Some(_)) => (id, secret),
            (Some(_), None) => (secret, id),
        };
        self.problems.push(format!(
            "{missing} (environment): not set; people sign in by it and {given} together"
        ));
        None
    }

    fn model(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let allowed = match text.split_once('/') {
            None => text == "rules",
            Some((provider, model)) => {
                let is_name =
                    !model.is_empty() && model.chars().all(|sign| !sign.is_whitespace() && !sign.is_control());
                matches!(provider, "anthropic" | "openai" | "bedrock") && is_name
            }
        };
        if !allowed {
            self.problems.push(format!(
                "{name} (environment): {text:?} is not allowed: rules, anthropic/NAME, openai/NAME or bedrock/ID"
            ));
        }
        Some(text)
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
