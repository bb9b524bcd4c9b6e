//! The parts of GitHub's JSON that the adapters read. Other fields may change.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub title: String,
    pub body: Option<String>,
    /// `None` for a deleted account.
    pub user: Option<User>,
    pub base: End,
    pub head: End,
    pub changed_files: u64,
    /// Its page.
    pub html_url: String,
    /// `open` or `closed`.
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    #[serde(default)]
    pub author_association: String,
    #[serde(default)]
    pub updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct End {
    pub sha: String,
    /// `None` for a deleted fork, and in comparisons.
    pub repo: Option<Repository>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub id: u64,
    pub name: String,
    pub owner: User,
    #[serde(default)]
    pub private: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub login: String,
    #[serde(default, rename = "type")]
    pub kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Comparison {
    pub merge_base_commit: End,
}

/// One entry of `GET …/files`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct File {
    pub filename: String,
    pub previous_filename: Option<String>,
    pub status: String,
    #[serde(default)]
    pub additions: u64,
    #[serde(default)]
    pub deletions: u64,
    pub patch: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeListing {
    pub tree: Vec<TreeEntry>,
    #[serde(default)]
    pub truncated: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TreeEntry {
    pub path: String,
    pub mode: String,
    pub sha: String,
    /// Bytes; blobs only.
    pub size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Review {
    pub id: u64,
    pub user: Option<User>,
    pub body: Option<String>,
    pub state: String,
}

/// A comment of a review.
#[derive(Debug, Deserialize)]
pub(super) struct PostedComment {
    pub id: u64,
    pub pull_request_review_id: Option<u64>,
    pub path: String,
    /// Missing where the comment is outdated.
    pub line: Option<u32>,
    pub start_line: Option<u32>,
    pub side: Option<String>,
    pub body: Option<String>,
}

/// A comment in the conversation.
#[derive(Debug, Deserialize)]
pub(super) struct IssueComment {
    pub id: u64,
    pub user: Option<User>,
    pub body: Option<String>,
}

/// A comment in the conversation, by its id.
#[derive(Debug, Deserialize)]
pub(super) struct CommentPage {
    pub node_id: String,
    pub user: Option<User>,
    pub body: Option<String>,
    /// Ends in the pull request's number.
    pub issue_url: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// GraphQL's answer about the last editor of a comment.
#[derive(Debug, Deserialize)]
pub(super) struct EditorData {
    pub node: Option<Edited>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edited {
    /// `None` if its text was never edited.
    pub last_edited_at: Option<String>,
    /// Its last editor.
    pub editor: Option<Editor>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Editor {
    pub login: String,
}

/// A person's permission in a repository.
#[derive(Debug, Deserialize)]
pub(super) struct Role {
    /// One of four levels.
    pub permission: String,
    /// The role's own name; older servers don't send it.
    pub role_name: Option<String>,
}

/// A person in a team.
#[derive(Debug, Deserialize)]
pub(super) struct Membership {
    /// `active`, or `pending` for an invited person.
    pub state: String,
}

/// One attempt to send a webhook.
#[derive(Debug, Deserialize)]
pub(super) struct Delivery {
    pub id: u64,
    /// The webhook's id: all its deliveries have the same.
    pub guid: String,
    pub delivered_at: Timestamp,
    /// The status of the answer; not a status of HTTP if there was no answer.
    pub status_code: i64,
}

/// `GET /app`.
#[derive(Debug, Deserialize)]
pub(super) struct AppPage {
    pub slug: String,
}

/// An answer of which only the id is read.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub id: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    pub id: u64,
    pub external_id: Option<String>,
    pub status: String,
    pub conclusion: Option<String>,
    pub output: Option<CheckOutput>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckOutput {
    pub title: Option<String>,
    #[serde(default)]
    pub annotations_count: usize,
}
