//! Artifacts in an S3 bucket: an artifact's key is the object's key. A write replaces the whole object or nothing.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use holdfast_core::port::{StoreArtifact, StoreError};

use crate::account;

/// Stores artifacts in a bucket. The SDK retries nothing: the workflow does.
#[derive(Clone, Debug)]
pub struct S3StoreArtifact {
    client: Client,
    bucket: String,
}

impl S3StoreArtifact {
    /// Uses `bucket`, with the account and region of `config`. Limits: 5 s to connect, 60 s a call.
    pub fn new(config: &aws_config::SdkConfig, bucket: impl Into<String>) -> Self {
        Self::from_config(aws_sdk_s3::config::Builder::from(config), bucket)
    }

    /// Uses a configuration for S3 only, for example with another endpoint.
    pub fn from_config(config: aws_sdk_s3::config::Builder, bucket: impl Into<String>) -> Self {
        let config = config
            .behavior_version(account::behavior_version())
            .retry_config(account::no_retries())
            .timeout_config(account::limits(account::MAX_ARTIFACT_CALL_TIME))
            .build();
        Self {
            client: Client::from_conf(config),
            bucket: bucket.into(),
        }
    }

    fn failed(&self, key: &str, doing: &str, reason: &str) -> StoreError {
        StoreError {
            key: key.to_owned(),
            detail: format!(
                "cannot be {doing} the bucket {}: {reason}. Check that the bucket exists in this region and that the role may use it",
                self.bucket
            ),
        }
    }
}

/// All buckets of an account or of an S3-compatible server, addressed by path.
#[derive(Clone, Debug)]
pub struct S3Buckets {
    client: Client,
}

impl S3Buckets {
    /// Uses the account and region of `config`, and `endpoint` if there is one. Limits: as for [`S3StoreArtifact`].
    pub fn new(config: &aws_config::SdkConfig, endpoint: Option<&str>) -> Self {
        let mut builder = aws_sdk_s3::config::Builder::from(config)
            .behavior_version(account::behavior_version())
            .retry_config(account::no_retries())
            .timeout_config(account::limits(account::MAX_ARTIFACT_CALL_TIME))
            .force_path_style(true);
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(builder.build()),
        }
    }

    /// Returns the store of one bucket.
    pub fn bucket(&self, bucket: &str) -> S3StoreArtifact {
        S3StoreArtifact {
            client: self.client.clone(),
            bucket: bucket.to_owned(),
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
        sent.map(|_| ())
            .map_err(|error| self.failed(key, "written to", &account::failure_line(&error)))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(self.failed(key, "read from", &account::failure_line(&error))),
        };
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| self.failed(key, "read from", &account::chain(&error)))?;
        Ok(Some(body.into_bytes().to_vec()))
    }
}
