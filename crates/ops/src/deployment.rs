//! A deployment on AWS, for the operations of an operator's terminal: its runs, rows and artifacts, and its account on
//! GitHub. Also the ports of `holdfast engine` on AWS. The module `aws` makes them; a program that is built without the
//! feature `aws` has none.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{AnswerTask, KeepRows, ListFailedRuns, StartRun, StopRun};
use holdfast_engine::{Functions, Objects};
use holdfast_github::{CreatedApp, GithubPublishReview, GithubRedeliverWebhooks};

use crate::failure::Failure;
use crate::run_summary::ReadRuns;

/// A deployment.
#[async_trait(?Send)]
pub trait Deployment: ReadRuns {
    /// Returns the stack's name.
    fn name(&self) -> &str;
    /// Returns its claims, questions and decisions.
    fn rows(&self) -> &dyn KeepRows;
    /// Returns the workflow's executions.
    fn workflow(&self) -> &dyn Workflow;

    /// Returns the names of its runs, newest first, and whether each is in flight.
    ///
    /// # Errors
    /// They can't be listed.
    async fn runs_in_flight(&self) -> Result<Vec<(RunName, bool)>, Failure>;

    /// Returns the user that the credentials belong to, as AWS names it.
    ///
    /// # Errors
    /// The credentials are invalid.
    async fn caller(&self) -> Result<String, Failure>;

    /// Returns the account that the deployment itself writes to GitHub with; the environment's settings don't count.
    ///
    /// # Errors
    /// The stack's secret can't be read, or lacks a setting.
    async fn github(&self) -> Result<GithubAccount, Failure>;
}

/// Executions that can be started, stopped, answered and listed.
pub trait Workflow: StartRun + StopRun + AnswerTask + ListFailedRuns {}

impl<T: StartRun + StopRun + AnswerTask + ListFailedRuns> Workflow for T {}

/// The account on GitHub that a deployment writes with.
pub struct GithubAccount {
    /// Writes to pull requests.
    pub publish: GithubPublishReview,
    /// Requests missed webhooks again.
    pub deliveries: GithubRedeliverWebhooks,
}

/// The functions, objects and region of `holdfast engine`.
pub struct EnginePorts {
    /// The tasks' functions.
    pub functions: Arc<dyn Functions>,
    /// The maps' objects.
    pub objects: Arc<dyn Objects>,
    /// The region of the environment.
    pub region: String,
}

/// The secrets of a stack that a new GitHub App's credentials go into.
#[async_trait]
pub trait StoreAppSecrets: Send + Sync {
    /// Returns the address by which GitHub and people reach the stack.
    ///
    /// # Errors
    /// The stack doesn't name one.
    fn public_url(&self) -> Result<&str, Failure>;

    /// Stores the App's credentials; returns a line for the operator that names the secrets.
    ///
    /// # Errors
    /// A secret can't be written.
    async fn store(&self, app: &CreatedApp) -> Result<String, Failure>;
}
