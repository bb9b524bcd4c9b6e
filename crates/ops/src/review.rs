//! Starts a review, or resumes the one that an earlier command started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_core::approval::{Question, newest_question};
use holdfast_core::artifact::write_artifact;
use holdfast_core::claim;
use holdfast_core::evidence::Evidence;
use holdfast_core::model::approval::Verdict;
use holdfast_core::model::change::Target;
use holdfast_core::model::key;
use holdfast_core::model::model_batch::ModelBatch;
use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run::{GateMode, PAYLOAD_VERSION, Run};
use holdfast_core::model::run_name::{RunName, stem_of_review, stem_without_base};
use holdfast_core::model::settings::Settings;
use holdfast_core::port::ReadError;
pub use holdfast_git::{MAX_PATCH_BYTES, Scope};
use holdfast_git::{Selection, are_snapshots_large, remove_snapshots, resolve_target};
use holdfast_github::{GithubReadChange, parse_address};
use holdfast_stores::sqlite::SqliteKeepRows;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Access;
use crate::attempt::{self, Choice};
use crate::data_directory::{DataDirectory, DataPlace};
use crate::evidence;
use crate::failure::Failure;
use crate::machine;
use crate::run_summary;
use crate::workflow;
use holdfast_engine::{Archive, Engine};

/// The pauses before further tries to read a pull request that GitHub does not answer for.
const RESOLVE_PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// A request for a review, with the command line's values.
#[derive(Clone, Debug, Default)]
pub struct ReviewRequest {
    /// A work tree's path, commits, `-` for a patch, or a pull request's address.
    pub target: String,
    /// The base of a work tree's review.
    pub base: Option<String>,
    /// The head of a work tree's review.
    pub head: Option<String>,
    /// The part of a work tree's changes.
    pub scope: Scope,
    /// The files and folders that a work tree's review is limited to.
    pub files: Vec<PathBuf>,
    /// The patch, if the target is `-`.
    pub patch: Option<Vec<u8>>,
    /// Whether the review is posted to the pull request.
    pub publish: bool,
}

/// A target with its commits, and lines that explain it.
pub struct Resolved {
    /// The target.
    pub target: Target,
    /// The line that names what is reviewed of a work tree, since which base, and why.
    pub base_note: Option<String>,
    /// Further lines about a work tree's target.
    pub notes: Vec<String>,
}

/// The run of a review.
pub enum ReviewRun {
    /// It is open in the engine.
    Open(RunName),
    /// It has already published this review: nothing is posted again.
    Published(RunName),
    /// A person has rejected this review: nothing is posted.
    Rejected(RunName),
}

impl ReviewRequest {
    /// Checks the request, and finds or creates its data directory.
    ///
    /// # Errors
    /// The request contradicts itself, its target is missing, or the directory can't be used.
    pub fn data_directory(&self, place: &DataPlace, settings: &Settings) -> Result<DataDirectory, Failure> {
        match self.is_pull_request() {
            true => {
                self.check_pull_request(settings)?;
                place.for_server()
            }
            false if self.publish => Err(Failure::usage(
                "--publish needs a pull request's address: a work tree has nowhere to publish to",
            )),
            false => place.for_tree(&self.selection().place().map_err(Failure::usage)?),
        }
    }

    /// Resolves the target's commits. Uncommitted work becomes a snapshot in the data directory.
    ///
    /// # Errors
    /// The target can't be read.
    pub async fn resolve(&self, settings: &Settings, data: &Path) -> Result<Resolved, Failure> {
        if !self.is_pull_request() {
            let resolved = resolve_target(&self.selection(), data).map_err(Failure::usage)?;
            return Ok(Resolved {
                target: resolved.target,
                base_note: Some(resolved.base_note),
                notes: resolved.notes,
            });
        }
        let address = parse_address(&self.target).map_err(Failure::usage)?;
        let read = GithubReadChange::new(machine::github(settings)?);
        let mut pauses = RESOLVE_PAUSES.into_iter();
        let resolved = loop {
            match (read.resolve(&address).await, pauses.next()) {
                (Err(ReadError::Unavailable(error)), Some(pause)) => {
                    tracing::info!(error, "GitHub doesn't answer: the next try is in {} s", pause.as_secs());
                    tokio::time::sleep(pause).await;
                }
                (resolved, _) => break resolved,
            }
        };
        let target = resolved.map_err(|error| match error {
            ReadError::Unavailable(_) | ReadError::RateLimited { .. } => Failure::incomplete(error),
            other => Failure::usage(other),
        })?;
        Ok(Resolved {
            target,
            base_note: None,
            notes: Vec::new(),
        })
    }

    fn is_pull_request(&self) -> bool {
        self.target.contains("://")
    }

    fn check_pull_request(&self, settings: &Settings) -> Result<(), Failure> {
        if self.base.is_some() || self.head.is_some() {
            return Err(Failure::usage(
                "--base and --head are for work trees: a pull request has its own",
            ));
        }
        if self.scope != Scope::default() || !self.files.is_empty() {
            return Err(Failure::usage(
                "--staged, --uncommitted, --committed and --files are for work trees: a pull request is reviewed whole",
            ));
        }
        if self.publish {
            machine::require_account(settings, "--publish")?;
        }
        parse_address(&self.target).map(drop).map_err(Failure::usage)
    }

    fn selection(&self) -> Selection {
        Selection {
            target: self.target.clone(),
            base: self.base.clone(),
            head: self.head.clone(),
            // GitHub Actions sets it for a pull request's workflow runs.
            base_branch: std::env::var("GITHUB_BASE_REF").ok(),
            scope: self.scope,
            files: self.files.clone(),
            patch: self.patch.clone(),
        }
    }
}

/// Removes old snapshots of uncommitted work from a data directory once they are large, unless an open run may need
/// them. The caller holds the directory's lock. Returns whether they were removed: the caller then takes its own again.
///
/// # Errors
/// The data cannot be read, or they can't be removed.
pub fn trim_old_snapshots(data: &Path) -> Result<bool, Failure> {
    if !are_snapshots_large(data) {
        return Ok(false);
    }
    let executions = Archive::open(data)
        .and_then(|archive| archive.executions(run_summary::MAX_RUNS))
        .map_err(Failure::incomplete)?;
    let is_idle = executions.iter().all(|row| row.status.is_final());
    if is_idle {
        remove_snapshots(data).map_err(Failure::incomplete)?;
    }
    Ok(is_idle)
}

/// A review to start: its target and everything else that decides its outcome.
pub struct Review<'a> {
    /// The target with its commits.
    pub target: &'a Target,
    /// Whether it is posted to the pull request.
    pub publish: bool,
    /// The gate's effect on the publication.
    pub gate: GateMode,
    /// The deployment's settings.
    pub settings: &'a Settings,
    /// The reports of the team's own tools.
    pub evidence: &'a Evidence,
}

impl Review<'_> {
    /// Returns the command's access to a data directory: it resumes this review only, and writes only to this review's
    /// target, whatever else is open there.
    pub fn reach(&self) -> Access {
        Access::review([&self.stem(), &self.older_stem()], self.publish.then_some(self.target))
    }

    /// Finds the open run of this review, or one that has published already, or starts the next one.
    ///
    /// # Errors
    /// The data cannot be read; an open run of this name was started for something else; the run cannot be started.
    pub async fn start_or_resume(
        &self,
        engine: &Engine,
        data: &Path,
        notes: Vec<String>,
    ) -> Result<ReviewRun, Failure> {
        let existing = Archive::open(data)
            .and_then(|archive| archive.executions(run_summary::MAX_RUNS))
            .map_err(Failure::incomplete)?;
        let runs = || existing.iter().map(|row| (row.name.as_str(), !row.status.is_final()));
        // Version 0.1 named reviews otherwise. Such a review resumes; its own diff limits where it publishes comments.
        let choice = match attempt::choose(&self.older_stem(), runs()) {
            Choice::Resume(name) => Choice::Resume(name),
            Choice::Start { .. } => attempt::choose(&self.stem(), runs()),
        };
        let (name, previous) = match choice {
            Choice::Start { attempt, previous } => {
                let name = RunName::of_attempt(&self.stem(), attempt).map_err(Failure::usage)?;
                (name, previous)
            }
            Choice::Resume(name) => {
                let input = existing
                    .iter()
                    .find(|row| name == row.name.as_str())
                    .map(|row| &row.input);
                return match input.is_some_and(|input| self.is_own(input, &name)) {
                    true => Ok(ReviewRun::Open(name)),
                    false => Err(Failure::usage(format!(
                        "run {name} in {} was started with a target or settings that its name does not match, and is not \
                         resumed: holdfast show {name} shows it, holdfast cancel {name} ends it",
                        data.display()
                    ))),
                };
            }
        };
        if let Some(before) = previous.filter(|_| self.publish)
            && let Some(decided) = decided(data, self.target, before).await?
        {
            return Ok(decided);
        }
        let run = self.run(&name, notes);
        if run.evidence.is_some() {
            let store = machine::artifacts(data);
            let written = write_artifact(&store, &key::evidence(&name), self.evidence).await;
            written.map_err(|error| Failure::incomplete(error.message))?;
        }
        engine
            .start(name.as_str(), workflow::definition(), json!(run))
            .await
            .map_err(Failure::incomplete)?;
        Ok(ReviewRun::Open(name))
    }

    fn run(&self, name: &RunName, notes: Vec<String>) -> Run {
        let settings = self.settings;
        Run {
            version: PAYLOAD_VERSION,
            run: name.clone(),
            bucket: machine::BUCKET.to_owned(),
            target: self.target.clone(),
            publish: self.publish,
            max_concurrency: settings.max_concurrency,
            model: settings.model.clone(),
            model_light: settings.model_light.clone(),
            notes,
            tokens: settings.model_tokens,
            gate: self.gate,
            // With batches for all reviews, the caller waits for them.
            urgent: settings.model_batch != ModelBatch::All,
            evidence: evidence::of_run(self.evidence),
        }
    }

    fn stem(&self) -> String {
        let settings = self.settings;
        let (model, model_light) = (&settings.model, &settings.model_light);
        let evidence = evidence::of_run(self.evidence);
        let digest = evidence.as_ref().map(|evidence| evidence.digest.as_str());
        stem_of_review(self.target, (model, model_light), self.publish, self.gate, digest)
    }

    fn older_stem(&self) -> String {
        let settings = self.settings;
        stem_without_base(self.target, &settings.model, &settings.model_light, self.publish)
    }

    /// Returns whether an execution was started for this review. Its name isn't enough to decide that: it holds only a
    /// part of the target and the settings.
    fn is_own(&self, input: &Value, name: &RunName) -> bool {
        let (target, settings) = (self.target, self.settings);
        Run::deserialize(input).is_ok_and(|run| {
            run.run == *name
                && (run.target == *target || run.target == target.without_identity())
                && (run.publish, run.gate) == (self.publish, self.gate)
                && run.bucket == machine::BUCKET
                && (run.model, run.model_light) == (settings.model.clone(), settings.model_light.clone())
        })
    }
}

/// Returns the run, if it has published its review or a person has rejected it, and the pull request still shows that:
/// since a review of another head, it doesn't. A review that nobody has decided on starts again, and asks again.
async fn decided(data: &Path, target: &Target, run: RunName) -> Result<Option<ReviewRun>, Failure> {
    let status = run_summary::read(data, &run).await?.status;
    if !matches!(status, RunStatus::Published | RunStatus::Rejected) {
        return Ok(None);
    }
    let rows = SqliteKeepRows::open(data).await.map_err(Failure::incomplete)?;
    let holder = claim::holder(&rows, target).await.map_err(Failure::incomplete)?;
    if holder.is_some_and(|holder| holder != run) {
        return Ok(None);
    }
    if status == RunStatus::Published {
        return Ok(Some(ReviewRun::Published(run)));
    }
    let question = newest_question(&rows, &run).await.map_err(Failure::incomplete)?;
    let vote = question.as_ref().and_then(Question::last_vote);
    let is_rejected = vote.is_some_and(|vote| vote.ballot.verdict == Verdict::Rejected);
    Ok(is_rejected.then_some(ReviewRun::Rejected(run)))
}
