//! Errors of the test doubles themselves. Faults that a double plays on purpose are not errors.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A test double could not be set up or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestkitError {
    /// The listen address could not be bound.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The server's own thread or runtime could not be started.
    #[error("cannot start the server's thread: {0}")]
    Thread(std::io::Error),
    /// A file of the double could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The git command line is missing.
    #[error("cannot run git: {0}; install it (apt-get install git)")]
    GitMissing(std::io::Error),
    /// git refused.
    #[error("git {arguments} failed in {}: {stderr}", directory.display())]
    Git {
        /// The arguments, joined by spaces.
        arguments: String,
        /// Its directory.
        directory: PathBuf,
        /// Its error output.
        stderr: String,
    },
    /// git's output has an unknown form.
    #[error("cannot read git's output: {0}")]
    GitOutput(String),
    /// A journal's line is invalid.
    #[error("{}: line {line}: {source}", path.display())]
    JournalLine {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        source: serde_json::Error,
    },
    /// A zip archive could not be written.
    #[error("cannot write a zip archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// A function's program gave no answer.
    #[error("{} gave no answer: {stderr}", program.display())]
    NoAnswer {
        /// The program.
        program: PathBuf,
        /// Its output on stderr.
        stderr: String,
    },
    /// The fake has no such pull request.
    #[error("{slug} has no pull request {number}; add it with FakeGithub::add first")]
    NoPullRequest {
        /// `owner/name`.
        slug: String,
        /// The requested number.
        number: u64,
    },
    /// The fake's pull request has no such comment of a review.
    #[error("pull request {number} of {slug} has no review comment {comment}: publish a review first")]
    NoReviewComment {
        /// `owner/name`.
        slug: String,
        /// The pull request's number.
        number: u64,
        /// The requested comment.
        comment: u64,
    },
}
