//! Holdfast to the outside: one file (or folder) for each outside thing, each behind a feature of its name.
//!
//! An adapter translates: the outside's shapes into the domain's, the outside's failures into the port's errors. It
//! decides nothing and retries nothing: the workflow owns retries.

#[cfg(feature = "models")]
pub mod anthropic;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws-people")]
pub mod aws_people;
#[cfg(feature = "models")]
pub mod bedrock;
#[cfg(any(feature = "git", feature = "syntax"))]
mod bounded;
#[cfg(feature = "files")]
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "git")]
pub mod git;
#[cfg(feature = "github")]
pub mod github;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "mail")]
mod mail_message;
#[cfg(feature = "models")]
pub mod model_dialect;
#[cfg(feature = "models")]
pub mod model_examine;
#[cfg(feature = "models")]
mod model_failure;
#[cfg(feature = "models")]
pub mod model_http;
#[cfg(feature = "models")]
mod model_reply;
#[cfg(feature = "models")]
pub mod model_router;
#[cfg(feature = "models")]
mod model_schema;
#[cfg(feature = "models")]
mod model_stream;
#[cfg(feature = "models")]
pub mod openai;
#[cfg(all(feature = "files", feature = "mail"))]
pub mod outbox;
#[cfg(any(feature = "git", feature = "github"))]
mod patch;
#[cfg(any(feature = "dynamodb", feature = "sqlite"))]
mod row_form;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "secrets")]
pub mod secrets_manager;
#[cfg(feature = "mail")]
pub mod smtp;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "stack")]
pub mod stack;
#[cfg(feature = "step-functions")]
pub mod step_functions;
#[cfg(feature = "syntax")]
pub mod syntax;
