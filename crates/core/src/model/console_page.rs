//! Addresses of a run's pages in the console, for links on pull requests.

use url::Url;

use super::run_name::RunName;

/// Returns the page of a run.
pub fn of_run(console: &Url, run: &RunName) -> Option<Url> {
    console.join(&format!("reviews/{run}")).ok()
}

/// Returns the page on which people decide about a run.
pub fn of_decision(console: &Url, run: &RunName) -> Option<Url> {
    console.join(&format!("reviews/{run}/decide")).ok()
}
