//! Code scanning: analyses of commits, and their alerts.

use super::FakeGithub;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::{Scan, State, now};
use serde_json::{Value, json};

type At<'a> = (&'a str, &'a str);

/// The part of an alert that a test chooses.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The rule's id.
    pub rule: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// The path in the repository.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
}

impl FakeGithub {
    /// Adds the analysis of a commit by a tool, with its open alerts. A commit with a parent is GitHub's merge of it.
    pub fn add_analysis(&self, slug: &str, number: u64, tool: &str, commit: (&str, Option<&str>), alerts: &[Alert]) {
        let (sha, merged) = commit;
        if let Some(repo) = self.shared.world().state.repos.get_mut(slug) {
            let end = if merged.is_some() { "merge" } else { "head" };
            repo.merges
                .extend(merged.map(|merged| (sha.to_owned(), merged.to_owned())));
            repo.scans.push(Scan {
                reference: format!("refs/pull/{number}/{end}"),
                commit: sha.to_owned(),
                tool: tool.to_owned(),
                alerts: alerts.to_vec(),
            });
        }
    }
}

pub(crate) fn list(state: &State, request: &ApiRequest, at: At, what: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "security_events")?;
    let of_reference = |scan: &&Scan| request.query("ref").is_none_or(|reference| scan.reference == reference);
    let scans: Vec<&Scan> = repo.scans.iter().filter(of_reference).collect();
    if scans.is_empty() {
        return Err(Reply::error(404, "no analysis found"));
    }
    let base = format!("{}/repos/{}/code-scanning", request.api, repo.slug);
    let entries: Vec<Value> = match what {
        "analyses" => scans
            .iter()
            .enumerate()
            .map(|(id, scan)| analysis(&base, id, scan))
            .collect(),
        _ => {
            let alerts = scans
                .iter()
                .flat_map(|scan| scan.alerts.iter().map(move |alert| (scan, alert)));
            alerts
                .enumerate()
                .map(|(number, (scan, one))| alert(&base, number + 1, scan, one))
                .collect()
        }
    };
    Ok(Reply::page(request, &entries))
}

fn analysis(base: &str, id: usize, scan: &Scan) -> Value {
    json!({
        "ref": scan.reference, "commit_sha": scan.commit, "analysis_key": "scan.yml:scan", "environment": "{}",
        "category": "scan.yml:scan", "error": "", "created_at": now(), "results_count": scan.alerts.len(),
        "rules_count": 10, "id": id, "url": format!("{base}/analyses/{id}"), "sarif_id": "6c81cd8e", "deletable": true,
        "tool": { "name": scan.tool, "guid": null, "version": "1.0.0" }, "warning": "",
    })
}

fn alert(base: &str, number: usize, scan: &Scan, alert: &Alert) -> Value {
    json!({
        "number": number, "created_at": now(), "url": format!("{base}/alerts/{number}"),
        "html_url": format!("{base}/{number}"), "state": "open", "fixed_at": null, "dismissed_by": null,
        "dismissed_at": null, "dismissed_reason": null, "dismissed_comment": null,
        "instances_url": format!("{base}/alerts/{number}/instances"),
        "rule": {
            "id": alert.rule, "severity": "error", "security_severity_level": alert.severity,
            "tags": ["security", "external/cwe/cwe-089"], "description": "A query from a user's text", "name": alert.rule,
        },
        "tool": { "name": scan.tool, "guid": null, "version": "1.0.0" },
        "most_recent_instance": {
            "ref": scan.reference, "analysis_key": "scan.yml:scan", "category": "scan.yml:scan", "environment": "{}",
            "state": "open", "commit_sha": scan.commit, "message": { "text": "This query depends on a user's text." },
            "location": {
                "path": alert.path, "start_line": alert.line, "end_line": alert.line, "start_column": 1,
                "end_column": 10,
            },
            "classifications": [],
        },
    })
}

/// Answers with a git commit: one of the repository, or GitHub's merge.
pub(crate) fn commit(state: &State, request: &ApiRequest, at: At, sha: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let parents: Vec<String> = match repo.merges.get(sha) {
        Some(merged) => vec![merged.clone()],
        None if repo.knows_commit(sha) => Vec::new(),
        None => return Err(Reply::not_found()),
    };
    let url = |kind: &str, sha: &str| format!("{}/repos/{}/git/{kind}/{sha}", request.api, repo.slug);
    let person = json!({ "date": now(), "name": "Ann", "email": "ann@example.com" });
    let parents: Vec<Value> = parents
        .iter()
        .map(|sha| json!({ "sha": sha, "url": url("commits", sha), "html_url": url("commits", sha) }))
        .collect();
    Ok(Reply::json(
        200,
        &json!({
            "sha": sha, "node_id": "MDY6Q29tbWl0", "url": url("commits", sha), "html_url": url("commits", sha),
            "author": person, "committer": person, "message": "Merge", "parents": parents,
            "tree": { "sha": sha, "url": url("trees", sha) },
            "verification": {
                "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
            },
        }),
    ))
}
