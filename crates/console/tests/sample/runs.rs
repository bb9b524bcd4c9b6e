//! The list of runs.

use holdfast_console::page;
use holdfast_console::view::{DayCount, RunRow, RunsFilter, RunsView};
use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::RunStatus;

use super::{DAY_MS, HEAD, HOUR_MS, MINUTE_MS, NOW_MS, Say, frame, hostile, huge, leaking, plain, pull_request};

pub fn pages() -> Vec<(String, String)> {
    let empty = RunsView {
        rows: Vec::new(),
        total: 0,
        matching: 0,
        pages: 1,
        days: Vec::new(),
        statuses: Vec::new(),
        ..view(plain)
    };
    let nothing = RunsView {
        rows: Vec::new(),
        matching: 0,
        pages: 1,
        filter: RunsFilter {
            status: Some(RunStatus::Failed),
            repository: Some("tideline/ledger".to_owned()),
            text: "no such title".to_owned(),
        },
        ..view(plain)
    };
    let second = RunsView {
        page: 2,
        filter: RunsFilter {
            status: Some(RunStatus::Published),
            ..RunsFilter::default()
        },
        ..view(plain)
    };
    [
        ("runs", view(plain)),
        ("runs-page-2", second),
        ("runs-empty", empty),
        ("runs-no-match", nothing),
        ("runs-hostile", view(hostile)),
        ("runs-leaking", view(leaking)),
        ("runs-huge", view(huge)),
    ]
    .map(|(name, view)| (name.to_owned(), page::runs::page(&view)))
    .into()
}

/// Status, repository, number (0: a work tree), title, worst, findings, cost, age, length, needs cleaning.
type Listed = (
    RunStatus,
    &'static str,
    u64,
    &'static str,
    Option<Severity>,
    Option<u64>,
    f64,
    i64,
    Option<i64>,
    bool,
);

fn view(say: Say) -> RunsView {
    let rows: [Listed; 10] = [
        (
            RunStatus::Running,
            "tideline/ledger",
            488,
            "Batch the nightly statements",
            None,
            None,
            0.0,
            2 * MINUTE_MS,
            None,
            false,
        ),
        (
            RunStatus::AwaitingApproval,
            "tideline/ledger",
            482,
            "Settle transfers at most once",
            Some(Severity::Critical),
            Some(7),
            0.39,
            3 * HOUR_MS,
            None,
            false,
        ),
        (
            RunStatus::Published,
            "tideline/web",
            1207,
            "Show pending transfers in the list",
            Some(Severity::Medium),
            Some(3),
            0.12,
            5 * HOUR_MS,
            Some(94_000),
            false,
        ),
        (
            RunStatus::Failed,
            "tideline/ledger",
            479,
            "Rotate the signing keys without a restart of the settlement workers in every region",
            None,
            Some(0),
            0.04,
            8 * HOUR_MS,
            Some(31_000),
            true,
        ),
        (
            RunStatus::Partial,
            "tideline/infra",
            96,
            "Move the queues to FIFO",
            Some(Severity::High),
            Some(4),
            1.84,
            DAY_MS,
            Some(412_000),
            false,
        ),
        (
            RunStatus::Rejected,
            "tideline/ledger",
            471,
            "Drop the old balance table",
            Some(Severity::High),
            Some(2),
            0.2,
            DAY_MS + HOUR_MS,
            Some(14_400_000),
            false,
        ),
        (
            RunStatus::Superseded,
            "tideline/web",
            1203,
            "Dark theme",
            None,
            None,
            0.0,
            2 * DAY_MS,
            Some(12_000),
            false,
        ),
        (
            RunStatus::Skipped,
            "tideline/docs",
            58,
            "Update the lock files",
            None,
            Some(0),
            0.0,
            2 * DAY_MS,
            Some(3_100),
            false,
        ),
        (
            RunStatus::Reviewed,
            "tideline/sdk",
            0,
            "",
            Some(Severity::Low),
            Some(1),
            0.004,
            3 * DAY_MS,
            Some(21_000),
            false,
        ),
        (
            RunStatus::Published,
            "tideline/sdk",
            311,
            "Paginate accounts",
            Some(Severity::Info),
            Some(1),
            0.03,
            4 * DAY_MS,
            Some(38_000),
            false,
        ),
    ];
    let rows = rows
        .iter()
        .map(
            |(status, repository, number, title, worst, findings, cost, ago, took, needs_cleaning)| RunRow {
                run: say(&format!("81724055-{number}-4f2a91c07be3-1a2b3c4d-1")),
                status: *status,
                repository: say(repository),
                pull_request: (*number > 0).then(|| pull_request(*number, title, say)),
                head: say(HEAD),
                worst: *worst,
                findings: *findings,
                cost_usd: (*cost > 0.0).then_some(*cost),
                started_ms: NOW_MS - ago,
                ended_ms: took.map(|took| NOW_MS - ago + took),
                needs_cleaning: *needs_cleaning,
            },
        )
        .collect();
    let days = [
        3, 7, 5, 0, 1, 9, 12, 8, 14, 11, 2, 0, 6, 10, 13, 9, 7, 4, 1, 8, 15, 12, 10, 9, 3, 1, 11, 16, 12, 5,
    ];
    RunsView {
        frame: frame(say),
        filter: RunsFilter {
            text: if say("x") == "x" { String::new() } else { say("x") },
            ..RunsFilter::default()
        },
        repositories: [
            "tideline/docs",
            "tideline/infra",
            "tideline/ledger",
            "tideline/sdk",
            "tideline/web",
        ]
        .map(say)
        .into(),
        rows,
        matching: 234,
        total: 234,
        page: 1,
        pages: 24,
        days: (0_i64..)
            .zip(days)
            .map(|(index, count)| DayCount {
                day_ms: NOW_MS - (29 - index) * DAY_MS,
                well: count - count / 6 - u64::from(index == 29),
                open: u64::from(index == 29),
                troubled: count / 6,
            })
            .collect(),
        statuses: vec![
            (RunStatus::AwaitingApproval, 1),
            (RunStatus::Running, 2),
            (RunStatus::Published, 166),
            (RunStatus::Reviewed, 21),
            (RunStatus::Partial, 12),
            (RunStatus::Failed, 9),
            (RunStatus::Rejected, 6),
            (RunStatus::Skipped, 11),
            (RunStatus::Superseded, 6),
        ],
    }
}
