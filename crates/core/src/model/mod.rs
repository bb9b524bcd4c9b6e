//! The data types of a review. Everything that needs the outside world is in `stage`, behind ports.

pub mod address;
pub mod approval;
pub mod approver;
pub mod author_association;
pub mod change;
pub mod error_name;
pub mod failure;
pub mod finding;
pub mod finding_source;
pub mod key;
pub mod marker;
pub mod model_id;
pub mod plan;
pub mod policy;
pub mod price;
pub mod report;
pub mod repository_id;
pub mod repository_name;
pub mod run;
pub mod run_name;
pub mod setting_name;
pub mod settings;
pub mod sha;
pub mod team_name;
pub mod token_limits;
pub mod webhook_secrets;
