//! Payloads of each version that may still be in flight. The current program reads the golden files of every shape
//! without losing a field, and the current stages accept them. Each shape that the current program writes has a golden
//! file.
//!
//! `HOLDFAST_RECORD_PAYLOADS=1 cargo test -p holdfast-tests --test contract payloads` records the missing files.
//! Existing files are never overwritten, because a released version wrote them.

mod ports;
mod shape;
mod stories;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_asl::{Command, Execution, HistoryEvent, Identity, StateMachine, Status};
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::stage::STAGES;
use holdfast_core::stage::state;
use holdfast_engine::{Functions, Invocation};
use serde::Deserialize;
use serde_json::Value;

use crate::root;
use ports::World;
use shape::{loses, paths, reread, words};

/// The file of markers, in the form that texts on GitHub contain.
const MARKERS: &str = "markers.txt";
const MARKED_RUN: &str = "octo-demo-12-1";
const MARKER_KINDS: [MarkerKind; 3] = [MarkerKind::Review, MarkerKind::Announcement, MarkerKind::Notice];

/// The golden documents of one version, by kind (`artifact/report`).
pub struct Golden {
    version: String,
    folder: PathBuf,
    documents: BTreeMap<String, Vec<Value>>,
}

impl Golden {
    /// Returns all recorded versions.
    fn all() -> Vec<Self> {
        let mut versions: Vec<Self> = std::fs::read_dir(root().join("tests/fixtures/payloads"))
            .unwrap()
            .map(|entry| Self::read(entry.unwrap().path()))
            .collect();
        versions.sort_by(|a, b| a.version.cmp(&b.version));
        versions
    }

    /// Reads the files `FOLDER/NAME.json` and, for other forms of the same document, `FOLDER/NAME-2.json`….
    fn read(folder: PathBuf) -> Self {
        let mut documents: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for group in ["artifact", "input", "output", "row", "word"] {
            let Ok(entries) = std::fs::read_dir(folder.join(group)) else {
                continue;
            };
            let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
            files.sort_by_cached_key(|file| form_of(file));
            for file in files {
                let (name, _) = form_of(&file);
                let document = serde_json::from_slice(&std::fs::read(&file).unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                documents.entry(format!("{group}/{name}")).or_default().push(document);
            }
        }
        Self {
            version: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            folder,
            documents,
        }
    }

    /// Returns the first form of a document.
    pub fn first(&self, name: &str) -> &Value {
        let forms = self.documents.get(name).and_then(|forms| forms.first());
        forms.unwrap_or_else(|| panic!("{}: there is no {name}", self.version))
    }

    /// Returns true if this version has such a document: later versions have others.
    pub fn has(&self, name: &str) -> bool {
        self.documents.contains_key(name)
    }

    /// Returns the golden run's own record.
    pub fn run(&self) -> Run {
        Run::deserialize(self.first("artifact/run")).unwrap()
    }

    /// Writes one more form of a document.
    fn record(&mut self, name: &str, document: Value) {
        let forms = self.documents.entry(name.to_owned()).or_default();
        forms.push(document);
        let number = match forms.len() {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let file = self.folder.join(format!("{name}{number}.json"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = serde_json::to_string_pretty(forms.last().unwrap()).unwrap();
        std::fs::write(file, text + "\n").unwrap();
    }
}

/// Returns the name of a file's document, and the number of its form, from 1.
fn form_of(file: &Path) -> (String, u32) {
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let numbered = stem.rsplit_once('-');
    let numbered = numbered.and_then(|(name, number)| Some((name.to_owned(), number.parse().ok()?)));
    numbered.unwrap_or_else(|| (stem.to_owned(), 1))
}

/// Returns true if missing golden files are to be written.
fn is_recording() -> bool {
    std::env::var_os("HOLDFAST_RECORD_PAYLOADS").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shape_of_this_version_has_a_golden_file() {
    let folder = root().join(format!("tests/fixtures/payloads/v{PAYLOAD_VERSION}"));
    let mut golden = Golden::read(folder.clone());
    let mut written = stories::play_all().await;
    for (name, words) in words() {
        written.documents.insert(name.to_owned(), vec![words]);
    }
    written.texts.insert(MARKERS.to_owned(), markers(&golden_target()));
    for stage in STAGES {
        let names = ["input", "output"].map(|side| format!("{side}/{}", stage.function));
        let is_played = names.iter().all(|name| written.documents.contains_key(name));
        assert!(is_played, "no story comes to the end of {}", stage.state);
    }
    let mut missing = Vec::new();
    for (name, documents) in &written.documents {
        for document in documents {
            let forms = golden.documents.get(name).map_or(&[][..], Vec::as_slice);
            let known: Vec<String> = forms.iter().flat_map(paths).collect();
            let new: Vec<String> = paths(document)
                .into_iter()
                .filter(|path| !known.contains(path))
                .collect();
            if forms.is_empty() || !new.is_empty() {
                if is_recording() {
                    golden.record(name, document.clone());
                } else {
                    missing.push(format!("{name}: {}", new.join(" ")));
                }
            }
        }
    }
    for (name, text) in &written.texts {
        let file = folder.join(name);
        if file.exists() {
            continue;
        }
        if is_recording() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        } else {
            missing.push(name.clone());
        }
    }
    missing.dedup();
    assert!(
        missing.is_empty(),
        "shapes without a golden file; docs/upgrading.md describes what to do:\n{}",
        missing.join("\n")
    );
}

#[test]
fn golden_payloads_are_read_and_nothing_of_them_is_lost() {
    let versions = Golden::all();
    let current = format!("v{PAYLOAD_VERSION}");
    assert!(versions.iter().any(|golden| golden.version == current), "{current}");
    for golden in versions {
        for (name, forms) in golden.documents.iter().filter(|(name, _)| is_data(name)) {
            for document in forms {
                let again = reread(name, document).unwrap_or_else(|error| panic!("{} {name}: {error}", golden.version));
                let lost = loses(document, &again);
                assert!(lost.is_empty(), "{} {name} loses {lost:?}", golden.version);
            }
        }
    }
}

/// Returns true for documents that are read by their type; the inputs and outputs of stages go through the stages.
fn is_data(name: &str) -> bool {
    ["artifact/", "row/", "word/"]
        .iter()
        .any(|group| name.starts_with(group))
}

#[test]
fn golden_markers_are_still_valid() {
    for golden in Golden::all() {
        let text = std::fs::read_to_string(golden.folder.join(MARKERS)).unwrap();
        for kind in MARKER_KINDS {
            let found = marker_key().find(kind, &golden_target(), &text);
            assert_eq!(found.as_deref(), Some(MARKED_RUN), "{} {kind:?}", golden.version);
        }
    }
}

fn marker_key() -> MarkerKey {
    MarkerKey::new("0123456789abcdef".to_owned().into()).unwrap()
}

fn golden_target() -> Target {
    Target::PullRequest {
        repository: RepositoryName::new("octo", "demo").unwrap(),
        number: 12,
        head: CommitSha::parse(&"a".repeat(40)).unwrap(),
        repository_id: None,
        pinned: None,
    }
}

/// Returns one line for each kind of marker.
fn markers(target: &Target) -> String {
    let lines = MARKER_KINDS.map(|kind| marker_key().line(kind, target, MARKED_RUN) + "\n");
    lines.concat()
}

#[tokio::test]
async fn stages_take_golden_inputs_and_give_what_the_older_workflow_reads() {
    for golden in Golden::all() {
        for stage in STAGES {
            let input = format!("input/{}", stage.function);
            let output = format!("output/{}", stage.function);
            // An older version may lack the stage; `each_shape_of_this_version_has_a_golden_file` checks the present one.
            let inputs = golden.documents.get(&input).map_or(&[][..], Vec::as_slice);
            for payload in inputs {
                let world = World::of(&golden);
                let called = world
                    .stages()
                    .invoke(stage.function, payload.clone(), nobody(stage.state))
                    .await;
                let given = called.unwrap_or_else(|failure| panic!("{} {input}: {failure:?}", golden.version));
                let mut forms = golden.documents[&output].iter().filter(|form| tag(form) == tag(&given));
                let is_whole = |form: &Value| paths(form).iter().all(|path| paths(&given).contains(path));
                assert!(
                    forms.any(is_whole),
                    "{} {output}: {given} lacks a field",
                    golden.version
                );
            }
        }
    }
}

/// Returns the field that the workflow routes by.
fn tag(output: &Value) -> Option<&str> {
    output.get("next").or(output.get("status")).and_then(Value::as_str)
}

fn nobody(state: &str) -> Invocation {
    Invocation {
        execution: "golden".to_owned(),
        execution_arn: "arn:aws:states:local:000000000000:execution:review:golden".to_owned(),
        state: state.to_owned(),
        key: 1,
        time_left: None,
        token: None,
    }
}

#[test]
fn golden_executions_continue_by_their_own_definition() {
    for golden in Golden::all() {
        let text = |name: &str| std::fs::read_to_string(golden.folder.join("history").join(name)).unwrap();
        let machine = Arc::new(StateMachine::parse(&text("definition.asl.json")).unwrap());
        for state in machine.states() {
            if let Some(function) = &state.function {
                assert!(STAGES.iter().any(|stage| stage.function == function), "{function}");
            }
            for error in state.caught_errors.iter().chain(&state.retried_errors) {
                let is_ours = ErrorName::ALL.iter().any(|name| name.as_str() == error);
                assert!(
                    is_ours || error.contains('.'),
                    "{}: nothing is named {error} any more",
                    golden.version
                );
            }
        }
        for (file, machine) in [
            ("review.jsonl", Arc::clone(&machine)),
            ("unit.jsonl", machine.item_processor(state::REVIEW_EACH_UNIT).unwrap()),
        ] {
            let events: Vec<HistoryEvent> = text(file)
                .lines()
                .map(|line| {
                    let event: HistoryEvent = serde_json::from_str(line).unwrap();
                    let lost = loses(
                        &serde_json::from_str(line).unwrap(),
                        &serde_json::to_value(&event).unwrap(),
                    );
                    assert!(lost.is_empty(), "{} {file}: {line} loses {lost:?}", golden.version);
                    event
                })
                .collect();
            let mut execution = Execution::new(machine, identity(&golden.run(), &events));
            for event in &events {
                execution.apply(event);
                let is_open = matches!(execution.status(), Status::Running);
                // Commands are available in the middle of an execution, too.
                let commands: Vec<Command> = execution.commands();
                assert!(is_open || commands.is_empty(), "{} {file}", golden.version);
            }
            let ended = matches!(execution.status(), Status::Succeeded { .. });
            assert!(ended, "{} {file}: {:?}", golden.version, execution.status());
        }
    }
}

fn identity(run: &Run, events: &[HistoryEvent]) -> Identity {
    Identity {
        execution_arn: format!("arn:aws:states:local:000000000000:execution:review:{}", run.run),
        execution_name: run.run.to_string(),
        state_machine_arn: "arn:aws:states:local:000000000000:stateMachine:review".to_owned(),
        state_machine_name: "review".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/review".to_owned(),
        start: events[0].at,
        input: serde_json::to_value(run).unwrap(),
        map_item: None,
    }
}

/// Returns the key of a pull request's claim.
pub fn claim_key(target: &Target) -> String {
    format!("claim/{}#{}", target.repository(), target.pull_request().unwrap())
}
