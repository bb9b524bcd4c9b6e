//! Reviews in virtual time: units that call a model behind the shared state of its provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::model::account_shares::AccountShares;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::provider_limits::Limits;
use holdfast_core::model::run::{Prompt, Role, Turn};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{AskModel, ModelRequest, ReachModel};
use holdfast_core::provider::{PacedModel, SpendLimits, Terms};

use crate::limited_provider::{LimitedProvider, ProviderRules, UnitEnd, VirtualPace, run_unit};
use crate::logs::MemoryLogs;
use crate::port::run_name;
use crate::virtual_time::VirtualTime;

/// A deployment with one provider, in virtual time.
pub struct VirtualReviews {
    /// Its time.
    pub time: VirtualTime,
    /// The provider.
    pub provider: Arc<LimitedProvider>,
    /// The model behind the provider's state.
    pub model: Arc<dyn ReachModel>,
}

/// Returns the terms of a deployment without configured limits.
pub fn terms(concurrent: u32) -> Terms {
    Terms {
        limits: Limits {
            requests_per_minute: None,
            input_tokens_per_minute: None,
            concurrent,
        },
        shares: AccountShares::default(),
        outage_patience_ms: 6 * 3_600_000,
        limit_patience_ms: 24 * 3_600_000,
        call_ms: None,
        spend: SpendLimits::default(),
        servers: BTreeMap::new(),
    }
}

impl VirtualReviews {
    /// Makes a deployment whose process rests for up to five minutes within a call.
    pub fn new(rules: ProviderRules, terms: Terms) -> Self {
        Self::resting(rules, terms, Duration::from_secs(300))
    }

    /// Makes a deployment whose process rests within a call for up to `rest`.
    pub fn resting(rules: ProviderRules, terms: Terms, rest: Duration) -> Self {
        let time = VirtualTime::default();
        let provider = LimitedProvider::start(rules, &time);
        let model: Arc<dyn AskModel> = Arc::clone(&provider) as Arc<dyn AskModel>;
        let pace = VirtualPace::new(&time, rest);
        let model = PacedModel::new(model, Arc::new(MemoryLogs::default()), pace, terms);
        Self {
            time,
            provider,
            model: Arc::new(model),
        }
    }

    /// Runs reviews at once: each has a tenant, a number of units and a number of units at once.
    pub fn review(&self, reviews: &[(&'static str, usize, usize)]) -> Vec<Vec<UnitEnd>> {
        let lanes = reviews
            .iter()
            .enumerate()
            .flat_map(|(number, (tenant, units, at_once))| {
                (0..*at_once).map(move |lane| self.lane(number, tenant, (lane..*units).step_by(*at_once)))
            });
        let mut ends = self.time.run(lanes).into_iter();
        let of_review = reviews
            .iter()
            .map(|(_, _, at_once)| ends.by_ref().take(*at_once).flatten().collect());
        of_review.collect()
    }

    /// Runs some units of a review one after the other.
    pub fn lane(
        &self,
        review: usize,
        tenant: &'static str,
        units: impl Iterator<Item = usize> + 'static,
    ) -> impl Future<Output = Vec<UnitEnd>> + 'static {
        let (model, time) = (Arc::clone(&self.model), self.time.clone());
        async move {
            let run: RunName = run_name(&format!("r{review}"));
            let mut ends = Vec::new();
            for unit in units {
                let place = (&run, tenant, format!("u{unit}"));
                let end = run_unit(model.as_ref(), &time, (place.0, place.1, &place.2), &request(&run)).await;
                ends.push(UnitEnd { at: time.now(), ..end });
            }
            ends
        }
    }
}

/// Returns a request of a run.
pub fn request(run: &RunName) -> ModelRequest {
    ModelRequest {
        model: ModelId::Provided {
            provider: "openai".to_owned(),
            name: "m".to_owned(),
        },
        prompt: Prompt {
            system: run.to_string(),
            turns: vec![Turn {
                role: Role::User,
                text: "+ 1 x".repeat(80),
            }],
        },
        schema: serde_json::json!({}),
        max_output_tokens: 100,
        time_limit: None,
    }
}
