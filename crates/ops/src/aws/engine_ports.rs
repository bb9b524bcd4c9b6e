//! The engine's functions behind the Lambda API, and its objects behind the S3 API.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_asl::{parse_payload, payload_text};
use holdfast_aws::account;
use holdfast_aws::lambda::LambdaInvoke;
use holdfast_aws::s3::S3Buckets;
use holdfast_core::port::StoreArtifact;
use serde_json::Value;
use url::Url;

use crate::deployment::EnginePorts;
use crate::failure::Failure;
use holdfast_engine::{FunctionFailure, Functions, Invocation, ObjectFailure, Objects};

/// The region if the environment names none.
const REGION: &str = "us-east-1";

/// Returns the ports, with the credentials of the environment; `lambda` and `s3` replace AWS's own endpoints.
///
/// # Errors
/// Never: a program without the feature `aws` fails here.
pub async fn engine_ports(lambda: Option<&Url>, s3: Option<&Url>) -> Result<EnginePorts, Failure> {
    let config = account::load_or(REGION).await;
    let region = config.region().map_or(REGION, |region| region.as_ref()).to_owned();
    Ok(EnginePorts {
        functions: Arc::new(LambdaFunctions(LambdaInvoke::new(&config, lambda.map(Url::as_str)))),
        objects: Arc::new(S3Objects(S3Buckets::new(&config, s3.map(Url::as_str)))),
        region,
    })
}

/// Functions by name or ARN, whichever the definition names.
struct LambdaFunctions(LambdaInvoke);

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
            message: format!("the answer of {function} isn't valid JSON: {error}"),
        })
    }
}

/// Objects in the buckets that the definition names.
struct S3Objects(S3Buckets);

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
