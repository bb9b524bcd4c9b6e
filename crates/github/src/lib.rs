//! GitHub's REST API, through octocrab: reading pull requests in `read` and `pull`, writing to them in `publish`, who may do what in
//! `people`, who someone is in `sign_in`, missed webhooks in `deliveries`, an App of one's own in `manifest`, what it is
//! granted in `app_grants`. One request, one answer: the workflow retries.

mod address;
mod app_grants;
mod blobs;
mod check;
mod classify;
mod comments;
mod connection;
mod credentials;
mod deliveries;
mod error;
mod failure;
mod files;
mod folders;
mod manifest;
mod own;
mod pace;
mod people;
mod publish;
mod pull;
mod read;
mod redirect;
mod review;
mod sign_in;
mod unshown;
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
