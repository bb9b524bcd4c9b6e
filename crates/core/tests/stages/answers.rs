//! Units and their answers: corrections, limits, secrets, and the status that a review ends with.

use holdfast_core::render::check_outcome;

use super::*;

#[test]
fn a_prose_answer_is_corrected_by_a_second_call_with_the_exact_problem() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok("Sure! Here is my review."), Ok(GOOD)],
    );
    assert_eq!(world.prepare(), 1);
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(result["attempts"], 2);
    let asked = world.asked();
    let correction = &asked[1].1.turns;
    assert_eq!(correction[1].text, "Sure! Here is my review.");
    assert!(
        correction[2]
            .text
            .contains("the answer is not one JSON object: expected value at line 1 column 1"),
        "{}",
        correction[2].text
    );
    assert!(
        correction[2].text.contains("\"additionalProperties\""),
        "the schema goes back too"
    );
    let (output, report) = world.finish(json!([result]));
    assert!(output.needs_approval, "a high finding waits for a person");
    assert_eq!(
        (report.findings.len(), report.usage.model_calls, report.status),
        (1, 2, RunStatus::Reviewed)
    );
    assert_eq!(
        report.coverage,
        [Coverage {
            path: "src/a.rs".to_owned(),
            outcome: Outcome::Reviewed,
            reason: None,
            attempts: 2,
            failure: None
        }]
    );
}

#[test]
fn after_the_last_attempt_only_the_invalid_findings_are_dropped() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(GOOD_AND_BAD), Ok("nothing"), Ok(ONLY_BAD)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(
        (&result["status"], &result["accepted_attempt"], &result["dropped"]),
        (&json!("reviewed"), &json!(1), &json!(1))
    );
    let (_, report) = world.finish(json!([result]));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(
        report.coverage[0].reason.as_deref(),
        Some("1 finding stayed invalid and was dropped")
    );
}

#[test]
fn dropped_findings_are_counted_and_not_their_problems() {
    for (answer, dropped, excerpt) in [
        (GOOD_AND_BAD, 1, Some("1 finding stayed invalid and was dropped")),
        (GOOD_AND_TWO_BAD, 2, Some("2 findings stayed invalid and were dropped")),
        // Problems of the answer as a whole drop no finding.
        (GOOD_AND_BAD_SUMMARY, 0, None),
    ] {
        let world = world(
            vec![file("src/a.rs", Some(PATCH))],
            "openai/m",
            "openai/m",
            vec![Ok(answer), Ok("nothing"), Ok("nothing")],
        );
        world.prepare();
        let result = world.walk_unit("u0001", Tier::Light);
        assert_eq!(result["dropped"], dropped, "{answer}");
        let (_, report) = world.finish(json!([result]));
        assert_eq!(report.coverage[0].reason.as_deref(), excerpt, "{answer}");
    }
}

#[test]
fn a_models_text_never_decides_a_status() {
    let words = r#"{"summary": "Some files could not be listed and are unreviewed. status: partial", "findings": []}"#;
    let walkthrough = r#"{"summary": "2 of 3 changed files could not be listed and are unreviewed"}"#;
    for (unlisted, status) in [(0, RunStatus::Reviewed), (1, RunStatus::Partial)] {
        for answer in [walkthrough, "could not be listed", r#"{"could not be listed": 1}"#] {
            let mut world = world(
                vec![file("src/a.rs", Some(PATCH)), file("src/b.rs", Some(PATCH))],
                "openai/m",
                "openai/m",
                vec![Ok(words), Ok(words), Ok(answer)],
            );
            world.unlist(unlisted);
            world.prepare();
            let results = ["u0001", "u0002"].map(|unit| world.walk_unit(unit, Tier::Light));
            let (_, report) = world.finish(json!(results));
            assert_eq!(report.status, status, "{unlisted} {answer}: {:?}", report.notes);
            let title = check_outcome(&report).title;
            assert_eq!(
                title.contains("some changed files could not be listed"),
                unlisted > 0,
                "{title}"
            );
        }
    }
}

#[test]
fn a_unit_without_a_valid_answer_is_unreviewed_after_three_attempts_and_one_of_the_strong_tier() {
    for (light, calls) in [("openai/m", 3), ("openai/small", 4)] {
        let world = world(
            vec![file("src/a.rs", Some(PATCH))],
            "openai/m",
            light,
            vec![Ok(ONLY_BAD), Ok(ONLY_BAD), Ok(ONLY_BAD), Ok(ONLY_BAD)],
        );
        world.prepare();
        let result = world.walk_unit("u0001", Tier::Light);
        assert_eq!(result["status"], "unreviewed");
        let asked = world.asked();
        assert_eq!(asked.len(), calls);
        assert_eq!(asked.last().unwrap().0, "openai/m");
        let (_, report) = world.finish(json!([result]));
        assert_eq!(report.status, RunStatus::Partial);
        assert!(report.findings.is_empty(), "what is not in the change is never shown");
        assert!(
            report.coverage[0]
                .reason
                .as_deref()
                .unwrap()
                .contains("is not a file that you were shown")
        );
    }
}

#[test]
fn a_model_that_repeats_its_answer_gets_a_new_prompt_without_that_answer() {
    let again = format!("{ONLY_BAD}\n");
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(ONLY_BAD), Ok(again.leak()), Ok(GOOD)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(
        (&result["status"], &result["attempts"]),
        (&json!("reviewed"), &json!(3))
    );
    let asked = world.asked();
    let [first, second, third] = [0, 1, 2].map(|index| &asked[index].1.turns);
    assert_eq!((first.len(), second.len(), third.len()), (1, 3, 1));
    assert!(third[0].text.starts_with(&first[0].text));
    assert!(
        third[0]
            .text
            .contains("findings[0].path: is not a file that you were shown")
    );
    assert!(
        !third[0].text.contains("src/other.rs"),
        "its own answer is not shown again"
    );
}

#[test]
fn a_finished_attempt_calls_the_model_once() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(VALID)],
    );
    world.prepare();
    world.walk_unit("u0001", Tier::Light);
    world.walk_unit("u0001", Tier::Light);
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn a_rate_limit_is_a_wait_and_other_failures_have_names() {
    let cases = [
        (ModelError::Unavailable("x".to_owned()), ErrorName::ModelUnavailable),
        (ModelError::TimedOut("x".to_owned()), ErrorName::ModelTimedOut),
        (ModelError::Unauthorized("x".to_owned()), ErrorName::ModelUnauthorized),
        (ModelError::Rejected("x".to_owned()), ErrorName::ModelRequestRejected),
        (
            ModelError::SpendingLimit("x".to_owned()),
            ErrorName::ModelSpendingLimitReached,
        ),
    ];
    let mut answers = vec![Err(ModelError::RateLimited {
        retry_after_s: Some(9),
        observed: None,
    })];
    let names: Vec<ErrorName> = cases.iter().map(|(_, name)| *name).collect();
    answers.extend(cases.into_iter().map(|(error, _)| Err(error)));
    let world = world(vec![file("src/a.rs", Some(PATCH))], "openai/m", "openai/m", answers);
    world.prepare();
    let input = review_unit::Input {
        run: run_name("r"),
        unit: "u0001".to_owned(),
        attempt: 1,
        tier: Tier::Light,
        waiting: Waiting::default(),
    };
    let ask = || block_on(review_unit::review_unit(&input, &world.model, &world.store));
    let waiting = Waiting {
        waits: 1,
        ..Waiting::default()
    };
    assert_eq!(ask().unwrap(), review_unit::Output::Limited { wait_s: 9, waiting });
    for name in names {
        assert_eq!(ask().unwrap_err().name, name);
    }
}

#[test]
fn every_file_has_an_outcome_and_an_incomplete_review_is_not_green() {
    let files = vec![
        file("Cargo.lock", Some(PATCH)),
        file("src/big.rs", None),
        file("src/odd.rs", Some("@@ -1 +1 @@\n?")),
        file("src/a.rs", Some(PATCH)),
    ];
    let world = world(files, "rules", "rules", vec![]);
    assert_eq!(world.prepare(), 1);
    // The unit's execution died without a result.
    let (_, report) = world.finish(json!([]));
    let outcomes: Vec<Outcome> = report.coverage.iter().map(|entry| entry.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Skipped,
            Outcome::Unreviewed,
            Outcome::Unreviewed,
            Outcome::Unreviewed
        ]
    );
    assert_eq!(report.status, RunStatus::Partial);
    assert!(
        report.summary.starts_with("No model read this change"),
        "{}",
        report.summary
    );
    let outcome = holdfast_core::render::check_outcome(&report);
    assert_eq!(outcome.conclusion, CheckConclusion::Neutral);
}

/// Returns the result of a unit whose call failed with this error, as the workflow writes it.
fn given_up(unit: &str, reason: &str) -> Value {
    let cause = json!({ "errorMessage": "the server gives no answer" }).to_string();
    json!({ "status": "unreviewed", "unit": unit, "attempts": 1, "reason": reason, "cause": cause })
}

#[test]
fn a_review_fails_if_its_provider_kept_every_file_from_the_model() {
    let aggregate = |world: &World, results: Value| {
        let input = aggregate_findings::Input {
            run: run_name("r"),
            results,
        };
        block_on(aggregate_findings::aggregate_findings(
            &input,
            &world.store,
            &Duration::MAX,
        ))
    };
    let files = || vec![file("src/a.rs", Some(PATCH)), file("src/b.rs", Some(PATCH))];
    for (reasons, expected) in [
        (
            ["ModelUnavailable", "ModelUnavailable"],
            Some(ErrorName::ModelUnavailable),
        ),
        (["ModelRateLimited", "ModelTimedOut"], Some(ErrorName::ModelRateLimited)),
        (
            ["ModelRequestRejected", "ModelTimedOut"],
            Some(ErrorName::ModelTimedOut),
        ),
        (
            ["ModelUnavailable", "ModelUnauthorized"],
            Some(ErrorName::ModelUnauthorized),
        ),
        (
            ["ArtifactUnavailable", "ArtifactUnavailable"],
            Some(ErrorName::ArtifactUnavailable),
        ),
        (
            ["SpendLimitReached", "SpendLimitReached"],
            Some(ErrorName::SpendLimitReached),
        ),
        // Another call may be answered at once: the review says what is missing.
        (["ModelRequestRejected", "AnswersInvalid"], None),
    ] {
        let world = world(files(), "openai/m", "openai/m", vec![]);
        assert_eq!(world.prepare(), 2);
        let results = json!([given_up("u0001", reasons[0]), given_up("u0002", reasons[1])]);
        let failed = aggregate(&world, results).err();
        assert_eq!(failed.as_ref().map(|error| error.name), expected, "{reasons:?}");
        if let Some(error) = failed {
            assert!(
                error.message.contains("the server gives no answer"),
                "{}",
                error.message
            );
        }
    }
    // A model has read one file: the review is partial.
    let world = world(files(), "openai/m", "openai/m", vec![Ok(VALID)]);
    world.prepare();
    let read = world.walk_unit("u0001", Tier::Light);
    let (_, report) = world.finish(json!([read, given_up("u0002", "ModelUnavailable")]));
    assert_eq!(report.status, RunStatus::Partial);
}

#[test]
fn without_a_model_files_are_scanned_and_the_check_is_neutral() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH)), file("src/b.cob", Some(PATCH))],
        "rules",
        "rules",
        vec![],
    );
    let units = world.prepare();
    let results: Vec<Value> = (1..=units)
        .map(|unit| world.walk_unit(&format!("u{unit:04}"), Tier::Light))
        .collect();
    let (_, report) = world.finish(json!(results));
    for entry in &report.coverage {
        assert_eq!(
            (entry.outcome, entry.reason.as_deref()),
            (Outcome::Scanned, Some("secrets only"))
        );
    }
    assert_eq!(report.status, RunStatus::Reviewed);
    assert!(
        report.summary.starts_with("No model read this change"),
        "{}",
        report.summary
    );
    let outcome = holdfast_core::render::check_outcome(&report);
    assert_eq!(outcome.conclusion, CheckConclusion::Neutral);
}

#[test]
fn secrets_are_found_in_files_that_no_unit_shows() {
    let key = ["AKIA", "QWERTYUIOPASDFGH"].concat();
    let patch = format!("@@ -1,1 +1,2 @@\n one\n+let key = \"{key}\";");
    let deploy = ChangedFile {
        kind: FileKind::Binary,
        omitted: Some("has NUL bytes".to_owned()),
        ..file("deploy.sh", Some(&patch))
    };
    let world = world(
        vec![file("Cargo.lock", Some(&patch)), file("logo.svg", Some(&patch)), deploy],
        "openai/m",
        "openai/m",
        vec![],
    );
    assert_eq!(world.prepare(), 0);
    let (_, report) = world.finish(json!([]));
    let mut found: Vec<(&str, u32)> = report
        .findings
        .iter()
        .map(|found| (found.path.as_str(), found.line))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("Cargo.lock", 2), ("deploy.sh", 2), ("logo.svg", 2)]);
    let unread = report.coverage.iter().find(|entry| entry.path == "deploy.sh").unwrap();
    assert_eq!(
        (unread.outcome, unread.reason.as_deref()),
        (Outcome::Unreviewed, Some("has NUL bytes"))
    );
    assert_eq!(report.status, RunStatus::Partial);
}

#[test]
fn secrets_stay_out_of_prompts_and_are_findings() {
    let key = ["AKIA", "QWERTYUIOPASDFGH"].concat();
    let patch = format!("@@ -1,1 +1,2 @@\n one\n+let key = \"{key}\";");
    let world = world(
        vec![file("src/a.rs", Some(&patch))],
        "openai/m",
        "openai/m",
        vec![Ok(VALID)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert!(!world.asked()[0].1.turns[0].text.contains(&key));
    let (output, report) = world.finish(json!([result]));
    assert_eq!(output.gate.decision, GateDecision::RequireApproval);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.source.rule().is_some() && finding.line == 2),
        "{:?}",
        report.findings
    );
    let review = holdfast_core::render::review_of(
        &report,
        world.read.change.as_ref().unwrap(),
        holdfast_core::render::Inline::Comments,
        None,
    );
    assert!(!format!("{review:?}").contains(&key), "nor in what is published");
}
