//! Starts a review, or resumes the one that an earlier command started.

use std::path::Path;

use holdfast_core::model::change::Target;
use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::run_name::{stem, stem_without_base};
use holdfast_core::model::settings::Settings;
use holdfast_core::port::ReadError;
use holdfast_git::{Ends, resolve_target};
use holdfast_github::{GithubReadChange, parse_address};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Access;
use crate::attempt::{self, Choice};
use crate::failure::Failure;
use crate::machine;
use crate::run_summary;
use crate::workflow;
use holdfast_engine::{Archive, Engine};

/// A request for a review, with the command line's values.
pub struct ReviewRequest<'a> {
    /// A work tree's path, or a pull request's address.
    pub target: &'a str,
    /// The base of a work tree's review.
    pub base: Option<&'a str>,
    /// The head of a work tree's review.
    pub head: Option<&'a str>,
    /// Whether the review is posted to the pull request.
    pub publish: bool,
}

/// A target with its commits, and a note that explains a work tree's base.
pub struct Resolved {
    /// The target.
    pub target: Target,
    /// The line that names the base and explains the choice.
    pub base_note: Option<String>,
}

/// The run of a review.
pub enum ReviewRun {
    /// It is open in the engine.
    Open(String),
    /// It has already published this review: nothing is posted again.
    Published(String),
}

impl ReviewRequest<'_> {
    /// Resolves the target's commits.
    ///
    /// # Errors
    /// The request contradicts itself, or the target cannot be read.
    pub async fn resolve(&self, settings: &Settings) -> Result<Resolved, Failure> {
        if !self.target.contains("://") {
            return self.resolve_tree();
        }
        if self.base.is_some() || self.head.is_some() {
            return Err(Failure::usage(
                "--base and --head are for work trees: a pull request has its own",
            ));
        }
        if self.publish {
            machine::require_account(settings, "--publish")?;
        }
        let address = parse_address(self.target).map_err(Failure::usage)?;
        let read = GithubReadChange::new(machine::github(settings)?);
        let target = read.resolve(&address).await.map_err(|error| match error {
            ReadError::Unavailable(_) | ReadError::RateLimited { .. } => Failure::incomplete(error),
            other => Failure::usage(other),
        })?;
        Ok(Resolved {
            target,
            base_note: None,
        })
    }

    fn resolve_tree(&self) -> Result<Resolved, Failure> {
        if self.publish {
            return Err(Failure::usage(
                "--publish needs a pull request's address: a work tree has nowhere to publish to",
            ));
        }
        // GitHub Actions sets it for a pull request's workflow runs.
        let base_branch = std::env::var("GITHUB_BASE_REF").ok();
        let ends = Ends {
            base: self.base,
            head: self.head,
            base_branch: base_branch.as_deref(),
        };
        let resolved = resolve_target(Path::new(self.target), ends).map_err(Failure::usage)?;
        Ok(Resolved {
            target: resolved.target,
            base_note: Some(resolved.base_note),
        })
    }
}

/// A review to start: its target and everything else that decides its outcome.
pub struct Review<'a> {
    /// The target with its commits.
    pub target: &'a Target,
    /// Whether it is posted to the pull request.
    pub publish: bool,
    /// The deployment's settings.
    pub settings: &'a Settings,
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
        base_note: Option<String>,
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
            Choice::Start { name, previous } => (name, previous),
            Choice::Resume(name) => {
                let input = existing.iter().find(|row| row.name == name).map(|row| &row.input);
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
        if let Some(before) = published(data, previous.filter(|_| self.publish)).await? {
            return Ok(ReviewRun::Published(before));
        }
        let run = self.run(&name, base_note);
        engine
            .start(&name, workflow::definition(), json!(run))
            .await
            .map_err(Failure::incomplete)?;
        Ok(ReviewRun::Open(name))
    }

    fn run(&self, name: &str, base_note: Option<String>) -> Run {
        let settings = self.settings;
        Run {
            version: PAYLOAD_VERSION,
            run: name.to_owned(),
            bucket: machine::BUCKET.to_owned(),
            target: self.target.clone(),
            publish: self.publish,
            max_concurrency: settings.max_concurrency,
            model: settings.model.clone(),
            model_light: settings.model_light.clone(),
            notes: base_note.into_iter().collect(),
            tokens: settings.model_tokens,
        }
    }

    fn stem(&self) -> String {
        let settings = self.settings;
        stem(self.target, &settings.model, &settings.model_light, self.publish)
    }

    fn older_stem(&self) -> String {
        let settings = self.settings;
        stem_without_base(self.target, &settings.model, &settings.model_light, self.publish)
    }

    /// Returns whether an execution was started for this review. Its name isn't enough to decide that: it holds only a
    /// part of the target and the settings.
    fn is_own(&self, input: &Value, name: &str) -> bool {
        let (target, settings) = (self.target, self.settings);
        Run::deserialize(input).is_ok_and(|run| {
            run.run == name
                && (run.target == *target || run.target == target.without_identity())
                && run.publish == self.publish
                && run.bucket == machine::BUCKET
                && (run.model, run.model_light) == (settings.model.clone(), settings.model_light.clone())
        })
    }
}

/// Returns the run, if it has published its review.
async fn published(data: &Path, run: Option<String>) -> Result<Option<String>, Failure> {
    let Some(run) = run else { return Ok(None) };
    let record = run_summary::read(data, &run).await?;
    Ok((record.status == RunStatus::Published).then_some(run))
}
