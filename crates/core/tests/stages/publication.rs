//! Publication and its undo: refusals, newer runs, failures, sweeps, settings.

use super::*;

#[test]
fn a_refused_anchor_moves_the_findings_into_the_summary() {
    let mut world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(GOOD)],
    );
    world.page.refuses_anchors = true;
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    who_decides::approve(&world, |_| {});
    let output = block_on(publish_review::publish_review(
        &publish_review::Input {
            run: run_name("r"),
            part: Part::Whole,
        },
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap();
    assert_eq!(output.status, RunStatus::Published);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    assert_eq!(
        world.page.closed.lock().unwrap()[0].conclusion,
        CheckConclusion::ActionRequired
    );
    assert_eq!((output.review, *world.page.submitted.lock().unwrap()), (None, 0));
    let comment = world.page.comments.lock().unwrap()["r"].clone();
    assert!(
        comment.contains("1 finding without an inline comment") && comment.contains("**`src/a.rs` line 2**"),
        "{comment}"
    );
}

#[test]
fn a_withheld_finding_is_in_no_text_of_the_pull_request() {
    const ANSWER: &str = r#"{"summary":"Walkthrough","findings":[
        {"path":"src/a.rs","line":2,"severity":"high","category":"correctness","title":"Gated","body":"Details","quote":"two"},
        {"path":"src/a.rs","line":1,"severity":"medium","category":"correctness","title":"Shown","body":"Text","quote":"one"}]}"#;
    let files = vec![file("src/a.rs", Some(PATCH))];
    let mut world = world(files, "openai/m", "openai/m", vec![Ok(ANSWER)]);
    world.run.gate = GateMode::Withhold;
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (output, _) = world.finish(json!([result]));
    assert!(!output.needs_approval);
    // A repeated call changes nothing.
    for _ in 0..2 {
        let input = publish_review::Input {
            run: run_name("r"),
            part: Part::Whole,
        };
        let published = publish_review::publish_review(
            &input,
            &RetrySettings::OFF,
            &world.read,
            &world.page,
            &world.rows,
            &world.store,
        );
        assert_eq!(block_on(published).unwrap().status, RunStatus::Published);
    }
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(
        (report.withheld, report.findings.len()),
        (1, 2),
        "the run's own record has all"
    );
    assert!(report.summary.contains("Walkthrough"));
    let notes = report
        .notes
        .iter()
        .filter(|note| note.contains("1 finding is withheld"));
    assert_eq!(notes.count(), 1, "{:?}", report.notes);
    let drafts = world.page.drafts.lock().unwrap();
    assert_eq!(drafts[0].comments.len(), 1);
    assert!(drafts[0].comments[0].body.contains("Shown"));
    let closed = world.page.closed.lock().unwrap();
    assert_eq!(closed[0].conclusion, CheckConclusion::ActionRequired);
    assert!(closed[0].annotations.is_empty(), "the comment is in the diff already");
    let comment = &world.page.comments.lock().unwrap()["r"];
    assert!(comment.contains("1 finding is withheld"), "{comment}");
    for text in [&drafts[0].body, comment, &closed[0].title, &closed[0].summary] {
        for private in ["Gated", "Details", "Walkthrough"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
    }
}

#[test]
fn a_newer_run_takes_over_and_the_old_one_writes_no_more() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    let open = |run: &Run| {
        block_on(open_review::open_review(
            &open_review::Input { run: run.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        ))
    };
    let (old, mut newer) = (world.run.clone(), world.run.clone());
    newer.run = run_name("r-newer");
    open(&newer).unwrap();
    assert_eq!(
        world.page.comments.lock().unwrap().keys().collect::<Vec<_>>(),
        ["r-newer"],
        "the old announcement was undone"
    );
    assert_eq!(
        open(&old).unwrap_err().name,
        ErrorName::RunSuperseded,
        "however late it wakes"
    );
    let error = block_on(publish_review::publish_review(
        &publish_review::Input {
            run: run_name("r"),
            part: Part::Whole,
        },
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::RunSuperseded);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    assert_eq!(*world.runs.stopped.lock().unwrap(), ["r RunSuperseded"]);
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(report.status, RunStatus::Superseded);
    // A repeated call of the newer run finds its own claim.
    open(&newer).unwrap();
    world.run = newer;
}

#[test]
fn the_next_attempt_finishes_an_interrupted_take_over() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let mut newer = world.run.clone();
    newer.run = run_name("r-newer");
    let open = || {
        block_on(open_review::open_review(
            &open_review::Input { run: newer.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        ))
    };
    // The claim is taken, and then GitHub refuses the withdrawal of the older announcement.
    *world.page.refuses_withdrawals.lock().unwrap() = 1;
    assert_eq!(open().unwrap_err().name, ErrorName::GithubUnavailable);
    assert!(world.page.comments.lock().unwrap().contains_key("r"));
    open().unwrap();
    assert_eq!(
        world.page.comments.lock().unwrap().keys().collect::<Vec<_>>(),
        ["r-newer"]
    );
    assert!(!block_on(claim::needs_cleaning(&world.rows, &run_name("r"))).unwrap());
}

#[test]
fn a_newer_run_keeps_a_published_result() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    let input = discard_review::Input {
        run: run_name("r"),
        reason: Some("not now".to_owned()),
    };
    for _ in 0..2 {
        block_on(discard_review::discard_review(
            &input,
            &world.page,
            &world.rows,
            &world.store,
        ))
        .unwrap();
    }
    let checks = world.page.closed.lock().unwrap().len();
    let mut newer = world.run.clone();
    newer.run = run_name("r-newer");
    block_on(open_review::open_review(
        &open_review::Input { run: newer },
        &world.read,
        &world.page,
        &world.rows,
        &world.runs,
        &world.store,
    ))
    .unwrap();
    assert_eq!(
        world.page.closed.lock().unwrap().len(),
        checks,
        "the check still shows the decision"
    );
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(report.status, RunStatus::Rejected);
    assert_eq!(report.notes.iter().filter(|note| note.contains("not now")).count(), 1);
}

#[test]
fn a_sweep_repeats_an_undo_until_it_succeeds() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    world.runs.failed = vec![FailedRun {
        run: run_name("r"),
        started_with: json!(world.run),
        error: "States.Timeout".to_owned(),
        cause: None,
    }];
    let sweep = || {
        block_on(clean_all(
            &world.runs,
            &world.page,
            &world.rows,
            &world.store,
            &Duration::MAX,
        ))
        .unwrap()
    };
    let dirty = || block_on(claim::needs_cleaning(&world.rows, &run_name("r"))).unwrap();
    *world.page.refuses_withdrawals.lock().unwrap() = 1;
    assert!(sweep()[0].failure.is_some() && dirty());
    assert!(sweep()[0].failure.is_none() && !dirty());
    let shown = world.page.comments.lock().unwrap()["r"].clone();
    assert!(
        shown.contains("could not complete") && shown.contains("an internal error"),
        "{shown}"
    );
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(report.status, RunStatus::Failed);
    assert!(sweep().is_empty(), "what is clean is left alone");
}

#[test]
fn a_failed_review_is_reported_once_and_leaves_nothing_else() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    assert!(world.page.comments.lock().unwrap()["r"].contains("is reviewing"));
    block_on(async {
        let (run, error) = (run_name("r"), "GithubForbidden".to_owned());
        let input = withdraw_announcement::Input {
            run: run.clone(),
            started_with: Value::Null,
            error: error.clone(),
        };
        withdraw_announcement::withdraw_announcement(
            &input,
            &RetrySettings::OFF,
            &world.page,
            &world.rows,
            &world.store,
        )
        .await
        .unwrap();
        let cause = Some(r#"{"errorMessage":"no permission"}"#.to_owned());
        let input = report_failure::Input {
            run,
            started_with: Value::Null,
            error,
            cause,
        };
        for _ in 0..2 {
            report_failure::report_failure(&input, &world.store).await.unwrap();
        }
    });
    let shown = world.page.comments.lock().unwrap().clone();
    let late = block_on(open_review::open_review(
        &open_review::Input { run: world.run.clone() },
        &world.read,
        &world.page,
        &world.rows,
        &world.runs,
        &world.store,
    ));
    assert_eq!(
        late.unwrap_err().name,
        ErrorName::RunSuperseded,
        "a call that wakes late writes nothing"
    );
    assert_eq!(*world.page.comments.lock().unwrap(), shown);
    assert!(
        shown["r"].contains("a permission is missing.\n\nNothing of it was published"),
        "{shown:?}"
    );
    assert!(!shown["r"].contains("no permission"), "{shown:?}");
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(
        report.notes.len(),
        1,
        "noted once, however often the state is repeated: {:?}",
        report.notes
    );
}

/// Ends a run with this error, as the workflow does.
fn withdraw(world: &World, run: &str, error: ErrorName) {
    let input = withdraw_announcement::Input {
        run: run_name(run),
        started_with: json!(Run {
            run: run_name(run),
            ..world.run.clone()
        }),
        error: error.to_string(),
    };
    let withdrawn = withdraw_announcement::withdraw_announcement(
        &input,
        &RetrySettings::OFF,
        &world.page,
        &world.rows,
        &world.store,
    );
    block_on(withdrawn).unwrap();
}

#[test]
fn a_failure_is_shown_above_the_last_summary_unless_a_newer_run_has_taken_over() {
    const FAILED: ErrorName = ErrorName::GithubUnavailable;
    let shown = |world: &World| world.page.comments.lock().unwrap().clone();
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    let input = publish_review::Input {
        run: run_name("r"),
        part: publish_review::Part::Whole,
    };
    block_on(publish_review::publish_review(
        &input,
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap();
    let summary = shown(&world)["r"].clone();
    // It fails before it takes the pull request: the published run is no longer in progress.
    withdraw(&world, "r-early", FAILED);
    let both = shown(&world);
    assert!(
        both["r-early"].contains("could not complete") && both["r"] == summary,
        "{both:?}"
    );

    let open = |world: &World, run: &str| {
        let run = Run {
            run: run_name(run),
            ..world.run.clone()
        };
        let input = open_review::Input { run };
        let opened = open_review::open_review(&input, &world.read, &world.page, &world.rows, &world.runs, &world.store);
        block_on(opened).unwrap();
    };
    open(&world, "r-2");
    withdraw(&world, "r-early", FAILED);
    let both = shown(&world);
    assert!(
        both["r-2"].contains("is reviewing"),
        "another run in progress keeps its state: {both:?}"
    );
    withdraw(&world, "r-2", ErrorName::RunCancelled);
    let left: Vec<String> = shown(&world).into_values().collect();
    assert_eq!(left, std::slice::from_ref(&summary), "the person knows");
    open(&world, "r-3");
    open(&world, "r-4");
    withdraw(&world, "r-3", FAILED);
    assert!(
        shown(&world)["r-4"].contains("is reviewing"),
        "a late failure of an older run"
    );
    withdraw(&world, "r-4", FAILED);
    assert!(shown(&world)["r-4"].contains("GitHub could not be reached"));
    open(&world, "r-5");
    assert!(shown(&world)["r-5"].contains("is reviewing"));
}

#[test]
fn a_review_of_another_diff_is_not_published_and_the_pull_request_explains_it() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.read.merge_base = Some(CommitSha::parse(&"d".repeat(40)).unwrap());
    let error = block_on(publish_review::publish_review(
        &publish_review::Input {
            run: run_name("r"),
            part: Part::Whole,
        },
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::PullRequestBaseMoved);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    withdraw(&world, "r", error.name);
    let shown = world.page.comments.lock().unwrap().clone();
    assert!(shown.len() == 1 && shown["r"].contains("retargeted"), "{shown:?}");
}

#[test]
fn a_run_reviews_only_the_commits_in_its_name() {
    let pinned = |merge_base: &str, settings: &str| {
        let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
        world.set_policy("max_findings: 3");
        if let Target::PullRequest { pinned, .. } = &mut world.run.target {
            *pinned = Some(Pinned {
                merge_base: CommitSha::parse(&merge_base.repeat(40)).unwrap(),
                settings: settings.to_owned(),
            });
        }
        block_on(async {
            let input = open_review::Input { run: world.run.clone() };
            let (read, page, store) = (&world.read, &world.page, &world.store);
            open_review::open_review(&input, read, page, &world.rows, &world.runs, store).await?;
            plan_review::plan_review(&plan_review::Input { run: run_name("r") }, read, &world.people, store).await
        })
        .map(drop)
        .map_err(|error| error.name)
    };
    let digest = settings_digest(Some(b"max_findings: 3"));
    assert_eq!(pinned("a", &digest), Ok(()));
    assert_eq!(
        pinned("d", &digest),
        Err(ErrorName::PullRequestBaseMoved),
        "retargeted before it opened"
    );
    assert_eq!(
        pinned("a", "none"),
        Err(ErrorName::PullRequestBaseMoved),
        "settings changed before it was planned"
    );
}

#[test]
fn an_old_run_never_publishes_over_a_newer_head() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.read.head = Some(CommitSha::parse(&"c".repeat(40)).unwrap());
    let error = block_on(publish_review::publish_review(
        &publish_review::Input {
            run: run_name("r"),
            part: Part::Whole,
        },
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::PullRequestHeadMoved);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    block_on(async {
        let input = withdraw_announcement::Input {
            run: run_name("r"),
            started_with: Value::Null,
            error: error.name.to_string(),
        };
        assert!(
            withdraw_announcement::withdraw_announcement(
                &input,
                &RetrySettings::OFF,
                &world.page,
                &world.rows,
                &world.store
            )
            .await
            .unwrap()
            .withdrawn
        );
        let input = report_failure::Input {
            run: run_name("r"),
            started_with: Value::Null,
            error: error.name.to_string(),
            cause: None,
        };
        assert_eq!(
            report_failure::report_failure(&input, &world.store)
                .await
                .unwrap()
                .status,
            RunStatus::Superseded
        );
    });
}

#[test]
fn an_invalid_policy_is_reported_with_its_place() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.set_policy("gate:\n  severity: grave\n");
    block_on(async {
        open_review::open_review(
            &open_review::Input { run: world.run.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        )
        .await
        .unwrap();
        let input = plan_review::Input { run: run_name("r") };
        let error = plan_review::plan_review(&input, &world.read, &world.people, &world.store)
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::RepositoryConfigurationInvalid);
        assert!(error.message.contains("line 2"), "{}", error.message);
    });
}

#[test]
fn a_small_context_gets_smaller_units_and_answers_that_fit_it() {
    let lines: String = (1..=900)
        .map(|number| {
            format!(
                "@@ -{0},0 +{0},1 @@\n+let value_{number} = compute({number});\n",
                number * 10
            )
        })
        .collect();
    let units = |context: Option<u32>| {
        let mut world = world(
            vec![file("src/a.rs", Some(lines.as_str()))],
            "openai/m",
            "openai/m",
            vec![Ok(VALID)],
        );
        world.run.tokens = holdfast_core::model::token_limits::TokenLimits { context, output: None };
        let count = world.prepare();
        let _ = world.walk_unit("u0001", Tier::Light);
        let asked = world.model.limits.lock().unwrap().clone();
        let largest = world
            .asked()
            .iter()
            .map(|(_, prompt)| prompt.system.len() + prompt.turns[0].text.len())
            .max();
        (count, asked, largest.unwrap_or_default())
    };
    let (whole, limits, _) = units(None);
    assert_eq!((whole, limits), (2, vec![8_000]));
    let (parts, limits, bytes) = units(Some(4_096));
    assert!(parts > 10, "{parts}");
    assert_eq!(limits, [1_024]);
    assert!(
        bytes / 4 + 1_024 < 3_000,
        "{bytes} bytes leave no room for a correction"
    );
}
