//! The ports for a stage with a golden input: the golden artifacts and rows, and an outside that accepts everything.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::change::Change;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::RecordedAnswer;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{
    Alarm, AskModel, ExecutionError, Mail, ModelError, ModelRequest, NotifyError, NotifyPeople, Permission, ReadError,
    ReadPermission, Row, StopRun,
};
use holdfast_ops::functions::StageFunctions;
use holdfast_testkit::port::{FixedChange, FixedThreads, MemoryArtifacts, MemoryRows, NoSyntax, PullRequestPage};
use serde::Deserialize;

use super::{Golden, claim_key};

/// The ports of a stage.
#[derive(Clone)]
pub struct World {
    artifacts: Arc<MemoryArtifacts>,
    rows: Arc<MemoryRows>,
    read: Arc<FixedChange>,
    page: Arc<PullRequestPage>,
    answer: RecordedAnswer,
}

impl World {
    /// Stores every golden artifact under its key, for each unit and attempt.
    pub fn of(golden: &Golden) -> Self {
        let run = golden.run();
        let name = &run.run;
        let plan = Plan::deserialize(golden.first("artifact/plan")).unwrap();
        let manifest = golden.first("artifact/results_manifest");
        let results = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"].as_str().unwrap();
        let writer = golden
            .first("input/aggregate-findings")
            .pointer("/results/ResultWriterDetails/Key");
        let mut keys = vec![
            ("run", key::run(name)),
            ("change", key::change(name)),
            ("plan", key::plan(name)),
            ("policy", key::policy(name)),
            ("items", key::items(name)),
            ("aggregate", key::aggregate(name)),
            ("report", key::report(name)),
            ("announcement", key::announcement(name)),
            ("results", results.to_owned()),
            ("results_manifest", writer.unwrap().as_str().unwrap().to_owned()),
        ];
        let later = [
            ("patches", key::patches(name, 0)),
            ("pull", key::pull_state(name)),
            ("reconciled", key::reconciled(name)),
        ];
        let has = |kind: &str| golden.has(&format!("artifact/{kind}"));
        keys.extend(later.into_iter().filter(|(kind, _)| has(kind)));
        for unit in &plan.units {
            match has("unit") {
                true => keys.push(("unit", key::unit(name, &unit.id))),
                false => keys.push(("context", key::context(name, &unit.id))),
            }
            for attempt in 1..=2 {
                keys.push(("answer", key::answer(name, &unit.id, attempt)));
                keys.push(("prompt", key::prompt(name, &unit.id, attempt)));
                keys.push(("verdict", key::verdict(name, &unit.id, attempt)));
            }
        }
        let artifacts = keys.into_iter().map(|(kind, key)| {
            let document = golden.first(&format!("artifact/{kind}"));
            (key, document.to_string().into_bytes())
        });
        let row = |name: &str| Row {
            version: 1,
            value: golden.first(name).clone(),
        };
        let rows = [
            (claim_key(&run.target), row("row/claim")),
            (format!("run/{name}"), row("row/run")),
        ];
        Self {
            artifacts: Arc::new(artifacts.collect()),
            rows: Arc::new(rows.into_iter().collect()),
            read: Arc::new(FixedChange {
                change: Some(Change::deserialize(golden.first("artifact/change")).unwrap()),
                ..FixedChange::default()
            }),
            page: Arc::new(PullRequestPage {
                check: golden.first("artifact/announcement")["check_run"].as_u64(),
                ..PullRequestPage::default()
            }),
            answer: RecordedAnswer::deserialize(golden.first("artifact/answer")).unwrap(),
        }
    }

    /// Returns the current stages with these ports.
    pub fn stages(&self) -> StageFunctions {
        let world = Arc::new(self.clone());
        StageFunctions {
            read: Arc::clone(&self.read) as _,
            threads: Arc::new(FixedThreads::default()),
            permission: Arc::clone(&world) as _,
            publish: Arc::clone(&self.page) as _,
            model: Arc::clone(&world) as _,
            syntax: Arc::new(NoSyntax),
            notify: Arc::clone(&world) as _,
            rows: Arc::clone(&self.rows) as _,
            runs: world as _,
            store: Arc::clone(&self.artifacts) as _,
            approval_settings: Arc::default(),
            github_patience: std::time::Duration::ZERO,
            retries: Arc::default(),
        }
    }
}

#[async_trait]
impl AskModel for World {
    async fn ask(&self, _request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        Ok(self.answer.clone())
    }
}

#[async_trait]
impl ReadPermission for World {
    async fn permission(&self, _repository: &RepositoryName, _login: &str) -> Result<Permission, ReadError> {
        Ok(Permission::Write)
    }

    async fn is_member(&self, _team: &TeamName, _login: &str) -> Result<bool, ReadError> {
        Ok(false)
    }
}

#[async_trait]
impl StopRun for World {
    async fn stop_run(&self, _run: &RunName, _error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        Ok(())
    }
}

#[async_trait]
impl NotifyPeople for World {
    async fn send_mail(&self, _mail: &Mail) -> Result<(), NotifyError> {
        Ok(())
    }

    async fn raise_alarm(&self, _run: &RunName, _alarm: &Alarm) -> Result<(), NotifyError> {
        Ok(())
    }
}
