//! AWS, for a program with the feature `aws`: a deployment from an operator's terminal (the stack's table, bucket and
//! workflow, with the credentials of the environment, and the stack's own account on GitHub for undoing), the ports of
//! `holdfast engine`, and Bedrock. `read` has a deployment's runs. `without_aws` replaces this module in other
//! programs.

mod app_secrets;
mod engine_ports;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::bedrock::BedrockAskModel;
use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::secrets_manager::read_secrets;
use holdfast_aws::stack::{self, Stack, StackError};
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::setting_name::lines_of;
use holdfast_core::model::settings::{Settings, SettingsProblems};
use holdfast_core::port::{AskModel, KeepRows};
use holdfast_github::{GithubConnection, GithubPublishReview, GithubRedeliverWebhooks, GithubSetupError};

use crate::deployment::{Deployment, GithubAccount, Workflow};
use crate::failure::Failure;
use crate::run_summary::MAX_RUNS;

pub use app_secrets::open_app_secrets;
pub use engine_ports::engine_ports;

/// The template's name of the secret that holds the credentials for GitHub.
const GITHUB_SECRET: &str = "GithubSecret";
/// The template's name of the workflow alias that starts reviews.
const ALIAS: &str = "live";

/// A stack.
struct AwsDeployment {
    config: SdkConfig,
    stack: Stack,
    name: String,
    rows: DynamodbKeepRows,
    store: S3StoreArtifact,
    runs: StepFunctionsRuns,
}

/// Finds the resources of a stack.
///
/// # Errors
/// The stack can't be read, or isn't one of this program's template.
pub async fn open_deployment(stack: &str) -> Result<Box<dyn Deployment>, Failure> {
    // No workflow retries a command's calls: the SDK retries those that AWS throttles.
    let config = account::load_with_retries().await;
    let found = Stack::read(&config, stack).await.map_err(stack_failure)?;
    let resource = |logical: &str| found.resource(logical).map_err(stack_failure);
    Ok(Box::new(AwsDeployment {
        rows: DynamodbKeepRows::new(&config, resource("Table")?),
        store: S3StoreArtifact::new(&config, resource("Artifacts")?),
        runs: StepFunctionsRuns::new(&config, resource("ReviewMachine")?).started_by(ALIAS),
        name: stack.to_owned(),
        stack: found,
        config,
    }))
}

/// Returns the adapter for `bedrock/ID`, by the settings.
pub fn bedrock(settings: &Settings) -> Option<Arc<dyn AskModel>> {
    let timeout = settings.model_timeout();
    Some(Arc::new(BedrockAskModel::new(settings.model_url.clone(), timeout)))
}

#[async_trait(?Send)]
impl Deployment for AwsDeployment {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self) -> &dyn KeepRows {
        &self.rows
    }

    fn workflow(&self) -> &dyn Workflow {
        &self.runs
    }

    async fn runs_in_flight(&self) -> Result<Vec<(RunName, bool)>, Failure> {
        let found = self.runs.executions(MAX_RUNS as usize).await;
        let found = found.map_err(Failure::incomplete)?.into_iter();
        let runs = found.filter_map(|run| Some((RunName::of_listed(&run.name)?, run.status == "RUNNING")));
        Ok(runs.collect())
    }

    async fn caller(&self) -> Result<String, Failure> {
        stack::caller(&self.config).await.map_err(Failure::usage)
    }

    async fn github(&self) -> Result<GithubAccount, Failure> {
        let secret = self.stack.resource(GITHUB_SECRET).map_err(stack_failure)?;
        let secrets = read_secrets(&self.config, &[secret.to_owned()]).await;
        let secrets = secrets.map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::usage(lines.join("; "))
        })?;
        let url = self.stack.parameter("GithubUrl").map_err(stack_failure)?;
        on_github(&secrets, url).map_err(|problem| Failure::usage(format!("{GITHUB_SECRET} of the stack: {problem}")))
    }
}

/// Returns a failure whose message names the stack.
fn stack_failure(error: StackError) -> Failure {
    Failure::usage(error).naming_stack()
}

/// The reason why the stack's secret is unusable for writing to GitHub.
#[derive(Debug, thiserror::Error)]
enum SecretError {
    /// Its settings are invalid.
    #[error("{}", lines_of(&.0.0).replace('\n', "; "))]
    Settings(#[source] SettingsProblems),
    /// It has no key that signs markers.
    #[error("HOLDFAST_MARKER_KEY is missing; it signs comments and reviews")]
    NoMarkerKey,
    /// No connection can be created with it.
    #[error(transparent)]
    Connection(#[from] GithubSetupError),
}

fn on_github(secrets: &BTreeMap<String, String>, url: &str) -> Result<GithubAccount, SecretError> {
    let lookup = |name: &str| match name {
        "HOLDFAST_GITHUB_URL" => Some(url.to_owned()),
        _ => secrets.get(name).cloned(),
    };
    let settings = Settings::read_without_keys(&lookup).map_err(SecretError::Settings)?;
    let key = settings.marker_key.clone();
    let key = key.ok_or(SecretError::NoMarkerKey)?;
    let connection = GithubConnection::of(&settings)?;
    Ok(GithubAccount {
        publish: GithubPublishReview::new(connection.clone(), key),
        deliveries: GithubRedeliverWebhooks::new(connection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_stacks_secret_writes_to_github() {
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
