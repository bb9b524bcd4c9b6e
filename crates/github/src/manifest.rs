//! Creates a GitHub App from a manifest: the page to which the browser sends the manifest, and the exchange of the code
//! that it returns.

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::address::web_url;
use super::connection::GithubConnection;
use super::credentials::Credentials;
use super::error::{GithubSetupError, ManifestError};
use super::failure::Kind;

/// The requirement that a refusal names.
const MANIFEST: &str = "the manifest's code";

/// A new App. Secrets do not print.
#[derive(Debug, Deserialize)]
pub struct CreatedApp {
    /// Its id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its public page.
    pub html_url: String,
    /// The client id with which people sign in.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// The secret that signs webhooks.
    pub webhook_secret: Option<SecretString>,
    /// Its private key, PEM.
    pub pem: SecretString,
}

/// Creates Apps on the web site of an API.
#[derive(Debug)]
pub struct GithubAppManifest {
    site: Url,
    api: GithubConnection,
}

impl GithubAppManifest {
    /// Uses the API at `github_url` (default: github.com). Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The address can't be used.
    pub fn new(github_url: Option<Url>) -> Result<Self, GithubSetupError> {
        Ok(Self {
            site: web_url(github_url.as_ref())?,
            api: GithubConnection::connect(github_url.as_ref(), Credentials::Anonymous)?,
        })
    }

    /// Returns the page to which the form with the manifest is sent: that of the account that is signed in there, or
    /// that of an organisation. GitHub returns `state` unchanged; the caller has to compare it.
    pub fn page(&self, organisation: Option<&str>, state: &str) -> Url {
        let mut page = self.site.clone();
        if let Ok(mut segments) = page.path_segments_mut() {
            if let Some(organisation) = organisation {
                segments.extend(["organizations", organisation]);
            }
            segments.extend(["settings", "apps", "new"]);
        }
        page.query_pairs_mut().append_pair("state", state);
        page
    }

    /// Exchanges a code for its App. A code is valid once, within an hour.
    ///
    /// # Errors
    ///
    /// GitHub rejects the code, or doesn't answer.
    pub async fn convert(&self, code: &str) -> Result<CreatedApp, ManifestError> {
        let segments = ["app-manifests", code, "conversions"];
        let call = self.api.write(Method::POST, &segments, Value::Null, MANIFEST);
        match self.api.json(call).await {
            Ok(app) => Ok(app),
            Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Rejected) => Err(ManifestError::Expired),
            Err(failure) => Err(ManifestError::Request(failure.line)),
        }
    }
}
