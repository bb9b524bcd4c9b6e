//! A run in its variants, and the approval page.

use holdfast_console::view::{
    ApprovalView, AuditEntry, Failure, FileDiff, Identity, Picture, Question, Refresh, RunActions, RunHead, RunView,
    Span, SpanEnd, SpanKind, TierUsage, Timeline, UnitEnd, UnitSummary, file_rows, findings_in_diff, shown_and_folded,
};
use holdfast_console::{href, page};
use holdfast_core::model::finding::Severity;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::stage::state;

use super::{BASE, HEAD, HOUR_MS, MINUTE_MS, NOW_MS, RUN, Say, change, form, frame, pull_request};

/// When the failed run failed.
const FAILED_MS: i64 = NOW_MS - 3 * HOUR_MS + 175_000;

pub fn pages(say: Say) -> Vec<(String, String)> {
    let signed_in = Identity::SignedIn { name: say("mira-holt") };
    let code = Identity::Code {
        login: say("ines-mora"),
        sign_in_at: Some("/sign-in".to_owned()),
    };
    let first = Identity::SignInFirst {
        sign_in_at: "/sign-in".to_owned(),
    };
    let mut pages: Vec<(&str, String)> = vec![
        ("run-awaiting", page::run::page(&awaiting(say))),
        ("run-published", page::run::page(&published(say))),
        ("run-running", page::run::page(&running(say))),
        ("run-large", page::run::page(&large(say))),
        ("run-failed", page::run::page(&failed(say))),
        ("approval", page::approval::page(&approval(signed_in.clone(), say))),
        ("approval-code", page::approval::page(&approval(code, say))),
        ("approval-sign-in", page::approval::page(&approval(first, say))),
    ];
    let whole = ApprovalView {
        unreviewed: 0,
        notes: Vec::new(),
        ..approval(signed_in, say)
    };
    pages.push(("approval-whole", page::approval::page(&whole)));
    let operator = approval(Identity::OperatorOnly, say);
    pages.push(("approval-operator", page::approval::page(&operator)));
    let mut report = change::report(RunStatus::AwaitingApproval, say);
    for (finding, folded) in report.findings.iter_mut().zip([false, false, false, true, true]) {
        finding.folded = folded;
    }
    let folded = of_report(report, Identity::SignedIn { name: say("mira-holt") }, say);
    pages.push(("approval-folded", page::approval::page(&folded)));
    pages.into_iter().map(|(name, html)| (name.to_owned(), html)).collect()
}

fn head(status: RunStatus, ended_ms: Option<i64>, say: Say) -> RunHead {
    RunHead {
        run: RUN.to_owned(),
        status,
        repository: say("tideline/ledger"),
        pull_request: Some(pull_request(482, "Settle transfers at most once", say)),
        base: Some(say(BASE)),
        head: say(HEAD),
        author: Some(say("jonas-wren")),
        model: "anthropic/claude-sonnet-5".parse().ok(),
        started_ms: NOW_MS - 3 * HOUR_MS,
        ended_ms,
        needs_cleaning: false,
    }
}

fn awaiting(say: Say) -> RunView {
    let report = change::report(RunStatus::AwaitingApproval, say);
    let units: Vec<UnitSummary> = report
        .coverage
        .iter()
        .filter(|entry| entry.attempts > 0)
        .zip(1..)
        .map(|(entry, number)| unit(&format!("u{number:04}"), &entry.path, UnitEnd::Reviewed, say))
        .collect();
    RunView {
        frame: frame(say),
        head: head(RunStatus::AwaitingApproval, None, say),
        actions: RunActions {
            cancel: Some(form(&href::action(RUN, "cancel"))),
            approve: Some(form(&href::action(RUN, "decide"))),
            reject: Some(form(&href::action(RUN, "decide"))),
            decide_at: Some(href::approval("kq3tJ0w2-demo")),
            ..RunActions::default()
        },
        refresh: Refresh::Never,
        failure: None,
        retried_until_ms: None,
        picture: Some(picture()),
        timeline: timeline(3, None, say),
        files: file_rows(&report.coverage, &units),
        diffs: diffs(&report, say),
        tiers: tiers(say),
        audit: Vec::new(),
        report: Some(report),
    }
}

fn published(say: Say) -> RunView {
    let report = change::report(RunStatus::Published, say);
    RunView {
        head: head(RunStatus::Published, Some(NOW_MS - HOUR_MS), say),
        actions: RunActions::default(),
        timeline: timeline(4, Some(NOW_MS - HOUR_MS), say),
        audit: vec![AuditEntry {
            at_ms: NOW_MS - HOUR_MS - MINUTE_MS,
            who: say("mira-holt"),
            did: "approved, 1 finding left out".to_owned(),
            reason: Some(say("The race is real; the log line is fixed in #485 already.")),
            known_by: say("GitHub sign-in"),
            page_version: Some(say("9c1185a5c5e9fc54612808977ee8f548b2258d31")),
        }],
        report: Some(report),
        ..awaiting(say)
    }
}

fn running(say: Say) -> RunView {
    let units = [
        unit("u0001", "src/ledger/settle.rs", UnitEnd::Running, say),
        unit("u0002", "web/src/bank/retry.ts", UnitEnd::Reviewed, say),
        unit(
            "u0003",
            "src/bank/client.rs",
            UnitEnd::Unreviewed("the provider refused the key".to_owned()),
            say,
        ),
        unit("u0004", "docs/settling.md", UnitEnd::Queued, say),
    ];
    RunView {
        head: RunHead {
            started_ms: NOW_MS - 95_000,
            ..head(RunStatus::Running, None, say)
        },
        refresh: Refresh::EverySeconds(30),
        report: None,
        actions: RunActions {
            cancel: Some(form(&href::action(RUN, "cancel"))),
            ..RunActions::default()
        },
        timeline: timeline(1, None, say),
        files: file_rows(&[], &units),
        diffs: Vec::new(),
        tiers: Vec::new(),
        ..awaiting(say)
    }
}

/// Returns a run of so many files that most are folded, on a page that doesn't refresh itself.
fn large(say: Say) -> RunView {
    let mut units = vec![unit("u0000", "src/ledger/settle.rs", UnitEnd::Running, say)];
    units.extend((1..60).map(|number| {
        let end = if number < 20 {
            UnitEnd::Reviewed
        } else {
            UnitEnd::Queued
        };
        unit(
            &format!("u{number:04}"),
            &format!("src/ledger/part_{number:02}.rs"),
            end,
            |path| path.to_owned(),
        )
    }));
    RunView {
        refresh: Refresh::Stopped,
        files: file_rows(&[], &units),
        ..running(say)
    }
}

fn failed(say: Say) -> RunView {
    RunView {
        head: RunHead {
            needs_cleaning: true,
            base: None,
            author: None,
            ..head(RunStatus::Failed, Some(FAILED_MS), say)
        },
        report: None,
        actions: RunActions {
            redrive: Some(form(&href::action(RUN, "redrive"))),
            replay: Some(form(&href::action(RUN, "replay"))),
            clean: Some(form(&href::action(RUN, "cancel"))),
            ..RunActions::default()
        },
        failure: Some(Failure {
            error: "GithubForbidden".to_owned(),
            cause: say("POST /repos/tideline/ledger/pulls/482/reviews: 403 Resource not accessible by integration"),
        }),
        retried_until_ms: Some(FAILED_MS + 86_400_000),
        timeline: timeline(2, Some(FAILED_MS), say),
        files: Vec::new(),
        diffs: Vec::new(),
        tiers: Vec::new(),
        picture: None,
        ..awaiting(say)
    }
}

fn unit(id: &str, path: &str, end: UnitEnd, say: Say) -> UnitSummary {
    UnitSummary {
        id: id.to_owned(),
        path: if path.len() > 60 { path.to_owned() } else { say(path) },
        attempts: u32::from(end != UnitEnd::Queued),
        started_ms: Some(NOW_MS - HOUR_MS),
        ended_ms: None,
        end,
    }
}

fn picture() -> Picture {
    Picture {
        src: href::picture(RUN),
        width: 1_310,
        height: 1_934,
    }
}

/// Returns the states up to the first one (1), a failed one (2), the waiting one (3) or the last one (4).
fn timeline(until: usize, ended_ms: Option<i64>, say: Say) -> Timeline {
    let begin = NOW_MS - if until == 1 { 95_000 } else { 3 * HOUR_MS };
    let states: [(&str, i64, i64, SpanKind); 9] = [
        (state::OPEN_REVIEW, 0, 2_100, SpanKind::Work),
        (state::PLAN_REVIEW, 2_100, 2_900, SpanKind::Work),
        (state::ROUTE_REVIEWABLE, 2_900, 2_901, SpanKind::Step),
        (state::GATHER_CONTEXT, 2_901, 9_400, SpanKind::Work),
        (state::REVIEW_EACH_UNIT, 9_400, 171_000, SpanKind::Work),
        (state::AGGREGATE_FINDINGS, 171_000, 171_700, SpanKind::Work),
        (state::SUMMARIZE_REVIEW, 171_700, 180_000, SpanKind::Work),
        (state::REQUEST_APPROVAL, 180_000, 7_140_000, SpanKind::Wait),
        (state::PUBLISH_REVIEW, 7_140_000, 7_144_000, SpanKind::Work),
    ];
    let (count, last) = match until {
        1 => (5, SpanEnd::Open),
        2 => (5, SpanEnd::Failed),
        3 => (8, SpanEnd::Open),
        _ => (9, SpanEnd::Passed),
    };
    let spans = states
        .iter()
        .take(count)
        .enumerate()
        .map(|(index, (state, entered, left, kind))| {
            let end = if index + 1 == count { last } else { SpanEnd::Passed };
            Span {
                state: say(state),
                entered_ms: begin + entered,
                left_ms: (end != SpanEnd::Open).then_some(begin + left),
                until_ms: None,
                kind: *kind,
                end,
                tries: if *state == state::OPEN_REVIEW { 2 } else { 1 },
            }
        })
        .collect();
    Timeline { spans, ended_ms }
}

fn tiers(say: Say) -> Vec<TierUsage> {
    vec![
        TierUsage {
            tier: Tier::Strong,
            model: say("anthropic/claude-sonnet-5"),
            calls: 8,
            cache_hits: 1,
            input_tokens: 71_900,
            output_tokens: 8_630,
            cost_usd: Some(0.35),
        },
        TierUsage {
            tier: Tier::Light,
            model: say("anthropic/claude-haiku-5"),
            calls: 3,
            cache_hits: 1,
            input_tokens: 12_310,
            output_tokens: 807,
            cost_usd: Some(0.04),
        },
    ]
}

fn diffs(report: &Report, say: Say) -> Vec<FileDiff> {
    findings_in_diff(&report.findings, change::change(say).as_ref())
}

fn approval(identity: Identity, say: Say) -> ApprovalView {
    of_report(change::report(RunStatus::AwaitingApproval, say), identity, say)
}

fn of_report(report: Report, identity: Identity, say: Say) -> ApprovalView {
    let (diffs, folded) = shown_and_folded(&report.findings, false, change::change(say).as_ref());
    ApprovalView {
        frame: frame(say),
        question: Question {
            run: RUN.to_owned(),
            repository: say("tideline/ledger"),
            pull_request: pull_request(482, "Settle transfers at most once", say),
            author: Some(say("jonas-wren")),
            head: HEAD.to_owned(),
            asked_by: say("holdfast[bot]"),
            asked_ms: NOW_MS - 3 * HOUR_MS,
            expires_ms: NOW_MS + 45 * HOUR_MS,
            round: 1,
            worst: Severity::Critical,
            rest_is_published: false,
            page_version: "9c1185a5c5e9fc54612808977ee8f548b2258d31".to_owned(),
        },
        form: form(&href::approval("kq3tJ0w2-demo")),
        identity,
        diffs,
        folded,
        summary: report.summary,
        notes: report.notes,
        unreviewed: 1,
    }
}
