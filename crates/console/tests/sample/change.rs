//! A change with findings.

use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus};
use holdfast_core::model::finding::{Category, Finding, Severity, Side};
use holdfast_core::model::finding_source::FindingSource;
use holdfast_core::model::report::{
    Coverage, Gate, GateDecision, Outcome, REPORT_VERSION, Report, ReportModel, ReportTarget, RunStatus, Usage,
};
use holdfast_core::model::sha::CommitSha;

use super::{BASE, HEAD, RUN, Say};

const SETTLE: &[&str] = &[
    " use crate::ledger::{Account, Entry, LedgerError};",
    " use crate::money::Amount;",
    " ",
    "-/// Moves money between two accounts.",
    "+/// Moves money between two accounts, at most once for each `transfer_id`.",
    " pub async fn settle(db: &Database, from: &Account, to: &Account, amount: Amount) -> Result<Entry, LedgerError> {",
    "-    let tx = db.begin().await?;",
    "-    let balance = tx.balance(from.id).await?;",
    "-    if balance < amount {",
    "+    let balance = db.balance(from.id).await?;",
    "+    if balance.cents() - amount.cents() < 0 {",
    "         return Err(LedgerError::Insufficient { account: from.id, balance });",
    "     }",
    "+    let tx = db.begin().await?;",
    "     tx.debit(from.id, amount).await?;",
    "     tx.credit(to.id, amount).await?;",
    "+    tracing::info!(card = %from.card_number, \"settled\");",
    "     tx.commit().await",
    " }",
];

const RETRY: &[&str] = &[
    "+import { createHash } from \"node:crypto\";",
    "+",
    "+// Retries until the bank answers.",
    "+export async function retry<T>(call: () => Promise<T>): Promise<T> {",
    "+  while (true) {",
    "+    try {",
    "+      return await call();",
    "+    } catch (error) {",
    "+      console.warn(`bank: ${error}, again in 0 ms; this line is long on purpose so that it has to scroll inside of its own box and never moves the page`);",
    "+    }",
    "+  }",
    "+}",
];

const MIGRATION: &[&str] = &[
    "+ALTER TABLE entries ADD COLUMN transfer_id uuid NOT NULL DEFAULT gen_random_uuid();",
    "+CREATE UNIQUE INDEX entries_transfer_id ON entries (transfer_id);",
];

/// Characters of a huge line: more than a page shows.
const MAX_LINE_CHARS: usize = 5_000;

pub fn change(say: Say) -> Option<Change> {
    let file = |path: &str, status, patch: Option<String>, omitted: Option<&str>| ChangedFile {
        path: say(path),
        previous_path: (status == FileStatus::Renamed).then(|| say("src/settlement.rs")),
        status,
        kind: FileKind::Text,
        additions: 0,
        deletions: 0,
        patch,
        omitted: omitted.map(str::to_owned),
        secrets: Vec::new(),
    };
    Some(Change {
        base: CommitSha::parse(BASE).ok()?,
        base_tip: None,
        is_branch_here: false,
        head: CommitSha::parse(HEAD).ok()?,
        title: say("Settle transfers at most once"),
        description: String::new(),
        author: Some(say("jonas-wren")),
        url: Some(say("https://github.com/tideline/ledger/pull/482")),
        files: vec![
            file(
                "src/ledger/settle.rs",
                FileStatus::Renamed,
                Some(patch(12, 12, "fn settle", SETTLE, say)),
                None,
            ),
            file(
                "web/src/bank/retry.ts",
                FileStatus::Added,
                Some(patch(0, 1, "", RETRY, say)),
                None,
            ),
            file(
                "migrations/0041_transfer_id.sql",
                FileStatus::Added,
                Some(patch(0, 1, "", MIGRATION, say)),
                None,
            ),
            file("assets/flow.png", FileStatus::Modified, None, Some("binary")),
        ],
        files_total: 4,
        notes: Vec::new(),
    })
}

/// Returns a patch of one hunk. Each foreign text stays in one line and keeps its diff mark.
fn patch(old_start: u32, new_start: u32, section: &str, lines: &[&str], say: Say) -> String {
    let count = |without: char| lines.iter().filter(|line| !line.starts_with(without)).count();
    let body: Vec<String> = lines
        .iter()
        .map(|line| {
            let text: String = say(&line[1..])
                .replace('\n', " ")
                .chars()
                .take(MAX_LINE_CHARS)
                .collect();
            format!("{}{text}", &line[..1])
        })
        .collect();
    let section = say(section).replace('\n', " ");
    format!(
        "@@ -{old_start},{} +{new_start},{} @@ {section}\n{}\n",
        count('+'),
        count('-'),
        body.join("\n")
    )
}

pub fn findings(say: Say) -> Vec<Finding> {
    let finding = |path: &str, lines: (u32, u32), severity, category, title: &str, body: &str| Finding {
        path: say(path),
        side: Side::Right,
        start_line: lines.0,
        line: lines.1,
        severity,
        category,
        title: say(title),
        body: say(body),
        suggestion: None,
        confidence: 0.9,
        source: FindingSource::Model,
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    };
    vec![
        Finding {
            suggestion: Some(say(
                "    let tx = db.begin().await?;\n    let balance = tx.balance_for_update(from.id).await?;",
            )),
            ..finding(
                "src/ledger/settle.rs",
                (17, 18),
                Severity::Critical,
                Category::Correctness,
                "The balance is read outside of the transaction",
                "Two transfers from the same account can both read the old balance, both pass the check and **overdraw** the account. \
                 The base read it inside of `tx`, so this is new.\n\nRead it after `db.begin()` with a row lock:\n\n\
                 1. begin the transaction\n2. `SELECT … FOR UPDATE`\n3. check, then debit",
            )
        },
        finding(
            "src/ledger/settle.rs",
            (24, 24),
            Severity::High,
            Category::Security,
            "Card numbers go to the log",
            "`card_number` is written in full at `info`. Log the account's id, or the last four digits.\n\n```rust\ntracing::info!(account = %from.id, \"settled\");\n```",
        ),
        finding(
            "web/src/bank/retry.ts",
            (5, 10),
            Severity::High,
            Category::Correctness,
            "Retries for ever, without a pause",
            "A bank that is down is called as fast as the loop can turn. Bound the tries and wait between them.",
        ),
        Finding {
            source: FindingSource::of_rule(say("unused-import")),
            confidence: 1.0,
            ..finding(
                "web/src/bank/retry.ts",
                (1, 1),
                Severity::Low,
                Category::Maintainability,
                "`createHash` is not used",
                "Remove the import.",
            )
        },
        Finding {
            side: Side::Left,
            ..finding(
                "src/ledger/settle.rs",
                (18, 18),
                Severity::Medium,
                Category::Testing,
                "The test for the lock went with this line",
                "`settle_is_serial` checked that the transaction begins first; nothing does now.",
            )
        },
        finding(
            "migrations/0041_transfer_id.sql",
            (1, 1),
            Severity::Medium,
            Category::Performance,
            "A volatile default rewrites the whole table",
            "`gen_random_uuid()` is volatile: PostgreSQL writes 400 million rows under an exclusive lock. Add the column without a default, fill it in batches, then set `NOT NULL`.",
        ),
        finding(
            "docs/settling.md",
            (3, 3),
            Severity::Info,
            Category::Documentation,
            "The page still describes two-step settling",
            "Say what `transfer_id` is for.",
        ),
    ]
}

pub fn coverage(say: Say) -> Vec<Coverage> {
    let entry = |path: &str, outcome, reason: Option<&str>, attempts| Coverage {
        path: say(path),
        outcome,
        reason: reason.map(say),
        attempts,
        failure: None,
    };
    vec![
        entry("src/ledger/settle.rs", Outcome::Reviewed, None, 2),
        entry(
            "web/src/bank/retry.ts",
            Outcome::Reviewed,
            Some("1 finding was dropped: it stayed wrong"),
            3,
        ),
        entry("migrations/0041_transfer_id.sql", Outcome::Reviewed, None, 1),
        entry("docs/settling.md", Outcome::Reviewed, None, 1),
        entry(
            "src/bank/client.rs",
            Outcome::Unreviewed,
            Some("no valid answer in 4 attempts; the last problem: /findings/0/line: 412 is not in the diff"),
            4,
        ),
        entry("assets/flow.png", Outcome::Skipped, Some("binary"), 0),
        entry("Cargo.lock", Outcome::Skipped, Some("lock file"), 0),
        entry(
            "web/dist/bundle.min.js",
            Outcome::Skipped,
            Some("generated: minified"),
            0,
        ),
    ]
}

#[expect(clippy::unwrap_used, reason = "the sample has a valid name")]
pub fn report(status: RunStatus, say: Say) -> Report {
    Report {
        version: REPORT_VERSION,
        run: RUN.parse().unwrap(),
        status,
        target: ReportTarget {
            repository: say("tideline/ledger"),
            pull_request: Some(482),
            url: Some(say("https://github.com/tideline/ledger/pull/482")),
            base: BASE.to_owned(),
            head: HEAD.to_owned(),
        },
        model: ReportModel {
            provider: "anthropic".to_owned(),
            name: say("claude-sonnet-5"),
        },
        summary: say(
            "Transfers get a `transfer_id` so that a repeated request settles once. The balance check moved out of the transaction on the way, which opens a race.\n\n\
             8 files changed: 4 reviewed, 3 skipped, 1 unreviewed. Findings: 1 critical, 2 high, 2 medium, 1 low, 1 info.",
        ),
        gate: Gate {
            decision: GateDecision::RequireApproval,
            worst: Some(Severity::Critical),
        },
        findings: findings(say),
        coverage: coverage(say),
        usage: Usage {
            model_calls: 11,
            input_tokens: 84_210,
            output_tokens: 9_437,
            cost_usd: 0.39,
            unpriced_calls: 1,
            cache_hits: 2,
            wall_ms: 212_000,
        },
        notes: vec![say("the walkthrough names 7 of 8 files: one is unreviewed")],
        private_notes: Vec::new(),
        withheld: 0,
        is_undecided: false,
        earlier: Vec::new(),
        silenced: Vec::new(),
        dependencies: Default::default(),
    }
}
