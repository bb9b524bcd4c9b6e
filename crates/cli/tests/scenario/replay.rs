//! `holdfast replay` of unchanged runs: the same outcome from every state, without any request and without writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_asl::Timestamp;
use holdfast_core::model::settings::Settings;
use holdfast_core::stage::state;
use holdfast_engine::{Engine, EngineOptions, Outcome, VirtualClock};
use holdfast_ops::machine;
use holdfast_testkit::{FakeGithub, Fault, Finding, Matcher, ModelServer, PullRequest, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG, minor, refuse_undo};
use crate::support::{Scene, holdfast, many_files, one_line};

/// A finished run, without the servers that it ran with.
pub struct Recorded {
    pub data: PathBuf,
    pub run: String,
    _kept: tempfile::TempDir,
}

impl Recorded {
    /// Takes over a finished review and stops its servers.
    pub fn of(scene: Scene, run: &Value) -> Self {
        let Scene { data, server, .. } = scene;
        drop(server);
        Self {
            run: run.as_str().unwrap().to_owned(),
            data: data.path().join("data"),
            _kept: data,
        }
    }

    /// Runs `holdfast replay RUN ARGUMENTS` without any setting; returns the exit status and the document.
    pub fn replay(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.command(arguments).args(["--format", "json"]).output().unwrap();
        let document = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), document)
    }

    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = holdfast(&["replay", &self.run]);
        command.args(arguments).arg("--data").arg(&self.data);
        command
    }

    /// Returns each state that the run or one of its units visited.
    fn states(&self) -> Vec<String> {
        let document = self.replay(&[]).1;
        let of_units = document["units"].as_array().unwrap().iter().map(|unit| &unit["states"]);
        let mut names: Vec<String> = Vec::new();
        for taken in std::iter::once(&document["states"]).chain(of_units) {
            for state in taken["recorded"].as_array().unwrap() {
                let name = state.as_str().unwrap().to_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Checks that the replay equals the run and leaves the data unchanged; returns the replay.
    fn assert_faithful(&self) -> Value {
        let before = files(&self.data);
        let (exit, whole) = self.replay(&[]);
        assert_eq!((exit, &whole["same"]), (0, &json!(true)), "{whole:#}");
        assert!(before == files(&self.data), "the data directory is not written");
        whole
    }

    /// Checks the same for a start from every state.
    fn assert_faithful_from_each_state(&self) -> Value {
        for state in self.states() {
            let (exit, document) = self.replay(&["--from", &state]);
            assert_eq!(exit, 0, "from {state}: {document:#}");
            assert_eq!(document["from"], state.as_str());
        }
        self.assert_faithful()
    }
}

/// Returns every file below a directory with its bytes, without SQLite's index in shared memory and its empty log,
/// which hold no data.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let is_beside = match path.extension().and_then(|extension| extension.to_str()) {
            Some("sqlite-shm") => true,
            Some("sqlite-wal") => bytes.is_empty(),
            _ => false,
        };
        if !is_beside {
            found.insert(path, bytes);
        }
    }
    found
}

fn writes(document: &Value) -> Vec<&str> {
    let writes = document["writes"].as_array().unwrap().iter();
    writes.map(|write| write["write"].as_str().unwrap()).collect()
}

/// Records a review of a work tree of `count` files whose model follows the script.
pub fn of_work_tree(count: usize, script: Script) -> Recorded {
    let scene = Scene::with_model(many_files(count), ModelServer::start(script).unwrap());
    let (_, document) = scene.review();
    Recorded::of(scene, &document["run"])
}

#[test]
fn replays_of_work_trees_have_the_same_outcome() {
    let one_wrong = || Script::valid().for_path("src/file_0001.rs", Script::always_invalid());
    let no_walkthrough = || Script::finding_each_file().for_path("", Script::wrong_key());
    let cases: [(&str, Script); 7] = [
        ("healed", Script::prose_then_valid()),
        ("with findings", Script::finding_each_file()),
        ("one never valid", one_wrong()),
        ("a template for the walkthrough", no_walkthrough()),
        ("busy", Script::rate_limited_first(2, 1, Script::valid())),
        ("refused", Script::wrong_key()),
        ("out of money", Script::spending_limit()),
    ];
    for (what, script) in cases {
        let scene = Scene::with_model(many_files(2), ModelServer::start(script).unwrap());
        let (_, review) = scene.review();
        // The work tree changes, and the replay doesn't.
        scene
            .repository
            .write("src/file_0000.rs", "pub fn later() {}\n")
            .unwrap();
        let calls = scene.server().journal().calls().len();
        let Scene {
            repository,
            data,
            server,
            ..
        } = scene;
        let recorded = Recorded {
            data: data.path().join("data"),
            run: review["run"].as_str().unwrap().to_owned(),
            _kept: data,
        };
        let whole = match what {
            "healed" | "one never valid" => recorded.assert_faithful_from_each_state(),
            _ => recorded.assert_faithful(),
        };
        assert_eq!(whole["status"]["replayed"], review["status"], "{what}");
        assert_eq!(whole["not_read"], json!([]), "{what}: git has the objects");
        assert_eq!(
            server.unwrap().journal().calls().len(),
            calls,
            "{what}: no model was asked"
        );
        drop(repository);
        let whole = recorded.replay(&[]).1;
        assert_eq!(whole["same"], true, "{what}, without the work tree: {whole:#}");
        let unread = whole["not_read"].as_array().unwrap();
        assert_eq!(unread.len(), 3, "{what}: settings and both files: {whole:#}");
    }
}

#[test]
fn a_rules_only_run_needs_no_answers() {
    let scene = Scene::new(many_files(2));
    let run = scene.review().1["run"].clone();
    let recorded = Recorded::of(scene, &run);
    let whole = recorded.assert_faithful();
    assert_eq!(whole["units"][0]["attempts"][0]["prompt"], "same");
    let text = String::from_utf8(recorded.command(&[]).output().unwrap().stdout).unwrap();
    assert!(text.contains("the same outcome"), "{text}");
}

#[test]
fn a_replay_of_a_published_review_lists_its_posts_and_calls_nobody() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let first = pull.publish().1["run"].clone();
    // Of the second head three answers are kept ones.
    let repository = &pull.scene.repository;
    repository.write("src/file_0002.rs", "pub fn other() {}\n").unwrap();
    let head = repository.commit("Change each function").unwrap();
    let pushed = PullRequest::from_git(repository.path(), &pull.base, &head, SLUG, 12).unwrap();
    pull.github.push(pushed).unwrap();
    let second = pull.publish().1["run"].clone();
    let asked = |pull: &Pull| {
        (
            pull.github.journal().entries().len(),
            pull.scene.server().journal().calls().len(),
        )
    };
    let before = asked(&pull);
    let with_settings = pull.scene.run(&["replay", first.as_str().unwrap()]);
    assert!(
        with_settings.status.success(),
        "{}{}",
        String::from_utf8_lossy(&with_settings.stdout),
        String::from_utf8_lossy(&with_settings.stderr)
    );
    assert_eq!(asked(&pull), before, "no request while they could be reached");
    let Pull { scene, github, .. } = pull;
    drop(github);
    let mut recorded = Recorded::of(scene, &first);
    for (run, is_first) in [(first, true), (second, false)] {
        recorded.run = run.as_str().unwrap().to_owned();
        let whole = recorded.assert_faithful();
        assert_eq!(whole["status"]["replayed"], "published");
        let posted: &[&str] = if is_first {
            &["draft_review", "submit_review"]
        } else {
            &[]
        };
        let expected = [&["open_check", "announce"], posted, &["summarize", "close_check"]].concat();
        assert_eq!(writes(&whole), expected);
        if is_first {
            assert_eq!(whole["writes"][2]["comments"].as_array().unwrap().len(), 4);
        }
        assert_eq!(whole["writes"][expected.len() - 1]["conclusion"], "success");
        let unread = whole["not_read"].as_array().unwrap();
        assert_eq!(unread.len(), 5, "settings and four files: {whole:#}");
    }
}

#[test]
fn decisions_and_refusals_are_repeated() {
    let grave = Script::finding_each_file;
    let refuse = |pull: &Pull, status: u16| {
        let matcher = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
        pull.github.fail_next(matcher.always(), Fault::status(status));
    };
    let decide = |pull: &Pull, run: &Value, command: &str, more: &[&str]| {
        let arguments: Vec<&str> = [command, run.as_str().unwrap()]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let output = pull.scene.run(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    type Story<'a> = (
        &'static str,
        Script,
        Box<dyn Fn(&Pull) + 'a>,
        Option<&'a [&'a str]>,
        &'static str,
        Vec<&'static str>,
    );
    let nothing = || Box::new(|_: &Pull| ());
    let begun = ["open_check", "announce"];
    let posted = ["draft_review", "submit_review", "summarize", "close_check"];
    let failed = ["withdraw_draft", "announce", "close_check"];
    // What is below the gate is published first: here the summary alone.
    let waiting = ["open_check", "announce", "summarize", "announce", "close_check"];
    let stories: [Story<'_>; 7] = [
        (
            "waiting",
            grave(),
            nothing(),
            None,
            "awaiting_approval",
            waiting.to_vec(),
        ),
        (
            "approved",
            grave(),
            nothing(),
            Some(&["approve"]),
            "published",
            [&waiting[..], &posted].concat(),
        ),
        (
            "rejected",
            grave(),
            nothing(),
            Some(&["reject", "--reason", "wrong tone"]),
            "rejected",
            [&waiting[..], &["announce", "close_check", "close_check"]].concat(),
        ),
        (
            "cancelled",
            grave(),
            nothing(),
            Some(&["cancel"]),
            "awaiting_approval",
            waiting.to_vec(),
        ),
        (
            "refused",
            minor(),
            Box::new(|pull| refuse(pull, 403)),
            None,
            "failed",
            [&begun[..], &failed].concat(),
        ),
        (
            "unreachable",
            minor(),
            Box::new(|pull| {
                pull.github.fail_next(
                    Matcher::new("GET", "/repos/*/*/pulls/*/files").always(),
                    Fault::status(404),
                )
            }),
            None,
            "failed",
            vec!["withdraw_draft", "announce"],
        ),
        (
            "undo refused",
            minor(),
            Box::new(|pull| {
                refuse(pull, 403);
                refuse_undo(pull);
            }),
            None,
            "failed",
            begun.to_vec(),
        ),
    ];
    for (what, script, disturb, decision, status, expected) in stories {
        let pull = Pull::new(script, FakeGithub::INSTALLATION_TOKEN);
        disturb(&pull);
        let run = pull.publish().1["run"].clone();
        if let Some([command, more @ ..]) = decision {
            decide(&pull, &run, command, more);
        }
        let Pull { scene, github, .. } = pull;
        drop(github);
        let recorded = Recorded::of(scene, &run);
        let whole = match what {
            "approved" | "rejected" | "undo refused" => recorded.assert_faithful_from_each_state(),
            _ => recorded.assert_faithful(),
        };
        assert_eq!(whole["status"]["replayed"], status, "{what}");
        assert_eq!(writes(&whole), expected, "{what}");
        let is_refused = matches!(what, "refused" | "unreachable" | "undo refused");
        assert_eq!(whole["given_again"] != json!([]), is_refused, "{what}: {whole:#}");
    }
}

#[test]
fn a_run_that_a_push_superseded_is_superseded_again() {
    let pull = Pull::new(minor().delayed(300), FakeGithub::INSTALLATION_TOKEN);
    let mut child = pull.spawn_publish();
    while pull.scene.server().journal().calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let repository = &pull.scene.repository;
    repository.write("src/file_0000.rs", "pub fn other() {}\n").unwrap();
    let head = repository.commit("Push").unwrap();
    let pushed = PullRequest::from_git(repository.path(), &pull.base, &head, SLUG, 12).unwrap();
    pull.github.push(pushed).unwrap();
    child.wait().unwrap();
    let runs: Value = serde_json::from_slice(&pull.scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    let whole = Recorded::of(pull.scene, &runs["runs"][0]["run"]).assert_faithful();
    assert_eq!(whole["status"]["replayed"], "superseded");
}

#[test]
fn invalid_settings_are_invalid_again() {
    let scene = Scene::with_model(many_files(1), ModelServer::start(Script::valid()).unwrap());
    scene.repository.write(".holdfast.yml", "nonsense: 1\n").unwrap();
    scene.repository.commit("Settings").unwrap();
    scene
        .repository
        .write("src/file_0000.rs", "pub fn other() {}\n")
        .unwrap();
    scene.repository.commit("Change").unwrap();
    let output = scene.run(&["review", scene.path(), "--base", "HEAD~1", "--format", "json"]);
    let review: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &review["status"]), (Some(3), &json!("failed")));
    let recorded = Recorded {
        data: scene.data.path().join("data"),
        run: review["run"].as_str().unwrap().to_owned(),
        _kept: tempfile::tempdir().unwrap(),
    };
    let whole = recorded.assert_faithful();
    assert_eq!(whole["given_again"], json!([]), "today's code read them and refused");
}

#[test]
fn an_expired_approval_expires_again_without_a_wait() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let run = pull.publish().1["run"].clone();
    in_engine(&pull, async |engine| {
        for _ in 0..1_000 {
            if matches!(
                engine.wait(run.as_str().unwrap()).await.unwrap(),
                Outcome::Finished { .. }
            ) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("it never ends");
    });
    let whole = Recorded::of(pull.scene, &run).assert_faithful_from_each_state();
    assert_eq!(whole["status"]["replayed"], "published", "what is below the gate");
    let asked = whole["states"]["replayed"].as_array().unwrap().iter();
    assert_eq!(
        asked.filter(|state| *state == state::REQUEST_APPROVAL).count(),
        2,
        "{whole:#}"
    );
}

#[test]
fn a_redriven_run_is_replayed_from_its_last_attempt() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let matcher = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
    pull.github.fail_next(matcher.always(), Fault::status(403));
    let run = pull.publish().1["run"].clone();
    in_engine(&pull, async |engine| {
        let name = run.as_str().unwrap();
        assert_eq!(engine.redrive(name).await.unwrap(), 1);
        assert!(matches!(engine.wait(name).await.unwrap(), Outcome::Finished { .. }));
    });
    let whole = Recorded::of(pull.scene, &run).assert_faithful();
    assert_eq!(whole["status"]["replayed"], "failed");
}

/// Acts on the engine, whose clock jumps to the next event that is due.
fn in_engine(pull: &Pull, work: impl AsyncFnOnce(&Engine)) {
    let (github, model) = (pull.github.url(), pull.scene.server().url());
    let settings = Settings::read(&|name| {
        let value = match name {
            "HOLDFAST_MODEL" => "openai/test-model",
            "HOLDFAST_MODEL_URL" => &model,
            "OPENAI_API_KEY" => "key",
            "HOLDFAST_GITHUB_URL" => &github,
            "GITHUB_TOKEN" => FakeGithub::INSTALLATION_TOKEN,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    let data = pull.scene.data.path().join("data");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let stages = machine::stage_functions(&data, &settings, std::sync::Arc::default())
            .await
            .unwrap();
        let objects = Arc::new(holdfast_ops::artifact_objects::artifact_objects(&data));
        let mut options = EngineOptions::new(&data, Arc::new(stages), objects).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = i64::try_from(now.unwrap().as_millis()).unwrap();
        options.clock = Arc::new(VirtualClock::new(Timestamp(now_ms)));
        let (engine, _) = Engine::open(options).await.unwrap();
        work(&engine).await;
        engine.shutdown().await;
    });
}

#[test]
fn a_replay_works_beside_a_running_review() {
    let script = Script::findings(vec![Finding::first_added_line()]);
    let scene = Scene::with_model(many_files(2), ModelServer::start(script.clone()).unwrap());
    let run = scene.review().1["run"].as_str().unwrap().to_owned();
    scene.server().set_script(script.delayed(20_000));
    scene
        .repository
        .write("src/file_0001.rs", "pub fn other() {}\n")
        .unwrap();
    scene.repository.commit("More").unwrap();
    let asked = scene.server().journal().calls().len();
    let mut child = scene.spawn_review();
    while scene.server().journal().calls().len() == asked {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = scene.run(&["replay", &run]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(child.try_wait().unwrap().is_none(), "the review was still at work");
    child.kill().unwrap();
    child.wait().unwrap();
    // A run in flight lacks answers, and the replay reports that.
    let runs: Value = serde_json::from_slice(&scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    let unfinished = Recorded::of(scene, &runs["runs"][0]["run"]);
    let (exit, document) = unfinished.replay(&[]);
    assert_eq!((exit, &document["complete"]), (3, &json!(false)), "{document:#}");
}

#[test]
fn an_unknown_state_is_a_usage_error() {
    let recorded = of_work_tree(1, Script::valid());
    for (state, excerpt) in [
        ("Nonsense", "its states are OpenReview, PlanReview, "),
        (
            state::DISCARD_REVIEW,
            "never reached DiscardReview; it visited OpenReview, ",
        ),
    ] {
        let (exit, line) = one_line(&recorded.command(&["--from", state]).output().unwrap());
        assert!(exit == 2 && line.contains(excerpt), "{line}");
    }
}
