//! Limits of money that a repository sets for itself.

use serde::{Deserialize, Serialize};

use super::check::Part;
use super::given;
use crate::model::payer::SpendCaps;
use crate::model::price::{MAX_DOLLARS, NANO_IN_THOUSANDTH};

/// Limits of money for model calls, in US dollars. The lower one of a limit and the deployment's counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SpendPolicy {
    /// A review with all its redrives.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "f64", range(min = 0.001, max = 999_999)))]
    pub per_run: Option<f64>,
    /// All reviews of the repository in a calendar month (UTC).
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "f64", range(min = 0.001, max = 999_999)))]
    pub per_repository_month: Option<f64>,
    /// All reviews of one author's changes in a calendar month (UTC).
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "f64", range(min = 0.001, max = 999_999)))]
    pub per_author_month: Option<f64>,
}

impl SpendPolicy {
    /// Returns whether it sets no limit.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limits for the calls of a run.
    pub fn caps(&self) -> SpendCaps {
        SpendCaps {
            per_run: self.per_run.map(nano),
            per_repository_month: self.per_repository_month.map(nano),
            per_author_month: self.per_author_month.map(nano),
        }
    }

    /// Returns the values out of range, by their path in the file.
    pub(super) fn wrong_values(&self) -> impl Iterator<Item = (Vec<Part>, String)> {
        let values = [
            ("per_run", self.per_run),
            ("per_repository_month", self.per_repository_month),
            ("per_author_month", self.per_author_month),
        ];
        values.into_iter().filter_map(|(name, value)| {
            let value = value.filter(|value| !(0.001..=f64::from(MAX_DOLLARS)).contains(value))?;
            let what = format!("{value} is out of range, allowed are 0.001 to {MAX_DOLLARS} (US dollars)");
            Some((vec![Part::Key("spend"), Part::Key(name)], what))
        })
    }
}

/// Returns billionths of a US dollar, of whole thousandths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is in range"
)]
fn nano(dollars: f64) -> u64 {
    let thousandths = (dollars.clamp(0.0, f64::from(MAX_DOLLARS)) * 1_000.0).round();
    thousandths as u64 * NANO_IN_THOUSANDTH
}
