//! Secrets in AWS Secrets Manager. Each is a JSON object of setting names and texts: `{"GITHUB_TOKEN": "…"}`.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use crate::account;

/// An unusable secret. Its value is never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret {id}: {problem}")]
pub struct SecretError {
    /// Its id or ARN.
    pub id: String,
    /// The problem.
    pub problem: SecretProblem,
}

/// The problem of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// AWS returns no value.
    #[error("cannot be read: {0}. Check that it exists in this region and that the role may read it")]
    Unreadable(String),
    /// The value has another form. The parser's own message is left out: it may quote the secret.
    #[error("isn't a JSON object of texts; expected {{\"NAME\": \"TEXT\"}}")]
    Form,
    /// AWS doesn't store the new value.
    #[error("cannot be written: {0}. Check that your credentials may call secretsmanager:PutSecretValue")]
    Unwritable(String),
}

/// Reads the secrets with these ids or ARNs at the same time into one map. The last secret with a name wins.
///
/// # Errors
///
/// One error for each secret that can't be read.
pub async fn read_secrets(
    config: &aws_config::SdkConfig,
    ids: &[String],
) -> Result<BTreeMap<String, String>, Vec<SecretError>> {
    let client = Client::new(config);
    let (mut settings, mut errors) = (BTreeMap::new(), Vec::new());
    for read in join_all(ids.iter().map(|id| read(&client, id))).await {
        match read {
            Ok(found) => settings.extend(found),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

async fn read(client: &Client, id: &str) -> Result<BTreeMap<String, String>, SecretError> {
    let answer = client.get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| failed(id, SecretProblem::Unreadable(account::failure_line(&error))))?;
    let text = answer.secret_string().unwrap_or_default();
    serde_json::from_str(text).map_err(|_| failed(id, SecretProblem::Form))
}

fn failed(id: &str, problem: SecretProblem) -> SecretError {
    SecretError {
        id: id.to_owned(),
        problem,
    }
}

/// Adds entries to a secret; an entry replaces one with the same name.
///
/// # Errors
///
/// The secret can't be read or written.
pub async fn put_into_secret(
    config: &aws_config::SdkConfig,
    id: &str,
    entries: impl IntoIterator<Item = (String, SecretString)>,
) -> Result<(), SecretError> {
    let client = Client::new(config);
    let mut held = read(&client, id).await?;
    held.extend(
        entries
            .into_iter()
            .map(|(name, value)| (name, value.expose_secret().to_owned())),
    );
    let text = serde_json::to_string(&held).map_err(|_| failed(id, SecretProblem::Form))?;
    let put = client.put_secret_value().secret_id(id).secret_string(text).send().await;
    put.map(|_| ())
        .map_err(|error| failed(id, SecretProblem::Unwritable(account::failure_line(&error))))
}
