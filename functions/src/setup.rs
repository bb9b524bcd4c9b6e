//! Makes the adapters of a function from its settings.

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
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::WatchModels;
use holdfast_core::provider::{BatchPorts, BatchedModel, FallbackModel, PacedModel, PacedWrites, Terms};
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::request_approval::ApprovalSettings;
use holdfast_core::webhook::WebhookSecrets;
use holdfast_github::{
    GithubConnection, GithubPublishReview, GithubReadChange, GithubReadPermission, GithubReadThreads,
    GithubRedeliverWebhooks, GithubSignIn,
};
use holdfast_models::{ModelRouter, ModelSettings};
use holdfast_web::form::Seal;
use holdfast_web::sign_in::SignInFlow;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use url::Url;

use crate::model_watch::FunctionModelWatch;
use crate::pace::FunctionPace;
use crate::settings::{ALIAS, BUCKET, FunctionSettings, SEAL_KEY, STATE_MACHINE, TABLE, TOPIC, unknown_secret_names};

/// Minimum length of the key that seals forms, in bytes.
const MIN_SEAL_KEY_BYTES: usize = 32;

/// The function can't start. The text has every problem, one on each line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub(crate) String);

/// Sign-in with GitHub, for a function without credentials of its own.
pub struct SignIn {
    /// Reads a person's permission with the person's token.
    pub github: GithubSignIn,
    /// The steps of a sign-in, to GitHub and back.
    pub with: SignInFlow,
}

/// The settings and the account that adapters are made from.
pub struct Setup {
    aws: SdkConfig,
    settings: FunctionSettings,
    github: OnceLock<GithubConnection>,
}

impl Setup {
    /// Reads the settings, including those that `places` names.
    ///
    /// # Errors
    ///
    /// Every invalid or missing setting, together.
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
            tracing::error!(%problem, "a secret holds a setting that nothing reads");
        }
        let settings = FunctionSettings::read(&environment, &names, secrets, places)
            .map_err(|problems| SetupError(problems.to_string()))?;
        Ok(Self {
            aws: aws.clone(),
            settings,
            github: OnceLock::new(),
        })
    }

    /// Returns the store of artifacts in the bucket. Needs [`BUCKET`].
    pub fn store(&self) -> S3StoreArtifact {
        S3StoreArtifact::new(&self.aws, self.settings.place(BUCKET))
    }

    /// Returns the longest time that a state waits for GitHub.
    pub fn github_patience(&self) -> Duration {
        self.settings.deployment.github_patience()
    }

    /// Returns the reader of pull requests.
    ///
    /// # Errors
    ///
    /// The address or the token can't be used.
    pub fn read(&self) -> Result<GithubReadChange, SetupError> {
        Ok(GithubReadChange::new(self.github()?))
    }

    /// Returns the writer to pull requests, whose writes get their turns among all of the deployment. Needs [`TABLE`].
    ///
    /// # Errors
    ///
    /// The address or the token can't be used; `HOLDFAST_MARKER_KEY` is missing.
    pub fn publish(&self) -> Result<GithubPublishReview, SetupError> {
        let per_minute = self.settings.deployment.github_writes_per_minute;
        let turns = PacedWrites::new(Arc::new(self.rows()), Arc::new(FunctionPace), per_minute);
        let connection = self.github()?.sharing_turns(Arc::new(turns));
        Ok(GithubPublishReview::new(connection, self.marker_key()?))
    }

    /// Returns the reader of the threads that findings began.
    ///
    /// # Errors
    ///
    /// The address or the token can't be used; `HOLDFAST_MARKER_KEY` is missing.
    pub fn threads(&self) -> Result<GithubReadThreads, SetupError> {
        Ok(GithubReadThreads::new(self.github()?, self.marker_key()?))
    }

    /// Returns the port to the rows in the table. Needs [`TABLE`].
    pub fn rows(&self) -> DynamodbKeepRows {
        DynamodbKeepRows::new(&self.aws, self.settings.place(TABLE))
    }

    /// Returns the port to the workflow's executions. Needs [`STATE_MACHINE`].
    pub fn runs(&self) -> StepFunctionsRuns {
        StepFunctionsRuns::new(&self.aws, self.settings.place(STATE_MACHINE))
    }

    /// Returns the port to the workflow's executions, which starts runs by the alias. Needs [`STATE_MACHINE`] and
    /// [`ALIAS`].
    pub fn runs_by_alias(&self) -> StepFunctionsRuns {
        self.runs().started_by(self.settings.place(ALIAS))
    }

    /// Returns the settings of new runs. Needs [`BUCKET`].
    pub fn run_settings(&self) -> RunSettings {
        RunSettings::of(&self.settings.deployment, self.settings.place(BUCKET))
    }

    /// Returns the secrets that deliveries are signed with.
    ///
    /// # Errors
    ///
    /// No secret is set.
    pub fn webhook_secrets(&self) -> Result<WebhookSecrets, SetupError> {
        self.settings.deployment.webhook_secrets.clone().ok_or_else(|| {
            let missing = "HOLDFAST_WEBHOOK_SECRET (a secret): not set; GitHub's deliveries are checked with it";
            SetupError(missing.to_owned())
        })
    }

    /// Returns the reader of people's permissions.
    ///
    /// # Errors
    ///
    /// The address or the token can't be used.
    pub fn permission(&self) -> Result<GithubReadPermission, SetupError> {
        Ok(GithubReadPermission::new(self.github()?))
    }

    /// Returns the port that requests missed webhooks again.
    ///
    /// # Errors
    ///
    /// The address or the token can't be used.
    pub fn deliveries(&self) -> Result<GithubRedeliverWebhooks, SetupError> {
        Ok(GithubRedeliverWebhooks::new(self.github()?))
    }

    /// Returns the seal of the pages' forms.
    ///
    /// # Errors
    ///
    /// The key is missing or too short; the pages' address isn't set.
    pub fn seal(&self) -> Result<Seal, SetupError> {
        let key = self.settings.seal_key.clone();
        let key = key.filter(|key| key.expose_secret().len() >= MIN_SEAL_KEY_BYTES).ok_or_else(|| {
            SetupError(format!(
                "{SEAL_KEY} (a secret): not set or shorter than {MIN_SEAL_KEY_BYTES} bytes; forms are sealed with it"
            ))
        })?;
        Ok(Seal::new(key, self.public_url()?.origin().ascii_serialization()))
    }

    /// Returns the sign-in with GitHub, if the App's client id and secret are set.
    ///
    /// # Errors
    ///
    /// An address can't be used; the pages' address isn't set.
    pub fn sign_in(&self) -> Result<Option<SignIn>, SetupError> {
        let settings = &self.settings.deployment;
        let Some(client) = &settings.github_sign_in else {
            return Ok(None);
        };
        let github = GithubSignIn::new(client, settings.github_url.clone()).map_err(setup_error)?;
        let with = SignInFlow::new(Arc::new(github.clone()), self.public_url()?, true);
        let with = with.map_err(|error| SetupError(format!("HOLDFAST_PUBLIC_URL (environment): {error}")))?;
        Ok(Some(SignIn { github, with }))
    }

    fn public_url(&self) -> Result<&Url, SetupError> {
        self.settings.deployment.public_url.as_ref().ok_or_else(|| {
            let missing = "HOLDFAST_PUBLIC_URL (environment): not set; only forms from its pages are accepted";
            SetupError(missing.to_owned())
        })
    }

    /// Returns the models behind the shared state of their providers; the calls that `HOLDFAST_MODEL_BATCH` names are
    /// batch calls. Needs [`TABLE`] and [`TOPIC`].
    ///
    /// # Errors
    ///
    /// The address or a key can't be used.
    pub fn model(&self) -> Result<BatchedModel<FallbackModel<PacedModel>>, SetupError> {
        let settings = &self.settings.deployment;
        let model = ModelSettings {
            url: settings.model_url.clone(),
            allow_http: settings.allow_http.clone(),
            anthropic_key: settings.anthropic_key.clone(),
            openai_key: settings.openai_key.clone(),
            prices: settings.prices.clone(),
            timeout: settings.model_timeout(),
        };
        let bedrock = BedrockAskModel::new(model.url.clone(), model.timeout);
        let router = ModelRouter::new(model).map_err(|error| SetupError(error.to_string()))?;
        let router = Arc::new(router.with_bedrock(Arc::new(bedrock)));
        let (table, pace) = (Arc::new(self.rows()), Arc::new(FunctionPace));
        let terms = Terms::of(settings);
        let paced = PacedModel::new(router.clone(), table.clone(), pace.clone(), terms.clone());
        let people = self.notify();
        let watch: Arc<dyn WatchModels> = Arc::new(FunctionModelWatch { people });
        let paced = paced.watched_by(Arc::clone(&watch));
        let paced = FallbackModel::new(paced, settings.model_fallback.clone(), pace.clone(), Arc::clone(&watch));
        let ports = BatchPorts {
            batches: router,
            rows: table.clone(),
            logs: table,
            pace,
            watch,
        };
        Ok(BatchedModel::new(paced, settings.model_batch, ports, terms))
    }

    /// Returns the port that sends mails and alarms. Needs [`TOPIC`].
    pub fn notify(&self) -> AwsNotifyPeople {
        let from = self.settings.deployment.mail_from.clone();
        AwsNotifyPeople::new(&self.aws, from, self.settings.place(TOPIC))
    }

    /// Returns the settings of retries.
    pub fn retries(&self) -> RetrySettings {
        RetrySettings {
            within_ms: self.settings.deployment.retry_within_ms(),
            clock: now_ms,
        }
    }

    /// Returns the settings for approvals.
    pub fn approval_settings(&self) -> ApprovalSettings {
        ApprovalSettings {
            approvers: self.settings.deployment.approvers.clone(),
            public_url: self.settings.deployment.public_url.clone(),
            // The pages on AWS are those that the mails link to.
            console: None,
            // Only mails to approvers lead to the approval page.
            may_sign_in: false,
        }
    }

    /// Returns the key that signs comments and reviews on GitHub.
    fn marker_key(&self) -> Result<MarkerKey, SetupError> {
        self.settings.deployment.marker_key.clone().ok_or_else(|| {
            let missing = "HOLDFAST_MARKER_KEY (a secret): not set; comments and reviews on GitHub are signed with it";
            SetupError(missing.to_owned())
        })
    }

    /// Returns the connection that all adapters for GitHub share, with its settings and an App's tokens.
    fn github(&self) -> Result<GithubConnection, SetupError> {
        if let Some(connection) = self.github.get() {
            return Ok(connection.clone());
        }
        let connection = GithubConnection::of(&self.settings.deployment).map_err(setup_error)?;
        Ok(self.github.get_or_init(|| connection).clone())
    }
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

fn setup_error(error: impl std::error::Error) -> SetupError {
    SetupError(error.to_string())
}
