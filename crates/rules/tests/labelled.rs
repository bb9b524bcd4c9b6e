//! The rules on the labelled set in `tests/quality`: enough of the planted faults, and few of the look-alikes.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use holdfast_core::model::finding::Severity;
use holdfast_core::port::{SourceSyntax, SyntaxFinding};
use holdfast_rules::{TreeSitterSyntax, language_name};
use serde::Deserialize;

#[derive(Deserialize)]
struct Label {
    file: String,
    line: u32,
    end: u32,
    kind: String,
    what: String,
}

#[tokio::test]
async fn most_faults_are_found_and_few_look_alikes_are_flagged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/quality/labelled");
    let labels = fs::read_to_string(folder.join("labels.jsonl")).unwrap();
    let mut findings: BTreeMap<String, Vec<SyntaxFinding>> = BTreeMap::new();
    let (mut faults, mut found, mut alike, mut flagged) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for line in labels.lines() {
        let label: Label = serde_json::from_str(line).unwrap();
        if language_name(&label.file).is_none() {
            continue;
        }
        if !findings.contains_key(&label.file) {
            let text = fs::read_to_string(folder.join(&label.file)).unwrap();
            let answer = TreeSitterSyntax::new().view(&label.file, &text, &[]).await;
            assert!(answer.limit.is_none(), "{}: {:?}", label.file, answer.limit);
            findings.insert(label.file.clone(), answer.view.unwrap().findings);
        }
        let is_hit = findings[&label.file].iter().any(|finding| {
            finding.severity != Severity::Info && finding.start_line <= label.end && finding.end_line >= label.line
        });
        match label.kind.as_str() {
            "fault" => (faults, found) = (faults + 1, found + usize::from(is_hit)),
            _ => (alike, flagged) = (alike + 1, flagged + usize::from(is_hit)),
        }
        if is_hit != (label.kind == "fault") {
            wrong.push(format!("{}:{}: {}: {}", label.file, label.line, label.kind, label.what));
        }
    }
    assert!(faults >= 100 && alike >= 100, "{faults} {alike}");
    let report = format!(
        "{found} of {faults} faults, {flagged} of {alike} look-alikes\n{}",
        wrong.join("\n")
    );
    assert!(found * 10 >= faults * 6 && flagged * 100 <= alike * 3, "{report}");
}
