//! The GitHub adapters against a fake GitHub that serves a real git repository.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stderr, reason = "prints how many requests were made")]

mod artifacts;
mod code_scanning;
mod credentials;
mod deliveries;
mod findings;
mod many_files;
mod moved_and_refused;
mod pages;
mod people;
mod read;
mod sign_in;
mod summary_comment;
mod threads;
mod turns;
mod write;

use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_github::{GithubConnection, GithubIdentity};
use holdfast_testkit::{FakeGithub, Fault};

pub(crate) const SLUG: &str = "octo/demo";
/// The key that signs markers.
pub(crate) const KEY: &str = "0123456789abcdef";

pub(crate) fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

pub(crate) fn pull_request(head: &str) -> Target {
    Target::PullRequest {
        repository: RepositoryName::new("octo", "demo").unwrap(),
        number: 12,
        head: sha(head),
        repository_id: None,
        pinned: None,
    }
}

/// Connects with a token of the fake.
pub(crate) fn connection(github: &FakeGithub, token: &str) -> GithubConnection {
    let url = github.url().parse().unwrap();
    GithubConnection::new(Some(url), GithubIdentity::Token(token.into())).unwrap()
}

/// Faults of any request, each with its error's name and a part of its line.
pub(crate) fn refusals() -> [(Fault, ErrorName, &'static str); 8] {
    [
        (
            Fault::status(401),
            ErrorName::GithubForbidden,
            "refuses the credentials",
        ),
        (Fault::status(403), ErrorName::GithubForbidden, "needs the permission"),
        (Fault::rate_limited(7), ErrorName::GithubRateLimited, "429"),
        (Fault::secondary_limit(), ErrorName::GithubRateLimited, "403"),
        (Fault::status(502), ErrorName::GithubUnavailable, "try again later"),
        (
            Fault::MalformedBody,
            ErrorName::GithubUnavailable,
            "HOLDFAST_GITHUB_URL",
        ),
        (Fault::EmptyBody, ErrorName::GithubUnavailable, "HOLDFAST_GITHUB_URL"),
        (Fault::DropBefore, ErrorName::GithubUnavailable, "no answer"),
    ]
}

/// Creates a private key for this run.
pub(crate) fn key() -> String {
    let output = std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "2048"])
        .output()
        .unwrap_or_else(|error| panic!("openssl does not start ({error}): apt-get install openssl"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Connects as an App, with the kind of address that GitHub Enterprise Server has.
pub(crate) fn app(github: &FakeGithub, id: u64) -> GithubConnection {
    let identity = GithubIdentity::App { id, key: key().into() };
    GithubConnection::new(Some(format!("{}/api/v3", github.url()).parse().unwrap()), identity).unwrap()
}
