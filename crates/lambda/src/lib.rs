//! What the main of every function shares: its settings, the adapters made from them, and the way of an event through a
//! stage. What a stage does is in `holdfast-core`, what an adapter does in `holdfast-adapters`.

mod http;
mod invoke;
pub mod metrics;
mod settings;
mod setup;
mod wiring;

pub use holdfast_adapters::aws_people::AwsNotifyPeople;
pub use holdfast_adapters::dynamodb::DynamodbKeepRows;
pub use holdfast_adapters::github::{
    GithubPublishReview, GithubReadChange, GithubReadPermission, GithubRedeliverWebhooks, random_secret,
};
pub use holdfast_adapters::model_router::ModelRouter;
pub use holdfast_adapters::s3::S3StoreArtifact;
pub use holdfast_adapters::step_functions::StepFunctionsRuns;
pub use holdfast_adapters::syntax::TreeSitterSyntax;
pub use holdfast_core::stage::request_approval::Asking;
pub use http::{Request, serve_http};
pub use invoke::{Answer, Event, serve, through};
pub use lambda_runtime::Error;
pub use settings::{ALIAS, BUCKET, SECRETS, STATE_MACHINE, TABLE, TOPIC};
pub use setup::{Setup, SetupError, SignIn};
pub use wiring::Wiring;
