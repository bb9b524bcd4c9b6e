//! The real program from the outside: its output, its exit status, and the requests that its servers receive.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod afterwards;
mod artifacts;
mod bad_input;
mod batches;
mod browser;
mod ci;
mod desk;
mod documented;
mod evidence;
mod fix;
mod formats;
mod github_waits;
mod init;
mod kills;
mod metrics;
mod metrics_text;
mod models;
mod money;
mod no_disk;
mod noise;
mod operator;
mod outage;
mod own_data;
mod packaging;
mod parts;
mod pull_page;
mod pull_request;
mod reference;
mod remembers;
mod replay;
mod replay_differs;
mod review;
mod secrets;
mod serve;
mod settings;
mod setup;
mod silence;
mod support;
mod team_rules;
mod tools;
mod triggers;
mod upgrade;
mod waiting;
