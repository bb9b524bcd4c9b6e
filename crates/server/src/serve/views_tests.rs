//! The views that are counted from runs and units.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use holdfast_core::stage::{RunHeader, write_artifact};
use holdfast_ops::run_summary::ExecutionSummary;
use serde_json::{Value, json};

use super::*;

const UNIT: &str = "u0001";

#[tokio::test]
async fn a_unit_shows_the_tier_that_answered_each_attempt() {
    use Tier::{Light, Strong};
    for (planned, count, expected) in [
        (Light, 4, &[Light, Light, Light, Strong][..]),
        (Strong, 3, &[Strong; 3]),
    ] {
        let data = tempfile::tempdir().unwrap();
        let store = machine::artifacts(data.path());
        let run = "r-1".parse().unwrap();
        let answer = json!({ "text": "", "stop": "complete", "model": "m", "input_tokens": 1, "output_tokens": 1 });
        let verdict = json!({ "valid": true, "problems": [], "accepted": [], "summary": "", "readable": true });
        let answers = (1..=count).map(|number| (key::answer(&run, UNIT, number), &answer));
        for (key, document) in answers.chain([(key::verdict(&run, UNIT, count), &verdict)]) {
            write_artifact(&store, &key, document).await.unwrap();
        }
        let (shown, accepted) = attempts(&store, &run, UNIT, planned).await.unwrap();
        let tiers: Vec<Tier> = shown.iter().map(|attempt| attempt.tier).collect();
        assert_eq!((tiers.as_slice(), accepted), (expected, Some(count)));
    }
}

#[test]
fn usage_is_counted_for_the_tier_that_answered() {
    let run: Run = serde_json::from_value(json!({
        "version": 2, "run": "r-1", "bucket": "artifacts", "publish": false, "max_concurrency": 1,
        "target": { "kind": "pull_request", "owner": "o", "repository": "r", "number": 1, "head": "b".repeat(40) },
        "model": "anthropic/strong", "model_light": "anthropic/light",
    }))
    .unwrap();
    let plan: Plan = serde_json::from_value(json!({
        "units": [{ "id": UNIT, "path": "a.rs", "hunks": [0], "risk": 10, "tier": "light" }],
        "settled": [], "notes": [],
    }))
    .unwrap();
    let attempt = |input_tokens| AttemptDetails {
        model: String::new(),
        input_tokens,
        output_tokens: 0,
        cost_usd: None,
        cached: false,
        problems: Vec::new(),
    };
    let unit = UnitDetails {
        unit: UNIT.to_owned(),
        path: "a.rs".to_owned(),
        status: "reviewed",
        reason: None,
        states: Vec::new(),
        attempts: [1, 2, 4, 8].map(attempt).into(),
    };
    let counted: Vec<(Tier, String, u64, u64)> = tiers(&run, Some(&plan), &[unit])
        .into_iter()
        .map(|usage| (usage.tier, usage.model, usage.calls, usage.input_tokens))
        .collect();
    let expected = [
        (Tier::Light, "anthropic/light".to_owned(), 3, 7),
        (Tier::Strong, "anthropic/strong".to_owned(), 1, 8),
    ];
    assert_eq!(counted, expected);
}

/// Returns a run of a status that started at a time.
fn run_of(started_ms: i64, execution: &str, status: RunStatus) -> RunSummary {
    RunSummary {
        run: "r-1".parse().unwrap(),
        row: ExecutionSummary {
            arn: String::new(),
            name: "r-1".to_owned(),
            status: execution.parse().unwrap(),
            input: Value::Null,
            error: None,
            cause: None,
            result: None,
            started: serde_json::from_value(json!(started_ms)).unwrap(),
            stopped: None,
        },
        status,
        header: RunHeader::default(),
        failure: None,
        needs_cleaning: false,
        lacks_artifacts: false,
    }
}

#[test]
fn an_open_run_counts_as_open_and_not_as_completed() {
    let now_ms = 100 * DAY_MS;
    let runs = [
        run_of(now_ms, "RUNNING", RunStatus::Running),
        run_of(now_ms, "RUNNING", RunStatus::AwaitingApproval),
        run_of(now_ms, "SUCCEEDED", RunStatus::Published),
        run_of(now_ms, "FAILED", RunStatus::Failed),
        run_of(now_ms - DAYS * DAY_MS, "SUCCEEDED", RunStatus::Published),
    ];
    let (days, statuses) = super::days(&runs, now_ms);
    let last = days.last().unwrap();
    assert_eq!((last.well, last.open, last.troubled), (1, 2, 1));
    assert_eq!(statuses.iter().map(|(_, count)| count).sum::<u64>(), 4);
}

#[test]
fn an_unreviewed_unit_has_its_own_reason() {
    let plan: Plan = serde_json::from_value(json!({
        "units": [{ "id": UNIT, "path": "a.rs", "hunks": [0], "risk": 10, "tier": "light" }],
        "settled": [], "notes": [],
    }))
    .unwrap();
    let unit = UnitDetails {
        unit: UNIT.to_owned(),
        path: "a.rs".to_owned(),
        status: "unreviewed",
        reason: Some("ModelUnauthorized: the key is refused".to_owned()),
        states: Vec::new(),
        attempts: Vec::new(),
    };
    let shown = summaries(Some(&plan), &[unit]).remove(0);
    assert!(
        matches!(&shown.end, UnitEnd::Unreviewed(reason) if reason == "ModelUnauthorized: the key is refused"),
        "{:?}",
        shown.end
    );
}
