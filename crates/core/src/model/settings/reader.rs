//! The reader of settings: reads each setting by its name and collects every problem.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use url::Url;

use super::{GithubApp, GithubAppKey, GithubSignInSettings, Lookup, TraceSettings};
use crate::model::account_shares::AccountShares;
use crate::model::address::{HttpHosts, is_loopback, parse_url};
use crate::model::approver::{Approver, shared_addresses};
use crate::model::marker::MarkerKey;
use crate::model::model_batch::ModelBatch;
use crate::model::model_id::ModelId;
use crate::model::policy::is_mail_address;
use crate::model::price::{MAX_DOLLARS, NANO_IN_THOUSANDTH, Prices, thousandths};
use crate::model::setting_name::SettingProblem;
use crate::model::token_limits::TokenLimits;
use crate::model::webhook_secrets::WebhookSecrets;

/// Reads one setting after the other and collects the problems.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    /// The problems.
    pub problems: Vec<SettingProblem>,
}

impl<'a> Reader<'a> {
    /// Returns a reader of this lookup.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    /// Adds a problem of a setting.
    pub fn report(&mut self, setting: &str, what: impl fmt::Display) {
        self.problems.push(SettingProblem::new(setting, what));
    }

    /// Returns a setting's text. An empty value counts as not set, because people switch a variable off that way.
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn url(&mut self, name: &str) -> Option<Url> {
        let text = self.text(name)?;
        parse_url(&text).map_err(|problem| self.report(name, problem)).ok()
    }

    /// Reads the hosts that allow plain http.
    pub fn allow_http(&mut self) -> HttpHosts {
        let text = self.text("HOLDFAST_ALLOW_HTTP").unwrap_or_default();
        HttpHosts::parse(&text).unwrap_or_else(|problem| {
            self.report("HOLDFAST_ALLOW_HTTP", problem);
            HttpHosts::default()
        })
    }

    /// Reads the model server's address.
    pub fn model_url(&mut self, allow_http: &HttpHosts) -> Option<Url> {
        let text = self.text("HOLDFAST_MODEL_URL")?;
        allow_http
            .parse_url(&text)
            .map_err(|problem| self.report("HOLDFAST_MODEL_URL", problem))
            .ok()
    }

    /// Reads a credential that is sent in a header. Characters that a header can't have are a problem here.
    pub fn credential(&mut self, name: &str) -> Option<SecretString> {
        let text = self.text(name)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.report(name, "has spaces or characters that no key has: store only the key");
        }
        Some(text.into())
    }

    pub fn github_url(&mut self) -> Option<Url> {
        let url = self.url("HOLDFAST_GITHUB_URL")?;
        if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
            self.report(
                "HOLDFAST_GITHUB_URL",
                "names GitHub's pages and not its API: did you mean https://api.github.com? \
                 That is the default",
            );
        }
        Some(url)
    }

    pub fn public_url(&mut self) -> Option<Url> {
        let url = self.url("HOLDFAST_PUBLIC_URL")?;
        if url.path() != "/" || url.fragment().is_some() {
            self.report(
                "HOLDFAST_PUBLIC_URL",
                format!("{url} has a path, and the pages are at the root of a host: expected https://HOST"),
            );
        }
        Some(url)
    }

    pub fn approvers(&mut self) -> Vec<Approver> {
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
            .extend(problems.map(|problem| SettingProblem::new("HOLDFAST_APPROVERS", problem)));
        read
    }

    pub fn mail_from(&mut self) -> String {
        let Some(from) = self.text("HOLDFAST_MAIL_FROM") else {
            return "holdfast@localhost".to_owned();
        };
        let address = from.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        if !is_mail_address(address.map_or(from.as_str(), |(_, address)| address)) {
            self.report(
                "HOLDFAST_MAIL_FROM",
                format!("{from:?} is not a mail address: expected NAME@HOST, or Name <NAME@HOST>"),
            );
        }
        from
    }

    pub fn number(&mut self, name: &str, default: u64, most: u64) -> u64 {
        self.optional_number(name, most).unwrap_or(default)
    }

    pub fn optional_number(&mut self, name: &str, most: u64) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        if number.is_none() {
            self.report(
                name,
                format!("{text:?} is not allowed: a whole number from 1 to {most}"),
            );
        }
        number
    }

    /// Reads an amount of US dollars, with at most three decimal places, as billionths.
    pub fn dollars(&mut self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        let amount = thousandths(&text).filter(|amount| (1..=u64::from(MAX_DOLLARS) * 1_000).contains(amount));
        if amount.is_none() {
            self.report(
                name,
                format!(
                    "{text:?} is not allowed: US dollars from 0.001 to {MAX_DOLLARS}, with at most three decimal places"
                ),
            );
        }
        amount.map(|thousandths| thousandths * NANO_IN_THOUSANDTH)
    }

    /// Reads a duration: a number with `s`, `m`, `h` or `d`.
    pub fn duration_s(&mut self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        self.checked_duration_s(name, &text, "a whole number with s, m, h or d, such as 90s, 10m or 6h")
    }

    /// Reads a duration in seconds; none if it is `off` or `0`.
    pub fn duration_s_or_off(&mut self, name: &str, default: u64) -> Option<u64> {
        match self.text(name).as_deref() {
            None => Some(default),
            Some("off" | "0") => None,
            Some(text) => {
                let allowed = "off, or a whole number with s, m, h or d, such as 90m or 24h";
                self.checked_duration_s(name, text, allowed)
            }
        }
    }

    fn checked_duration_s(&mut self, name: &str, text: &str, allowed: &str) -> Option<u64> {
        let seconds = duration_s(text).filter(|seconds| (1..=MAX_DURATION_S).contains(seconds));
        if seconds.is_none() {
            let days = MAX_DURATION_S / 86_400;
            self.report(name, format!("{text:?} is not allowed: {allowed}, from 1s to {days}d"));
        }
        seconds
    }

    /// Reads the address of the metrics; none if they are off.
    pub fn metrics_listen(&mut self) -> Option<SocketAddr> {
        const NAME: &str = "HOLDFAST_METRICS_LISTEN";
        const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
        match self.text(NAME) {
            None => Some(DEFAULT),
            Some(text) if text == "off" => None,
            Some(text) => {
                let address = text.parse().ok();
                if address.is_none() {
                    self.report(
                        NAME,
                        format!("{text:?} is not allowed: expected an IP address and a port such as {DEFAULT}, or off"),
                    );
                }
                address
            }
        }
    }

    pub fn token_limits(&mut self) -> TokenLimits {
        let mut limit = |name: &str, least: u64, most: u64| {
            let text = self.text(name)?;
            let number = text.parse().ok().filter(|number| (least..=most).contains(number));
            if number.is_none() {
                self.report(
                    name,
                    format!("{text:?} is not allowed: a whole number from {least} to {most}"),
                );
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
            self.report(
                "HOLDFAST_MODEL_OUTPUT_TOKENS",
                format!(
                    "{output} is more than a quarter of HOLDFAST_MODEL_CONTEXT_TOKENS; \
                 at most {} leaves room for the change",
                    context / 4
                ),
            );
        }
        limits
    }

    pub fn marker_key(&mut self) -> Option<MarkerKey> {
        let text = self.text("HOLDFAST_MARKER_KEY")?;
        MarkerKey::new(text.into())
            .map_err(|problem| self.report("HOLDFAST_MARKER_KEY", problem))
            .ok()
    }

    pub fn prices(&mut self, is_providers_own: bool) -> Prices {
        let text = self.text("HOLDFAST_MODEL_PRICES").unwrap_or_default();
        Prices::parse(&text, is_providers_own).unwrap_or_else(|problem| {
            self.report("HOLDFAST_MODEL_PRICES", problem);
            Prices::default()
        })
    }

    pub fn account_shares(&mut self) -> AccountShares {
        let text = self.text("HOLDFAST_ACCOUNT_SHARES").unwrap_or_default();
        AccountShares::parse(&text).unwrap_or_else(|problem| {
            self.report("HOLDFAST_ACCOUNT_SHARES", problem);
            AccountShares::default()
        })
    }

    pub fn webhook_secrets(&mut self) -> Option<WebhookSecrets> {
        let text = self.text("HOLDFAST_WEBHOOK_SECRET")?;
        WebhookSecrets::parse(&text.into())
            .map_err(|problem| {
                self.report("HOLDFAST_WEBHOOK_SECRET", problem);
            })
            .ok()
    }

    /// Reads a mail server's address. No problem shows its password.
    pub fn smtp_url(&mut self) -> Option<SecretString> {
        let text = self.text("HOLDFAST_SMTP_URL")?;
        let is_server = Url::parse(&text).is_ok_and(|url| {
            let is_plain = url.scheme() == "smtp" && (url.password().is_none() || is_loopback(&url));
            let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
            (is_plain || url.scheme() == "smtps") && url.has_host() && url.port() != Some(0) && is_bare
        });
        if !is_server {
            let allowed = "smtps://USER:PASSWORD@HOST[:PORT], or smtp://HOST[:PORT] without a password";
            self.report(
                "HOLDFAST_SMTP_URL",
                format!("not a mail server's address; allowed: {allowed}"),
            );
        }
        Some(text.into())
    }

    pub fn github_app(&mut self) -> Option<GithubApp> {
        let file = self.text("HOLDFAST_GITHUB_APP_KEY_FILE").map(GithubAppKey::File);
        let text = self.text("HOLDFAST_GITHUB_APP_KEY").map(SecretString::from);
        let key = text.map(GithubAppKey::Text).or(file);
        match (self.text("HOLDFAST_GITHUB_APP_ID"), key) {
            (None, None) => None,
            (Some(_), None) => {
                self.report(
                    "HOLDFAST_GITHUB_APP_KEY_FILE",
                    "not set; HOLDFAST_GITHUB_APP_ID needs the App's private key",
                );
                None
            }
            (None, Some(_)) => {
                self.report(
                    "HOLDFAST_GITHUB_APP_ID",
                    "not set; the App's private key needs the App's id",
                );
                None
            }
            (Some(_), Some(key)) => Some(GithubApp {
                id: self.number("HOLDFAST_GITHUB_APP_ID", 0, u64::MAX),
                key,
            }),
        }
    }

    pub fn github_sign_in(&mut self) -> Option<GithubSignInSettings> {
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
        self.report(missing, format!("not set; people sign in by it and {given} together"));
        None
    }

    /// Reads the main model and the light one, and returns whether both are valid.
    pub fn models(&mut self) -> (ModelId, ModelId, bool) {
        let problems = self.problems.len();
        let model = self.model("HOLDFAST_MODEL").unwrap_or(ModelId::Rules);
        let model_light = self.model("HOLDFAST_MODEL_LIGHT").unwrap_or_else(|| model.clone());
        (model, model_light, self.problems.len() == problems)
    }

    /// Reads OpenTelemetry's own settings of a collector.
    pub fn traces(&mut self, allow_http: &HttpHosts) -> Option<TraceSettings> {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let headers = self.text("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let service = self.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "holdfast".to_owned());
        let (base, whole) = (self.text(ENDPOINT), self.text(TRACES));
        let name = if whole.is_some() { TRACES } else { ENDPOINT };
        let parsed = allow_http.parse_url(&whole.or(base)?);
        let mut url = parsed.map_err(|problem| self.report(name, problem)).ok()?;
        if name == ENDPOINT {
            url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        }
        let headers = split(&headers).into_iter().filter_map(|part| {
            match part.split_once('=').filter(|(name, _)| !name.trim().is_empty()) {
                Some((name, value)) => Some((name.trim().to_owned(), decoded(value.trim()).into())),
                None => {
                    let what = "expected NAME=VALUE, comma-separated; values are encoded as in addresses";
                    self.report("OTEL_EXPORTER_OTLP_HEADERS", what);
                    None
                }
            }
        });
        let headers = headers.collect();
        Some(TraceSettings { url, headers, service })
    }

    pub fn fallback(&mut self) -> Option<ModelId> {
        const NAME: &str = "HOLDFAST_MODEL_FALLBACK";
        let fallback = self.model(NAME)?;
        if fallback.is_rules() {
            self.report(
                NAME,
                "rules is not a model: name one of another provider, or leave it out",
            );
            return None;
        }
        Some(fallback)
    }

    /// Reads the reviews whose model calls are batch calls.
    pub fn model_batch(&mut self) -> ModelBatch {
        const NAME: &str = "HOLDFAST_MODEL_BATCH";
        let Some(text) = self.text(NAME) else {
            return ModelBatch::default();
        };
        ModelBatch::parse(&text).unwrap_or_else(|| {
            self.report(NAME, format!("{text:?} is not allowed: off, marked or all"));
            ModelBatch::default()
        })
    }

    fn model(&mut self, name: &str) -> Option<ModelId> {
        let text = self.text(name)?;
        let model = text.parse::<ModelId>().ok().filter(is_allowed);
        if model.is_none() {
            self.report(
                name,
                format!("{text:?} is not allowed: rules, anthropic/NAME, openai/NAME or bedrock/ID"),
            );
        }
        model
    }
}

/// Returns whether a setting may name the model.
fn is_allowed(model: &ModelId) -> bool {
    match model {
        ModelId::Rules => true,
        ModelId::Provided { provider, name } => {
            let is_name = name.chars().all(|sign| !sign.is_whitespace() && !sign.is_control());
            matches!(provider.as_str(), "anthropic" | "openai" | "bedrock") && is_name
        }
    }
}

/// Replaces `%20` and the like by their characters.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Longest duration of a setting: an execution lasts 14 days.
const MAX_DURATION_S: u64 = 7 * 86_400;

/// Returns a duration such as `10m` in seconds.
fn duration_s(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let unit_s = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    number.checked_mul(unit_s)
}
