//! The page of the repository that a run reviewed.

use std::path::Path;

use holdfast_core::model::change::Target;
use holdfast_core::model::key;
use holdfast_core::model::report::Report;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreArtifact;
use holdfast_git::origin_page;

use crate::run_summary::read_json;

/// Returns the address of the page: the pull request's repository, or the work tree's remote `origin` without
/// credentials. Returns nothing for a work tree without such a remote, or if the work tree is gone.
pub async fn read(run: &RunName, report: &Report, store: &dyn StoreArtifact) -> Option<String> {
    if let Some(url) = report.target.url.as_deref() {
        return url.rsplit_once("/pull/").map(|(page, _)| page.to_owned());
    }
    match read_json::<Run>(store, &key::run(run)).await {
        Ok(Some(Run {
            target: Target::WorkTree { path, .. },
            ..
        })) => origin_page(Path::new(&path)).await,
        _ => None,
    }
}
