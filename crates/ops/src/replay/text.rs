//! A replay for people at a terminal: the verdict first, then each difference in a line.

use std::fmt::{self, Write};

use holdfast_core::model::finding::Finding;
use holdfast_core::model::report::{Coverage, EarlierFinding, Gate, GateDecision};
use holdfast_core::model::run::{UnitResult, UnitStatus};
use holdfast_core::render::{counted, terminal_text};
use holdfast_core::rule::redacted;
use serde_json::Value;

use super::compare::{Change, Checks, Differences, Pair, UnitDifference};
use super::{Replayed, Write as WithheldWrite};

/// Renders the whole replay. Control characters in texts of strangers are made harmless.
pub fn replay_text(replayed: &Replayed) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _infallible = write_all(&mut out, replayed);
    terminal_text(&redacted(&out))
}

fn write_all(out: &mut String, replayed: &Replayed) -> fmt::Result {
    let differences = &replayed.differences;
    let from = replayed
        .from
        .as_ref()
        .map_or_else(String::new, |state| format!(" from {state}"));
    let verdict = match (replayed.complete, replayed.same) {
        (false, _) => "it could not be completed",
        (true, true) => "the same outcome",
        (true, false) => "the outcome differs",
    };
    writeln!(out, "Replay of {}{from}: {verdict}", replayed.run)?;
    if replayed.other_workflow {
        writeln!(out, "  the run was started with another workflow than this program's")?;
    }
    let attempts: usize = differences.units.iter().map(|unit| unit.attempts.len()).sum();
    writeln!(
        out,
        "  {}: {}, {}",
        differences.status.replayed.as_str(),
        counted(differences.units.len(), "unit"),
        counted(attempts, "attempt")
    )?;
    write_run(out, differences)?;
    for unit in differences.units.iter().filter(|unit| unit.differs) {
        write_unit(out, unit)?;
    }
    write_report(out, differences)?;
    section(
        out,
        "No recorded answer",
        replayed.missing_answers.iter().map(|missing| {
            let path = missing.path.as_deref();
            path.map_or_else(
                || missing.message.clone(),
                |path| format!("{} ({path})", missing.message),
            )
        }),
    )?;
    section(
        out,
        "Failed again, as recorded",
        replayed.given_again.iter().map(|given| {
            let unit = given.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
            format!("{}{unit}: {}", given.state, given.error)
        }),
    )?;
    section(
        out,
        "Not read again",
        replayed
            .not_read
            .iter()
            .map(|file| format!("{}: {}", file.path, file.reason)),
    )?;
    section(out, "Would be written", replayed.writes.iter().map(write_line))
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) -> fmt::Result {
    for (index, line) in lines.enumerate() {
        if index == 0 {
            writeln!(out, "\n{title}")?;
        }
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn write_run(out: &mut String, differences: &Differences) -> fmt::Result {
    let mut lines = Vec::new();
    if differences.status.differs() {
        let Pair { recorded, replayed } = &differences.status;
        lines.push(format!("status    {} → {}", recorded.as_str(), replayed.as_str()));
    }
    if differences.failure.differs() {
        let or_none = |failure: &Option<String>| failure.clone().unwrap_or_else(|| "none".to_owned());
        let Pair { recorded, replayed } = &differences.failure;
        lines.push(format!("failure   {} → {}", or_none(recorded), or_none(replayed)));
    }
    if differences.gate.differs() {
        let Pair { recorded, replayed } = &differences.gate;
        lines.push(format!(
            "gate      {} → {}",
            gate(recorded.as_ref()),
            gate(replayed.as_ref())
        ));
    }
    if differences.states.differs() {
        lines.push(format!("states    {}", paths(&differences.states)));
    }
    section(out, "Run", lines.into_iter())
}

fn gate(gate: Option<&Gate>) -> String {
    let Some(gate) = gate else { return "none".to_owned() };
    let decision = match gate.decision {
        GateDecision::Publish => "publish",
        GateDecision::RequireApproval => "require approval",
    };
    gate.worst
        .map_or_else(|| decision.to_owned(), |worst| format!("{decision} (worst {worst})"))
}

/// Renders both lists of states from the point where they differ.
fn paths(states: &Pair<Vec<String>>) -> String {
    let (recorded, replayed) = (&states.recorded, &states.replayed);
    let together = recorded.iter().zip(replayed).take_while(|(a, b)| a == b).count();
    let rest = |states: &[String]| match states.get(together..) {
        Some([]) | None => "the end".to_owned(),
        Some(rest) => rest.join(", "),
    };
    let after = together.checked_sub(1).and_then(|last| recorded.get(last));
    let after = after.map_or_else(String::new, |state| format!("after {state}: "));
    format!("{after}{} → {}", rest(recorded), rest(replayed))
}

fn write_unit(out: &mut String, unit: &UnitDifference) -> fmt::Result {
    writeln!(out, "\nUnit {} {}", unit.unit, unit.path)?;
    match unit.planned {
        Change::Gained => writeln!(out, "  planned only by the replay")?,
        Change::Lost => return writeln!(out, "  not planned any more"),
        Change::Same | Change::Differs => {}
    }
    if unit.result.differs() {
        let Pair { recorded, replayed } = &unit.result;
        writeln!(
            out,
            "  result    {} → {}",
            ended(recorded.as_ref()),
            ended(replayed.as_ref())
        )?;
    }
    if unit.states.differs() {
        writeln!(out, "  states    {}", paths(&unit.states))?;
    }
    for attempt in &unit.attempts {
        let mut differences = Vec::new();
        if attempt.prompt != Change::Same {
            differences.push(format!("the prompt {}", changed(attempt.prompt)));
        }
        if attempt.verdict != Change::Same {
            let Pair { recorded, replayed } = &attempt.checks;
            differences.push(format!(
                "the checks: {} → {}",
                checks(recorded.as_ref()),
                checks(replayed.as_ref())
            ));
        }
        if differences.is_empty() {
            continue;
        }
        writeln!(out, "  attempt {} {}", attempt.attempt, differences.join("; "))?;
        let problems =
            |checks: &Option<Checks>| checks.as_ref().map_or_else(Vec::new, |checks| checks.problems.clone());
        let (before, after) = (problems(&attempt.checks.recorded), problems(&attempt.checks.replayed));
        for problem in before.iter().filter(|problem| !after.contains(problem)) {
            writeln!(out, "    - {problem}")?;
        }
        for problem in after.iter().filter(|problem| !before.contains(problem)) {
            writeln!(out, "    + {problem}")?;
        }
    }
    Ok(())
}

fn ended(result: Option<&UnitResult>) -> String {
    let Some(result) = result else {
        return "no result".to_owned();
    };
    match (result.status, result.accepted_attempt) {
        (UnitStatus::Reviewed, Some(attempt)) => format!("reviewed by attempt {attempt}"),
        (UnitStatus::Reviewed, None) => "reviewed".to_owned(),
        (UnitStatus::Unreviewed, _) => format!("unreviewed ({})", result.reason.as_deref().unwrap_or("no reason")),
    }
}

const fn changed(change: Change) -> &'static str {
    match change {
        Change::Same => "is the same",
        Change::Differs => "differs",
        Change::Gained => "is new",
        Change::Lost => "is gone",
    }
}

fn checks(checks: Option<&Checks>) -> String {
    let Some(checks) = checks else {
        return "nothing".to_owned();
    };
    let accepted = counted(checks.accepted, "finding");
    if checks.valid {
        format!("valid, {accepted}")
    } else {
        format!("{}, {accepted}", counted(checks.problems.len(), "problem"))
    }
}

fn write_report(out: &mut String, differences: &Differences) -> fmt::Result {
    let findings = &differences.findings;
    let gained = findings.gained.iter().map(|finding| format!("+ {}", place(finding)));
    let lost = findings.lost.iter().map(|finding| format!("- {}", place(finding)));
    let altered = findings.changed.iter().map(|pair| {
        let severity = if pair.recorded.severity == pair.replayed.severity {
            "other text".to_owned()
        } else {
            format!("was {}", pair.recorded.severity)
        };
        format!("~ {} ({severity})", place(&pair.replayed))
    });
    section(out, "Findings", gained.chain(lost).chain(altered))?;
    let earlier = &differences.earlier;
    let gained = earlier
        .gained
        .iter()
        .map(|finding| format!("+ {}", earlier_place(finding)));
    let lost = earlier
        .lost
        .iter()
        .map(|finding| format!("- {}", earlier_place(finding)));
    section(out, "Earlier findings", gained.chain(lost))?;
    section(
        out,
        "Coverage",
        differences.coverage.iter().map(|file| {
            let Pair { recorded, replayed } = &file.ended;
            format!(
                "{}  {} → {}",
                file.path,
                covered(recorded.as_ref()),
                covered(replayed.as_ref())
            )
        }),
    )?;
    let walkthrough =
        (differences.summary != Change::Same).then(|| format!("the text {}", changed(differences.summary)));
    section(out, "Summary", walkthrough.into_iter())?;
    let notes = &differences.notes;
    let gained = notes.gained.iter().map(|note| format!("+ {note}"));
    section(
        out,
        "Notes",
        gained.chain(notes.lost.iter().map(|note| format!("- {note}"))),
    )
}

fn place(finding: &Finding) -> String {
    format!(
        "{} {}:{}  {}",
        finding.severity, finding.path, finding.line, finding.title
    )
}

fn earlier_place(finding: &EarlierFinding) -> String {
    format!(
        "{} {}:{}  {} ({})",
        finding.severity,
        finding.path,
        finding.line,
        finding.title,
        finding.state.as_str()
    )
}

fn covered(entry: Option<&Coverage>) -> String {
    let Some(entry) = entry else {
        return "not listed".to_owned();
    };
    let outcome = entry.outcome.as_str();
    let reason = entry
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{outcome}, {}{reason}", counted(entry.attempts as usize, "attempt"))
}

fn write_line(write: &WithheldWrite) -> String {
    let text = |name: &str| write.what.get(name).and_then(Value::as_str).unwrap_or_default();
    match write.write {
        "draft_review" => {
            let comments = write.what.get("comments").and_then(Value::as_array);
            format!("a review with {}", counted(comments.map_or(0, Vec::len), "comment"))
        }
        "submit_review" => "the review, shown to everyone".to_owned(),
        "open_check" => "a check in progress".to_owned(),
        "close_check" => format!("the check's end: {}, {}", text("conclusion"), text("title")),
        "announce" => "the state of the review, in a comment".to_owned(),
        "summarize" => "the summary, in place of that comment".to_owned(),
        "revise_comment" => "the new state of an earlier finding, in its comment".to_owned(),
        "withdraw_draft" => "nothing more: the draft is deleted".to_owned(),
        "withdraw_state" => "the state of the review is deleted".to_owned(),
        other => other.to_owned(),
    }
}
