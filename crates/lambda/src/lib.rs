//! What the main of every function shares: its settings, the adapters made from them, and the way of an event through a
//! stage. What a stage does is in `holdfast-core`, what an adapter does in the crate of its outside thing.

mod http;
mod invoke;
pub mod metrics;
mod settings;
mod setup;
mod wiring;

pub use holdfast_aws::people::AwsNotifyPeople;
pub use holdfast_aws::dynamodb::DynamodbKeepRows;
pub use holdfast_github::{
    GithubPublishReview, GithubReadChange, GithubReadPermission, GithubRedeliverWebhooks, random_secret,
};
pub use holdfast_models::ModelRouter;
pub use holdfast_aws::s3::S3StoreArtifact;
pub use holdfast_aws::step_functions::StepFunctionsRuns;
pub use holdfast_rules::TreeSitterSyntax;
pub use holdfast_core::stage::request_approval::Asking;
pub use http::{Request, serve_http};
pub use invoke::{Answer, Event, serve, through};
pub use lambda_runtime::Error;
pub use settings::{ALIAS, BUCKET, SECRETS, STATE_MACHINE, TABLE, TOPIC};
pub use setup::{Setup, SetupError, SignIn};
pub use wiring::Wiring;
