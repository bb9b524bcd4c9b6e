//! The secrets of a stack that a new GitHub App's credentials go into.

use async_trait::async_trait;
use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::secrets_manager::put_into_secret;
use holdfast_aws::stack::Stack;
use holdfast_github::CreatedApp;
use secrecy::SecretString;

use crate::deployment::StoreAppSecrets;
use crate::failure::Failure;

struct StackSecrets {
    config: SdkConfig,
    stack: Stack,
    /// The ARN of the secret for writing to GitHub.
    github: String,
    /// The ARN of the secret that signs deliveries.
    webhook: String,
    /// The ARN of the approval page's secret.
    pages: String,
}

/// Finds the secrets of a stack.
///
/// # Errors
/// The stack can't be read, or isn't one of this program's template.
pub async fn open_app_secrets(stack: &str) -> Result<Box<dyn StoreAppSecrets>, Failure> {
    let config = account::load().await;
    let stack = Stack::read(&config, stack).await.map_err(super::stack_failure)?;
    let secret = |name: &str| stack.resource(name).map(str::to_owned).map_err(super::stack_failure);
    Ok(Box::new(StackSecrets {
        github: secret("GithubSecret")?,
        webhook: secret("WebhookSecret")?,
        pages: secret("PagesSecret")?,
        config,
        stack,
    }))
}

#[async_trait]
impl StoreAppSecrets for StackSecrets {
    fn public_url(&self) -> Result<&str, Failure> {
        // The operator's own domain has priority over the API's.
        let own = self.stack.parameter("PublicUrl").map_err(super::stack_failure)?;
        match own {
            "" => self.stack.output("PublicUrl").map_err(super::stack_failure),
            own => Ok(own),
        }
    }

    async fn store(&self, app: &CreatedApp) -> Result<String, Failure> {
        let (github, webhook, pages) = (&self.github, &self.webhook, &self.pages);
        let id = SecretString::from(app.id.to_string());
        let client_id = SecretString::from(app.client_id.clone());
        let webhook_secret = app.webhook_secret.clone().unwrap_or_default();
        for (secret, entries) in [
            (
                github,
                vec![
                    ("HOLDFAST_GITHUB_APP_ID", id),
                    ("HOLDFAST_GITHUB_APP_KEY", app.pem.clone()),
                ],
            ),
            (webhook, vec![("HOLDFAST_WEBHOOK_SECRET", webhook_secret)]),
            (
                pages,
                vec![
                    ("HOLDFAST_GITHUB_APP_CLIENT_ID", client_id),
                    ("HOLDFAST_GITHUB_APP_CLIENT_SECRET", app.client_secret.clone()),
                ],
            ),
        ] {
            let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value));
            put_into_secret(&self.config, secret, entries)
                .await
                .map_err(Failure::incomplete)?;
        }
        Ok(format!("  secrets: {github}, {webhook}, {pages}\n"))
    }
}
