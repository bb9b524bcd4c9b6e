//! The start of a function: logging, settings, and the adapters that its main asks for.

use std::time::Duration;

use aws_config::SdkConfig;
use holdfast_adapters::aws;
use holdfast_adapters::aws_people::AwsNotifyPeople;
use holdfast_adapters::dynamodb::DynamodbKeepRows;
use holdfast_adapters::github::{GithubConnection, GithubPublishReview, GithubReadChange, github_identity};
use holdfast_adapters::model_router::{ModelRouter, ModelSettings};
use holdfast_adapters::s3::S3StoreArtifact;
use holdfast_adapters::secrets_manager::read_secrets;
use holdfast_adapters::step_functions::StepFunctionsRuns;

use holdfast_core::stage::request_approval::Asking;

use crate::settings::{BUCKET, FunctionSettings, STATE_MACHINE, TABLE, TOPIC, secret_ids};

/// The function cannot start: every problem, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(String);

/// Settings and the account, from which adapters are made.
pub struct Setup {
    aws: SdkConfig,
    settings: FunctionSettings,
}

impl Setup {
    /// Starts logging and reads the settings, `places` among them. Errors: what is wrong or missing, all together.
    pub async fn begin(places: &[&'static str]) -> Result<Self, SetupError> {
        lambda_runtime::tracing::init_default_subscriber();
        let environment = |name: &str| std::env::var(name).ok();
        let aws = aws::load().await;
        let secrets = read_secrets(&aws, &secret_ids(&environment))
            .await
            .map_err(|problems| SetupError(problems.join("\n")))?;
        let settings = FunctionSettings::read(&environment, &secrets, places)
            .map_err(|problems| SetupError(problems.to_string()))?;
        Ok(Self { aws, settings })
    }

    /// Artifacts in the bucket. Needs [`BUCKET`].
    pub fn store(&self) -> S3StoreArtifact {
        S3StoreArtifact::new(&self.aws, self.settings.place(BUCKET))
    }

    /// Reads pull requests. Errors: the address or the token cannot be used.
    pub fn read(&self) -> Result<GithubReadChange, SetupError> {
        Ok(GithubReadChange::new(self.github()?))
    }

    /// Writes to pull requests. Errors: the address or the token cannot be used; there is no `HOLDFAST_MARKER_KEY`.
    pub fn publish(&self) -> Result<GithubPublishReview, SetupError> {
        let key = self.settings.deployment.marker_key.clone().ok_or_else(|| {
            let missing = "HOLDFAST_MARKER_KEY (a secret): not set; what is written to GitHub is signed with it";
            SetupError(missing.to_owned())
        })?;
        Ok(GithubPublishReview::new(self.github()?, key))
    }

    /// Claims in the table. Needs [`TABLE`].
    pub fn rows(&self) -> DynamodbKeepRows {
        DynamodbKeepRows::new(&self.aws, self.settings.place(TABLE))
    }

    /// Executions of the workflow. Needs [`STATE_MACHINE`].
    pub fn runs(&self) -> StepFunctionsRuns {
        StepFunctionsRuns::new(&self.aws, self.settings.place(STATE_MACHINE))
    }

    /// Asks models. Errors: the address or a key cannot be used.
    pub fn model(&self) -> Result<ModelRouter, SetupError> {
        let settings = &self.settings.deployment;
        let model = ModelSettings {
            url: settings.model_url.clone(),
            anthropic_key: settings.anthropic_key.clone(),
            openai_key: settings.openai_key.clone(),
            prices: settings.prices.clone(),
            timeout: Duration::from_secs(settings.model_timeout_s),
        };
        ModelRouter::new(model).map_err(|error| SetupError(error.to_string()))
    }

    /// Tells people. Needs [`TOPIC`].
    pub fn notify(&self) -> AwsNotifyPeople {
        let from = self.settings.deployment.mail_from.clone();
        AwsNotifyPeople::new(&self.aws, from, self.settings.place(TOPIC))
    }

    /// Who is asked for approval.
    pub fn asking(&self) -> Asking {
        Asking {
            approvers: self.settings.deployment.approvers.clone(),
            public_url: self.settings.deployment.public_url.clone(),
        }
    }

    fn github(&self) -> Result<GithubConnection, SetupError> {
        let settings = &self.settings.deployment;
        let identity = github_identity(settings).map_err(SetupError)?;
        GithubConnection::new(settings.github_url.clone(), identity).map_err(SetupError)
    }
}
