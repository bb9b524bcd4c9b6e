//! Secrets from AWS Secrets Manager: each is a JSON object of setting names and texts, `{"GITHUB_TOKEN": "…"}`.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};

use crate::account;

/// Reads the secrets with these ids or ARNs into one map. Errors: every one that cannot be read, a line each; never what
/// a secret holds.
pub async fn read_secrets(
    config: &aws_config::SdkConfig,
    ids: &[String],
) -> Result<BTreeMap<String, String>, Vec<String>> {
    let client = Client::new(config);
    let (mut settings, mut problems) = (BTreeMap::new(), Vec::new());
    for id in ids {
        match read(&client, id).await {
            Ok(found) => settings.extend(found),
            Err(problem) => problems.push(format!("secret {id}: {problem}")),
        }
    }
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

async fn read(client: &Client, id: &str) -> Result<BTreeMap<String, String>, String> {
    let answer = client.get_secret_value().secret_id(id).send().await.map_err(|error| {
        format!(
            "cannot be read: {}. Check that it exists in this region and that the role may read it",
            account::said(&error)
        )
    })?;
    let text = answer.secret_string().unwrap_or_default();
    // The parser's own message is left out: it may quote the secret.
    serde_json::from_str(text).map_err(|_| "holds no JSON object of texts; expected {\"NAME\": \"TEXT\"}".to_owned())
}

/// Puts entries into the secret, beside and over what is there. Errors, in words: it cannot be read or written; never what
/// it holds.
pub async fn put_into_secret(
    config: &aws_config::SdkConfig,
    id: &str,
    entries: impl IntoIterator<Item = (String, SecretString)>,
) -> Result<(), String> {
    let client = Client::new(config);
    let mut held = read(&client, id)
        .await
        .map_err(|problem| format!("secret {id}: {problem}"))?;
    held.extend(
        entries
            .into_iter()
            .map(|(name, value)| (name, value.expose_secret().to_owned())),
    );
    let text = serde_json::to_string(&held).map_err(|_| format!("secret {id}: cannot be written as JSON"))?;
    let put = client.put_secret_value().secret_id(id).secret_string(text);
    put.send().await.map(|_| ()).map_err(|error| {
        format!(
            "secret {id}: cannot be written: {}. Check that your credentials may call secretsmanager:PutSecretValue",
            account::said(&error)
        )
    })
}
