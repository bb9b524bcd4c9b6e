//! The quality of a model's answers to a prompt version, against its own history: the share of first answers that pass all
//! checks, and of findings that people fix instead of dismissing them. A drop is reported once. One log for each.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::logs::State;
use crate::model::model_id::ModelId;

pub use crate::model::quality::{Drop, Measure};

/// Number of the last outcomes that are compared with those before them.
const RECENT: usize = 50;
/// Outcomes before them that make a history.
const MIN_HISTORY: u64 = 100;
/// A drop from which the quality is degraded, and below which it has recovered, in percent of all outcomes.
const DROP: u64 = 15;
const RECOVERED: u64 = 5;
/// Maximum number of outcomes of one run that count: a huge change is hardly more evidence than a large one.
const MAX_OF_RUN: u32 = 200;

/// Returns the key of a measure's log.
pub fn key(measure: Measure, model: &ModelId, prompt_version: u32) -> String {
    // A model's name is one part of the key, and may hold slashes, colons and dots.
    let model: String = model
        .to_string()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .collect();
    format!("quality/{model}/{prompt_version}/{}", measure.as_str())
}

/// The outcomes so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// Outcomes before the recent ones: good ones, and all.
    good: u64,
    all: u64,
    /// The last ones, oldest first.
    recent: VecDeque<bool>,
    is_degraded: bool,
}

/// The outcomes of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Good ones.
    pub good: u32,
    /// All.
    pub all: u32,
}

impl Quality {
    fn push(&mut self, is_good: bool) {
        self.recent.push_back(is_good);
        if self.recent.len() > RECENT
            && let Some(older) = self.recent.pop_front()
        {
            self.all = self.all.saturating_add(1);
            self.good = self.good.saturating_add(u64::from(older));
        }
    }
}

impl State for Quality {
    type Entry = Outcomes;
    type Answer = Option<Drop>;

    fn apply(&mut self, entry: &Outcomes) -> Option<Drop> {
        let all = entry.all.min(MAX_OF_RUN);
        let bad = entry.all.saturating_sub(entry.good).min(all);
        // Spread evenly, so that the order within a run decides nothing.
        for number in 0..all {
            let before = u64::from(number) * u64::from(bad) / u64::from(all);
            let after = u64::from(number + 1) * u64::from(bad) / u64::from(all);
            self.push(after == before);
        }
        if self.all < MIN_HISTORY || self.recent.len() < RECENT {
            return None;
        }
        let good = self.recent.iter().filter(|is_good| **is_good).count() as u64;
        let drop = Drop {
            recent: good * 100 / RECENT as u64,
            history: self.good * 100 / self.all,
        };
        let lost = drop.history.saturating_sub(drop.recent);
        let was_degraded = self.is_degraded;
        self.is_degraded = lost >= DROP || (was_degraded && lost >= RECOVERED);
        (self.is_degraded && !was_degraded).then_some(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_against_the_own_history_is_reported_once_until_it_has_recovered() {
        let mut quality = Quality::default();
        let run = |good, all| Outcomes { good, all };
        let mut drops = Vec::new();
        for (times, entry) in [
            // 90 % are good: too short a history, then a steady one.
            (30, run(9, 10)),
            // A bad run is noise.
            (1, run(6, 10)),
            (5, run(9, 10)),
            // 60 % are good from now on.
            (10, run(6, 10)),
            (20, run(10, 10)),
            (10, run(5, 10)),
            (1, run(0, 0)),
        ] {
            for _ in 0..times {
                drops.extend(quality.apply(&entry));
            }
        }
        assert_eq!(drops.len(), 2, "{drops:?}");
        assert!(drops.iter().all(|drop| drop.recent + DROP <= drop.history), "{drops:?}");
        assert!(drops[0].history >= 85, "{drops:?}");
    }

    #[test]
    fn fifty_outcomes_are_compared_with_a_hundred_before_them() {
        for (good, expected) in [(141, None), (142, Some((84, 100)))] {
            let mut quality = Quality::default();
            let mut last = quality.apply(&Outcomes { good, all: good });
            for _ in 0..8 {
                last = quality.apply(&Outcomes { good: 0, all: 1 });
            }
            assert_eq!(last.map(|drop| (drop.recent, drop.history)), expected, "{good}");
        }
    }

    #[test]
    fn of_a_huge_run_two_hundred_outcomes_count() {
        let mut quality = Quality::default();
        quality.apply(&Outcomes {
            good: 1_000,
            all: 1_000,
        });
        assert_eq!((quality.all, quality.recent.len()), (150, 50));
    }

    #[test]
    fn each_model_and_version_has_a_log_of_its_own() {
        let model: ModelId = "openai/org/gpt-5".parse().unwrap_or(ModelId::Rules);
        assert_eq!(key(Measure::Validity, &model, 7), "quality/openai-org-gpt-5/7/validity");
    }
}
