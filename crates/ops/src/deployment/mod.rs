//! A deployment on AWS, seen from an operator's terminal: the stack's table, bucket and workflow, reached with the credentials
//! of the environment. An undo writes to GitHub with the stack's own secret. `read` reads the deployment's runs.

mod read;

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::secrets_manager::read_secrets;
use holdfast_aws::stack::{self, Stack};
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_core::model::settings::{Settings, SettingsProblems};
use holdfast_github::{GithubConnection, GithubPublishReview, GithubRedeliverWebhooks};

use crate::failure::Failure;

/// The template's name of the secret that holds the credentials for GitHub.
const GITHUB_SECRET: &str = "GithubSecret";
/// The template's name of the workflow alias that starts reviews.
const ALIAS: &str = "live";

/// A deployment.
pub struct Deployment {
    config: SdkConfig,
    stack: Stack,
    name: String,
    /// Claims, questions and decisions.
    pub rows: DynamodbKeepRows,
    /// Diffs, prompts, answers, reports.
    pub store: S3StoreArtifact,
    /// The workflow's runs.
    pub runs: StepFunctionsRuns,
}

/// A deployment's ports to GitHub.
pub struct OnGithub {
    /// Writes to pull requests.
    pub publish: GithubPublishReview,
    /// Requests missed webhook deliveries again.
    pub deliveries: GithubRedeliverWebhooks,
}

impl Deployment {
    /// Reads the stack's resources.
    ///
    /// # Errors
    /// The stack can't be read, or wasn't made from this template.
    pub async fn open(name: &str) -> Result<Self, Failure> {
        // No workflow retries a command's calls, so the SDK retries those that AWS throttles.
        let config = account::load_with_retries().await;
        let stack = Stack::read(&config, name).await.map_err(Failure::usage)?;
        let resource = |logical: &str| stack.resource(logical).map_err(Failure::usage);
        Ok(Self {
            rows: DynamodbKeepRows::new(&config, resource("Table")?),
            store: S3StoreArtifact::new(&config, resource("Artifacts")?),
            runs: StepFunctionsRuns::new(&config, resource("ReviewMachine")?).started_by(ALIAS),
            name: name.to_owned(),
            stack,
            config,
        })
    }

    /// Returns the stack's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns AWS's name of the caller, who decides.
    ///
    /// # Errors
    /// AWS refuses the credentials.
    pub async fn caller(&self) -> Result<String, Failure> {
        stack::caller(&self.config).await.map_err(Failure::usage)
    }

    /// Returns ports to GitHub that use the stack's own secret; settings in the environment don't count.
    ///
    /// # Errors
    /// The secret can't be read, or lacks a value.
    pub async fn github(&self) -> Result<OnGithub, Failure> {
        let secret = self.stack.resource(GITHUB_SECRET).map_err(Failure::usage)?;
        let secrets = read_secrets(&self.config, &[secret.to_owned()]).await;
        let secrets = secrets.map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::usage(lines.join("; "))
        })?;
        let url = self.stack.parameter("GithubUrl").map_err(Failure::usage)?;
        on_github(&secrets, url).map_err(|problem| Failure::usage(format!("{GITHUB_SECRET} of the stack: {problem}")))
    }
}

/// The reason why the stack's secret is unusable for writing to GitHub.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    /// Its settings are invalid.
    #[error("{}", .0.0.join("; "))]
    Settings(#[source] SettingsProblems),
    /// It has no key that signs markers.
    #[error("HOLDFAST_MARKER_KEY is missing; comments and reviews are signed with it")]
    NoMarkerKey,
    /// No connection can be created with it.
    #[error("{0}")]
    Connection(String),
}

fn on_github(secrets: &BTreeMap<String, String>, url: &str) -> Result<OnGithub, SecretError> {
    let lookup = |name: &str| match name {
        "HOLDFAST_GITHUB_URL" => Some(url.to_owned()),
        _ => secrets.get(name).cloned(),
    };
    let settings = Settings::read_without_keys(&lookup).map_err(SecretError::Settings)?;
    let key = settings.marker_key.clone();
    let key = key.ok_or(SecretError::NoMarkerKey)?;
    let connection = GithubConnection::of(&settings).map_err(|error| SecretError::Connection(error.to_string()))?;
    Ok(OnGithub {
        publish: GithubPublishReview::new(connection.clone(), key),
        deliveries: GithubRedeliverWebhooks::new(connection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_writes_to_github_is_the_stacks_alone() {
        let secrets = |entries: &[(&str, &str)]| {
            let entries = entries
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            entries.collect::<BTreeMap<_, _>>()
        };
        let url = "https://api.github.com";
        let key = ("HOLDFAST_MARKER_KEY", "0123456789abcdef");
        assert!(on_github(&secrets(&[key, ("GITHUB_TOKEN", "t")]), url).is_ok());
        let message = on_github(&secrets(&[("GITHUB_TOKEN", "t")]), url)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(message.contains("HOLDFAST_MARKER_KEY"), "{message}");
        let half = secrets(&[key, ("HOLDFAST_GITHUB_APP_ID", "7")]);
        let message = on_github(&half, url)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(message.contains("private key") && !message.contains('\n'), "{message}");
    }
}
