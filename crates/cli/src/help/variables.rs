//! The environment variables that commands read, in groups.

/// Environment variables under one label.
pub type Group = (&'static str, &'static [&'static str]);

/// The models and their providers.
pub const MODELS: Group = (
    "models",
    &[
        "HOLDFAST_MODEL",
        "HOLDFAST_MODEL_LIGHT",
        "HOLDFAST_MODEL_FALLBACK",
        "HOLDFAST_MODEL_BATCH",
        "HOLDFAST_MODEL_URL",
        "HOLDFAST_ALLOW_HTTP",
        "HOLDFAST_MODEL_TIMEOUT_SECONDS",
        "HOLDFAST_MODEL_CONTEXT_TOKENS",
        "HOLDFAST_MODEL_OUTPUT_TOKENS",
        "HOLDFAST_MODEL_PRICES",
        "HOLDFAST_MAX_CONCURRENCY",
        "HOLDFAST_MODEL_REQUESTS_PER_MINUTE",
        "HOLDFAST_MODEL_TOKENS_PER_MINUTE",
        "HOLDFAST_ACCOUNT_SHARES",
        "HOLDFAST_MODEL_PATIENCE",
        "HOLDFAST_MODEL_LIMIT_PATIENCE",
        "HOLDFAST_SPEND_PER_RUN",
        "HOLDFAST_SPEND_PER_MONTH",
        "HOLDFAST_SPEND_PER_REPOSITORY_MONTH",
        "HOLDFAST_SPEND_PER_AUTHOR_MONTH",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
    ],
);
/// The account that reads and writes on GitHub.
pub const GITHUB: Group = (
    "GitHub",
    &[
        "GITHUB_TOKEN",
        "HOLDFAST_GITHUB_APP_ID",
        "HOLDFAST_GITHUB_APP_KEY_FILE",
        "HOLDFAST_GITHUB_APP_KEY",
        "HOLDFAST_GITHUB_APP_CLIENT_ID",
        "HOLDFAST_GITHUB_APP_CLIENT_SECRET",
        "HOLDFAST_GITHUB_URL",
        "HOLDFAST_GITHUB_PATIENCE",
        "HOLDFAST_GITHUB_WRITES_PER_MINUTE",
        "HOLDFAST_MARKER_KEY",
        "HOLDFAST_WEBHOOK_SECRET",
    ],
);
/// Approvers, mails and links.
pub const PEOPLE: Group = (
    "people",
    &[
        "HOLDFAST_APPROVERS",
        "HOLDFAST_MAIL_FROM",
        "HOLDFAST_SMTP_URL",
        "HOLDFAST_PUBLIC_URL",
    ],
);
/// The place of the data directory.
pub const DATA: Group = ("data", &["HOLDFAST_DATA", "XDG_STATE_HOME", "HOME"]);
/// The log on stderr.
pub const LOG: Group = ("log", &["HOLDFAST_LOG"]);
/// Reviews that are retried.
pub const RETRIES: Group = ("retries", &["HOLDFAST_RETRY_WITHIN"]);
/// The metrics.
pub const METRICS: Group = (
    "metrics",
    &[
        "HOLDFAST_METRICS_LISTEN",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_SERVICE_NAME",
    ],
);
/// A deployment on AWS, and the credentials for it.
pub const STACK: Group = ("AWS", &["HOLDFAST_STACK", "AWS_PROFILE", "AWS_REGION"]);
/// The addresses of AWS's services, and the credentials for them.
pub const ENDPOINTS: Group = (
    "AWS",
    &[
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_REGION",
    ],
);

/// The look of the output.
pub const TERMINAL: [&str; 3] = ["COLUMNS", "NO_COLOR", "TERM"];
/// The look of the output, and the CI system.
pub const REVIEW_VARIABLES: [&str; 8] = [
    "GITHUB_BASE_REF",
    "GIT_INDEX_FILE",
    "COLUMNS",
    "NO_COLOR",
    "TERM",
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
];
