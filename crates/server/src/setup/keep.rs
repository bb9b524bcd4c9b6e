//! Stores the App's secrets: in the data directory, as a file of settings with the private key beside it, or in the
//! secrets of a deployment on AWS.

use std::path::{Path, PathBuf};

use holdfast_core::model::address::parse_url;
use holdfast_github::CreatedApp;
use holdfast_storage::file;
use secrecy::ExposeSecret;
use url::Url;

use super::SetupOptions;
use holdfast_ops::aws::open_app_secrets;
use holdfast_ops::deployment::StoreAppSecrets;
use holdfast_ops::failure::Failure;

/// The file of settings in the data directory.
const SETTINGS: &str = "github-app.env";
/// The file of the private key.
const KEY: &str = "github-app.pem";

/// The place of the App's secrets.
pub enum Keep {
    /// Files in a directory.
    Files(PathBuf),
    /// The secrets of a stack.
    Stack(Box<dyn StoreAppSecrets>),
}

impl Keep {
    /// Checks, before the App is created, that its secrets can be stored. Returns the place and the deployment's public
    /// URL.
    ///
    /// # Errors
    /// An App exists already; the directory can't be written; the stack can't be read; there is no public URL.
    pub async fn prepare(args: &SetupOptions<'_>) -> Result<(Self, Url), Failure> {
        let given = args.public_url;
        let Some(stack) = args.stack else {
            let public = public_url(given.ok_or_else(|| {
                Failure::usage(
                    "setup requires --public-url https://HOST, the address of this deployment for people and GitHub, or --stack NAME",
                )
            })?)?;
            let data = args.data.for_server()?.path;
            for file in [SETTINGS, KEY].map(|name| data.join(name)) {
                if file.exists() {
                    return Err(Failure::usage(format!(
                        "{}: an App exists here already. Move the file away to create another one",
                        file.display()
                    )));
                }
            }
            return Ok((Self::Files(data), public));
        };
        let secrets = open_app_secrets(stack).await?;
        let public = match given {
            Some(given) => public_url(given)?,
            None => public_url(secrets.public_url()?)?,
        };
        Ok((Self::Stack(secrets), public))
    }

    /// Stores the secrets; returns a summary for the operator that names the place.
    ///
    /// # Errors
    /// They can't be written.
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
            Self::Stack(secrets) => secrets.store(app).await,
        }
    }
}

fn public_url(given: &str) -> Result<Url, Failure> {
    let public = parse_url(given).map_err(|problem| Failure::usage(format!("--public-url: {problem}")))?;
    if public.scheme() != "https" {
        return Err(Failure::usage(format!(
            "--public-url {public}: GitHub sends webhooks only to https: name the address of a tunnel or a reverse proxy"
        )));
    }
    Ok(public)
}

/// Writes a new file. Never replaces existing secrets.
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

/// Quotes a value for a shell, only where it needs quotes: some other readers of such files don't support them.
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
