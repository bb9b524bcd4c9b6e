//! Where changes come from and reviews go: a real git repository, and a fake GitHub that serves the same one.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod credentials;
mod git;
mod github_read;
mod github_write;

use holdfast_adapters::github::{GithubConnection, GithubIdentity};
use holdfast_core::model::change::Target;
use holdfast_core::model::sha::CommitSha;
use holdfast_testkit::FakeGithub;

pub(crate) const SLUG: &str = "octo/demo";

pub(crate) fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

pub(crate) fn pull_request(head: &str) -> Target {
    Target::PullRequest {
        owner: "octo".to_owned(),
        repository: "demo".to_owned(),
        number: 12,
        head: sha(head),
    }
}

/// A connection with a token of the fake.
pub(crate) fn connection(github: &FakeGithub, token: &str) -> GithubConnection {
    let url = github.url().parse().unwrap();
    GithubConnection::new(Some(url), GithubIdentity::Token(token.into())).unwrap()
}
