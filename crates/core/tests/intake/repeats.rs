//! Repeated deliveries, re-runs, merge queues, renames and runs of version 0.1.

use super::*;

#[test]
fn a_repeated_delivery_of_an_older_head_has_no_effect() {
    let world = World::new();
    world.change(|pull| pull.updated_at = "2026-11-28T10:00:00Z".to_owned());
    let (opened, synchronize) = (world.event("opened"), world.event("synchronize"));
    world.deliver("pull_request", &opened);
    world.change(|pull| {
        pull.head = sha("d");
        pull.updated_at = "2026-11-28T11:00:00Z".to_owned();
    });
    world.act("synchronize");
    for replay in [&opened, &synchronize] {
        assert!(is_ignored(&world.deliver("pull_request", replay), "another head"));
    }
    assert_eq!(world.runs().len(), 2);
    // A delivery with data from before the push changes nothing.
    world.change(|pull| pull.head = sha("e"));
    let mut pushed = world.event("synchronize");
    world.change(|pull| pull.head = sha("d"));
    pushed["pull_request"]["updated_at"] = json!("2026-11-28T12:00:00Z");
    assert!(is_started(&world.deliver("pull_request", &pushed)));
}

#[test]
fn another_base_or_other_settings_start_another_review() {
    let world = World::new();
    assert!(is_started(&world.act("opened")));
    let first = world.open_last();
    world.end(&first);
    assert!(
        matches!(world.act("reopened"), Receipt::Duplicate { .. }),
        "the same diff"
    );
    assert!(
        matches!(world.retargeted(), Receipt::Duplicate { .. }),
        "a branch at the same commit"
    );
    *world.merge_base.lock().unwrap() = sha("e");
    assert!(is_started(&world.retargeted()));
    let second = world.open_last();
    assert!(
        matches!(world.retargeted(), Receipt::Duplicate { .. }),
        "delivered again"
    );
    world.end(&second);
    *world.settings.lock().unwrap() = "max_findings: 3";
    assert!(is_started(&world.act("reopened")));
    world.open_last();
    // The first base again, whose review was withdrawn in between.
    *world.merge_base.lock().unwrap() = sha("c");
    *world.settings.lock().unwrap() = "";
    assert!(is_started(&world.retargeted()));
    assert_eq!(world.runs().len(), 4);
    let mut title = world.event("edited");
    title["changes"] = json!({ "title": { "from": "x" } });
    assert!(is_ignored(&world.deliver("pull_request", &title), "title"));
}

#[test]
fn a_closed_pull_request_or_a_draft_stops_its_review_until_it_is_back() {
    for (stop, resume) in [("closed", "reopened"), ("converted_to_draft", "ready_for_review")] {
        for is_opened in [true, false] {
            let world = World::new();
            world.act("opened");
            let run = world.runs().pop().unwrap();
            if is_opened {
                world.open_last();
            }
            world.change(|pull| (pull.is_open, pull.is_draft) = (stop != "closed", stop != "closed"));
            let stopped = world.event(stop);
            assert_eq!(
                world.deliver("pull_request", &stopped),
                Receipt::Done {
                    what: "stopped".to_owned()
                }
            );
            assert_eq!(*world.stopped.lock().unwrap(), std::slice::from_ref(&run), "{stop}");
            let late = block_on(claim::check_open(&world.rows, &run)).unwrap_err();
            assert_eq!(late.name, ErrorName::RunSuperseded, "it opens no more");
            world.change(|pull| {
                (pull.is_open, pull.is_draft) = (true, false);
                pull.updated_at = "2026-11-28T10:00:00Z".to_owned();
            });
            assert!(
                is_ignored(&world.deliver("pull_request", &stopped), "again"),
                "a replay"
            );
            let resumed = world.event(resume);
            assert!(is_started(&world.deliver("pull_request", &resumed)), "{resume}");
            let second = world.runs().pop().unwrap();
            world.end(&second);
            block_on(claim::close(&world.rows, &second)).unwrap();
            assert!(
                matches!(world.deliver("pull_request", &resumed), Receipt::Duplicate { .. }),
                "once for the event"
            );
            assert_eq!(world.runs().len(), 2);
        }
    }
}

#[test]
fn a_check_is_re_run_once_for_a_sender_with_write_permission() {
    let world = World::new();
    world.act("opened");
    let run = world.open_last();
    world.end(&run);
    let event = |id: u64, login: &str, head: &str| {
        json!({
            "action": "rerequested",
            "check_run": { "id": id, "head_sha": sha(head), "external_id": run, "pull_requests": [{ "number": 12 }] },
            "repository": { "id": ID, "name": "demo", "owner": { "login": "octo" } },
            "sender": { "login": login, "type": "User" },
        })
    };
    let rerun = |id, login, head| world.deliver("check_run", &event(id, login, head));
    assert!(is_ignored(&rerun(1, "visitor", "a"), "write permission"));
    assert!(is_ignored(&rerun(1, "maintainer", "9"), "older head"));
    assert!(is_started(&rerun(1, "maintainer", "a")));
    world.end(&world.runs()[1]);
    assert!(is_ignored(&rerun(1, "maintainer", "a"), "re-run before"));
    assert!(is_started(&rerun(2, "maintainer", "a")));
    // For forks GitHub names no pull request; the run of the check does.
    let mut fork = event(3, "maintainer", "a");
    fork["check_run"]["pull_requests"] = json!([]);
    assert!(is_ignored(
        &world.deliver("check_run", &fork),
        "pull request is unknown"
    ));
    let stored = Run {
        version: 1,
        run: run.clone(),
        bucket: String::new(),
        target: world.target(),
        publish: true,
        max_concurrency: 1,
        model: "rules".parse().unwrap(),
        model_light: "rules".parse().unwrap(),
        notes: Vec::new(),
        tokens: TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    };
    block_on(
        world
            .artifacts
            .put(&format!("runs/{run}/run.json"), &serde_json::to_vec(&stored).unwrap()),
    )
    .unwrap();
    assert!(
        matches!(world.deliver("check_run", &fork), Receipt::Duplicate { .. }),
        "it runs"
    );
}

#[test]
fn a_merge_queues_commit_gets_the_heads_check() {
    let world = World::new();
    let group = json!({
        "action": "checks_requested",
        "merge_group": { "head_sha": sha("f"), "head_ref": "refs/heads/gh-readonly-queue/feature/x/pr-12-0123abcd" },
        "repository": { "id": ID, "name": "demo", "owner": { "login": "octo" } },
    });
    assert!(matches!(world.deliver("merge_group", &group), Receipt::Done { .. }));
    assert_eq!(*world.page.copied.lock().unwrap(), [sha("f")]);
}

#[test]
fn a_renamed_repository_keeps_its_rows_and_its_review() {
    let world = World::new();
    world.act("opened");
    let run = world.open_last();
    world.end(&run);
    let pause = world.comment(1, "maintainer", "/holdfast pause");
    world.command(&pause);
    world.change(|pull| pull.repository = RepositoryName::new("new-owner", "renamed").unwrap());
    assert!(is_ignored(&world.act("reopened"), "paused"));
    world.command(&world.comment(2, "maintainer", "/holdfast resume"));
    assert_eq!(world.act("reopened"), Receipt::Duplicate { run: run.clone() });
    assert_eq!(
        block_on(claim::holder(&world.rows, &world.target())).unwrap(),
        Some(run)
    );
}

#[test]
fn the_rows_of_version_0_1_are_found() {
    let world = World::new();
    let mut named = world.target();
    if let Target::PullRequest { repository_id, .. } = &mut named {
        *repository_id = None;
    }
    let old = run_name(&format!("octo-demo-12-{}-5adbc82b-1", sha("a").short()));
    block_on(claim::take(&world.rows, &world, &named, &old)).unwrap();
    assert_eq!(
        block_on(claim::holder(&world.rows, &world.target())).unwrap(),
        Some(old.clone())
    );
    // A newer run takes over the claim, and the old run notices that at its next write.
    let claim = block_on(claim::take(&world.rows, &world, &world.target(), &run_name("newer"))).unwrap();
    assert_eq!(claim.before, Some(old.clone()));
    let refused = block_on(claim::hold(&world.rows, &named, &old)).unwrap_err();
    assert_eq!(refused.name, ErrorName::RunSuperseded);
    let key = "pause/octo/demo#12";
    block_on(world.rows.put(key, &json!({ "by": "x" }), Precondition::Absent)).unwrap();
    assert!(is_ignored(&world.act("opened"), "paused"));
    world.command(&world.comment(1, "maintainer", "/holdfast resume"));
    assert_eq!(block_on(world.rows.get(key)).unwrap(), None);
}

#[test]
fn a_review_of_version_0_1_is_not_paid_for_again() {
    for (base, is_same) in [("c", true), ("d", false)] {
        let world = World::new();
        let mut named = world.target();
        if let Target::PullRequest { repository_id, .. } = &mut named {
            *repository_id = None;
        }
        let old = run_name(&format!("octo-demo-12-{}-5adbc82b-1", sha("a").short()));
        block_on(claim::take(&world.rows, &world, &named, &old)).unwrap();
        let change = json!({
            "base": sha(base), "head": sha("a"), "title": "", "description": "", "author": null, "files": [], "files_total": 0,
        });
        block_on(
            world
                .artifacts
                .put(&format!("runs/{old}/change.json"), change.to_string().as_bytes()),
        )
        .unwrap();
        let receipt = world.act("reopened");
        assert_eq!(receipt == Receipt::Duplicate { run: old }, is_same, "{receipt:?}");
    }
}

#[test]
fn an_unavailable_read_is_retried_and_then_fails_the_delivery() {
    for (failures, is_taken) in [(2, true), (3, false)] {
        let world = World::new();
        *world.unavailable.lock().unwrap() = failures;
        let event = parse("pull_request", world.event("opened").to_string().as_bytes());
        let taken = world.receive(&event, NOW_MS);
        assert_eq!(taken.is_ok(), is_taken, "{taken:?}");
    }
}
