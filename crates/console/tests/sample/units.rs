//! A unit in its variants.

use holdfast_console::page;
use holdfast_console::view::{Attempt, UnitEnd, UnitSummary, UnitView};
use holdfast_core::model::plan::Tier;
use holdfast_core::model::run::{Prompt, RecordedAnswer, Role, Stop, Turn, Verdict};

use super::{HOUR_MS, NOW_MS, RUN, Say, change, frame};

const ASKED: &str = "<data>\nChange: Settle transfers at most once\n\n--- a/src/settlement.rs\n+++ b/src/ledger/settle.rs\n@@ -12,15 +12,16 @@ fn settle\n17 +    let balance = db.balance(from.id).await?;\n18 +    if balance.cents() - amount.cents() < 0 {\n</data>";
const WRONG: &str = "{ \"summary\": \"Settles once.\", \"findings\": [ { \"path\": \"src/ledger/settle.rs\", \"line\": 412, \"severity\": \"grave\" } ] }";
const RIGHT: &str = "{\n  \"summary\": \"Settles a transfer once.\",\n  \"findings\": [\n    { \"path\": \"src/ledger/settle.rs\", \"start_line\": 17, \"line\": 18, \"severity\": \"critical\", \"category\": \"correctness\",\n      \"title\": \"The balance is read outside of the transaction\" }\n  ]\n}";

pub fn pages(say: Say) -> Vec<(String, String)> {
    let reviewed = view(UnitEnd::Reviewed, vec![wrong(1, say), right(2, say)], Some(2), say);
    let given_up = view(
        UnitEnd::Unreviewed(say(
            "no valid answer in 3 attempts; the last problem: the answer is not JSON",
        )),
        vec![wrong(1, say), wrong(2, say), refused(3, say)],
        None,
        say,
    );
    let running = view(
        UnitEnd::Running,
        vec![Attempt {
            answer: None,
            verdict: None,
            ..right(1, say)
        }],
        None,
        say,
    );
    let queued = UnitView {
        unit: UnitSummary {
            started_ms: None,
            ..view(UnitEnd::Queued, Vec::new(), None, say).unit
        },
        ..view(UnitEnd::Queued, Vec::new(), None, say)
    };
    [
        ("unit-reviewed", reviewed),
        ("unit-unreviewed", given_up),
        ("unit-running", running),
        ("unit-queued", queued),
    ]
    .map(|(name, view)| (name.to_owned(), page::unit::page(&view)))
    .into()
}

fn view(end: UnitEnd, attempts: Vec<Attempt>, accepted_attempt: Option<u32>, say: Say) -> UnitView {
    UnitView {
        frame: frame(say),
        run: RUN.to_owned(),
        unit: UnitSummary {
            id: "u0001".to_owned(),
            path: say("src/ledger/settle.rs"),
            end,
            attempts: u32::try_from(attempts.len()).unwrap_or(0),
            started_ms: Some(NOW_MS - HOUR_MS),
            ended_ms: Some(NOW_MS - HOUR_MS + 41_000),
        },
        risk: 87,
        tier: Tier::Strong,
        attempts,
        accepted_attempt,
    }
}

fn attempt(number: u32, text: &str, problems: &[&str], say: Say) -> Attempt {
    let mut turns = vec![Turn {
        role: Role::User,
        text: say(ASKED),
    }];
    if number > 1 {
        turns.push(Turn {
            role: Role::Assistant,
            text: say(WRONG),
        });
        turns.push(Turn { role: Role::User, text: say("Your answer has 2 problems:\n- /findings/0/severity: expected one of critical, high, medium, low, info\n- /findings/0/line: 412 is not in the diff") });
    }
    Attempt {
        number,
        tier: Tier::Strong,
        prompt: Some(Prompt {
            system: say(
                "You review one part of a code change. Report only defects that the change introduces or leaves in the lines it touches.",
            ),
            turns,
        }),
        answer: Some(RecordedAnswer {
            text: say(text),
            stop: Stop::Complete,
            model: say("claude-sonnet-5"),
            input_tokens: 6_120,
            output_tokens: 412,
            cost_nano_usd: Some(16_420_000),
            cached: number == 2,
            fallback: None,
            observed: None,
        }),
        verdict: Some(Verdict {
            valid: problems.is_empty(),
            problems: problems.iter().map(|problem| say(problem)).collect(),
            accepted: if problems.is_empty() {
                change::findings(say).into_iter().take(2).collect()
            } else {
                Vec::new()
            },
            summary: say("Settles once."),
            readable: true,
            dropped_suggestions: Vec::new(),
            rejected: 0,
        }),
        took_ms: Some(8_400),
    }
}

fn wrong(number: u32, say: Say) -> Attempt {
    let problems = [
        "/findings/0/severity: \"grave\" is not one of critical, high, medium, low, info",
        "/findings/0/line: 412 is not in the diff; lines of the head are 12–27",
    ];
    attempt(number, WRONG, &problems, say)
}

fn right(number: u32, say: Say) -> Attempt {
    attempt(number, RIGHT, &[], say)
}

fn refused(number: u32, say: Say) -> Attempt {
    let mut attempt = attempt(
        number,
        "",
        &["the model refused to answer", "the answer is not JSON"],
        say,
    );
    attempt.answer = attempt.answer.map(|answer| RecordedAnswer {
        stop: Stop::Refusal,
        text: String::new(),
        ..answer
    });
    attempt
}
