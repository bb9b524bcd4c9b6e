//! Shared by the AWS adapters: the account's configuration with every limit of the SDK's clients, and the one-line text
//! of a failed call. The SDK retries nothing: the workflow does.

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

/// Time limit of connecting.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time limit of one call, except for the kinds below.
const MAX_CALL_TIME: Duration = Duration::from_secs(30);
/// Time limit of one call about rows: a run waits for its claim.
pub(crate) const MAX_ROW_CALL_TIME: Duration = Duration::from_secs(20);
/// Time limit of one call about artifacts, which may be large.
pub(crate) const MAX_ARTIFACT_CALL_TIME: Duration = Duration::from_secs(60);
/// Maximum number of attempts of a call that no workflow retries.
const MAX_ATTEMPTS: u32 = 6;
/// Maximum length of a failure's text, in characters.
const MAX_FAILURE_CHARS: usize = 400;

/// Loads the account and region of the environment. Limits: 5 s to connect, 30 s a call, no retries.
pub async fn load() -> SdkConfig {
    configured(aws_config::defaults(behavior_version())).await
}

/// Loads the account where there may be none. The region is that of the environment or the profile, else `region`; no
/// other machine is queried for it.
pub async fn load_or(region: &'static str) -> SdkConfig {
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::from_static(region));
    configured(aws_config::defaults(behavior_version()).region(chain)).await
}

async fn configured(config: ConfigLoader) -> SdkConfig {
    config
        .retry_config(no_retries())
        .timeout_config(limits(MAX_CALL_TIME))
        .load()
        .await
}

/// Loads the account for a command at a terminal, which no workflow retries: a call that AWS throttles or fails is
/// retried at most five times within its time limit.
pub async fn load_with_retries() -> SdkConfig {
    let config = load().await.into_builder();
    config
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .build()
}

/// Returns the version of the SDK's defaults that these adapters are written for.
pub(crate) fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Disables retries: a client that retries multiplies the workflow's attempts.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

/// Returns the time limits of a client. After a timeout the effect may still happen.
pub(crate) fn limits(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(MAX_CONNECT_TIME)
        .operation_timeout(call)
        .build()
}

/// Returns a failure as one line, without the answer's bytes, which the SDK's own text includes: they may hold a
/// credential.
pub(crate) fn failure_line<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => match answer.err().code() {
            Some(code) => named_line(code, answer.err().message()),
            None => format!("an error without a name, status {}", answer.raw().status().as_u16()),
        },
        SdkError::ResponseError(_) => "an answer that cannot be read".to_owned(),
        other => chain(other),
    }
}

/// Returns a service's error as one line.
pub(crate) fn named_line(code: &str, message: Option<&str>) -> String {
    match message {
        Some(message) if !quotes_input(code) => one_line(&format!("{code}: {message}")),
        _ => one_line(code),
    }
}

/// Returns an error and its causes as one line. Not for errors of a service.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line = format!("{line}: {error}");
        source = error.source();
    }
    one_line(&line)
}

/// Returns true for an error about a malformed request: its message may quote the request.
fn quotes_input(code: &str) -> bool {
    ["Validation", "Invalid", "Malformed", "Serialization"]
        .iter()
        .any(|word| code.contains(word))
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.take(MAX_FAILURE_CHARS).collect()
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
            assert_eq!(failure_line(&error), expected);
        }
        assert_eq!(
            failure_line(&service(Some("A"), Some(&"b".repeat(1_000)))).len(),
            MAX_FAILURE_CHARS
        );
    }
}
