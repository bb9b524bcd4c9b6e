//! Invokes functions through the Lambda API. Failures have the names that AWS Step Functions gives them.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Deserialize;

use crate::account;

/// Time limit of one call: a function may take 15 minutes, and its answer arrives a little later.
const MAX_CALL_TIME: Duration = Duration::from_secs(15 * 60 + 30);
/// The error type of a failure that names none.
const UNKNOWN: &str = "Lambda.Unknown";

/// Why a function gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct LambdaFailure {
    /// The function's own error type, or `Lambda.` and the service's name for it.
    pub error_type: String,
    /// A text for people.
    pub message: String,
}

/// Invokes functions. The SDK retries nothing: the workflow does.
#[derive(Clone, Debug)]
pub struct LambdaInvoke {
    client: Client,
}

impl LambdaInvoke {
    /// Uses the account and region of `config`, and `endpoint` if there is one. Limits: 5 s to connect, 15.5 min a
    /// call.
    pub fn new(config: &SdkConfig, endpoint: Option<&str>) -> Self {
        let mut builder = aws_sdk_lambda::config::Builder::from(config)
            .behavior_version(account::behavior_version())
            .retry_config(account::no_retries())
            .timeout_config(account::limits(MAX_CALL_TIME))
            // A function that works sends nothing until it ends.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(builder.build()),
        }
    }

    /// Invokes a function, by name or ARN, with its version or alias, and returns the JSON of its answer.
    ///
    /// # Errors
    /// The function's own failure, or the service's.
    pub async fn invoke(&self, function: &str, payload: String) -> Result<Vec<u8>, LambdaFailure> {
        let sent = self.client.invoke().function_name(function).payload(Blob::new(payload));
        let answer = sent.send().await.map_err(|error| service_failure(&error))?;
        let bytes = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            return Err(function_failure(&bytes));
        }
        Ok(if bytes.is_empty() { b"null".to_vec() } else { bytes })
    }
}

/// Lambda's report of a failed function.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reported {
    error_type: Option<String>,
    error_message: Option<String>,
}

fn function_failure(payload: &[u8]) -> LambdaFailure {
    let reported: Reported = serde_json::from_slice(payload).unwrap_or_default();
    let named = reported.error_type.filter(|name| !name.is_empty());
    LambdaFailure {
        error_type: named.unwrap_or_else(|| UNKNOWN.to_owned()),
        message: reported
            .error_message
            .unwrap_or_else(|| "the function failed without a message".to_owned()),
    }
}

fn service_failure(error: &SdkError<InvokeError, HttpResponse>) -> LambdaFailure {
    let name = match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            match answer.err().code() {
                Some(code) if code.ends_with("Exception") => code.to_owned(),
                _ if status == 404 => "ResourceNotFoundException".to_owned(),
                _ if status == 429 => "TooManyRequestsException".to_owned(),
                _ if status >= 500 => "ServiceException".to_owned(),
                _ => "AWSLambdaException".to_owned(),
            }
        }
        _ => "SdkClientException".to_owned(),
    };
    LambdaFailure {
        error_type: format!("Lambda.{name}"),
        message: account::failure_line(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_failure_has_its_own_name_or_lambdas() {
        let failure = |payload: &str| function_failure(payload.as_bytes());
        let named = failure(r#"{"errorType": "Oops", "errorMessage": "it broke", "trace": []}"#);
        assert_eq!(named.to_string(), "Oops: it broke");
        assert_eq!(failure(r#"{"errorMessage": "timed out"}"#).error_type, UNKNOWN);
        assert_eq!(failure("<html>").error_type, UNKNOWN);
    }
}
