//! AWS, through its SDKs: tables (DynamoDB), artifacts (S3), secrets (Secrets Manager), people (SES, SNS), runs (Step
//! Functions), functions (Lambda), deployments (CloudFormation) and models (Bedrock).
//!
//! Bounds: each call has a time limit ([`account`]) and one attempt, because the workflow retries; commands that people
//! run at a terminal have six. Errors: the port's own; each text is one line with the service's code, never an answer's
//! bytes.

pub mod account;
pub mod bedrock;
pub mod dynamodb;
pub mod lambda;
pub mod people;
pub mod s3;
pub mod secrets_manager;
pub mod stack;
pub mod step_functions;
