//! What the AWS adapters share: the account's configuration with every limit of the SDK's clients, and what a failed call is
//! told as. The SDK repeats nothing: the workflow does.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Limit to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Limit of one call, but for those below.
const CALL: Duration = Duration::from_secs(30);
/// Limit of one call about rows: a run waits for its claim.
pub(crate) const ROW_CALL: Duration = Duration::from_secs(20);
/// Limit of one call about artifacts, which may be large.
pub(crate) const ARTIFACT_CALL: Duration = Duration::from_secs(60);
/// How often a call is tried where nobody else repeats it.
const ATTEMPTS: u32 = 6;
/// Longest account of a failure, in characters.
const SAID_CHARS: usize = 400;

/// The account and region of the environment. Limits: 5 s to connect, 30 s a call, nothing is repeated.
pub async fn load() -> SdkConfig {
    configured(aws_config::defaults(behavior_version())).await
}

/// The same where there may be no account: the region of the environment or the profile, else `region`. No other machine is
/// asked for it.
pub async fn load_or(region: &'static str) -> SdkConfig {
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::from_static(region));
    configured(aws_config::defaults(behavior_version()).region(chain)).await
}

async fn configured(config: ConfigLoader) -> SdkConfig {
    config
        .retry_config(no_retries())
        .timeout_config(limits(CALL))
        .load()
        .await
}

/// The same for people at a terminal, with no workflow behind them: a call that AWS throttles or fails is repeated, five
/// times at most within its limit.
pub async fn load_with_retries() -> SdkConfig {
    let config = load().await.into_builder();
    config
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build()
}

/// The defaults of the SDK that these adapters were written for.
pub(crate) fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// A client that repeats would multiply the workflow's attempts.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

/// Limits of a client. After a time-out the effect may still happen.
pub(crate) fn limits(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_timeout(call)
        .build()
}

/// What happened, in one line; never the answer's bytes, as the SDK's own account has them: they may hold a credential.
pub(crate) fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            match (answer.err().code(), answer.err().message()) {
                (Some(code), Some(message)) if !quotes_input(code) => one_line(&format!("{code}: {message}")),
                (Some(code), _) => one_line(code),
                (None, _) => format!("an error without a name, status {status}"),
            }
        }
        SdkError::ResponseError(_) => "an answer that cannot be read".to_owned(),
        other => chain(other),
    }
}

/// An error and its causes, in one line. Not for errors of a service.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    one_line(&said)
}

/// What a service says about a request that is not well-formed may quote it.
fn quotes_input(code: &str) -> bool {
    ["Validation", "Invalid", "Malformed", "Serialization"]
        .iter()
        .any(|word| code.contains(word))
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(SAID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answer() -> HttpResponse {
        let refused = StatusCode::try_from(400_u16).unwrap_or_else(|error| panic!("{error}"));
        HttpResponse::new(refused, SdkBody::from("SECRET"))
    }

    fn service(code: Option<&str>, message: Option<&str>) -> SdkError<ErrorMetadata, HttpResponse> {
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        if let Some(message) = message {
            metadata = metadata.message(message);
        }
        SdkError::service_error(metadata.build(), answer())
    }

    #[test]
    fn a_failure_is_one_line_without_the_answers_bytes() {
        let io = || std::io::Error::other("no route\nto host");
        for (error, expected) in [
            (
                service(Some("AccessDeniedException"), Some("the role may not\r\ndo it")),
                "AccessDeniedException: the role may not  do it",
            ),
            (
                service(Some("ValidationException"), Some("SECRET is too long")),
                "ValidationException",
            ),
            (
                service(Some("InvalidExecutionInput"), Some("SECRET")),
                "InvalidExecutionInput",
            ),
            (service(Some("SlowDown"), None), "SlowDown"),
            (service(None, Some("SECRET")), "an error without a name, status 400"),
            (
                SdkError::response_error("SECRET", answer()),
                "an answer that cannot be read",
            ),
            (SdkError::timeout_error(io()), "request has timed out: no route to host"),
            (
                SdkError::construction_failure(io()),
                "failed to construct request: no route to host",
            ),
        ] {
            assert_eq!(said(&error), expected);
        }
        assert_eq!(said(&service(Some("A"), Some(&"b".repeat(1_000)))).len(), SAID_CHARS);
    }
}
