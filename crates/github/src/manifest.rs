//! A GitHub App made from a manifest: where the browser takes the manifest, and what the code that comes back is good for.

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

/// What a refusal names as missing.
const MANIFEST: &str = "the manifest's code";

/// An App as GitHub has made it. Secrets do not print.
#[derive(Debug, Deserialize)]
pub struct CreatedApp {
    /// Its id.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its public page.
    pub html_url: String,
    /// By which people sign in.
    pub client_id: String,
    /// The secret beside it.
    pub client_secret: SecretString,
    /// What deliveries are signed with.
    pub webhook_secret: Option<SecretString>,
    /// Its private key, PEM.
    pub pem: SecretString,
}

/// Makes Apps at the web site of an API.
#[derive(Debug)]
pub struct GithubAppManifest {
    site: Url,
    api: GithubConnection,
}

impl GithubAppManifest {
    /// For the API at `github_url` (default: github.com). Has to be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// The address cannot be used.
    pub fn new(github_url: Option<Url>) -> Result<Self, GithubSetupError> {
        Ok(Self {
            site: web_url(github_url.as_ref())?,
            api: GithubConnection::connect(github_url.as_ref(), Credentials::Anonymous)?,
        })
    }

    /// Where the form with the manifest goes: a page of the account that signs in there, or of an organisation. `state`
    /// comes back unchanged and has to be compared.
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

    /// The App of the code that came back; good once, within an hour.
    ///
    /// # Errors
    ///
    /// GitHub does not take the code, or does not answer.
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
