//! Reads the SARIF files of a review: the reports of the team's own tools.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use holdfast_core::evidence::{Evidence, MAX_SARIF_BYTES, MAX_SARIF_FILES, Places, read_sarif};
use holdfast_core::model::change::Target;
use holdfast_core::model::run::RunEvidence;
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Reads the files. Paths in them that are absolute lie below the work tree, the current folder or the CI job's folder.
///
/// # Errors
/// Names the file that can't be read, is too large or isn't SARIF.
pub fn read(files: &[PathBuf], target: &Target) -> Result<Evidence, Failure> {
    if files.len() > MAX_SARIF_FILES {
        return Err(Failure::usage(format!(
            "--evidence names {} files, and at most {MAX_SARIF_FILES} are read: merge them into fewer",
            files.len()
        )));
    }
    let tree = match target {
        Target::WorkTree { path, .. } => Some(path.clone()),
        Target::PullRequest { .. } => None,
    };
    let here = std::env::current_dir()
        .ok()
        .and_then(|path| path.to_str().map(str::to_owned));
    let of_job = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    let roots: Vec<String> = tree.into_iter().chain(of_job).chain(here).collect();
    let places = Places::below(roots.iter().map(String::as_str));
    let mut evidence = Evidence::default();
    for file in files {
        let bytes = read_bytes(file)?;
        let read = read_sarif(&bytes, &places)
            .map_err(|problem| Failure::usage(format!("--evidence {}: {problem}", file.display())))?;
        evidence.add(read);
    }
    Ok(evidence)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| Failure::usage(format!("--evidence {}: {why}", path.display()));
    let unreadable = |error: std::io::Error| failed(format!("the file can't be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe might never end.
    if !metadata.is_file() {
        return Err(failed(
            "no regular file: write the tool's report to a file first".to_owned(),
        ));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_SARIF_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SARIF_BYTES {
        let most = MAX_SARIF_BYTES / 1024 / 1024;
        return Err(failed(format!(
            "larger than {most} MiB: let the tool read fewer files or fewer rules"
        )));
    }
    Ok(bytes)
}

/// Returns the part of a run's input that names its reports; none without tools.
pub fn of_run(evidence: &Evidence) -> Option<RunEvidence> {
    if evidence.tools.is_empty() {
        return None;
    }
    let text = serde_json::to_vec(evidence).unwrap_or_default();
    Some(RunEvidence {
        digest: hex::encode(Sha256::digest(text)),
        tools: evidence.tools.iter().map(|tool| tool.name.clone()).collect(),
    })
}

/// Returns the line for the report: the tools, and the number of their reports.
pub fn note(evidence: &Evidence) -> Option<String> {
    (!evidence.tools.is_empty()).then(|| format!("Evidence: {}", evidence.note("the repository's files")))
}
