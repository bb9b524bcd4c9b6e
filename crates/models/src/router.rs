//! Chooses the adapter for `provider/name`. Adapters are built once; missing keys are reported once, at start.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::price::Prices;
use holdfast_core::model::run::RecordedAnswer;
use holdfast_core::model::setting_name::SettingProblem;
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{AskModel, BatchId, BatchModel, BatchState, ModelError, ModelRequest, Submitted};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::examine::{Examined, ModelReport, examine};
use crate::http::{ModelLimits, ModelSettingsError, Provider};
use crate::provider::{AnthropicAskModel, OpenaiAskModel, anthropic, openai};

/// The remedy for a program that is built without AWS.
pub const INSTALL_WITH_AWS: &str = "install it from a clone with cargo install --path crates/cli --features aws";

/// The servers and keys of the models. Secrets do not print.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// `HOLDFAST_MODEL_URL`: one server instead of the providers' own. https, or http where that is allowed. After its
    /// path come `/v1` and the provider's call, or only the call if the path ends in `/v1`.
    pub url: Option<Url>,
    /// `HOLDFAST_ALLOW_HTTP`: hosts besides loopback that may be called by plain http.
    pub allow_http: HttpHosts,
    /// `ANTHROPIC_API_KEY`; not needed for a server on this machine.
    pub anthropic_key: Option<SecretString>,
    /// `OPENAI_API_KEY`; not needed for a server on this machine.
    pub openai_key: Option<SecretString>,
    /// The prices of answers.
    pub prices: Prices,
    /// Wall-clock limit of one call. Default of a deployment: 120 s.
    pub timeout: Duration,
}

/// Calls the model that a request names.
pub struct ModelRouter {
    anthropic: AnthropicAskModel,
    openai: OpenaiAskModel,
    bedrock: Option<Arc<dyn AskModel>>,
    prices: Prices,
}

impl ModelRouter {
    /// Builds both adapters. A missing key is no error here, because no model may be configured: see
    /// [`ModelRouter::check`].
    ///
    /// # Errors
    ///
    /// The address is refused, or a header can't hold a key; all problems, one a line.
    pub fn new(settings: ModelSettings) -> Result<Self, ModelSettingsError> {
        let limits = ModelLimits {
            call: settings.timeout,
            ..ModelLimits::default()
        };
        let url = settings.url.as_ref();
        let anthropic = AnthropicAskModel::new(url, &settings.allow_http, present(settings.anthropic_key), limits);
        let openai = OpenaiAskModel::new(url, &settings.allow_http, present(settings.openai_key), limits);
        match (anthropic, openai) {
            (Ok(anthropic), Ok(openai)) => Ok(Self {
                anthropic,
                openai,
                bedrock: None,
                prices: settings.prices,
            }),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(ModelSettingsError(mut problems)), Err(ModelSettingsError(more))) => {
                for problem in more {
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
                Err(ModelSettingsError(problems))
            }
        }
    }

    /// Adds an adapter for `bedrock/ID`. It comes from another crate, so that this one needs no AWS SDK.
    #[must_use]
    pub fn with_bedrock(self, bedrock: Arc<dyn AskModel>) -> Self {
        Self {
            bedrock: Some(bedrock),
            ..self
        }
    }

    /// Returns everything that prevents calls to these models, each problem once.
    pub fn check(&self, models: &[&ModelId]) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        for model in models.iter().filter(|model| !model.is_rules()) {
            if let Err(error) = self.pick(model) {
                let problem = SettingProblem::of_line(error.setting(), error);
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        problems
    }

    /// Calls a model once with a few words and reports what works: see [`ModelReport`]. The call costs as much as any
    /// other.
    ///
    /// # Errors
    ///
    /// The model's name is invalid, or its key is missing.
    pub async fn examine(&self, model: &ModelId, limits: TokenLimits) -> Result<ModelReport, ModelError> {
        let ask = self.pick(model)?;
        let server = match model.provider() {
            "anthropic" => Some((&self.anthropic.http, &self.anthropic.dialects)),
            "openai" => Some((&self.openai.http, &self.openai.dialects)),
            _ => None,
        };
        Ok(examine(model, &Examined { ask, server }, limits).await)
    }

    fn pick(&self, model: &ModelId) -> Result<&dyn AskModel, Unusable> {
        let missing = |provider: &Provider| Unusable::KeyMissing(provider.key_name, model.clone());
        match model.provider() {
            "anthropic" if self.anthropic.is_usable() => Ok(&self.anthropic),
            "anthropic" => Err(missing(&anthropic::PROVIDER)),
            "openai" if self.openai.is_usable() => Ok(&self.openai),
            "openai" => Err(missing(&openai::PROVIDER)),
            "bedrock" => self
                .bedrock
                .as_deref()
                .ok_or_else(|| Unusable::WithoutAws(model.clone())),
            _ => Err(Unusable::ProviderUnknown(model.clone())),
        }
    }

    /// Returns the adapter for batches of a model's provider, if it has one.
    fn pick_batches(&self, model: &ModelId) -> Result<Option<&dyn BatchModel>, Unusable> {
        self.pick(model)?;
        Ok(match model.provider() {
            "anthropic" => Some(&self.anthropic),
            "openai" => Some(&self.openai),
            _ => None,
        })
    }
}

#[async_trait]
impl BatchModel for ModelRouter {
    async fn submit(&self, request: &ModelRequest, name: &str) -> Result<Submitted, ModelError> {
        match self.pick_batches(&request.model)? {
            Some(batches) => batches.submit(request, name).await,
            None => Ok(Submitted::NotOffered),
        }
    }

    async fn fetch(&self, model: &ModelId, batch: &BatchId, name: &str) -> Result<BatchState, ModelError> {
        let Some(batches) = self.pick_batches(model)? else {
            return Err(ModelError::NotFound(format!("{model} has no batches")));
        };
        Ok(match batches.fetch(model, batch, name).await? {
            BatchState::Answered(answer) => BatchState::Answered(RecordedAnswer {
                cost_nano_usd: self.prices.batch_cost(model, answer.input_tokens, answer.output_tokens),
                ..answer
            }),
            state => state,
        })
    }
}

/// The reason why a model can't be called.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    /// The setting of the provider's key isn't set.
    #[error("{0} (environment): not set; the server of {1} requires a key")]
    KeyMissing(&'static str, ModelId),
    /// The model is on Bedrock.
    #[error("the model \"{0}\" needs Amazon Bedrock, and this program is built without AWS: {INSTALL_WITH_AWS}")]
    WithoutAws(ModelId),
    /// No adapter has the provider's name.
    #[error(
        "the model \"{0}\" is of no known provider: set HOLDFAST_MODEL to anthropic/NAME, openai/NAME or bedrock/ID"
    )]
    ProviderUnknown(ModelId),
}

impl Unusable {
    /// Returns the setting that is wrong, if it is a single one.
    const fn setting(&self) -> Option<&'static str> {
        match self {
            Self::KeyMissing(name, _) => Some(name),
            Self::WithoutAws(_) | Self::ProviderUnknown(_) => None,
        }
    }
}

impl From<Unusable> for ModelError {
    fn from(error: Unusable) -> Self {
        match error {
            Unusable::KeyMissing(..) => Self::Unauthorized(error.to_string()),
            Unusable::WithoutAws(_) | Unusable::ProviderUnknown(_) => Self::Rejected(error.to_string()),
        }
    }
}

impl fmt::Debug for ModelRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelRouter")
            .field("anthropic", &self.anthropic)
            .field("openai", &self.openai)
            .field("has_bedrock", &self.bedrock.is_some())
            .finish_non_exhaustive()
    }
}

/// Returns a key that isn't empty: environments often set a variable to an empty text.
fn present(key: Option<SecretString>) -> Option<SecretString> {
    key.filter(|key| !key.expose_secret().trim().is_empty())
}

#[async_trait]
impl AskModel for ModelRouter {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let answer = self.pick(&request.model)?.ask(request).await?;
        let cost_nano_usd = self
            .prices
            .cost(&request.model, answer.input_tokens, answer.output_tokens);
        Ok(RecordedAnswer {
            cost_nano_usd,
            ..answer
        })
    }
}
