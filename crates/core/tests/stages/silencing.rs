//! Comments that silence findings, from the plan to the published review: whose comments count, and what the pull
//! request shows of the findings.

use super::ledger::push;
use super::*;
use holdfast_core::artifact::find_artifact;
use holdfast_core::model::report::EarlierState;
use holdfast_core::model::silencing::WritePermissions;

fn secret() -> String {
    format!("token = \"ghp_{}\"", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")
}

fn open_patch() -> String {
    format!("@@ -1,1 +1,2 @@\n one\n+{}", secret())
}

fn silenced_patch() -> String {
    format!("@@ -1,1 +1,3 @@\n one\n+# gitleaks:allow an example\n+{}", secret())
}

/// Returns the world of a pull request of a branch in the repository itself.
fn pull(path: &str, patch: &str, writers: Vec<&'static str>) -> World {
    let mut world = world(vec![file(path, Some(patch))], "rules", "rules", vec![]);
    world.people = People(writers);
    world.run.gate = GateMode::Off;
    of_branch(&mut world);
    world
}

fn of_branch(world: &mut World) {
    let change = world.change();
    (change.is_branch_here, change.author) = (true, Some("ada".to_owned()));
}

fn review(world: &World) -> Report {
    let results: Vec<Value> = (1..=world.prepare())
        .map(|number| world.walk_unit(&format!("u{number:04}"), Tier::Light))
        .collect();
    world.finish(json!(results));
    world.publish().unwrap();
    block_on(read_artifact(&world.store, &key::report(&world.run.run))).unwrap()
}

fn permissions(world: &World) -> Option<WritePermissions> {
    block_on(find_artifact(&world.store, &key::permissions(&world.run.run))).unwrap()
}

#[test]
fn an_added_comment_counts_if_author_and_pushers_may_write() {
    let stranger = "1 comment that silences a rule doesn't count: its author can't write to this repository";
    let fork = "1 comment that silences a rule doesn't count: it comes from a fork, to which people may push who can't \
                write to this repository";
    let counted = "1 finding is silenced by comments in the code: ";
    // A file that is reviewed, and one that is only searched for secrets.
    for path in ["src/a.py", "Cargo.lock"] {
        for (writers, is_branch_here, note, is_silenced) in [
            (vec!["ada"], true, counted, true),
            (vec!["bob"], true, stranger, false),
            (vec!["ada"], false, fork, false),
        ] {
            let mut world = pull(path, &silenced_patch(), writers);
            world.change().is_branch_here = is_branch_here;
            let report = review(&world);
            assert_eq!(
                (report.findings.len(), report.silenced.len()),
                if is_silenced { (0, 1) } else { (1, 0) },
                "{path}: {report:#?}"
            );
            let notes: Vec<&String> = report.notes.iter().filter(|found| found.starts_with(note)).collect();
            assert_eq!(notes.len(), 1, "{path}: {:?}", report.notes);
            let summary = world.page.comments.lock().unwrap().values().next().cloned().unwrap();
            assert!(!summary.contains("ghp_"), "{summary}");
            let silenced = report.silenced.iter();
            let silenced: Vec<_> = silenced
                .map(|silenced| (silenced.comment_line, silenced.reason.as_deref()))
                .collect();
            let expected = [(2, Some("an example"))];
            assert_eq!(silenced, expected[..usize::from(is_silenced)], "{path}");
        }
    }
}

#[test]
fn the_authors_permission_is_read_once_and_only_if_it_decides() {
    let mut world = pull("src/a.py", &silenced_patch(), vec!["ada"]);
    world.prepare();
    assert_eq!(permissions(&world), Some(WritePermissions { author_may_write: true }));
    // A repeated call uses the stored answer.
    world.people = People::default();
    assert_eq!(review(&world).silenced.len(), 1);
    let world = pull("src/a.py", &open_patch(), vec!["ada"]);
    assert_eq!(review(&world).findings.len(), 1);
    assert_eq!(permissions(&world), None, "the change adds no such comment");
}

#[test]
fn no_comment_silences_a_secret_under_gate_paths() {
    let mut world = pull("src/a.py", &silenced_patch(), vec!["ada"]);
    world.set_policy("gate: {paths: [{path: 'src/**', severity: low}]}");
    let report = review(&world);
    assert_eq!((report.findings.len(), report.silenced.len()), (1, 0));
    let notes = report.notes.join("\n");
    assert!(
        notes.contains("a secret in a file under gate.paths in .holdfast.yml can't be silenced"),
        "{notes}"
    );
}

#[test]
fn a_finding_that_was_open_is_shown_as_silenced_and_reopens_without_the_comment() {
    let world = pull("src/a.rs", &open_patch(), vec!["ada"]);
    assert_eq!(review(&world).findings.len(), 1);
    let next = |world: World, run: &str, head: char, patch: String| {
        let rules = world.run.clone();
        let mut world = push(world, run, head, &patch, vec![]);
        (world.run.model, world.run.model_light, world.run.gate) = (rules.model, rules.model_light, rules.gate);
        of_branch(&mut world);
        world.read.files.clear();
        world
    };
    let world = next(world, "r-b", 'c', silenced_patch().replace("# git", "// git"));
    let report = review(&world);
    assert_eq!((report.findings.len(), report.silenced.len()), (0, 1), "{report:#?}");
    let states: Vec<EarlierState> = report.earlier.iter().map(|earlier| earlier.state).collect();
    assert_eq!(states, [EarlierState::Silenced]);
    let revised = world.page.revised.lock().unwrap().clone();
    assert!(
        revised.len() == 1 && revised[0].is_minimized && revised[0].body.starts_with("**Silenced** by a comment"),
        "{revised:?}"
    );
    let summary = world.page.comments.lock().unwrap().values().next().cloned().unwrap();
    assert!(summary.contains("no new findings, 1 silenced"), "{summary}");
    let world = next(world, "r-c", 'd', open_patch());
    let report = review(&world);
    assert_eq!(report.findings[0].state().as_str(), "reopened");
    let revised = world.page.revised.lock().unwrap().clone();
    assert!(revised.len() == 2 && !revised[1].is_minimized, "{revised:?}");
}
