//! Reads the SARIF files in artifacts of the workflow runs on a pull request's head. The head's author may have chosen
//! what is in them: everything is bounded, and an artifact that can't be read is a note.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use holdfast_core::count::{counted, size};
use holdfast_core::evidence::{Evidence, MAX_SARIF_BYTES, Places, ToolRuns};
use holdfast_core::model::sha::CommitSha;
use serde::Deserialize;
use tokio::time::Instant;

use super::call::Call;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::Place;
use super::unzip::{self, Contents, Limits};

/// The permission to read artifacts.
const ACTIONS_READ: &str = "Actions: read";
/// Entries on a page: GitHub's maximum.
const PAGE: usize = 100;
/// Maximum number of artifacts of a review.
const MAX_ARTIFACTS: usize = 20;
/// Maximum size of an artifact, in bytes.
const MAX_ARTIFACT_BYTES: usize = 20 * 1024 * 1024;
/// Maximum size of all unpacked files, in bytes.
const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;
/// The time after which no other artifact is downloaded. PlanReview has five minutes.
const MAX_TIME: Duration = Duration::from_secs(90);

#[derive(Debug, Deserialize)]
struct List {
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    id: u64,
    name: String,
    size_in_bytes: u64,
    expired: bool,
    created_at: Option<String>,
    workflow_run: Option<WorkflowRun>,
}

#[derive(Debug, Deserialize)]
struct WorkflowRun {
    id: Option<u64>,
    head_sha: Option<String>,
}

/// Returns the reports in the artifacts with these names.
pub(super) async fn read(
    connection: &GithubConnection,
    place: Place<'_>,
    head: &CommitSha,
    names: &[String],
) -> Result<ToolRuns, Failure> {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let lists = try_join_all(names.iter().map(|name| list(connection, place, name))).await?;
    let mut reading = Reading {
        connection,
        place,
        evidence: Evidence::default(),
        notes: Vec::new(),
        unpacked: 0,
        downloads: 0,
        left_out: 0,
        end: Instant::now() + MAX_TIME,
    };
    for (name, listed) in names.into_iter().zip(lists) {
        let (of_head, has_expired) = of_head(listed, name, head);
        if of_head.is_empty() {
            reading.notes.push(match has_expired {
                true => format!("Artifact {name}: that of this head has expired"),
                false => format!("Artifact {name}: no workflow run on this head has it yet: a later review reads it"),
            });
        }
        for artifact in of_head {
            reading.take(&artifact).await?;
        }
    }
    Ok(reading.finish())
}

/// Returns the newest artifacts with a name.
async fn list(connection: &GithubConnection, place: Place<'_>, name: &str) -> Result<Vec<Artifact>, Failure> {
    let call = connection.get(&place.repository(&["actions", "artifacts"]), ACTIONS_READ);
    let call = call.query("name", name).query("per_page", &PAGE.to_string());
    let list: List = connection.json(call).await?;
    Ok(list.artifacts)
}

/// Returns the newest artifact of each workflow run on the head, the newest run first, and whether one has expired.
fn of_head(listed: Vec<Artifact>, name: &str, head: &CommitSha) -> (Vec<Artifact>, bool) {
    let mut newest: BTreeMap<u64, Artifact> = BTreeMap::new();
    let mut has_expired = false;
    for artifact in listed {
        let run = artifact.workflow_run.as_ref();
        let run = run.filter(|run| run.head_sha.as_deref() == Some(head.as_str()));
        let Some(id) = run.and_then(|run| run.id).filter(|_| artifact.name == name) else {
            continue;
        };
        has_expired |= artifact.expired;
        let age = |artifact: &Artifact| (artifact.created_at.clone(), artifact.id);
        let is_newest = newest.get(&id).is_none_or(|known| age(known) < age(&artifact));
        if !artifact.expired && is_newest {
            newest.insert(id, artifact);
        }
    }
    (newest.into_values().rev().collect(), has_expired)
}

/// The artifacts that have been read so far.
struct Reading<'a> {
    connection: &'a GithubConnection,
    place: Place<'a>,
    evidence: Evidence,
    notes: Vec<String>,
    unpacked: u64,
    downloads: usize,
    /// Artifacts beyond [`MAX_ARTIFACTS`] and [`MAX_TIME`].
    left_out: usize,
    end: Instant,
}

impl Reading<'_> {
    /// Reads an artifact. One that can't be read is a note.
    async fn take(&mut self, artifact: &Artifact) -> Result<(), Failure> {
        if self.downloads == MAX_ARTIFACTS || Instant::now() > self.end {
            self.left_out += 1;
            return Ok(());
        }
        self.downloads += 1;
        let most = MAX_ARTIFACT_BYTES as u64;
        let problems = match self.download(artifact, most).await {
            Ok(archive) => self.unzip(archive).await,
            Err(Failure {
                kind: Kind::TooLong, ..
            }) => {
                let bytes = size(artifact.size_in_bytes.max(most + 1));
                vec![format!("it has {bytes}, and at most {} are read", size(most))]
            }
            Err(Failure {
                kind: Kind::NotFound,
                line,
            }) => vec![line],
            Err(failure) => return Err(failure),
        };
        if !problems.is_empty() {
            self.notes
                .push(format!("Artifact {}: {}", artifact.name, problems.join("; ")));
        }
        Ok(())
    }

    async fn download(&self, artifact: &Artifact, most: u64) -> Result<Vec<u8>, Failure> {
        if artifact.size_in_bytes > most {
            return Err(Failure::new(Kind::TooLong, String::new()));
        }
        let id = artifact.id.to_string();
        let segments = self.place.repository(&["actions", "artifacts", &id, "zip"]);
        let call = Call {
            max_bytes: MAX_ARTIFACT_BYTES,
            ..self.connection.get(&segments, ACTIONS_READ)
        };
        self.connection.download(call).await
    }

    /// Adds the reports of an archive, on a thread for blocking work; returns what is not read.
    async fn unzip(&mut self, archive: Vec<u8>) -> Vec<String> {
        let places = Places::on_runners(self.place.repository.name());
        let limits = Limits {
            file: MAX_SARIF_BYTES,
            all: MAX_UNPACKED_BYTES - self.unpacked,
        };
        let read = tokio::task::spawn_blocking(move || unzip::read(&archive, &places, limits));
        // A panic is the archive's fault too.
        let Ok(Contents {
            evidence,
            problems,
            unpacked,
        }) = read.await
        else {
            return vec!["it is a damaged zip archive".to_owned()];
        };
        self.unpacked += unpacked;
        self.evidence.add(evidence);
        problems
    }

    fn finish(mut self) -> ToolRuns {
        if self.left_out > 0 {
            self.notes.push(format!(
                "{} left out: a review reads at most {MAX_ARTIFACTS} artifacts, in {} s",
                counted(self.left_out, "artifact"),
                MAX_TIME.as_secs()
            ));
        }
        ToolRuns::of_artifacts(self.evidence, self.notes)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use serde_json::{Value, json};

    use super::*;

    fn artifact(id: u64, run: u64, created_at: &str, head: &str) -> Value {
        json!({
            "id": id, "name": "lint", "size_in_bytes": 1, "expired": false, "created_at": created_at,
            "workflow_run": { "id": run, "head_sha": head },
        })
    }

    #[test]
    fn the_newest_artifact_of_each_run_on_the_head_counts() {
        let (head, other) = ("a".repeat(40), "b".repeat(40));
        let with = |mut artifact: Value, field: &str, value: Value| {
            artifact[field] = value;
            artifact
        };
        let row = |id, run, day| artifact(id, run, &format!("2026-01-{day}T00:00:00Z"), &head);
        let rows = [
            (json!([]), vec![], false),
            (
                json!([row(1, 7, "01"), row(2, 7, "02"), row(3, 8, "01")]),
                vec![3, 2],
                false,
            ),
            // The page of a list has no promised order.
            (json!([row(5, 7, "01"), row(4, 7, "02")]), vec![4], false),
            (json!([row(5, 7, "01"), row(6, 7, "01")]), vec![6], false),
            (json!([artifact(1, 7, "2026-01-01T00:00:00Z", &other)]), vec![], false),
            (json!([with(row(1, 7, "01"), "name", json!("lint2"))]), vec![], false),
            (
                json!([with(row(1, 7, "01"), "workflow_run", json!(null))]),
                vec![],
                false,
            ),
            (
                json!([with(row(1, 7, "01"), "workflow_run", json!({ "head_sha": head }))]),
                vec![],
                false,
            ),
            (
                json!([with(row(1, 7, "01"), "created_at", json!(null))]),
                vec![1],
                false,
            ),
            (json!([with(row(1, 7, "01"), "expired", json!(true))]), vec![], true),
            (
                json!([with(row(2, 7, "02"), "expired", json!(true)), row(1, 7, "01")]),
                vec![1],
                true,
            ),
        ];
        for (listed, expected, expired) in rows {
            let artifacts: Vec<Artifact> = serde_json::from_value(listed.clone()).unwrap();
            let (found, has_expired) = of_head(artifacts, "lint", &CommitSha::parse(&head).unwrap());
            let ids: Vec<u64> = found.iter().map(|artifact| artifact.id).collect();
            assert_eq!((ids, has_expired), (expected, expired), "{listed}");
        }
    }
}
