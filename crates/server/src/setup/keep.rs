//! Where the App's secrets are kept: in the data directory, as a file of settings and the private key beside it; or in the
//! secrets of a deployment on AWS.

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::secrets_manager::put_into_secret;
use holdfast_aws::stack::Stack;
use holdfast_core::model::address::parse_url;
use holdfast_github::CreatedApp;
use holdfast_storage::file;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::SetupOptions;
use holdfast_ops::failure::Failure;

/// The settings' file in the data directory.
const SETTINGS: &str = "github-app.env";
/// The private key's.
const KEY: &str = "github-app.pem";

/// Where they go.
pub enum Keep {
    /// Below a directory.
    Files(PathBuf),
    /// Into a stack's secrets.
    Stack {
        /// The account.
        config: Box<SdkConfig>,
        /// The ARN of what writes to GitHub.
        github: String,
        /// The ARN of what deliveries are signed with.
        webhook: String,
        /// The ARN of what the approval page has.
        pages: String,
    },
}

impl Keep {
    /// Makes sure that they can be kept, before anything is made; and what the deployment is reached by. Errors: an App
    /// is there already; the directory cannot be written; the stack cannot be read; no public address.
    pub async fn prepare(args: &SetupOptions<'_>) -> Result<(Self, Url), Failure> {
        let given = args.public_url;
        let Some(stack) = args.stack else {
            let public = public_url(given.ok_or_else(|| {
                Failure::usage(
                    "setup needs --public-url https://HOST, what this deployment is reached by, or --stack NAME",
                )
            })?)?;
            let data = args.data.for_server()?.path;
            for file in [SETTINGS, KEY].map(|name| data.join(name)) {
                if file.exists() {
                    return Err(Failure::usage(format!(
                        "{}: an App was set up here already. Move the file away to make another one",
                        file.display()
                    )));
                }
            }
            return Ok((Self::Files(data), public));
        };
        let config = account::load().await;
        let found = Stack::read(&config, stack).await.map_err(Failure::usage)?;
        // A domain of one's own goes before the API's.
        let own = found.parameter("PublicUrl").map_err(Failure::usage)?;
        let public = match given.or_else(|| Some(own).filter(|own| !own.is_empty())) {
            Some(given) => given,
            None => found.output("PublicUrl").map_err(Failure::usage)?,
        };
        let secret = |name: &str| found.resource(name).map(str::to_owned).map_err(Failure::usage);
        let keep = Self::Stack {
            github: secret("GithubSecret")?,
            webhook: secret("WebhookSecret")?,
            pages: secret("PagesSecret")?,
            config: Box::new(config),
        };
        Ok((keep, public_url(public)?))
    }

    /// Stores them, and says where. Errors: they cannot be written.
    pub async fn store(&self, app: &CreatedApp) -> Result<String, Failure> {
        let webhook_secret = app.webhook_secret.clone().unwrap_or_default();
        match self {
            Self::Files(data) => {
                let (settings, key) = (data.join(SETTINGS), data.join(KEY));
                create(&key, app.pem.expose_secret())?;
                let lines: String = [
                    ("HOLDFAST_GITHUB_APP_ID", app.id.to_string()),
                    ("HOLDFAST_GITHUB_APP_KEY_FILE", key.display().to_string()),
                    ("HOLDFAST_GITHUB_APP_CLIENT_ID", app.client_id.clone()),
                    (
                        "HOLDFAST_GITHUB_APP_CLIENT_SECRET",
                        app.client_secret.expose_secret().to_owned(),
                    ),
                    ("HOLDFAST_WEBHOOK_SECRET", webhook_secret.expose_secret().to_owned()),
                ]
                .into_iter()
                .map(|(name, value)| format!("{name}={}\n", quoted(&value)))
                .collect();
                create(&settings, &lines)?;
                let settings = quoted(&settings.display().to_string());
                Ok(format!(
                    "  private key: {}\n  settings: {settings}\n  serve with them: set -a; . {settings}; set +a; holdfast serve\n",
                    key.display()
                ))
            }
            Self::Stack {
                config,
                github,
                webhook,
                pages,
            } => {
                let id = SecretString::from(app.id.to_string());
                let client_id = SecretString::from(app.client_id.clone());
                for (secret, entries) in [
                    (
                        github,
                        vec![
                            ("HOLDFAST_GITHUB_APP_ID", id),
                            ("HOLDFAST_GITHUB_APP_KEY", app.pem.clone()),
                        ],
                    ),
                    (webhook, vec![("HOLDFAST_WEBHOOK_SECRET", webhook_secret)]),
                    (
                        pages,
                        vec![
                            ("HOLDFAST_GITHUB_APP_CLIENT_ID", client_id),
                            ("HOLDFAST_GITHUB_APP_CLIENT_SECRET", app.client_secret.clone()),
                        ],
                    ),
                ] {
                    let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value));
                    put_into_secret(config, secret, entries)
                        .await
                        .map_err(Failure::incomplete)?;
                }
                Ok(format!("  secrets: {github}, {webhook}, {pages}\n"))
            }
        }
    }
}

fn public_url(given: &str) -> Result<Url, Failure> {
    let public = parse_url(given).map_err(|problem| Failure::usage(format!("--public-url: {problem}")))?;
    if public.scheme() != "https" {
        return Err(Failure::usage(format!(
            "--public-url {public}: GitHub sends webhooks to https alone: name what a tunnel or a reverse proxy is reached by"
        )));
    }
    Ok(public)
}

/// Writes a new file: secrets that are there already are not replaced.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    match file::create(path, text.as_bytes()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::usage(format!(
            "{} exists already. Move it away, or choose another directory with --data",
            path.display()
        ))),
        Err(error) => Err(Failure::usage(format!(
            "{error}. Or choose another directory with --data"
        ))),
    }
}

/// The value as a shell reads it back, and bare where it may be: other readers of such files know no quotes.
fn quoted(value: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:+=@%-".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_bare) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_a_shell_needs_it() {
        for (value, expected) in [
            ("Iv1.ab-c", "Iv1.ab-c"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a'$(x)", r"'a'\''$(x)'"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
