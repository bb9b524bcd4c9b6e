//! `holdfast replay` with another outcome: the report names each difference, and every missing or damaged part.

use std::path::PathBuf;

use holdfast_core::stage::state;
use holdfast_testkit::{Finding, Script};
use serde_json::{Value, json};

use crate::replay::{Recorded, of_work_tree};
use crate::support::one_line;

impl Recorded {
    fn artifact(&self, name: &str) -> PathBuf {
        self.data.join("artifacts/runs").join(&self.run).join(name)
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let file = self.artifact(name);
        let mut document = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        change(&mut document);
        std::fs::write(&file, document.to_string()).unwrap();
    }

    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.command(arguments).output().unwrap().stdout).unwrap()
    }
}

const ANSWER: &str = "units/u0001/attempt-1/answer.json";

fn minor() -> Script {
    Script::findings(vec![Finding::first_added_line().severity("low")])
}

#[test]
fn another_answer_is_another_outcome_from_the_state_that_reads_it() {
    let recorded = of_work_tree(2, minor());
    recorded.edit(ANSWER, |answer| {
        let text = answer["text"].as_str().unwrap();
        let other = text.replace("\"low\"", "\"critical\"").replace("Scripted", "Tampered");
        assert_ne!(other, text);
        answer["text"] = json!(other);
    });
    for from in [None, Some(state::REVIEW_UNIT), Some(state::VALIDATE_FINDINGS)] {
        let arguments: Vec<&str> = from.into_iter().flat_map(|state| ["--from", state]).collect();
        let (exit, document) = recorded.replay(&arguments);
        assert_eq!((exit, &document["same"]), (1, &json!(false)), "{from:?}: {document:#}");
        let findings = &document["findings"];
        assert_eq!(findings["gained"][0]["title"], "Tampered finding");
        assert_eq!(findings["lost"][0]["title"], "Scripted finding");
        assert_eq!(document["gate"]["recorded"]["worst"], "low");
        assert_eq!(document["gate"]["replayed"]["decision"], "require_approval");
        let units = document["units"].as_array().unwrap();
        let differing: Vec<&Value> = units.iter().filter(|unit| unit["differs"] == true).collect();
        assert_eq!(differing.len(), 1, "{document:#}");
        let attempt = &differing[0]["attempts"][0];
        assert_eq!(
            (&attempt["prompt"], &attempt["verdict"]),
            (&json!("same"), &json!("differs"))
        );
        let text = recorded.text(&arguments);
        assert!(text.contains("the outcome differs"), "{text}");
        assert!(
            text.contains("+ critical src/file_000") && text.contains("Tampered finding"),
            "{text}"
        );
        assert!(
            text.contains("gate      publish (worst low) → require approval (worst critical)"),
            "{text}"
        );
    }
    // A replay from here on uses the recorded verdict.
    assert_eq!(recorded.replay(&["--from", state::AGGREGATE_FINDINGS]).0, 0);
}

#[test]
fn a_changed_severity_is_reported_as_such() {
    let recorded = of_work_tree(1, minor());
    recorded.edit(ANSWER, |answer| {
        answer["text"] = json!(answer["text"].as_str().unwrap().replace("\"low\"", "\"medium\""));
    });
    let (exit, document) = recorded.replay(&[]);
    assert_eq!(exit, 1);
    let findings = &document["findings"];
    assert_eq!((&findings["gained"], &findings["lost"]), (&json!([]), &json!([])));
    assert_eq!(findings["changed"][0]["replayed"]["severity"], "medium");
    assert!(recorded.text(&[]).contains("(was low)"));
}

#[test]
fn a_changed_prompt_is_reported_despite_the_same_answer() {
    let recorded = of_work_tree(2, minor());
    recorded.edit("units/u0002/attempt-1/prompt.json", |prompt| {
        prompt["system"] = json!("Yesterday's instructions.");
    });
    let (exit, document) = recorded.replay(&[]);
    assert_eq!((exit, &document["complete"]), (1, &json!(true)));
    let prompts: Vec<&Value> = document["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| &unit["attempts"][0]["prompt"])
        .collect();
    assert_eq!(prompts, ["same", "differs"]);
    assert_eq!(document["findings"]["gained"], json!([]));
    assert!(recorded.text(&[]).contains("attempt 1 the prompt differs"));
    // A replay that starts after the model's state needs no answer.
    assert_eq!(recorded.replay(&["--from", state::VALIDATE_FINDINGS]).0, 0);
}

#[test]
fn an_answer_that_is_not_recorded_is_named_and_ends_with_3() {
    let recorded = of_work_tree(2, Script::prose_then_valid());
    // The checks now require a correction that the recorded run didn't: its answer doesn't exist.
    std::fs::remove_file(recorded.artifact("units/u0001/attempt-2/answer.json")).unwrap();
    std::fs::remove_file(recorded.artifact("units/u0001/attempt-2/prompt.json")).unwrap();
    let (exit, document) = recorded.replay(&[]);
    assert_eq!((exit, &document["complete"]), (3, &json!(false)), "{document:#}");
    let missing = &document["missing_answers"][0];
    assert_eq!((&missing["unit"], &missing["attempt"]), (&json!("u0001"), &json!(2)));
    let excerpt = "no recorded answer for unit u0001 attempt 2: a model would be called here";
    assert_eq!(missing["message"], excerpt);
    assert_eq!(document["coverage"].as_array().unwrap().len(), 1, "{document:#}");
    let text = recorded.text(&[]);
    assert!(
        text.contains(excerpt) && text.contains("could not be completed"),
        "{text}"
    );
    assert!(text.contains("reviewed, 2 attempts → unreviewed, 2 attempts"), "{text}");

    let recorded = of_work_tree(2, minor());
    std::fs::remove_file(recorded.artifact("summary/answer.json")).unwrap();
    let (exit, document) = recorded.replay(&[]);
    assert_eq!((exit, &document["missing_answers"][0]["unit"]), (3, &Value::Null));
    assert_eq!(document["summary"], "differs");
}

#[test]
fn a_unit_that_the_recorded_plan_cut_otherwise_has_no_answer() {
    let recorded = of_work_tree(2, minor());
    recorded.edit("plan.json", |plan| plan["units"][1]["hunks"] = json!([0, 1]));
    let (exit, document) = recorded.replay(&[]);
    assert_eq!(
        (exit, &document["missing_answers"][0]["unit"]),
        (3, &json!("u0002")),
        "{document:#}"
    );
    let units = document["units"].as_array().unwrap();
    let planned: Vec<&Value> = units.iter().map(|unit| &unit["planned"]).collect();
    assert_eq!(planned, ["same", "gained", "lost"]);
    let text = recorded.text(&[]);
    assert!(
        text.contains("planned only by the replay") && text.contains("not planned any more"),
        "{text}"
    );
}

#[test]
fn damage_is_reported_in_one_line() {
    let recorded = of_work_tree(1, minor());
    for name in ["plan.json", ANSWER, "units/u0001/attempt-1/verdict.json", "report.json"] {
        let file = recorded.artifact(name);
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        let (exit, line) = one_line(&recorded.command(&[]).output().unwrap());
        assert!(
            exit == 3 && line.contains(name) && line.contains("is damaged"),
            "{line}"
        );
        std::fs::write(&file, whole).unwrap();
    }
    assert_eq!(recorded.replay(&[]).0, 0);
}
