//! SummarizeReview: writes the report, with the walkthrough (by the model or by a template) and the gate's decision.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::count::counted;
use crate::gate;
use crate::ledger::{Entry, FindingId};
use crate::model::change::Change;
use crate::model::dependency::DependencyUpdates;
use crate::model::error_name::ErrorName;
use crate::model::failure::{Failure, OtherFailure};
use crate::model::finding::{Finding, Severity, TrackedState, severity_counts};
use crate::model::key;
use crate::model::policy::{GateScope, OnTimeout, Policy};
use crate::model::report::{
    Gate, GateDecision, NoteSubject, Outcome, PrivateNote, REPORT_VERSION, Report, ReportModel, ReportTarget, RunStatus,
};
use crate::model::run::{Aggregate, GateMode, RecordedAnswer, Run};
use crate::model::run_name::RunName;
use crate::port::{ModelCall, ModelRequest, ReachModel, Reached, StoreArtifact, Waiting};
use crate::prompt::{Described, PROMPT_VERSION, summary_prompt, summary_schema};
use crate::render::coverage_line;
use crate::validate::read_summary;

use super::aggregate_findings::{count, fallback_note};
use super::request_approval::ApprovalSettings;
use super::review_unit::null_as_default;
use super::run_header::write_report;
use super::unit_document::{payer_of, question_digest, repository_key};
use super::{Reconciliation, StageError, read_artifact, read_change, write_artifact};
use crate::artifact::find_artifact;

pub use crate::model::report::TEMPLATE_NOTE;

/// The first line of a review without a model. People read it on the pull request too: it names no setting.
pub const NO_MODEL: &str = "No model read this change: files were only scanned by rules and searched for secrets. The people \
                            who run Holdfast can configure a model: docs/configuration.md, section Environment.";

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// What the walkthrough's call has waited for so far.
    #[serde(default, deserialize_with = "null_as_default")]
    pub waiting: Waiting,
}

/// The answer that the workflow routes by.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Summarized {
    /// The report is written.
    Written(Output),
    /// The walkthrough's call has to wait; nothing is written yet.
    Limited {
        /// Always `limited`.
        status: Limited,
        /// In seconds, 1 to 3,600.
        wait_s: u64,
        /// Belongs to the next try's payload.
        waiting: Waiting,
    },
}

/// The decision about a written report.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The gate's decision.
    pub gate: Gate,
    /// True if a person must approve before publication. Always false in a run that publishes nothing.
    pub needs_approval: bool,
    /// The part of the review that waits for the approval.
    pub mode: GateScope,
    /// What happens to a whole review after the last request without a decision.
    pub on_timeout: OnTimeout,
}

/// The part of the plan that the report shows.
#[derive(Debug, Default, Deserialize)]
struct PlannedDependencies {
    #[serde(default)]
    dependencies: DependencyUpdates,
}

/// The word that the workflow routes a wait by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// The only one.
    Limited,
}

/// The name of the walkthrough's call beside the units'.
const WALKTHROUGH: &str = "walkthrough";

/// Writes the report. If the model gives no walkthrough, a template replaces it: that never fails a review. While the
/// provider limits or is down, the stage writes nothing and returns the wait.
///
/// # Errors
/// An artifact is missing or has another shape; the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn summarize_review(
    input: &Input,
    model: &dyn ReachModel,
    approval_settings: &ApprovalSettings,
    store: &dyn StoreArtifact,
) -> Result<Summarized, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let change = read_change(&input.run, store).await?.header;
    let mut policy: Policy = read_artifact(store, &key::policy(&input.run)).await?;
    if run.version < 2 {
        // A run of version 1 shows findings of every severity at their lines.
        policy.comments.min_severity = Severity::Info;
    }
    let mut aggregate: Aggregate = read_artifact(store, &key::aggregate(&input.run)).await?;
    // A run that publishes nothing, or that an earlier version began, has no ledger.
    let reconciled: Option<Reconciliation> = find_artifact(store, &key::reconciled(&input.run)).await?;
    let mut earlier = Vec::new();
    if let Some(reconciled) = reconciled {
        let entries: BTreeMap<&FindingId, &Entry> = (reconciled.ledger.entries.iter())
            .map(|entry| (&entry.id, entry))
            .collect();
        earlier = reconciled.earlier;
        for (finding, mut tracked) in aggregate.findings.iter_mut().zip(reconciled.found) {
            // What is published already keeps its words: an approver may have edited them, and nobody approved others.
            if let (TrackedState::Open | TrackedState::Closed, Some(entry)) = (tracked.state, entries.get(&tracked.id))
            {
                tracked.published = gate::raised(finding, &tracked, entry, &policy)?;
                if tracked.published.is_none() {
                    entry.restore(finding);
                }
            }
            finding.tracked = Some(tracked);
        }
    }
    // The walkthrough leaves out files with a finding that must not be public.
    let hidden: BTreeSet<&str> = (aggregate.findings.iter())
        .filter(|finding| !finding.is_public())
        .map(|finding| finding.path.as_str())
        .collect();
    aggregate
        .summaries
        .retain(|summary| !hidden.contains(summary.path.as_str()));

    let mut private_notes = Vec::new();
    let mut summary = template(&run, &aggregate);
    // With one file, its own summary is enough: a second call would add nothing.
    if let [only] = aggregate.summaries.as_slice() {
        summary = format!("{}\n\n{summary}", only.text);
    } else if !run.is_rules_only() && !aggregate.summaries.is_empty() {
        match ask_for_summary(&run, (&change, &policy), &aggregate, input.waiting, model, store).await {
            Ok((Reached::Wait { wait_s, waiting }, _)) => {
                return Ok(Summarized::Limited {
                    status: Limited::Limited,
                    wait_s,
                    waiting,
                });
            }
            Ok((Reached::Answered(answer), kept)) => {
                count(&mut aggregate.usage, &answer);
                if let Some(fallback) = &answer.fallback {
                    aggregate
                        .notes
                        .push(fallback_note("the walkthrough", "written", fallback));
                }
                match read_summary(&answer) {
                    Ok(text) => {
                        keep(&kept, &answer, store).await?;
                        summary = format!("{text}\n\n{summary}");
                    }
                    Err(problem) => {
                        let failure = Failure::Other(OtherFailure::AnswersInvalid);
                        note_template(&mut aggregate.notes, &mut private_notes, &problem.to_string(), failure);
                    }
                }
            }
            // The workflow tries again: a store that is away for a moment doesn't cost the walkthrough.
            Err(error) if error.name == ErrorName::ArtifactUnavailable => return Err(error),
            Err(error) => {
                let failure = Failure::Error(error.name);
                note_template(&mut aggregate.notes, &mut private_notes, &error.message, failure);
            }
        }
    }
    let gate = gate::decide(&mut aggregate.findings, &policy)?;
    gate::mark_earlier(&mut earlier, &policy)?;
    let needs_approval = run.publish && run.gate == GateMode::Wait && gate.decision == GateDecision::RequireApproval;
    let planned: Option<PlannedDependencies> = find_artifact(store, &key::plan(&input.run)).await?;
    let mut report = Report {
        version: REPORT_VERSION,
        run: run.run.clone(),
        status: decide_status(&aggregate, change.unlisted()),
        target: ReportTarget {
            repository: run.target.repository(),
            pull_request: run.target.pull_request(),
            url: change.url.clone(),
            base: change.base.to_string(),
            head: change.head.to_string(),
        },
        model: ReportModel::from(&run.model),
        summary,
        gate: gate.clone(),
        findings: aggregate.findings,
        coverage: aggregate.coverage,
        usage: aggregate.usage,
        notes: aggregate.notes,
        private_notes,
        withheld: 0,
        is_undecided: false,
        earlier,
        silenced: aggregate.silencing.silenced,
        dependencies: planned.unwrap_or_default().dependencies,
    };
    let unpriced = report.usage.unpriced_calls;
    if unpriced > 0 && !policy.spend.is_default() {
        let calls = counted(unpriced, "model call");
        let public = format!("the limits of `spend` in .holdfast.yml didn't count {calls}, whose price isn't known");
        report.add_private_note(format!("{public}: set HOLDFAST_MODEL_PRICES"), public);
    }
    write_report(&input.run, &report, store).await?;
    Ok(Summarized::Written(Output {
        gate,
        needs_approval,
        mode: policy.gate.scope(approval_settings.others_decide()),
        on_timeout: policy.gate.on_timeout,
    }))
}

/// Notes why the walkthrough is a template: the run's own record gets the details, the public gets the kind of failure.
fn note_template(notes: &mut Vec<String>, private: &mut Vec<PrivateNote>, details: &str, failure: Failure) {
    let note = format!("{TEMPLATE_NOTE}{details}");
    private.push(PrivateNote {
        note: note.clone(),
        public: format!("{TEMPLATE_NOTE}{}", failure.sentence()),
        subject: Some(NoteSubject::TemplateWalkthrough),
    });
    notes.push(note);
}

/// Decides the status by coverage and by `unlisted`, the number of changed files that the source didn't list. It never
/// reads texts: a walkthrough or a note may hold any words.
pub fn decide_status(aggregate: &Aggregate, unlisted: u64) -> RunStatus {
    let has = |outcome| aggregate.coverage.iter().any(|entry| entry.outcome == outcome);
    match (
        unlisted > 0 || has(Outcome::Unreviewed),
        has(Outcome::Reviewed) || has(Outcome::Scanned),
    ) {
        (true, _) => RunStatus::Partial,
        (false, true) => RunStatus::Reviewed,
        (false, false) => RunStatus::Skipped,
    }
}

/// Returns the walkthrough's answer, or a wait, and its key in the cache. Calls the model only if neither this run nor an earlier
/// run with the same question has stored an answer.
async fn ask_for_summary(
    run: &Run,
    (change, policy): (&Change, &Policy),
    aggregate: &Aggregate,
    waiting: Waiting,
    model: &dyn ReachModel,
    store: &dyn StoreArtifact,
) -> Result<(Reached, String), StageError> {
    let light = &run.model_light;
    let public: Vec<Finding> = (aggregate.findings.iter())
        .filter(|finding| finding.is_public())
        .cloned()
        .collect();
    let write_prompt = |about| summary_prompt(about, &aggregate.summaries, &public, run.tokens.summary());
    let question = json!([
        WALKTHROUGH,
        repository_key(run),
        light,
        PROMPT_VERSION,
        write_prompt(Described::default()),
        summary_schema(),
    ]);
    let kept = key::cached_answer(&question_digest(&question));
    let answer_key = key::summary_answer(&run.run);
    if let Some(answer) = find_artifact(store, &answer_key).await? {
        return Ok((Reached::Answered(answer), kept));
    }
    let prompt = write_prompt(Described {
        title: &change.title,
        // A run of version 1 keeps its prompt: it has no description.
        description: if run.version < 2 { "" } else { &change.description },
        description_tokens: run.tokens.description(),
    });
    write_artifact(store, &key::summary_prompt(&run.run), &prompt).await?;
    let answer = match find_artifact::<RecordedAnswer>(store, &kept).await? {
        Some(known) => RecordedAnswer { cached: true, ..known },
        None => {
            let request = ModelRequest {
                model: light.clone(),
                prompt,
                schema: summary_schema(),
                max_output_tokens: run.tokens.summary_output(),
                time_limit: None,
            };
            let call = ModelCall {
                run: &run.run,
                payer: &payer_of(run, change.author.as_deref(), policy),
                part: WALKTHROUGH,
                attempt: 1,
                is_risky: false,
                may_batch: true,
                waiting,
            };
            match model.reach(&call, &request).await? {
                Reached::Answered(answer) => answer,
                wait @ Reached::Wait { .. } => return Ok((wait, kept)),
            }
        }
    };
    write_artifact(store, &answer_key, &answer).await?;
    Ok((Reached::Answered(answer), kept))
}

/// Stores a valid walkthrough in the cache, under its question, if the configured model wrote it.
async fn keep(kept: &str, answer: &RecordedAnswer, store: &dyn StoreArtifact) -> Result<(), StageError> {
    if answer.cached || answer.fallback.is_some() {
        return Ok(());
    }
    write_artifact(store, kept, answer).await
}

/// Returns the template: facts that code has counted.
fn template(run: &Run, aggregate: &Aggregate) -> String {
    let mut text = String::new();
    if run.is_rules_only() {
        text.push_str(NO_MODEL);
        text.push_str("\n\n");
    }
    text.push_str(&coverage_line(&aggregate.coverage));
    let found = match severity_counts(&aggregate.findings) {
        counts if counts.is_empty() => "none".to_owned(),
        counts => counts,
    };
    let _infallible = write!(text, " Findings: {found}.");
    text
}
