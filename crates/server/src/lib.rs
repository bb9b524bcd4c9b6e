//! The servers of this machine: [`serve`](serve::run) with the webhook, the console, the approval pages and the runner
//! in one process, and [`setup`](setup::run), which creates the GitHub App in a browser.

pub mod local_host;
pub mod serve;
pub mod setup;
pub mod step_functions_api;
