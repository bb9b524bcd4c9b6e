//! The units of an ended run: which model answered which attempt, and whether the first answer was valid.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::model::failure::{Failure as Kind, OtherFailure};
use holdfast_core::model::key;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::plan::{Plan, Tier};
use holdfast_core::model::run::{RecordedAnswer, Run, UnitResult, UnitStatus, Verdict};
use holdfast_core::port::StoreArtifact;
use holdfast_core::prompt::PROMPT_VERSION;
use holdfast_core::quality::Outcomes;
use holdfast_core::stage::validate_findings::tier_of_attempt;
use holdfast_engine::ExecutionRecord;
use serde::Deserialize;
use serde_json::Value;

use super::registry::Metrics;
use super::table;
use crate::failure::Failure;
use crate::run_summary::{LocalRuns, READS_IN_FLIGHT, ReadRuns, RunSummary, read_json};

/// A model's answer to an attempt, with the model that was called.
type Answered = (ModelId, RecordedAnswer);

/// The model calls of a run.
#[derive(Default)]
pub struct ModelCalls {
    units: Vec<Unit>,
    walkthrough: Option<Answered>,
}

/// A unit that a model was called for.
struct Unit {
    /// The model that answered the first attempt, or was asked.
    model: ModelId,
    result: Option<UnitResult>,
    /// Whether the first answer passed all checks; `None` where it wasn't checked.
    is_first_valid: Option<bool>,
    /// By attempt.
    answers: Vec<Answered>,
}

/// Reads the model calls of a run; none where no model reads the change.
///
/// # Errors
/// An artifact or the database can't be read.
pub async fn read(runs: &LocalRuns, summary: &RunSummary) -> Result<ModelCalls, Failure> {
    let store = runs.store();
    let Some(run) = Run::deserialize(&summary.row.input)
        .ok()
        .filter(|run| !run.is_rules_only())
    else {
        return Ok(ModelCalls::default());
    };
    let Some(plan) = read_json::<Plan>(store, &key::plan(&run.run)).await? else {
        return Ok(ModelCalls::default());
    };
    let tiers: HashMap<String, Tier> = plan.units.into_iter().map(|unit| (unit.id, unit.tier)).collect();
    let units = runs.units(&run.run)?.into_iter().filter_map(|record| {
        let name = record.input.get("unit").and_then(Value::as_str)?.to_owned();
        let tier = *tiers.get(&name)?;
        Some((name, tier, record))
    });
    let units = stream::iter(units).map(|(name, tier, record)| read_unit(store, &run, name, tier, record));
    let walkthrough = read_json(store, &key::summary_answer(&run.run)).await?;
    Ok(ModelCalls {
        units: units.buffered(READS_IN_FLIGHT).try_collect().await?,
        walkthrough: walkthrough.map(|answer| (run.model_light.clone(), answer)),
    })
}

async fn read_unit(
    store: &dyn StoreArtifact,
    run: &Run,
    name: String,
    tier: Tier,
    record: ExecutionRecord,
) -> Result<Unit, Failure> {
    let model_of = |attempt| {
        tier_of_attempt(tier, attempt)
            .choose(&run.model, &run.model_light)
            .clone()
    };
    let mut answers = Vec::new();
    for attempt in 1_u32.. {
        let Some(answer) = read_json(store, &key::answer(&run.run, &name, attempt)).await? else {
            break;
        };
        answers.push((model_of(attempt), answer));
    }
    let verdict: Option<Verdict> = match answers.is_empty() {
        true => None,
        false => read_json(store, &key::verdict(&run.run, &name, 1)).await?,
    };
    let fallback = answers
        .first()
        .and_then(|(_, answer): &Answered| answer.fallback.clone());
    Ok(Unit {
        model: fallback.unwrap_or_else(|| model_of(1)),
        result: record.output.and_then(|output| UnitResult::deserialize(output).ok()),
        is_first_valid: verdict.map(|verdict| verdict.valid),
        answers,
    })
}

impl Unit {
    /// Returns the attempt that ended it, or the reason without one.
    fn outcome(&self) -> &'static str {
        let result = self.result.as_ref();
        match (result.map(|result| result.status), self.answers.len()) {
            _ if self.is_cached() => "cached",
            (Some(UnitStatus::Reviewed), ..=1) => "attempt_1",
            (Some(UnitStatus::Reviewed), 2) => "attempt_2",
            (Some(UnitStatus::Reviewed), _) => "attempt_3_or_more",
            _ if result.map(UnitResult::failure) == Some(Kind::Other(OtherFailure::AnswersInvalid)) => "given_up",
            _ => "failed",
        }
    }

    /// Returns whether the first answer came from the cache: only accepted answers are kept there.
    fn is_cached(&self) -> bool {
        self.answers.first().is_some_and(|(_, answer)| answer.cached)
    }

    fn count(&self, metrics: &Metrics) {
        let version = PROMPT_VERSION.to_string();
        let labels = [self.model.provider(), self.model.name(), version.as_str()];
        let with = |more| [labels[0], labels[1], labels[2], more];
        metrics.increment(&table::UNITS, &with(self.outcome()));
        let attempts = self.answers.iter().filter(|(_, answer)| !answer.cached).count();
        metrics.add(&table::UNIT_ATTEMPTS, &labels, attempts as f64);
        if let Some(is_valid) = self.is_first_valid.filter(|_| !self.is_cached()) {
            metrics.increment(&table::FIRST_ANSWERS, &with(if is_valid { "true" } else { "false" }));
        }
    }
}

impl ModelCalls {
    /// Returns the outcomes of first answers by model. An answer from the cache is none.
    pub fn first_answers(&self) -> BTreeMap<ModelId, Outcomes> {
        let mut found = BTreeMap::new();
        for unit in self.units.iter().filter(|unit| !unit.is_cached()) {
            let Some(is_valid) = unit.is_first_valid else { continue };
            let outcomes: &mut Outcomes = found.entry(unit.model.clone()).or_default();
            outcomes.all += 1;
            outcomes.good += u32::from(is_valid);
        }
        found
    }

    /// Adds the calls to the metrics.
    pub fn count(&self, metrics: &Metrics) {
        for unit in &self.units {
            unit.count(metrics);
        }
        let answers = self.units.iter().flat_map(|unit| &unit.answers);
        for (model, answer) in answers.chain(&self.walkthrough) {
            let model = answer.fallback.as_ref().unwrap_or(model);
            count_answer(metrics, &[model.provider(), model.name()], answer);
        }
    }
}

fn count_answer(metrics: &Metrics, model: &[&str], answer: &RecordedAnswer) {
    if answer.cached {
        metrics.increment(&table::CACHE_HITS, model);
        return;
    }
    metrics.increment(&table::MODEL_CALLS, model);
    metrics.add(&table::INPUT_TOKENS, model, answer.input_tokens as f64);
    metrics.add(&table::OUTPUT_TOKENS, model, answer.output_tokens as f64);
    match answer.cost_usd() {
        Some(cost) => metrics.add(&table::MODEL_COST, model, cost),
        None => metrics.increment(&table::UNPRICED_CALLS, model),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use serde_json::json;

    use super::*;

    fn answer(cached: bool, cost_nano_usd: Option<u64>) -> Answered {
        let answer = json!({ "text": "", "stop": "complete", "model": "dated-m", "input_tokens": 10, "output_tokens": 2,
            "cost_nano_usd": cost_nano_usd, "cached": cached });
        ("openai/m".parse().unwrap(), serde_json::from_value(answer).unwrap())
    }

    fn unit(result: Option<Value>, is_first_valid: Option<bool>, answers: Vec<Answered>) -> Unit {
        Unit {
            model: "openai/m".parse().unwrap(),
            result: result.map(|result| serde_json::from_value(result).unwrap()),
            is_first_valid,
            answers,
        }
    }

    #[test]
    fn units_count_by_the_attempt_that_ended_them() {
        let reviewed = || Some(json!({ "status": "reviewed", "unit": "u0001" }));
        let unreviewed = |reason: &str| Some(json!({ "status": "unreviewed", "unit": "u0001", "reason": reason }));
        let answers = |number| vec![answer(false, None); number];
        for (unit, outcome, first) in [
            (unit(reviewed(), Some(true), answers(1)), "attempt_1", "true"),
            (unit(reviewed(), Some(false), answers(2)), "attempt_2", "false"),
            (unit(reviewed(), Some(false), answers(4)), "attempt_3_or_more", "false"),
            (unit(reviewed(), Some(true), vec![answer(true, None)]), "cached", ""),
            (
                unit(unreviewed("no valid answer in 3 attempts"), Some(false), answers(3)),
                "given_up",
                "false",
            ),
            (unit(unreviewed("ModelTimedOut"), None, answers(0)), "failed", ""),
            (unit(None, None, answers(1)), "failed", ""),
        ] {
            let metrics = Metrics::default();
            unit.count(&metrics);
            let text = metrics.text(0);
            let labels = format!("{{provider=\"openai\",model=\"m\",prompt_version=\"{PROMPT_VERSION}\"");
            let expected = format!("holdfast_units_total{labels},outcome=\"{outcome}\"}} 1\n");
            assert!(text.contains(&expected), "{expected}{text}");
            let expected = format!("holdfast_first_answers_total{labels},valid=\"{first}\"}} 1\n");
            assert_eq!(text.contains(&expected), !first.is_empty(), "{outcome}: {text}");
        }
    }

    #[test]
    fn calls_count_by_the_configured_model() {
        let calls = ModelCalls {
            units: vec![unit(
                None,
                None,
                vec![answer(true, Some(9)), answer(false, Some(500_000_000))],
            )],
            walkthrough: Some(answer(false, None)),
        };
        let metrics = Metrics::default();
        calls.count(&metrics);
        let text = metrics.text(0);
        for (name, value) in [
            ("model_calls", "2"),
            ("model_input_tokens", "20"),
            ("model_output_tokens", "4"),
            ("model_cost_usd", "0.5"),
            ("model_unpriced_calls", "1"),
            ("model_cache_hits", "1"),
        ] {
            let line = format!("holdfast_{name}_total{{provider=\"openai\",model=\"m\"}} {value}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
