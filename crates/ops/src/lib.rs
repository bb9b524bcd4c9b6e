//! Operations that the command line and the server share, on a data directory or on a stack on AWS: review, list, show,
//! decide, cancel, redrive, sweep, replay. They return data and failures, and print nothing. The wiring of the domain
//! to this machine's adapters is here too ([`machine`], [`functions`]).

pub mod access;
pub mod artifact_objects;
pub mod attempt;
pub mod audit;
#[cfg(feature = "aws")]
pub mod aws;
pub mod cancel;
pub mod ci;
pub mod data_directory;
mod deadline;
pub mod decide;
pub mod deployment;
pub mod evaluator;
pub mod evidence;
pub mod executions;
pub mod failure;
pub mod find_run;
pub mod fix;
pub mod functions;
pub mod init;
pub mod lost_artifacts;
pub mod machine;
pub mod mail_report;
pub mod marker_key;
pub mod metrics;
pub mod model_watch;
pub mod models;
pub mod otlp;
pub mod pace;
pub mod pull_runs;
pub mod quality_watch;
pub mod recovery;
pub mod redrive;
pub mod replay;
pub mod repository_page;
pub mod review;
pub mod run_details;
pub mod run_log;
pub mod run_summary;
pub mod sweep;
pub mod tools;
#[cfg(any(test, not(feature = "aws")))]
pub mod without_aws;
pub mod workflow;

pub use holdfast_rules::{check_team_rules, languages, rule_ids};

#[cfg(not(feature = "aws"))]
pub use without_aws as aws;
