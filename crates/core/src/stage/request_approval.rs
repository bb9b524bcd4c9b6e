//! RequestApproval: sends the question to the approvers and returns. The workflow then waits for the decision, and
//! nothing runs meanwhile.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::announcement;
use crate::approval::{ask, content_now};
use crate::model::approval::Approval;
use crate::model::approver::{Approver, by_address};
use crate::model::change::Change;
use crate::model::finding::Severity;
use crate::model::key;
use crate::model::policy::{GateScope, Policy};
use crate::model::report::Report;
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, NotifyPeople, PublishReview, StoreArtifact};
use crate::render::{question_mail, waiting_check, waiting_for_approval_body};

use super::{StageError, read_artifact, write_artifact};

/// Time before the end of the workflow's wait in which decisions are refused, in ms, so that an accepted decision is
/// also delivered.
const MARGIN_MS: i64 = 60_000;

/// The question.
#[derive(Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// 1, or 2 after the escalation.
    pub round: u32,
    /// The task token. A credential: its holder decides. Never logged.
    pub token: String,
    /// The start of the workflow's wait, in ms since 1970.
    pub asked_ms: i64,
    /// The length of the wait, in seconds.
    pub waits_s: u32,
    /// The part of the review that waits; none in definitions of earlier versions, where all of it does.
    #[serde(default)]
    pub mode: Option<GateScope>,
}

/// The deployment's settings for approvals.
#[derive(Clone, Debug, Default)]
pub struct ApprovalSettings {
    /// Approvers in addition to those of the repository's settings.
    pub approvers: Vec<Approver>,
    /// The start of the links in mails. Without it no server shows the page, and mails name the commands instead.
    pub public_url: Option<Url>,
    /// The start of the console's addresses, as people on the pull request reach it. Without it the pull request names
    /// the commands instead.
    pub console: Option<Url>,
    /// Whether people can sign in to decide.
    pub may_sign_in: bool,
}

impl ApprovalSettings {
    /// Returns whether people can decide who don't operate this deployment.
    pub fn others_decide(&self) -> bool {
        self.may_sign_in || !self.approvers.is_empty()
    }
}

/// The answer to the workflow, which then waits for the decision.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The round.
    pub round: u32,
    /// The number of approvers.
    pub asked: u64,
}

/// Stores the question and sends its mails. A repeated call sends the same mails.
///
/// # Errors
/// `ApprovalUndeliverable` if a mail server refuses a mail; the table or the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run, round = input.round))]
pub async fn request_approval(
    input: &Input,
    approval_settings: &ApprovalSettings,
    notify: &dyn NotifyPeople,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let report: Report = read_artifact(store, &key::report(&input.run)).await?;
    let change: Change = read_artifact(store, &key::change(&input.run)).await?;
    let policy: Policy = read_artifact(store, &key::policy(&input.run)).await?;
    let of_repository = policy.gate.approvers.iter().cloned().map(Approver::from);
    let mut asked = by_address(approval_settings.approvers.iter().cloned().chain(of_repository));
    asked.retain(|approver| !change.author.as_deref().is_some_and(|author| approver.is(author)));
    let gated = report.waiting();
    let rest_is_published = input.mode == Some(GateScope::Findings);
    let approval = Approval {
        run: input.run.clone(),
        round: input.round,
        subject: match report.target.pull_request {
            Some(number) => format!("{}#{number}", report.target.repository),
            None => report.target.repository.clone(),
        },
        target: run.target.clone(),
        worst: report.gate.worst.unwrap_or(Severity::Info),
        findings: u64::try_from(match rest_is_published {
            true => gated,
            false => report.findings.len(),
        })
        .unwrap_or(u64::MAX),
        author: change.author,
        content: content_now(store, &input.run).await?,
        needed: policy.gate.approvals,
        asked,
        asked_ms: input.asked_ms,
        base: Some(change.base),
        expires_ms: input.asked_ms + i64::from(input.waits_s) * 1_000 - MARGIN_MS,
        rest_is_published,
    };
    write_artifact(store, &key::approval(&input.run, input.round), &approval).await?;
    let teams = policy.gate.team_names();
    let console = approval_settings.console.as_ref();
    let invitations = ask(rows, &approval, &input.token).await?;
    announcement::await_approval(
        &run,
        &waiting_for_approval_body(&approval, gated, &teams, console, policy.gate.on_timeout),
        &waiting_check(&approval, gated, &teams, console, policy.gate.on_timeout),
        publish,
        rows,
        store,
    )
    .await?;
    let base = approval_settings.public_url.as_ref();
    if invitations.is_empty() {
        notify.send_mail(&question_mail(&approval, None, base)).await?;
    }
    for (invitation, number) in invitations.iter().zip(1..) {
        notify
            .send_mail(&question_mail(&approval, Some((number, invitation)), base))
            .await?;
    }
    Ok(Output {
        round: input.round,
        asked: u64::try_from(invitations.len()).unwrap_or(u64::MAX),
    })
}
