//! The state of the models' providers, and the money of the month.

use super::Frame;

/// The page.
#[derive(Clone, Debug)]
pub struct LimitsView {
    /// The frame of the page.
    pub frame: Frame,
    /// The configured models.
    pub models: Vec<ModelNow>,
    /// The limits of money that concern the whole deployment.
    pub money: Vec<MoneyNow>,
}

/// A model as all reviews share it.
#[derive(Clone, Debug)]
pub struct ModelNow {
    /// Its name.
    pub model: String,
    /// Its provider's health.
    pub health: Health,
    /// Calls in flight, and how many are allowed.
    pub in_flight: u64,
    /// See [`Self::in_flight`]; none before the first call.
    pub allowed: Option<u64>,
    /// Calls that wait for their turn.
    pub waiting: u64,
    /// The time that nearly all recent answers took; none before there are enough.
    pub usual_ms: Option<u64>,
    /// Numbers since the start of the server.
    pub counts: ModelCounts,
}

/// The numbers of a model's calls since the start of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelCounts {
    /// Answered calls of ended runs.
    pub answered: u64,
    /// Calls that were sent and not answered.
    pub wasted: u64,
    /// Waits for a limit and for the end of an outage.
    pub waits: u64,
    /// First answers that passed all checks, and all first answers.
    pub first_valid: u64,
    /// See [`Self::first_valid`].
    pub first: u64,
}

/// The health of a provider.
#[derive(Clone, Debug)]
pub enum Health {
    /// It has never answered.
    Unknown,
    /// It answers.
    Answers,
    /// It is down, and one call at a time tries it.
    Down {
        /// The begin, in milliseconds since 1970.
        since_ms: i64,
        /// The last failure.
        why: String,
    },
    /// It refuses the calls, and a wait doesn't cure it.
    Refuses {
        /// The refusal.
        why: String,
    },
}

/// A limit of money, in US dollars.
#[derive(Clone, Debug)]
pub struct MoneyNow {
    /// The limit's setting.
    pub setting: String,
    /// The month: `2026-11`.
    pub month: String,
    /// What is spent.
    pub spent: f64,
    /// The most that calls in flight can cost.
    pub reserved: f64,
    /// The limit.
    pub limit: f64,
}
