//! Replaces the module `aws` in a program that is built without the feature of that name: each function fails and names
//! the command that installs a program with the feature.

use std::sync::Arc;

use holdfast_core::model::settings::Settings;
use holdfast_core::port::AskModel;
use url::Url;

use crate::deployment::{Deployment, EnginePorts, StoreAppSecrets};
use crate::failure::Failure;

/// Fails: `--stack` needs the feature.
///
/// # Errors
/// Always.
#[expect(clippy::unused_async, reason = "the signature is that of the module it replaces")]
pub async fn open_deployment(_stack: &str) -> Result<Box<dyn Deployment>, Failure> {
    Err(missing("--stack"))
}

/// Fails: `--stack` needs the feature.
///
/// # Errors
/// Always.
#[expect(clippy::unused_async, reason = "the signature is that of the module it replaces")]
pub async fn open_app_secrets(_stack: &str) -> Result<Box<dyn StoreAppSecrets>, Failure> {
    Err(missing("setup --stack"))
}

/// Fails: `holdfast engine` calls functions through Lambda's API and reads objects through S3's.
///
/// # Errors
/// Always.
#[expect(clippy::unused_async, reason = "the signature is that of the module it replaces")]
pub async fn engine_ports(_lambda: Option<&Url>, _s3: Option<&Url>) -> Result<EnginePorts, Failure> {
    Err(missing("engine (Lambda functions, S3 objects)"))
}

/// Returns nothing: the router of models refuses `bedrock/ID` with the same remedy.
pub const fn bedrock(_settings: &Settings) -> Option<Arc<dyn AskModel>> {
    None
}

fn missing(what: &str) -> Failure {
    Failure::usage(format!(
        "{what} needs AWS, and this program is built without it: {}",
        holdfast_models::INSTALL_WITH_AWS
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_failure_names_the_feature_and_the_command_that_installs_it() {
        let failures = [
            open_deployment("holdfast").await.err(),
            open_app_secrets("holdfast").await.err(),
            engine_ports(None, None).await.err(),
        ];
        for (failure, needs) in failures.into_iter().zip(["--stack", "setup --stack", "engine"]) {
            let message = failure.map(|failure| failure.message).unwrap_or_default();
            assert!(message.starts_with(needs), "{message}");
            assert!(
                message.contains("cargo install --path crates/cli --features aws"),
                "{message}"
            );
        }
    }
}
