//! The real stages as scripts, their runs, and the documents of the stages in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding::{Category, Finding, Severity, Side};
use holdfast_core::model::finding_source::FindingSource;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::report::{
    Gate, GateDecision, REPORT_VERSION, Report, ReportModel, ReportTarget, RunStatus, Usage,
};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::publish_review::Part;
use holdfast_core::stage::{StageError, open_review, publish_review, report_failure, withdraw_announcement};
use holdfast_core::sweep::clean_all;
use serde_json::Value;

use crate::outside::{Broken, FILE, Outside, sha};
use crate::replay::Recorded;

/// The states that use the pull request. The states between the first two neither read nor write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    OpenReview,
    /// The state `PublishUngated`, at its first visit: publishes what is below the gate.
    PublishUngated,
    /// The same state, once nobody has decided in time.
    PublishUndecided,
    PublishReview,
    WithdrawAnnouncement,
    ReportFailure,
    /// Not a state: the last actor, once every run has ended.
    Sweep,
}

impl Stage {
    /// Returns the name of its state in the workflow.
    fn state(self) -> String {
        match self {
            Self::PublishUndecided => Self::PublishUngated.state(),
            _ => format!("{self:?}"),
        }
    }

    /// Returns the part of the review that it publishes, if it publishes.
    fn part(self) -> Option<Part> {
        match self {
            Self::PublishUngated => Some(Part::Ungated),
            Self::PublishUndecided => Some(Part::Undecided),
            Self::PublishReview => Some(Part::Whole),
            Self::OpenReview | Self::WithdrawAnnouncement | Self::ReportFailure | Self::Sweep => None,
        }
    }
}

/// One invocation of a stage.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Script {
    pub run: usize,
    pub stage: Stage,
    pub failure: Option<ErrorName>,
}

/// Runs one of the real stages as the script says.
pub async fn play(
    script: Script,
    run: Option<Run>,
    broken: Option<Broken>,
    recorded: &Recorded,
) -> Result<(), ErrorName> {
    let Some(run) = run else {
        let outside = Outside::new(recorded, "", broken, true);
        return match clean_all(&outside, &outside, &outside, &outside, &Duration::MAX).await {
            Ok(swept) if swept.iter().all(|run| run.failure.is_none()) => Ok(()),
            other => panic!("{other:?}"),
        };
    };
    let outside = Outside::new(recorded, run.run.as_str(), broken, script.stage != Stage::OpenReview);
    let (name, started_with) = (run.run.clone(), serde_json::to_value(&run).unwrap());
    let error = script.failure.map_or("", ErrorName::as_str).to_owned();
    let name_of = |error: StageError| error.name;
    match script.stage {
        Stage::OpenReview => {
            let input = open_review::Input { run: run.clone() };
            let opened = open_review::open_review(&input, &outside, &outside, &outside, &outside, &outside).await;
            opened.map(drop).map_err(name_of)
        }
        Stage::PublishUngated | Stage::PublishUndecided | Stage::PublishReview => {
            let part = script.stage.part().unwrap();
            let input = publish_review::Input { run: name, part };
            let published =
                publish_review::publish_review(&input, &RetrySettings::OFF, &outside, &outside, &outside, &outside)
                    .await;
            published.map(drop).map_err(name_of)
        }
        Stage::WithdrawAnnouncement => {
            let input = withdraw_announcement::Input {
                run: name,
                started_with,
                error,
            };
            let withdrawn =
                withdraw_announcement::withdraw_announcement(&input, &RetrySettings::OFF, &outside, &outside, &outside)
                    .await;
            withdrawn.map(drop).map_err(name_of)
        }
        Stage::ReportFailure => {
            let input = report_failure::Input {
                run: name,
                started_with,
                error,
                cause: None,
            };
            let reported = report_failure::report_failure(&input, &outside).await;
            reported.map(drop).map_err(name_of)
        }
        Stage::Sweep => panic!("the sweep belongs to no run"),
    }
}

/// Reads the errors that each state retries from the workflow's definition.
pub fn retried() -> BTreeMap<Stage, BTreeSet<String>> {
    let definition: Value = serde_json::from_str(include_str!("../../state-machine/review.asl.json")).unwrap();
    let stages = [
        Stage::OpenReview,
        Stage::PublishUngated,
        Stage::PublishUndecided,
        Stage::PublishReview,
        Stage::WithdrawAnnouncement,
        Stage::ReportFailure,
    ];
    let names = |stage: Stage| {
        let retriers = definition["States"][stage.state()]["Retry"].as_array().unwrap();
        let names = retriers
            .iter()
            .flat_map(|retrier| retrier["ErrorEquals"].as_array().unwrap());
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    stages.into_iter().map(|stage| (stage, names(stage))).collect()
}

pub fn a_run(at: usize, head: u8) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: ["A", "B", "C"][at].parse().unwrap(),
        bucket: "artifacts".to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
            number: 1,
            head: sha(head),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 1,
        model: ModelId::Rules,
        model_light: ModelId::Rules,
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    }
}

/// Returns a finding on the changed line: without an inline comment, no review would be posted.
fn a_finding(severity: Severity) -> Finding {
    Finding {
        path: FILE.to_owned(),
        side: Side::Right,
        start_line: 1,
        line: 1,
        severity,
        category: Category::Correctness,
        title: "A remark".to_owned(),
        body: "Look here.".to_owned(),
        suggestion: None,
        confidence: 0.8,
        source: FindingSource::Model,
        gated: severity == Severity::Critical,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    }
}

/// Returns the report that the stages in between would have written. With `is_gated`, one of two findings needs an
/// approval.
pub fn a_report(run: &Run, is_gated: bool) -> Report {
    let gated = is_gated.then(|| a_finding(Severity::Critical));
    Report {
        version: REPORT_VERSION,
        run: run.run.clone(),
        status: RunStatus::Reviewed,
        target: ReportTarget {
            repository: run.target.repository(),
            pull_request: run.target.pull_request(),
            url: None,
            base: sha(5).to_string(),
            head: run.target.head().to_string(),
        },
        model: ReportModel::from(&run.model),
        summary: "Nothing to remark.".to_owned(),
        gate: Gate {
            decision: match is_gated {
                true => GateDecision::RequireApproval,
                false => GateDecision::Publish,
            },
            worst: gated.as_ref().map(|finding| finding.severity),
        },
        findings: gated.into_iter().chain([a_finding(Severity::Medium)]).collect(),
        coverage: Vec::new(),
        usage: Usage::default(),
        notes: Vec::new(),
        private_notes: Vec::new(),
        withheld: 0,
        is_undecided: false,
        earlier: Vec::new(),
        silenced: Vec::new(),
        dependencies: Default::default(),
    }
}
