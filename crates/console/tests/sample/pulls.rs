//! A pull request in its variants.

use holdfast_console::page;
use holdfast_console::view::{PullView, RunRow};
use holdfast_core::ledger::{Anchor, Dismissal, DismissalReason, Entry, EntryState, FindingId, Ledger};
use holdfast_core::model::finding::{Category, Severity, Side};
use holdfast_core::model::finding_source::FindingSource;
use holdfast_core::model::report::{RunStatus, Usage};
use holdfast_core::model::sha::CommitSha;

use super::{BASE, DAY_MS, HEAD, HOUR_MS, MINUTE_MS, NOW_MS, RUN, Say, frame, pull_request};

const FIRST_RUN: &str = "81724055-482-b81e02d6f4a7-1a2b3c4d-1";
const DELETED_RUN: &str = "81724055-482-0c1d2e3f4a5b-1a2b3c4d-1";

pub fn pages(say: Say) -> Vec<(String, String)> {
    let first = PullView {
        runs: vec![run(RunStatus::Running, HEAD, 2 * MINUTE_MS, None, say)],
        usage: Usage::default(),
        uncounted_runs: 1,
        ledger: Ledger::default(),
        ..view(say)
    };
    let clean = PullView {
        ledger: Ledger {
            entries: Vec::new(),
            ..view(say).ledger
        },
        uncounted_runs: 0,
        ..view(say)
    };
    [
        ("pull", view(say)),
        ("pull-first-run", first),
        ("pull-no-findings", clean),
        ("pull-long", long(say)),
    ]
    .map(|(name, view)| (name.to_owned(), page::pull::page(&view)))
    .into()
}

fn view(say: Say) -> PullView {
    let states = [
        (
            Severity::Critical,
            "The balance is read outside of the transaction",
            EntryState::Open,
        ),
        (Severity::Low, "`createHash` is not used", EntryState::Open),
        (
            Severity::Medium,
            "A failed request is retried without a delay",
            EntryState::Closed,
        ),
        (
            Severity::High,
            "The token is logged",
            dismissed(
                "mira-holt",
                DismissalReason::Command {
                    words: say("It is the id of the token, not the token."),
                },
                say,
            ),
        ),
        (
            Severity::Info,
            "The timeout could be a constant",
            dismissed("ines-mora", DismissalReason::Reaction, say),
        ),
        (
            Severity::Medium,
            "The error has no cause",
            dismissed("mira-holt", DismissalReason::DroppedAtApproval, say),
        ),
        (
            Severity::High,
            "The amount can be negative",
            EntryState::Fixed { head: sha(HEAD) },
        ),
        (Severity::Low, "The file is written twice", EntryState::Outdated),
    ];
    let entries = (0..)
        .zip(states)
        .map(|(number, (severity, title, state))| entry(number, severity, &say(title), state, say));
    PullView {
        frame: frame(say),
        repository: say("tideline/ledger"),
        pull_request: pull_request(482, "Settle transfers at most once", say),
        author: Some(say("jonas-wren")),
        runs: vec![
            RunRow {
                run: RUN.to_owned(),
                ..run(RunStatus::Published, HEAD, HOUR_MS, Some(94_000), say)
            },
            RunRow {
                needs_cleaning: true,
                findings: None,
                cost_usd: None,
                worst: None,
                ..run(RunStatus::Failed, BASE, 3 * HOUR_MS, Some(31_000), say)
            },
            RunRow {
                run: FIRST_RUN.to_owned(),
                ..run(RunStatus::Published, BASE, DAY_MS, Some(412_000), say)
            },
        ],
        usage: Usage {
            model_calls: 41,
            input_tokens: 214_300,
            output_tokens: 20_710,
            cost_usd: 0.91,
            unpriced_calls: 0,
            cache_hits: 12,
            wall_ms: 0,
        },
        uncounted_runs: 1,
        ledger: Ledger {
            head: Some(sha(HEAD)),
            base: Some(sha(BASE)),
            entries: entries.collect(),
            ..Ledger::default()
        },
    }
}

/// Returns a pull request with more runs and findings than the page lists.
fn long(say: Say) -> PullView {
    let mut view = view(say);
    let open = (0..260).map(|number| {
        entry(
            number,
            Severity::Medium,
            &format!("Finding {number}"),
            EntryState::Open,
            say,
        )
    });
    view.ledger.entries.extend(open);
    view.ledger.left_out = 3;
    view.runs
        .extend((1..=60).map(|day| run(RunStatus::Superseded, BASE, day * DAY_MS, Some(12_000), say)));
    view
}

fn dismissed(by: &str, reason: DismissalReason, say: Say) -> EntryState {
    EntryState::Dismissed(Dismissal { by: say(by), reason })
}

#[expect(clippy::unwrap_used, reason = "the sample has valid commits")]
fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

fn run(status: RunStatus, head: &str, ago_ms: i64, took_ms: Option<i64>, say: Say) -> RunRow {
    RunRow {
        run: format!("81724055-482-{ago_ms}"),
        status,
        repository: say("tideline/ledger"),
        pull_request: None,
        head: head.to_owned(),
        worst: took_ms.map(|_| Severity::Critical),
        findings: took_ms.map(|_| 7),
        cost_usd: took_ms.map(|_| 0.39),
        started_ms: NOW_MS - ago_ms,
        ended_ms: took_ms.map(|took| NOW_MS - ago_ms + took),
        needs_cleaning: false,
    }
}

#[expect(clippy::unwrap_used, reason = "the sample has valid names")]
fn entry(number: u32, severity: Severity, title: &str, state: EntryState, say: Say) -> Entry {
    let name = |text: &str| text.parse().unwrap();
    Entry {
        id: FindingId::try_from(format!("{number:032x}")).unwrap(),
        anchor: Anchor {
            path: if number < 8 {
                say("src/ledger/settle.rs")
            } else {
                "src/ledger/settle.rs".to_owned()
            },
            side: Side::Right,
            start_line: 10 + number,
            line: 12 + number,
            text: String::new(),
            before: Vec::new(),
            after: Vec::new(),
        },
        category: Category::Correctness,
        severity,
        title: title.to_owned(),
        body: String::new(),
        last_words: None,
        refused: None,
        source: FindingSource::Model,
        confidence: 0.9,
        state,
        dismissed_text: None,
        resolved_before: false,
        touched: number == 1,
        thread: None,
        comment: (number != 1).then_some(1_795_000_000 + u64::from(number)),
        first_run: name(if number == 7 { DELETED_RUN } else { FIRST_RUN }),
        last_run: name(RUN),
    }
}
