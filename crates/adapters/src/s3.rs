//! Artifacts in an S3 bucket: a key is an object's key. Writing replaces the object, whole or not at all.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::BehaviorVersion;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use holdfast_core::port::{StoreArtifact, StoreError};
use std::time::Duration;

/// Keeps artifacts in a bucket. The SDK repeats nothing: the workflow does.
#[derive(Clone, Debug)]
pub struct S3StoreArtifact {
    client: Client,
    bucket: String,
}

impl S3StoreArtifact {
    /// A store in `bucket`, with the account and region of `config`. Limits: 5 s to connect, 60 s a call.
    pub fn new(config: &aws_config::SdkConfig, bucket: impl Into<String>) -> Self {
        Self::from_config(aws_sdk_s3::config::Builder::from(config), bucket)
    }

    /// The same from a configuration of S3 alone: another endpoint, say.
    pub fn from_config(config: aws_sdk_s3::config::Builder, bucket: impl Into<String>) -> Self {
        let limits = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(60))
            .build();
        let config = config
            .behavior_version(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::disabled())
            .timeout_config(limits)
            .build();
        Self {
            client: Client::from_conf(config),
            bucket: bucket.into(),
        }
    }

    fn failed(&self, key: &str, doing: &str, error: &(dyn std::error::Error + 'static)) -> StoreError {
        StoreError {
            key: key.to_owned(),
            detail: format!(
                "cannot be {doing} the bucket {}: {}. Check that the bucket exists in this region and that the role may use it",
                self.bucket,
                DisplayErrorContext(error)
            ),
        }
    }
}

#[async_trait]
impl StoreArtifact for S3StoreArtifact {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let body = ByteStream::from(bytes.to_vec());
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body)
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| self.failed(key, "written to", &error))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(self.failed(key, "read from", &error)),
        };
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| self.failed(key, "read from", &error))?;
        Ok(Some(body.into_bytes().to_vec()))
    }
}
