//! The adapters that a function's main asks for, made from its settings.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use holdfast_aws::bedrock::BedrockAskModel;
use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::people::AwsNotifyPeople;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_core::intake::RunSettings;
use holdfast_core::stage::request_approval::Asking;
use holdfast_core::webhook::WebhookSecrets;
use holdfast_github::{
    GithubConnection, GithubPublishReview, GithubReadChange, GithubReadPermission, GithubRedeliverWebhooks,
    GithubSignIn,
};
use holdfast_models::{ModelRouter, ModelSettings};
use holdfast_web::form::Seal;
use holdfast_web::sign_in::WithGithub;
use secrecy::ExposeSecret;
use url::Url;

use crate::settings::{ALIAS, BUCKET, FunctionSettings, SEAL_KEY, STATE_MACHINE, TABLE, TOPIC, unknown_secret_names};

/// Characters that a key of forms has at least.
const MIN_SEAL_KEY_CHARS: usize = 32;

/// The function cannot start: every problem, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub(crate) String);

/// Sign-in with GitHub, for a function without credentials of its own.
pub struct SignIn {
    /// Asks what a person may do, with the person's token.
    pub github: GithubSignIn,
    /// The way there and back.
    pub with: WithGithub,
}

/// Settings and the account, from which adapters are made.
pub struct Setup {
    aws: SdkConfig,
    settings: FunctionSettings,
    github: OnceLock<GithubConnection>,
}

impl Setup {
    /// Reads the settings, `places` among them. Errors: what is wrong or missing, all together.
    pub(crate) fn new(
        aws: &SdkConfig,
        secrets: &BTreeMap<String, String>,
        places: &[&'static str],
    ) -> Result<Self, SetupError> {
        let environment = |name: &str| std::env::var(name).ok();
        let names: Vec<String> = std::env::vars_os()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
        for problem in unknown_secret_names(secrets) {
            tracing::error!(problem, "a secret holds a setting that nothing reads");
        }
        let settings = FunctionSettings::read(&environment, &names, secrets, places)
            .map_err(|problems| SetupError(problems.to_string()))?;
        Ok(Self {
            aws: aws.clone(),
            settings,
            github: OnceLock::new(),
        })
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

    /// The same, with runs started by the alias. Needs [`STATE_MACHINE`] and [`ALIAS`].
    pub fn runs_by_alias(&self) -> StepFunctionsRuns {
        self.runs().started_by(self.settings.place(ALIAS))
    }

    /// How runs are started. Needs [`BUCKET`].
    pub fn run_settings(&self) -> RunSettings {
        RunSettings::of(&self.settings.deployment, self.settings.place(BUCKET))
    }

    /// What deliveries are signed with. Errors: there is none.
    pub fn webhook_secrets(&self) -> Result<WebhookSecrets, SetupError> {
        self.settings.deployment.webhook_secrets.clone().ok_or_else(|| {
            let missing = "HOLDFAST_WEBHOOK_SECRET (a secret): not set; deliveries of GitHub's are checked with it";
            SetupError(missing.to_owned())
        })
    }

    /// Says what people may do. Errors: the address or the token cannot be used.
    pub fn permission(&self) -> Result<GithubReadPermission, SetupError> {
        Ok(GithubReadPermission::new(self.github()?))
    }

    /// Asks for webhooks again. Errors: the address or the token cannot be used.
    pub fn deliveries(&self) -> Result<GithubRedeliverWebhooks, SetupError> {
        Ok(GithubRedeliverWebhooks::new(self.github()?))
    }

    /// What makes the pages' forms ours. Errors: there is no key, or it is short; the pages' address is not set.
    pub fn seal(&self) -> Result<Seal, SetupError> {
        let key = self.settings.seal_key.clone();
        let key = key.filter(|key| key.expose_secret().len() >= MIN_SEAL_KEY_CHARS).ok_or_else(|| {
            SetupError(format!(
                "{SEAL_KEY} (a secret): not set or shorter than {MIN_SEAL_KEY_CHARS} characters; forms are sealed with it"
            ))
        })?;
        Ok(Seal::new(key, self.public_url()?.origin().ascii_serialization()))
    }

    /// Sign-in with GitHub, where the App's client id and secret are there. Errors: an address cannot be used; the pages'
    /// address is not set.
    pub fn sign_in(&self) -> Result<Option<SignIn>, SetupError> {
        let settings = &self.settings.deployment;
        let Some(client) = &settings.github_sign_in else {
            return Ok(None);
        };
        let github = GithubSignIn::new(client, settings.github_url.clone()).map_err(setup_error)?;
        let with = WithGithub::new(Arc::new(github.clone()), self.public_url()?, true);
        let with = with.map_err(|error| SetupError(format!("HOLDFAST_PUBLIC_URL (environment): {error}")))?;
        Ok(Some(SignIn { github, with }))
    }

    fn public_url(&self) -> Result<&Url, SetupError> {
        self.settings.deployment.public_url.as_ref().ok_or_else(|| {
            let missing = "HOLDFAST_PUBLIC_URL (environment): not set; forms are taken from its pages alone";
            SetupError(missing.to_owned())
        })
    }

    /// Asks models. Errors: the address or a key cannot be used.
    pub fn model(&self) -> Result<ModelRouter, SetupError> {
        let settings = &self.settings.deployment;
        let model = ModelSettings {
            url: settings.model_url.clone(),
            allow_http: settings.allow_http.clone(),
            anthropic_key: settings.anthropic_key.clone(),
            openai_key: settings.openai_key.clone(),
            prices: settings.prices.clone(),
            timeout: Duration::from_secs(settings.model_timeout_s),
        };
        let bedrock = BedrockAskModel::new(model.url.clone(), model.timeout);
        let router = ModelRouter::new(model).map_err(|error| SetupError(error.to_string()))?;
        Ok(router.with_bedrock(Arc::new(bedrock)))
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

    /// One connection for all that reach GitHub: what it is set up with, and an App's tokens, are there once.
    fn github(&self) -> Result<GithubConnection, SetupError> {
        if let Some(connection) = self.github.get() {
            return Ok(connection.clone());
        }
        let connection = GithubConnection::of(&self.settings.deployment).map_err(setup_error)?;
        Ok(self.github.get_or_init(|| connection).clone())
    }
}

fn setup_error(error: impl std::error::Error) -> SetupError {
    SetupError(error.to_string())
}
