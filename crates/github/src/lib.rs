//! GitHub's API, through octocrab: `read` and `pull` read pull requests, `threads` the threads of findings, `publish`
//! writes to them, `people` reads permissions, `sign_in` identifies people, `deliveries` has failed webhooks sent again,
//! `manifest` creates an App, and `app_grants` checks what it is granted. One request, one answer: the workflow retries.

mod address;
mod alerts;
mod app_grants;
mod app_proof;
mod artifacts;
mod blobs;
mod bot_client;
mod call;
mod check;
mod classify;
mod comments;
mod connection;
mod credentials;
mod deliveries;
mod download;
mod error;
mod failure;
mod files;
mod folders;
mod graphql;
mod inline;
mod link;
mod manifest;
mod own_login;
mod pace;
mod people;
mod publish;
mod pull;
mod read;
mod redirect;
mod refusal;
mod review;
mod sign_in;
mod summary_comment;
mod threads;
mod token_report;
mod turns;
mod unshown;
mod unzip;
mod wire;

pub use address::{PullRequestAddress, parse_address};
pub use app_grants::{APP_MANIFEST, AppReport, GithubAppGrants, Lack};
pub use connection::GithubConnection;
pub use credentials::GithubIdentity;
pub use deliveries::GithubRedeliverWebhooks;
pub use error::{AddressError, GithubSetupError, ManifestError};
pub use manifest::{CreatedApp, GithubAppManifest};
pub use people::GithubReadPermission;
pub use publish::GithubPublishReview;
pub use read::GithubReadChange;
pub use sign_in::{GithubSignIn, random_secret};
pub use threads::GithubReadThreads;
pub use token_report::TokenReport;
