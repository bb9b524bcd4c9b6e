//! The engine's functions through the Lambda API, and its objects through S3.

use async_trait::async_trait;
use holdfast_asl::{parse_payload, payload_text};
use holdfast_aws::lambda::LambdaInvoke;
use holdfast_aws::s3::S3Buckets;
use holdfast_core::port::StoreArtifact;
use serde_json::Value;

use holdfast_engine::{FunctionFailure, Functions, Invocation, ObjectFailure, Objects};

/// Functions by name or ARN, as the definition has them.
pub struct LambdaFunctions(pub LambdaInvoke);

#[async_trait]
impl Functions for LambdaFunctions {
    async fn invoke(&self, function: &str, payload: Value, _invocation: Invocation) -> Result<Value, FunctionFailure> {
        let answer = self
            .0
            .invoke(function, payload_text(&payload))
            .await
            .map_err(|failure| FunctionFailure {
                error_type: failure.error_type,
                message: failure.message,
            })?;
        parse_payload(&answer).map_err(|error| FunctionFailure {
            error_type: "Lambda.Unknown".to_owned(),
            message: format!("the answer of {function} is not valid JSON: {error}"),
        })
    }
}

/// Objects in whatever bucket the definition names.
pub struct S3Objects(pub S3Buckets);

#[async_trait]
impl Objects for S3Objects {
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        let found = self.0.bucket(bucket).get(key).await.map_err(|error| ObjectFailure {
            message: error.to_string(),
        })?;
        found.ok_or_else(|| ObjectFailure {
            message: format!("there is no object {key} in {bucket}"),
        })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        self.0
            .bucket(bucket)
            .put(key, &bytes)
            .await
            .map_err(|error| ObjectFailure {
                message: error.to_string(),
            })
    }
}
