//! A replay's functions: they return recorded results before the cutoff and run this program's stages after it, with
//! the recorded answers and refusals of GitHub and the models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding_source::FindingSource;
use holdfast_core::model::key;
use holdfast_core::model::plan::{Plan, Unit};
use holdfast_core::rule::secret_kinds;
use holdfast_core::stage::UnitDocument;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::functions::StageFunctions;
use holdfast_engine::{FunctionFailure, Functions, Invocation};

use super::artifacts;
use super::cutoff::Cutoff;
use super::history::{End, TIMED_OUT, Visit};
use super::memory::MemoryStore;
use super::model::RecordedModel;
use super::recording::{Recording, failure_message};
use super::replay_notes::{GivenAgain, ReplayNotes};

/// Errors that services outside of the program caused. They are returned again, because a replay calls no service.
/// [`RecordedModel`] returns those of a model.
const OF_OUTSIDE: [ErrorName; 15] = [
    ErrorName::ArtifactUnavailable,
    ErrorName::StageTimedOut,
    ErrorName::RepositoryUnreadable,
    ErrorName::GithubUnavailable,
    ErrorName::GithubRateLimited,
    ErrorName::GithubForbidden,
    ErrorName::GithubNotFound,
    ErrorName::GithubSignOnRequired,
    ErrorName::GithubRepositoryArchived,
    ErrorName::GithubConversationLocked,
    ErrorName::GithubRejected,
    ErrorName::PullRequestHeadMoved,
    ErrorName::PullRequestBaseMoved,
    ErrorName::RunSuperseded,
    ErrorName::ApprovalUndeliverable,
];

/// Runs a replay's functions.
pub struct ReplayFunctions {
    recording: Arc<Recording>,
    cutoff: Cutoff,
    stages: StageFunctions,
    store: Arc<MemoryStore>,
    notes: Arc<ReplayNotes>,
    /// Number of successful visits, by unit and state.
    visits: Mutex<HashMap<(Option<String>, String), usize>>,
}

impl ReplayFunctions {
    /// Creates functions over a recording; `stages` read and write `store`.
    pub fn new(
        recording: Arc<Recording>,
        cutoff: Cutoff,
        stages: StageFunctions,
        store: Arc<MemoryStore>,
        notes: Arc<ReplayNotes>,
    ) -> Self {
        Self {
            recording,
            cutoff,
            stages,
            store,
            notes,
            visits: Mutex::default(),
        }
    }

    /// Finds a unit of the replay's plan.
    fn unit(&self, id: &str) -> Result<Option<Unit>, Failure> {
        let plan: Option<Plan> = self.store.document(&key::plan(self.recording.name()))?;
        Ok(plan.and_then(|plan| plan.units.into_iter().find(|unit| unit.id == id)))
    }

    /// Finds the recorded unit with the same hunks.
    fn twin(&self, unit: &Unit) -> Option<&str> {
        let recorded = self.recording.plan.as_ref()?.units.iter();
        let mut of_same = recorded.filter(|other| other.path == unit.path && other.hunks == unit.hunks);
        of_same.next().map(|twin| twin.id.as_str())
    }

    async fn call(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let unit = payload.get("unit").and_then(Value::as_str);
        let planned = unit.map(|id| self.unit(id)).transpose().map_err(damaged)?.flatten();
        let twin = planned.as_ref().and_then(|unit| self.twin(unit)).map(str::to_owned);
        let state = invocation.state.as_str();
        let place = (unit.map(str::to_owned), state.to_owned());
        let n = self.lock().get(&place).copied().unwrap_or(0);
        // A unit that the recorded plan doesn't have has no visits.
        let visit = match (unit, &twin) {
            (Some(_), None) => None,
            (_, twin) => self.recording.histories.visit(twin.as_deref(), state, n),
        };
        let done = match visit {
            Some(visit) if self.cutoff.holds(unit, state, n) => {
                artifacts::restore(function, &payload, &self.recording, &self.store).map_err(damaged)?;
                recorded(visit)
            }
            Some(visit) if let Some((error, message)) = self.refusal(visit) => {
                artifacts::restore(function, &payload, &self.recording, &self.store).map_err(damaged)?;
                self.notes.give_again(GivenAgain {
                    state: state.to_owned(),
                    unit: unit.map(str::to_owned),
                    error: error.clone(),
                });
                Err(FunctionFailure {
                    error_type: error,
                    message,
                })
            }
            _ => self.run_stage(function, payload, invocation, planned, twin).await,
        };
        if done.is_ok() {
            *self.lock().entry(place).or_default() += 1;
        }
        done
    }

    /// Returns the error of an outside service that ended a recorded visit, unless a person or a model caused it.
    fn refusal(&self, visit: &Visit) -> Option<(String, String)> {
        let End::Failed { error, cause } = &visit.end else {
            return None;
        };
        // Invalid settings aren't recorded. For a pull request a replay can't read them again, so their error is
        // repeated.
        let is_of_settings = error == ErrorName::RepositoryConfigurationInvalid.as_str()
            && self.recording.run.target.pull_request().is_some();
        let is_of_outside =
            is_of_settings || error == TIMED_OUT || OF_OUTSIDE.iter().any(|name| name.as_str() == error);
        (is_of_outside && !visit.is_submitted).then(|| (error.clone(), failure_message(cause.as_deref())))
    }

    async fn run_stage(
        &self,
        function: &str,
        payload: Value,
        invocation: Invocation,
        planned: Option<Unit>,
        twin: Option<String>,
    ) -> Result<Value, FunctionFailure> {
        if let (Some(unit), "review-unit") = (planned, function) {
            let attempt = payload.get("attempt").and_then(Value::as_u64).unwrap_or(1);
            let model = RecordedModel::of_attempt(
                Arc::clone(&self.recording),
                Arc::clone(&self.notes),
                (unit.id, unit.path),
                twin,
                u32::try_from(attempt).unwrap_or(u32::MAX),
            );
            let stages = self.stages.with_model(Arc::new(model));
            return stages.invoke(function, payload, invocation).await;
        }
        if function == "plan-review" {
            artifacts::restore_permissions(&self.recording, &self.store);
            artifacts::restore_noise(&self.recording, &self.store);
        }
        if function == "reconcile-findings" {
            artifacts::restore_pull_state(&self.recording, &self.store);
        }
        let done = self.stages.invoke(function, payload, invocation).await?;
        if function == "gather-context" {
            self.restore_contexts().map_err(damaged)?;
        }
        Ok(done)
    }

    /// Gives units whose file couldn't be read their recorded context. Findings of secrets come from the replay,
    /// because the diff is recorded.
    fn restore_contexts(&self) -> Result<(), Failure> {
        let run = self.recording.name();
        let plan: Option<Plan> = self.store.document(&key::plan(run))?;
        let units = plan.iter().flat_map(|plan| &plan.units);
        for unit in units.filter(|unit| self.notes.is_unread(&unit.path)) {
            let key = key::unit(run, &unit.id);
            let Some(twin) = self.twin(unit) else { continue };
            let recorded = self.recording.context(twin)?;
            let gathered: Option<UnitDocument> = self.store.document(&key)?;
            if let (Some(mut pack), Some(mut gathered)) = (recorded, gathered) {
                let of_syntax = pack.rule_findings.into_iter().filter(|found| !is_secret(&found.source));
                pack.rule_findings = gathered.context.rule_findings.into_iter().chain(of_syntax).collect();
                gathered.context = pack;
                self.store.insert(&key, json!(gathered).to_string().into_bytes());
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Option<String>, String), usize>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Functions for ReplayFunctions {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        self.call(function, payload, invocation).await
    }
}

/// Returns the recorded result of a function. A function that waits for a decision returns nothing: the decision goes
/// to its token.
fn recorded(visit: &Visit) -> Result<Value, FunctionFailure> {
    match &visit.end {
        _ if visit.is_submitted => Ok(Value::Null),
        End::Succeeded(output) => Ok(output.get("Payload").cloned().unwrap_or(Value::Null)),
        End::Failed { error, cause } => Err(FunctionFailure {
            error_type: error.clone(),
            message: failure_message(cause.as_deref()),
        }),
        End::Open => Err(FunctionFailure {
            error_type: ErrorName::ArtifactMissing.to_string(),
            message: format!("{} has no recorded end", visit.state),
        }),
    }
}

fn is_secret(source: &FindingSource) -> bool {
    secret_kinds().iter().any(|kind| source.rule() == Some(kind.rule))
}

fn damaged(failure: Failure) -> FunctionFailure {
    FunctionFailure {
        error_type: ErrorName::PayloadInvalid.to_string(),
        message: failure.message,
    }
}
