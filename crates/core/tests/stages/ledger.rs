//! Several runs of one pull request: which findings each of them publishes.

use super::*;
use holdfast_core::ledger::{EntryState, FindingId, FindingMark, Ledger};
use holdfast_core::model::approval::{Edit, Verdict};
use holdfast_core::model::finding::TrackedState;
use holdfast_core::model::report::EarlierState;
use holdfast_core::port::FindingThread;
use holdfast_core::pull_ledger;
use holdfast_core::stage::{PullState, Reconciliation};

pub const THREE_LINES: &str = "@@ -1,1 +1,3 @@\n one\n+two\n+three";

pub fn answer(line: u32, title: &str, quote: &str) -> &'static str {
    let answer = json!({ "summary": "s", "findings": [{ "path": "src/a.rs", "line": line, "severity": "medium",
        "category": "correctness", "title": title, "body": "Because.", "quote": quote }] });
    Box::leak(answer.to_string().into_boxed_str())
}

/// Returns an answer with one finding that the gate holds.
fn severe() -> &'static str {
    let answer = answer(2, "The sum overflows", "two").replace("medium", "high");
    Box::leak(answer.into_boxed_str())
}

/// Runs a whole review up to its publication.
fn review(world: &World) -> Report {
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.publish().unwrap();
    block_on(read_artifact(&world.store, &key::report(&world.run.run))).unwrap()
}

/// Returns the world of the next push, with the same rows, artifacts and pull request. Each comment that was posted has
/// a thread. `text` is the file's content at both heads.
pub fn push(world: World, run: &str, head: char, patch: &str, answers: Vec<&'static str>) -> World {
    let mut threads = std::mem::take(&mut *world.threads.0.lock().unwrap());
    let drafts = std::mem::take(&mut *world.page.drafts.lock().unwrap());
    for comment in drafts.iter().flat_map(|draft| &draft.comments) {
        let number = threads.len() as u64 + 1;
        threads.push(FindingThread {
            finding: comment.finding.clone().unwrap(),
            node: format!("PRRT_{number}"),
            comment: number,
            comment_node: format!("PRRC_{number}"),
            url: format!("https://github.com/o/r/pull/1#discussion_r{number}"),
            is_resolved: false,
            is_outdated: false,
            is_minimized: false,
            thumbs_down: Vec::new(),
            replies: Vec::new(),
        });
    }
    *world.page.submitted.lock().unwrap() = 0;
    let mut next = super::world(vec![file("src/a.rs", Some(patch))], "openai/m", "openai/m", vec![]);
    *next.model.answers.lock().unwrap() = answers.into_iter().map(Ok).collect();
    let head = CommitSha::parse(&head.to_string().repeat(40)).unwrap();
    next.change().head = head.clone();
    if let Target::PullRequest { head: of_target, .. } = &mut next.run.target {
        *of_target = head;
    }
    next.run.run = run_name(run);
    World {
        store: world.store,
        rows: world.rows,
        page: world.page,
        people: world.people,
        threads: FixedThreads(Mutex::new(threads), false),
        ..next
    }
}

pub fn states(report: &Report) -> Vec<(u32, TrackedState)> {
    let states = report.findings.iter().map(|finding| (finding.line, finding.state()));
    states.collect()
}

pub fn posted(world: &World) -> usize {
    let drafts = world.page.drafts.lock().unwrap();
    drafts.iter().map(|draft| draft.comments.len()).sum()
}

fn first() -> World {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "openai/m", "openai/m", vec![]);
    *world.model.answers.lock().unwrap() = [Ok(answer(2, "The sum overflows", "two"))].into();
    world.read.files.insert("src/a.rs".to_owned(), b"one\ntwo\n".to_vec());
    world
}

pub fn ledger_of(world: &World) -> Ledger {
    block_on(pull_ledger::read(&world.rows, &world.store, &world.run.target)).unwrap()
}

#[test]
fn a_finding_that_is_still_there_is_not_posted_again() {
    let world = first();
    let report = review(&world);
    assert_eq!((states(&report), posted(&world)), (vec![(2, TrackedState::New)], 1));
    let id = report.findings[0].tracked.clone().unwrap().id;
    let world = push(
        world,
        "r-b",
        'c',
        THREE_LINES,
        vec![answer(2, "The sum overflows", "two")],
    );
    let report = review(&world);
    assert_eq!((states(&report), posted(&world)), (vec![(2, TrackedState::Open)], 0));
    let tracked = report.findings[0].tracked.clone().unwrap();
    assert_eq!(tracked.id, id, "it keeps its identity");
    assert_eq!(
        tracked.url.as_deref(),
        Some("https://github.com/o/r/pull/1#discussion_r1")
    );
    let comments = world.page.comments.lock().unwrap();
    let summary = comments.values().next().unwrap();
    assert!(
        comments.len() == 1 && summary.contains("no new findings, 1 still open; 1 file reviewed"),
        "{summary}"
    );
    assert!(
        summary.contains("(https://github.com/o/r/pull/1#discussion_r1)") || !summary.contains("]("),
        "{summary}"
    );
    assert_eq!(
        *world.page.submitted.lock().unwrap(),
        0,
        "the edited summary is the publication"
    );
}

#[test]
fn a_finding_whose_lines_changed_and_that_is_not_found_again_is_fixed_in_its_comment() {
    let world = first();
    review(&world);
    let fixed = "@@ -1,1 +1,2 @@\n one\n+checked sum";
    let mut world = push(world, "r-b", 'c', fixed, vec![VALID]);
    // Both heads have other texts; this source has one for all commits, so the lines are found by the diff.
    world.read.files.clear();
    let report = review(&world);
    assert!(report.findings.is_empty());
    assert_eq!(report.earlier.len(), 1);
    assert_eq!(report.earlier[0].state, EarlierState::Fixed);
    let revised = world.page.revised.lock().unwrap().clone();
    assert_eq!(revised.len(), 1);
    assert!(
        revised[0].is_minimized && revised[0].body.starts_with("**Fixed** in cccccccccccc."),
        "{revised:?}"
    );
    assert_eq!(revised[0].finding.id, report.earlier[0].id);
    let summary = world.page.comments.lock().unwrap().values().next().cloned().unwrap();
    assert!(summary.contains("no new findings, 1 fixed"), "{summary}");

    // The push is reverted: the same comment shows the finding again.
    let world = push(world, "r-c", 'd', PATCH, vec![]);
    let report = review(&world);
    assert_eq!(
        (states(&report), posted(&world)),
        (vec![(2, TrackedState::Reopened)], 0)
    );
    let revised = world.page.revised.lock().unwrap().clone();
    assert!(!revised[1].is_minimized && revised[1].comment == 1, "{revised:?}");
}

#[test]
fn the_comments_of_a_first_review_are_in_its_ledger_and_a_failed_read_changes_nothing_else() {
    for hides_comments in [false, true] {
        let mut world = first();
        world.page.hides_comments = hides_comments;
        review(&world);
        let entries = ledger_of(&world).entries;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].comment, (!hides_comments).then_some(1));
        assert_eq!(*world.page.submitted.lock().unwrap(), 1);
    }
}

#[test]
fn without_the_threads_the_ledger_keeps_its_states_and_links() {
    let world = first();
    review(&world);
    let mut world = push(
        world,
        "r-b",
        'c',
        THREE_LINES,
        vec![answer(2, "The sum overflows", "two")],
    );
    world.threads.0.lock().unwrap()[0].is_resolved = true;
    world.threads.1 = true;
    world.change().url = Some("https://github.com/o/r/pull/1".to_owned());
    let report = review(&world);
    assert_eq!((states(&report), posted(&world)), (vec![(2, TrackedState::Open)], 0));
    assert_eq!(
        report.findings[0].comment_url(),
        Some("https://github.com/o/r/pull/1#discussion_r1")
    );
    let entry = ledger_of(&world).entries.remove(0);
    assert_eq!((entry.state, entry.comment), (EntryState::Open, Some(1)));
    // The next run reads what the person did.
    let mut world = push(
        world,
        "r-c",
        'd',
        THREE_LINES,
        vec![answer(2, "The sum overflows", "two")],
    );
    world.threads.1 = false;
    let report = review(&world);
    assert_eq!(states(&report), [(2, TrackedState::Closed)]);
}

#[test]
fn threads_of_fixed_findings_are_resolved_until_github_refuses() {
    let two = || {
        let findings = [
            (2, "The sum overflows", "two"),
            (3, "The lock is never released", "three"),
        ];
        let findings = findings.map(|(line, title, quote)| {
            json!({ "path": "src/a.rs", "line": line, "severity": "medium", "category": "correctness", "title": title,
                "body": "Because.", "quote": quote })
        });
        let answer = json!({ "summary": "s", "findings": findings });
        &*Box::leak(answer.to_string().into_boxed_str())
    };
    for (may_resolve, attempts) in [(false, 1), (true, 2)] {
        let mut world = world(
            vec![file("src/a.rs", Some(THREE_LINES))],
            "openai/m",
            "openai/m",
            vec![],
        );
        *world.model.answers.lock().unwrap() = [Ok(two())].into();
        world.page.may_resolve = may_resolve;
        review(&world);
        let fixed = "@@ -1,1 +1,2 @@\n one\n+checked sum";
        let world = push(world, "r-b", 'c', fixed, vec![VALID]);
        let report = review(&world);
        assert_eq!(report.earlier.len(), 2);
        let resolved = world.page.resolved.lock().unwrap().clone();
        assert_eq!(resolved.len(), attempts, "{resolved:?}");
        assert!(
            resolved
                .iter()
                .all(|(thread, is_resolved)| thread.starts_with("PRRT_") && *is_resolved)
        );
        assert_eq!(report.status, RunStatus::Published);
    }
}

#[test]
fn only_people_who_may_write_dismiss_a_finding() {
    for (login, expected) in [("bob", TrackedState::Dismissed), ("eve", TrackedState::Open)] {
        let mut world = first();
        world.people = People(vec!["bob"]);
        review(&world);
        let world = push(
            world,
            "r-b",
            'c',
            THREE_LINES,
            vec![answer(2, "The sum overflows", "two")],
        );
        world.threads.0.lock().unwrap()[0].thumbs_down = vec![login.to_owned()];
        let report = review(&world);
        assert_eq!(states(&report), [(2, expected)], "{login}");
        let is_open = expected == TrackedState::Open;
        assert_eq!(report.open_severities().count(), usize::from(is_open), "{login}");
        let run = &world.run.run;
        let before: PullState = block_on(read_artifact(&world.store, &key::pull_state(run))).unwrap();
        let after: Reconciliation = block_on(read_artifact(&world.store, &key::reconciled(run))).unwrap();
        assert_eq!(before.new_dismissals(&after.ledger), usize::from(!is_open), "{login}");
        assert_eq!(before.new_dismissals(&Ledger::default()), 0);
    }
}

#[test]
fn a_lost_ledger_is_read_back_from_the_comments() {
    let world = first();
    let before = review(&world);
    let world = push(
        world,
        "r-b",
        'c',
        THREE_LINES,
        vec![answer(2, "The sum overflows", "two")],
    );
    world.rows.all().retain(|key, _| !key.starts_with("pull/"));
    assert!(ledger_of(&world).entries.is_empty());
    let report = review(&world);
    assert_eq!((states(&report), posted(&world)), (vec![(2, TrackedState::Open)], 0));
    let id = |report: &Report| -> FindingId { report.findings[0].tracked.clone().unwrap().id };
    assert_eq!(id(&before), id(&report));
    assert_eq!(ledger_of(&world).entries.len(), 1);
}

#[test]
fn a_run_that_is_not_published_leaves_the_ledger_as_it_was() {
    let world = first();
    review(&world);
    let before = ledger_of(&world);
    let mut world = push(
        world,
        "r-b",
        'c',
        THREE_LINES,
        vec![answer(3, "Another defect", "three")],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.read.head = Some(CommitSha::parse(&"e".repeat(40)).unwrap());
    assert_eq!(world.publish().unwrap_err().name, ErrorName::PullRequestHeadMoved);
    assert_eq!(ledger_of(&world), before);
}

#[test]
fn a_finding_that_an_approver_dropped_needs_no_approval_again() {
    let severe = severe();
    let mut world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(severe)],
    );
    world.read.files.insert("src/a.rs".to_owned(), b"one\ntwo\n".to_vec());
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (output, report) = world.finish(json!([result]));
    assert!(output.needs_approval);
    let dropped = report.findings[0].id();
    who_decides::approve(&world, |(_, ballot)| ballot.dropped.push(dropped));
    world.publish().unwrap();
    assert_eq!(posted(&world), 0);
    let world = push(world, "r-b", 'c', THREE_LINES, vec![severe]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (output, report) = world.finish(json!([result]));
    assert_eq!(states(&report), [(2, TrackedState::Dismissed)]);
    assert!(!output.needs_approval && !report.findings[0].gated);
}

#[test]
fn a_repeated_write_leaves_the_ledger_of_its_first_call() {
    let (rows, store) = (MemoryRows::default(), MemoryArtifacts::default());
    let target: Target = serde_json::from_value(json!({
        "kind": "pull_request", "owner": "octo", "repository": "demo", "number": 3, "head": "a".repeat(40),
        "repository_id": 77,
    }))
    .unwrap();
    let now = || block_on(pull_ledger::read(&rows, &store, &target)).unwrap();
    assert_eq!(now(), Ledger::default());
    let with = |left_out| Ledger {
        left_out,
        ..Ledger::default()
    };
    for (run, left_out, kept) in [("run-a", 1, 1), ("run-a", 2, 1), ("run-b", 3, 3)] {
        let run = run_name(run);
        block_on(pull_ledger::write(&rows, &store, &target, &run, false, &with(left_out))).unwrap();
        assert_eq!(now(), with(kept), "{run}");
    }
    let keys: Vec<String> = store.all().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "pull/77/3/ledger/000001-run-a.json",
            "pull/77/3/ledger/000002-run-b.json"
        ]
    );
    store.all().clear();
    assert_eq!(now(), Ledger::default(), "past its retention");
}

#[test]
fn what_a_person_rejected_needs_no_approval_again_and_the_rest_stays_as_it_is_shown() {
    let severe = severe();
    let mut world = first();
    *world.model.answers.lock().unwrap() = [Ok(severe)].into();
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (output, _) = world.finish(json!([result]));
    assert!(output.needs_approval);
    who_decides::approve(&world, |(_, ballot)| {
        (ballot.verdict, ballot.reason) = (Verdict::Rejected, Some("no".to_owned()));
    });
    let input = discard_review::Input {
        run: run_name("r"),
        reason: Some("no".to_owned()),
    };
    for _again in 0..2 {
        block_on(discard_review::discard_review(
            &input,
            &world.page,
            &world.rows,
            &world.store,
        ))
        .unwrap();
    }
    let stored = ledger_of(&world);
    assert!(
        matches!(stored.entries[0].state, EntryState::Dismissed(_)),
        "{stored:?}"
    );
    world = push(world, "r-b", 'c', THREE_LINES, vec![severe]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (output, report) = world.finish(json!([result]));
    assert_eq!(states(&report), [(2, TrackedState::Dismissed)]);
    assert!(!output.needs_approval);
    world.publish().unwrap();
    let comments = world.page.comments.lock().unwrap();
    let summary = comments.values().next().unwrap();
    assert!(
        summary.contains("1 dismissed") && !summary.contains("overflows"),
        "{summary}"
    );
}

#[test]
fn a_published_finding_keeps_its_words_and_an_edited_one_its_identity() {
    let severe = severe();
    let mut world = first();
    *world.model.answers.lock().unwrap() = [Ok(severe)].into();
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    let (_, report) = world.finish(json!([result]));
    let edited = Edit {
        title: "Please read the tracker".to_owned(),
        body: "Ask us.".to_owned(),
    };
    let id = report.findings[0].id();
    who_decides::approve(&world, |(_, ballot)| {
        ballot.edited.insert(id, edited);
    });
    world.publish().unwrap();
    world = push(world, "r-b", 'c', THREE_LINES, vec![severe]);
    let report = review(&world);
    let found = &report.findings[0];
    assert_eq!((states(&report), posted(&world)), (vec![(2, TrackedState::Open)], 0));
    assert_eq!(
        (found.title.as_str(), found.body.as_str()),
        ("Please read the tracker", "Ask us.")
    );
    let comments = world.page.comments.lock().unwrap();
    assert!(
        comments.values().all(|comment| !comment.contains("overflows")),
        "{comments:?}"
    );
    let marks: Vec<_> = world
        .threads
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|thread| thread.finding.published())
        .collect();
    assert!(
        marks.iter().flatten().all(|(_, entry)| entry.last_words.is_none()),
        "{marks:?}"
    );
}

#[test]
fn a_comment_that_shows_another_state_than_the_ledger_is_edited_by_the_next_run() {
    let world = first();
    review(&world);
    let world = push(
        world,
        "r-b",
        'c',
        THREE_LINES,
        vec![answer(2, "The sum overflows", "two")],
    );
    {
        // A run showed it as fixed and ended before it stored its ledger.
        let mut threads = world.threads.0.lock().unwrap();
        let (head, mut entry) = threads[0].finding.published().unwrap();
        entry.state = EntryState::Fixed { head: head.clone() };
        threads[0].finding = FindingMark::new(&entry, &head);
    }
    let report = review(&world);
    assert_eq!(states(&report), [(2, TrackedState::Open)]);
    let revised = world.page.revised.lock().unwrap().clone();
    assert!(revised.len() == 1 && !revised[0].is_minimized, "{revised:?}");
    assert!(!revised[0].body.contains("Fixed"), "{revised:?}");
}
