//! Reads what code scanning found in a pull request: the analyses of its head, and their open alerts.

use std::collections::HashMap;

use futures::future::try_join_all;
use holdfast_core::evidence::{CodeScanningAlert, CodeScanningAnalysis, Evidence, read_code_scanning};
use holdfast_core::model::sha::CommitSha;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{CONTENTS_READ, Place};

/// The permission to read alerts.
const ALERTS_READ: &str = "Code scanning alerts: read";
/// Entries on a page: GitHub's maximum.
const PAGE: usize = 100;
/// Maximum number of pages of alerts for one git reference.
const MAX_PAGES: usize = 20;
/// Maximum number of commits whose parents are read. All analyses of one push are of the same commit.
const MAX_COMMITS: usize = 5;

/// A commit with its parents.
#[derive(Debug, Deserialize)]
struct Commit {
    parents: Vec<Parent>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    sha: String,
}

/// Returns the tools that analysed the head, or GitHub's merge of it, and their open alerts. An alert of an older push
/// would name lines of other code.
pub(super) async fn read(
    connection: &GithubConnection,
    place: Place<'_>,
    head: &CommitSha,
) -> Result<Evidence, Failure> {
    // Workflows run on GitHub's merge; other uploads are of the head.
    let references = ["merge", "head"].map(|end| format!("refs/pull/{}/{end}", place.number));
    let read = references.iter().map(|reference| Scan {
        connection,
        place,
        head,
        reference,
    });
    let (mut analyses, mut alerts) = (Vec::new(), Vec::new());
    for (more_analyses, more_alerts) in try_join_all(read.map(Scan::read)).await? {
        analyses.extend(more_analyses);
        alerts.extend(more_alerts);
    }
    Ok(read_code_scanning(analyses, alerts))
}

/// The scan of one git reference.
struct Scan<'a> {
    connection: &'a GithubConnection,
    place: Place<'a>,
    head: &'a CommitSha,
    reference: &'a str,
}

impl Scan<'_> {
    async fn read(self) -> Result<(Vec<CodeScanningAnalysis>, Vec<CodeScanningAlert>), Failure> {
        let segments = self.place.repository(&["code-scanning", "analyses"]);
        let call = self.connection.get(&segments, ALERTS_READ);
        let listed: Vec<CodeScanningAnalysis> = match self.page(call, 1).await {
            // GitHub's answer for a reference that no tool analysed.
            Err(failure) if failure.kind == Kind::NotFound => return Ok((Vec::new(), Vec::new())),
            listed => listed?,
        };
        let mut commits = HashMap::from([(self.head.as_str().to_owned(), true)]);
        let mut analyses = Vec::new();
        for analysis in listed {
            if self.is_of_head(&analysis.commit_sha, &mut commits).await? {
                analyses.push(analysis);
            }
        }
        let mut alerts = Vec::new();
        if analyses.is_empty() {
            return Ok((analyses, alerts));
        }
        for page in 1..=MAX_PAGES {
            let segments = self.place.repository(&["code-scanning", "alerts"]);
            let call = self.connection.get(&segments, ALERTS_READ).query("state", "open");
            let listed: Vec<CodeScanningAlert> = self.page(call, page).await?;
            let is_last = listed.len() < PAGE;
            let is_of_head = |alert: &CodeScanningAlert| commits.get(alert.commit()).copied().unwrap_or_default();
            alerts.extend(listed.into_iter().filter(is_of_head));
            if is_last {
                break;
            }
        }
        Ok((analyses, alerts))
    }

    async fn page<T: DeserializeOwned>(&self, list: Call, page: usize) -> Result<Vec<T>, Failure> {
        let call = list
            .query("ref", self.reference)
            .query("per_page", &PAGE.to_string())
            .query("page", &page.to_string());
        self.connection.json(call).await
    }

    /// Returns whether a commit is the head or a merge of it, remembering the answer. A commit that is gone is of an
    /// older push.
    async fn is_of_head(&self, commit: &str, known: &mut HashMap<String, bool>) -> Result<bool, Failure> {
        if let Some(known) = known.get(commit) {
            return Ok(*known);
        }
        if known.len() > MAX_COMMITS {
            return Ok(false);
        }
        let segments = self.place.repository(&["git", "commits", commit]);
        let call = self.connection.get(&segments, CONTENTS_READ);
        let is_of_head = match self.connection.json::<Commit>(call).await {
            Ok(commit) => commit.parents.iter().any(|parent| parent.sha == self.head.as_str()),
            Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Rejected) => false,
            Err(failure) => return Err(failure),
        };
        known.insert(commit.to_owned(), is_of_head);
        Ok(is_of_head)
    }
}
