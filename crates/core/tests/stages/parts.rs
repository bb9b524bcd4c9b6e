//! A review in two parts: what is below the gate is published at once, and the rest once a person approves it.

use holdfast_core::approval::{decide, newest_question};
use holdfast_core::ledger::{EntryState, Ledger};
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::finding::{Severity, TrackedState};
use holdfast_core::model::policy::{GateScope, OnTimeout};
use holdfast_core::port::{Alarm, Mail, NotifyError, NotifyPeople};
use holdfast_core::stage::request_approval;

use super::ledger::{THREE_LINES, answer, ledger_of, posted, push, states};
use super::*;

/// Sends nothing.
struct Nobody;

#[async_trait]
impl NotifyPeople for Nobody {
    async fn send_mail(&self, _mail: &Mail) -> Result<(), NotifyError> {
        Ok(())
    }

    async fn raise_alarm(&self, _run: &RunName, _alarm: &Alarm) -> Result<(), NotifyError> {
        Ok(())
    }
}

const TWO: &str = r#"{"summary":"SECRET walkthrough","findings":[
    {"path":"src/a.rs","line":2,"severity":"high","category":"security","title":"SECRET hole","body":"B","quote":"two"},
    {"path":"src/a.rs","line":3,"severity":"medium","category":"correctness","title":"Off by one","body":"B","quote":"three"}]}"#;

/// Reviews up to the gate.
fn reach_the_gate(world: &World) -> (summarize_review::Output, Report) {
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]))
}

/// Returns a run with a finding below the gate and one above, before the gate.
fn gated() -> World {
    let mut world = world(
        vec![file("src/a.rs", Some(THREE_LINES))],
        "openai/m",
        "openai/m",
        vec![Ok(TWO)],
    );
    let text = b"one\ntwo\nthree\n".to_vec();
    world.read.files.insert("src/a.rs".to_owned(), text);
    world
}

fn request(world: &World, mode: Option<GateScope>) {
    let input = request_approval::Input {
        run: world.run.run.clone(),
        round: 1,
        token: "token".to_owned(),
        asked_ms: 1_000,
        waits_s: 172_800,
        mode,
    };
    let settings = ApprovalSettings::default();
    let asked = request_approval::request_approval(&input, &settings, &Nobody, &world.page, &world.rows, &world.store);
    block_on(asked).unwrap();
}

fn vote(world: &World, verdict: Verdict, dropped: Vec<String>) {
    let run = &world.run.run;
    let question = block_on(newest_question(&world.rows, run)).unwrap().unwrap();
    let ballot = Ballot {
        verdict,
        reason: Some("not now".to_owned()),
        content: question.approval.content,
        dropped,
        edited: BTreeMap::new(),
    };
    let by = Person {
        name: "ada".to_owned(),
        known_by: KnownBy::Github,
        address: None,
    };
    block_on(decide(&world.rows, run, 1, &by, &ballot, 2_000)).unwrap();
}

fn discard(world: &World) -> RunStatus {
    let input = discard_review::Input {
        run: world.run.run.clone(),
        reason: Some("not now".to_owned()),
    };
    let discarded = discard_review::discard_review(&input, &world.page, &world.rows, &world.store);
    block_on(discarded).unwrap().status
}

/// Returns the summary comment, with the run's state at its top if there is one.
fn comment(world: &World) -> String {
    let comments = world.page.comments.lock().unwrap();
    assert_eq!(comments.len(), 1, "{comments:?}");
    comments.values().next().unwrap().clone()
}

fn submitted(world: &World) -> usize {
    *world.page.submitted.lock().unwrap()
}

fn titles(ledger: &Ledger) -> Vec<(&str, bool)> {
    let entries = ledger.entries.iter();
    entries
        .map(|entry| (entry.title.as_str(), entry.state == EntryState::Open))
        .collect()
}

fn stored_report(world: &World) -> Report {
    block_on(read_artifact(&world.store, &key::report(&world.run.run))).unwrap()
}

#[test]
fn what_is_below_the_gate_is_published_at_once_and_the_rest_once_it_is_approved() {
    let world = gated();
    let (output, before) = reach_the_gate(&world);
    assert!(output.needs_approval);
    assert_eq!(
        (output.mode, output.on_timeout),
        (GateScope::Findings, OnTimeout::Discard)
    );
    for _again in 0..2 {
        world.publish_part(Part::Ungated).unwrap();
        assert_eq!(submitted(&world), 1);
        assert_eq!(titles(&ledger_of(&world)), [("Off by one", true)]);
    }
    let first = comment(&world);
    assert!(
        first.contains("1 finding, 1 more withheld for an approval") && first.contains("Off by one"),
        "{first}"
    );
    assert!(!first.contains("SECRET"), "{first}");
    assert!(world.page.closed.lock().unwrap().is_empty(), "the check stays open");
    assert_eq!(stored_report(&world), before, "an approval is bound to this content");

    request(&world, Some(GateScope::Findings));
    let waiting = comment(&world);
    assert!(
        waiting.starts_with("**Holdfast waits for an approval** of 1 finding in bbbbbbbbbbbb.")
            && waiting.contains("the people who run Holdfast")
            && waiting.ends_with(&first),
        "{waiting}"
    );
    assert!(!waiting.contains("SECRET"), "{waiting}");
    let closed = world.page.closed.lock().unwrap().pop().unwrap();
    assert_eq!(closed.conclusion, CheckConclusion::ActionRequired);
    assert_eq!(closed.title, "Waiting for an approval of 1 finding");
    let undecided = world.publish().unwrap_err();
    assert_eq!(undecided.name, ErrorName::ApprovalMismatch);
    // A call that wakes up late changes nothing.
    world.publish_part(Part::Ungated).unwrap();
    assert_eq!(comment(&world), waiting);

    // A published finding can't be dropped any more.
    let published = before.findings.iter().find(|finding| finding.title == "Off by one");
    vote(&world, Verdict::Approved, vec![published.unwrap().id()]);
    for _again in 0..2 {
        assert_eq!(world.publish().unwrap().status, RunStatus::Published);
        assert_eq!(submitted(&world), 2, "each part exactly once");
        assert_eq!(
            titles(&ledger_of(&world)),
            [("SECRET hole", true), ("Off by one", true)]
        );
    }
    world.publish_part(Part::Ungated).unwrap();
    let whole = comment(&world);
    assert!(
        whole.starts_with("## Holdfast: 2 findings; 1 file reviewed") && whole.contains("SECRET walkthrough"),
        "{whole}"
    );
    let drafts = world.page.drafts.lock().unwrap();
    let comments: Vec<(bool, usize)> = drafts
        .iter()
        .map(|draft| (draft.is_approved_part, draft.comments.len()))
        .collect();
    assert!(comments.contains(&(true, 1)), "{comments:?}");
    let approved = drafts.iter().find(|draft| draft.is_approved_part).unwrap();
    assert!(approved.comments[0].body.contains("SECRET hole"));
    assert_eq!(approved.subject(), "r.approved");
    let closed = world.page.closed.lock().unwrap();
    assert!(closed.last().unwrap().title.contains("at or above the gate's severity"));
}

#[test]
fn a_rejection_leaves_what_is_published_and_is_remembered() {
    let world = gated();
    reach_the_gate(&world);
    world.publish_part(Part::Ungated).unwrap();
    let first = comment(&world);
    request(&world, Some(GateScope::Findings));
    vote(&world, Verdict::Rejected, Vec::new());
    for _again in 0..2 {
        assert_eq!(discard(&world), RunStatus::Rejected);
    }
    let rejected = comment(&world);
    let decided = first.replace(
        "1 finding, 1 more withheld for an approval",
        "1 new finding, 1 dismissed",
    );
    assert!(
        rejected.starts_with("**Holdfast did not publish 1 finding** of bbbbbbbbbbbb: rejected by ada.")
            && rejected.ends_with(&decided)
            && decided != first
            && !rejected.contains("SECRET"),
        "{rejected}"
    );
    let closed = world.page.closed.lock().unwrap().last().unwrap().clone();
    assert_eq!(closed.title, "1 finding was rejected");
    assert_eq!(
        titles(&ledger_of(&world)),
        [("SECRET hole", false), ("Off by one", true)]
    );
    let linked: Vec<bool> = ledger_of(&world)
        .entries
        .iter()
        .map(|entry| entry.comment.is_some())
        .collect();
    assert_eq!(linked, [false, true], "the comment of the first part");
    let world = push(world, "r-b", 'c', THREE_LINES, vec![TWO]);
    let (output, report) = reach_the_gate(&world);
    assert!(!output.needs_approval);
    assert_eq!(states(&report), [(2, TrackedState::Dismissed), (3, TrackedState::Open)]);
}

#[test]
fn what_nobody_decided_about_stays_unpublished_and_is_asked_about_again() {
    // Of a whole review, and of the findings that waited alone.
    for mode in [None, Some(GateScope::Findings)] {
        let world = gated();
        reach_the_gate(&world);
        if mode.is_some() {
            world.publish_part(Part::Ungated).unwrap();
        }
        request(&world, mode);
        for _again in 0..2 {
            assert_eq!(
                world.publish_part(Part::Undecided).unwrap().status,
                RunStatus::Published
            );
            assert_eq!(submitted(&world), 1);
        }
        let shown = comment(&world);
        let start = "**Holdfast did not publish 1 finding** of bbbbbbbbbbbb: not approved in time.";
        assert!(shown.starts_with(start) && shown.contains("Off by one"), "{shown}");
        let verdict = "1 finding, 1 more not published: nobody decided in time;";
        assert!(shown.contains(verdict) && !shown.contains("SECRET"), "{shown}");
        let report = stored_report(&world);
        assert_eq!((report.withheld, report.findings.len()), (1, 2));
        let note = "1 finding is not published: nobody decided in time";
        assert_eq!(report.notes.iter().filter(|found| *found == note).count(), 1);
        let closed = world.page.closed.lock().unwrap().last().unwrap().clone();
        assert_eq!(closed.title, "1 finding was not approved in time");
        assert_eq!(titles(&ledger_of(&world)), [("Off by one", true)]);
        let world = push(world, "r-b", 'c', THREE_LINES, vec![TWO]);
        let (output, report) = reach_the_gate(&world);
        assert!(output.needs_approval);
        assert_eq!(states(&report), [(2, TrackedState::New), (3, TrackedState::Open)]);
    }
}

#[test]
fn a_run_that_ends_between_its_parts_leaves_the_first_and_its_check_explains_what_is_missing() {
    let world = gated();
    reach_the_gate(&world);
    world.publish_part(Part::Ungated).unwrap();
    let first = comment(&world);
    request(&world, Some(GateScope::Findings));
    vote(&world, Verdict::Approved, Vec::new());
    let mut newer = world.run.clone();
    newer.run = run_name("r-newer");
    let input = open_review::Input { run: newer };
    let open = open_review::open_review(&input, &world.read, &world.page, &world.rows, &world.runs, &world.store);
    block_on(open).unwrap();
    assert_eq!(world.publish().unwrap_err().name, ErrorName::RunSuperseded);
    assert_eq!(submitted(&world), 1);
    assert_eq!(titles(&ledger_of(&world)), [("Off by one", true)]);
    assert_eq!(stored_report(&world).status, RunStatus::Superseded);
    assert_eq!(world.page.summary.lock().unwrap().clone().unwrap().1, first);
    let closed = world.page.closed.lock().unwrap();
    let is_explained = |outcome: &holdfast_core::port::CheckOutcome| {
        outcome.title == "A newer review takes over"
            && outcome
                .summary
                .contains("Findings below the gate's severity were published")
    };
    assert!(closed.iter().any(is_explained), "{closed:?}");
}

/// Returns the second run of a pull request, which finds the published finding with a higher severity.
fn raised(severity: &str) -> World {
    let mut world = gated();
    *world.model.answers.lock().unwrap() = [Ok(answer(2, "The sum overflows", "two"))].into();
    world.read.files.remove("src/a.rs");
    reach_the_gate(&world);
    world.publish().unwrap();
    again(world, "r-b", severity)
}

/// Returns the next run, which finds the same finding with this severity.
fn again(world: World, run: &str, severity: &str) -> World {
    let found = answer(2, "The sum overflows badly", "two").replace("\"medium\"", &format!("{severity:?}"));
    push(
        world,
        run,
        run.chars().last().unwrap(),
        // Another change than before, so that the model is called.
        &format!("@@ -1,1 +1,4 @@\n one\n+two\n+three\n+{run}"),
        vec![Box::leak(found.into_boxed_str())],
    )
}

#[test]
fn a_published_finding_with_a_raised_severity_is_asked_about_again_and_keeps_its_comment() {
    let world = raised("critical");
    let (output, report) = reach_the_gate(&world);
    assert!(output.needs_approval, "{:?}", report.findings);
    let found = &report.findings[0];
    assert_eq!(
        (found.state(), found.severity),
        (TrackedState::Open, Severity::Critical)
    );
    let id = found.ledger_id().unwrap().clone();
    world.publish_part(Part::Ungated).unwrap();
    let shown = comment(&world);
    assert!(
        shown.contains("no new findings, 1 still open") && shown.contains("medium") && !shown.contains("critical"),
        "{shown}"
    );
    request(&world, Some(GateScope::Findings));
    assert!(world.page.revised.lock().unwrap().is_empty(), "nobody has approved it");
    vote(&world, Verdict::Approved, Vec::new());
    world.publish().unwrap();
    assert_eq!(posted(&world), 0, "its comment is edited");
    let revised = world.page.revised.lock().unwrap().clone();
    assert_eq!(revised.len(), 1, "{revised:?}");
    assert_eq!((revised[0].comment, &revised[0].finding.id), (1, &id));
    assert!(
        revised[0].body.contains("· critical ·") && revised[0].body.contains("overflows badly"),
        "{revised:?}"
    );
    assert!(comment(&world).contains("critical"));
    assert_eq!(ledger_of(&world).entries[0].severity, Severity::Critical);
    let world = again(world, "r-c", "critical");
    assert!(!reach_the_gate(&world).0.needs_approval, "it is published that way now");
}

#[test]
fn a_refused_severity_is_not_asked_about_again_and_a_higher_one_is() {
    for is_dropped in [false, true] {
        for mode in [None, Some(GateScope::Findings)] {
            let world = raised("high");
            let (output, report) = reach_the_gate(&world);
            assert!(output.needs_approval);
            if mode.is_some() {
                world.publish_part(Part::Ungated).unwrap();
            }
            request(&world, mode);
            if is_dropped {
                vote(&world, Verdict::Approved, vec![report.findings[0].id()]);
                world.publish().unwrap();
                assert!(comment(&world).contains("1 still open"), "it stays as it is published");
            } else {
                vote(&world, Verdict::Rejected, Vec::new());
                discard(&world);
            }
            assert!(world.page.revised.lock().unwrap().is_empty());
            let entry = ledger_of(&world).entries[0].clone();
            assert_eq!((entry.severity, entry.state), (Severity::Medium, EntryState::Open));
            let world = again(world, "r-c", "high");
            let (output, report) = reach_the_gate(&world);
            assert!(!output.needs_approval, "{is_dropped} {mode:?}");
            assert_eq!(report.findings[0].severity, Severity::Medium);
            world.publish().unwrap();
            let world = again(world, "r-d", "critical");
            assert!(reach_the_gate(&world).0.needs_approval, "{is_dropped} {mode:?}");
        }
    }
}

#[test]
fn findings_below_the_lowest_severity_or_beyond_the_number_get_no_comment_and_published_ones_keep_theirs() {
    let world = gated();
    reach_the_gate(&world);
    world.publish_part(Part::Ungated).unwrap();
    // The same finding is there again, with two new ones; the settings allow no such comment any more.
    let answers = TWO.replace("]}", r#",{"path":"src/a.rs","line":4,"severity":"low","category":"testing","title":"Untested","body":"B","quote":"four"}]}"#);
    let mut world = push(
        world,
        "r-b",
        'c',
        "@@ -1,1 +1,4 @@\n one\n+two\n+three\n+four",
        vec![Box::leak(answers.into_boxed_str())],
    );
    world.set_policy("comments: { min_severity: critical, max: 1 }\ngate: { severity: critical }\n");
    let (output, report) = reach_the_gate(&world);
    assert!(!output.needs_approval);
    world.publish().unwrap();
    assert_eq!(posted(&world), 0);
    let summary = comment(&world);
    assert!(
        summary.contains("2 new findings, 1 still open") && summary.contains("2 findings without an inline comment"),
        "{summary}"
    );
    assert_eq!(report.findings.len(), 3, "none is dropped");
    assert!(world.page.revised.lock().unwrap().is_empty());
}
