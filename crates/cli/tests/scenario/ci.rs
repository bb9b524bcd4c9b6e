//! The composite action, the recipes of docs/ci.md and the hooks: each is read from its YAML and run as its runner does,
//! with the real program and a fake GitHub.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use holdfast_testkit::{FakeGithub, Finding, Script};
use serde_norway::Value;

use crate::pull_request::{Pull, SLUG, minor};
use crate::support::{PROGRAM, many_files};

const ACTION: &str = include_str!("../../../../action.yml");
const DOCUMENT: &str = include_str!("../../../../docs/ci.md");
const HOOKS: &str = include_str!("../../../../.pre-commit-hooks.yaml");

/// GitHub's runner, as far as a composite action with bash steps needs it.
struct Runner {
    folder: tempfile::TempDir,
    /// The values of expressions: `inputs.NAME`, `github.NAME`, `runner.NAME`, `steps.ID.outputs.NAME`.
    values: BTreeMap<String, String>,
    /// The environment of the step that uses the action.
    environment: Vec<(String, String)>,
    /// The ids of the steps that ran.
    ran: Vec<String>,
}

/// The result of an action.
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Runner {
    /// Creates a runner with the event's values, and the action's defaults as inputs.
    fn new(github: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let temp = folder.path().display().to_string();
        let mut values: BTreeMap<String, String> = [
            ("runner.temp", temp.as_str()),
            ("runner.os", "Linux"),
            ("runner.arch", "X64"),
        ]
        .iter()
        .chain(github)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        for (name, input) in parsed(ACTION)["inputs"].as_mapping().unwrap() {
            let default = substitute(input["default"].as_str().unwrap(), &values);
            values.insert(format!("inputs.{}", name.as_str().unwrap()), default);
        }
        Self {
            folder,
            values,
            environment: Vec::new(),
            ran: Vec::new(),
        }
    }

    /// Creates a runner for a pull request's workflow, with the settings of its scene.
    fn of(pull: &Pull, token: &str) -> Self {
        let mut runner = Self::new(&[
            ("github.event.pull_request.html_url", &pull.address()),
            ("github.api_url", &pull.github.url()),
            ("github.token", token),
        ]);
        let settings = pull.scene.settings.iter();
        runner.environment = settings
            .filter(|(name, _)| !["HOLDFAST_GITHUB_URL", "GITHUB_TOKEN"].contains(&name.as_str()))
            .cloned()
            .collect();
        runner.with("program", PROGRAM)
    }

    fn with(mut self, input: &str, value: &str) -> Self {
        let known = self.values.insert(format!("inputs.{input}"), value.to_owned());
        assert!(known.is_some(), "the action has no input {input}");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn output(&self, name: &str) -> String {
        let outputs = &parsed(ACTION)["outputs"][name]["value"];
        substitute(outputs.as_str().unwrap(), &self.values)
    }

    /// Runs each step of the action whose condition is true, until one fails.
    fn run(&mut self) -> Ended {
        let mut ended = Ended {
            status: 0,
            stdout: String::new(),
            stderr: String::new(),
        };
        for step in parsed(ACTION)["runs"]["steps"].as_sequence().unwrap() {
            let id = step["id"].as_str().unwrap().to_owned();
            if step["if"]
                .as_str()
                .is_some_and(|condition| !holds(condition, &self.values))
            {
                continue;
            }
            self.ran.push(id.clone());
            // The steps that use other actions set outputs only where a test does.
            let Some(script) = step["run"].as_str() else { continue };
            let output = self.run_step(&id, step, script);
            ended.status = output.status.code().unwrap();
            ended.stdout += &String::from_utf8(output.stdout).unwrap();
            ended.stderr += &String::from_utf8(output.stderr).unwrap();
            if ended.status != 0 {
                break;
            }
        }
        ended
    }

    fn run_step(&mut self, id: &str, step: &Value, script: &str) -> Output {
        assert_eq!(step["shell"], "bash", "{id}");
        let (file, outputs) = (self.path("step.sh"), self.path(&format!("{id}.outputs")));
        fs::write(&file, script).unwrap();
        fs::write(&outputs, "").unwrap();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&file);
        let folders = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH", folders)
            .env("HOME", self.folder.path())
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_ACTION_PATH", self.path("action"))
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", self.path("summary.md"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for (name, value) in step["env"].as_mapping().into_iter().flatten() {
            command.env(
                name.as_str().unwrap(),
                substitute(value.as_str().unwrap(), &self.values),
            );
        }
        let output = command.output().unwrap();
        for line in fs::read_to_string(&outputs).unwrap().lines() {
            let (name, value) = line.split_once('=').unwrap();
            self.values
                .insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        output
    }
}

fn parsed(yaml: &str) -> Value {
    serde_norway::from_str(yaml).unwrap()
}

/// Replaces each `${{ EXPRESSION }}`; an unknown value is empty, as on GitHub.
fn substitute(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${{ ");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once(" }}").unwrap();
        result += values.get(expression).map_or("", String::as_str);
        result += rest;
    }
    result
}

/// Evaluates comparisons with a text that `&&` joins.
fn holds(condition: &str, values: &BTreeMap<String, String>) -> bool {
    condition.split(" && ").all(|comparison| {
        let (name, is_equal, text) = match comparison.split_once(" == ") {
            Some((name, text)) => (name, true, text),
            None => comparison
                .split_once(" != ")
                .map(|(name, text)| (name, false, text))
                .unwrap(),
        };
        let value = values.get(name).map_or("", String::as_str);
        (value == text.trim_matches('\'')) == is_equal
    })
}

#[test]
fn no_expression_is_part_of_a_script() {
    for step in parsed(ACTION)["runs"]["steps"].as_sequence().unwrap() {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(!script.contains("${{"), "{script}");
    }
}

#[test]
fn the_action_caches_its_program_and_no_data() {
    let mut caches = 0;
    for step in parsed(ACTION)["runs"]["steps"].as_sequence().unwrap() {
        if step["uses"]
            .as_str()
            .is_some_and(|action| action.starts_with("actions/cache"))
        {
            assert_eq!(step["with"]["path"], "${{ runner.temp }}/holdfast-program");
            caches += 1;
        }
    }
    assert_eq!(caches, 1);
}

#[test]
fn the_action_withholds_what_needs_an_approval_unless_it_has_a_directory_that_lasts() {
    for (data, status) in [("", "published"), ("kept", "awaiting_approval")] {
        let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
        let mut runner = Runner::of(&pull, FakeGithub::INSTALLATION_TOKEN).with("publish", "true");
        let kept = runner.path("kept").display().to_string();
        runner = runner.with("data", if data.is_empty() { "" } else { &kept });
        let ended = runner.run();
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let report: serde_json::Value = serde_json::from_slice(&fs::read(runner.output("report")).unwrap()).unwrap();
        assert_eq!(report["status"], status, "{}", ended.stderr);
        assert_eq!(runner.path("kept").exists(), !data.is_empty());
    }
}

#[test]
fn the_action_publishes_and_reports() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let mut runner = Runner::of(&pull, FakeGithub::INSTALLATION_TOKEN)
        .with("publish", "true")
        .with("output", "sarif=a report.sarif\n\njunit=tests.xml\n");
    let ended = runner.run();
    assert_eq!(
        (ended.status, runner.ran.join(" ").as_str()),
        (0, "review"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("::warning "), "{}", ended.stdout);
    assert_eq!(pull.reviews().len(), 1);
    assert_eq!(pull.check()["conclusion"], "success");
    assert_eq!(runner.output("exit-status"), "0");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(runner.output("report")).unwrap()).unwrap();
    assert_eq!(report["status"], "published");
    let summary = fs::read_to_string(runner.path("summary.md")).unwrap();
    assert!(summary.contains("src/file_0000.rs"), "{summary}");
    for name in ["a report.sarif", "tests.xml"] {
        assert!(runner.path(name).exists(), "{name}");
    }
}

#[test]
fn the_action_without_publish_fails_by_severity_and_writes_nothing_to_the_pull_request() {
    for (fail_on, status) in [("high", 1), ("none", 0)] {
        let pull = Pull::new(
            Script::findings(vec![Finding::first_added_line().severity("high")]),
            FakeGithub::USER_TOKEN,
        );
        let mut runner = Runner::of(&pull, FakeGithub::USER_TOKEN).with("fail-on", fail_on);
        let ended = runner.run();
        assert_eq!(ended.status, status, "{}", ended.stderr);
        assert!(ended.stdout.contains("::error "), "{}", ended.stdout);
        assert_eq!(runner.output("exit-status"), status.to_string());
        assert!(pull.github.journal().writes().is_empty());
        assert!(runner.path("summary.md").exists());
    }
}

#[test]
fn a_token_that_may_only_read_ends_the_action_with_the_reason() {
    let pull = Pull::new(minor(), FakeGithub::USER_TOKEN);
    let mut runner = Runner::of(&pull, "").with("publish", "true");
    let ended = runner.run();
    assert_eq!((ended.status, runner.output("exit-status").as_str()), (2, "2"));
    assert!(ended.stderr.contains("--publish"), "{}", ended.stderr);
    assert!(pull.reviews().is_empty());
}

#[test]
fn the_text_of_an_input_is_never_run() {
    let attack = "$(touch taken)`touch taken`\"; touch taken; '\n--data=elsewhere";
    for input in [
        "pull-request",
        "path",
        "publish",
        "gate",
        "fail-on",
        "token",
        "output",
        "data",
    ] {
        let pull = Pull::new(minor(), FakeGithub::USER_TOKEN);
        let mut runner = Runner::of(&pull, FakeGithub::USER_TOKEN).with(input, attack);
        if input == "path" {
            runner = runner.with("pull-request", "");
        }
        if input == "gate" {
            runner = runner.with("publish", "true");
        }
        let ended = runner.run();
        assert!(
            !runner.path("taken").exists() && !runner.path("elsewhere").exists(),
            "{input}"
        );
        if input != "data" {
            assert!(ended.status >= 2, "{input}: {}", ended.stdout);
        }
    }
}

#[test]
fn without_an_installed_program_the_action_builds_it_once() {
    let repository = many_files(2);
    let source = |runner: &Runner, text: &str| {
        fs::create_dir_all(runner.path("action/crates")).unwrap();
        fs::write(runner.path("action/crates/a.rs"), text).unwrap();
        let bin = runner.path("bin");
        fs::create_dir_all(&bin).unwrap();
        let cargo = format!(
            "#!/bin/sh\n[ \"$*\" = \"install --locked --path crates/cli --root $ROOT\" ] || exit 9\n\
             mkdir -p \"$ROOT/bin\" && ln -sf '{PROGRAM}' \"$ROOT/bin/holdfast\"\n"
        );
        fs::write(bin.join("cargo"), cargo).unwrap();
        executable(&bin.join("cargo"));
    };
    let runner_of = |text: &str| {
        let runner = Runner::new(&[("github.api_url", "https://api.github.com")])
            .with("path", repository.path().to_str().unwrap());
        source(&runner, text);
        runner
    };
    let mut first = runner_of("a");
    let ended = first.run();
    assert!(ended.status <= 1, "{}", ended.stderr);
    assert_eq!(first.ran, ["version", "cache", "build", "review"]);
    let digest = |runner: &Runner| runner.values["steps.version.outputs.digest"].clone();
    assert_eq!(digest(&first).len(), 64);
    // The cache has the program.
    let mut second = runner_of("a");
    second
        .values
        .insert("steps.cache.outputs.cache-hit".to_owned(), "true".to_owned());
    fs::create_dir_all(second.path("holdfast-program/bin")).unwrap();
    std::os::unix::fs::symlink(PROGRAM, second.path("holdfast-program/bin/holdfast")).unwrap();
    assert!(second.run().status <= 1);
    assert_eq!(second.ran, ["version", "cache", "review"]);
    assert_eq!(digest(&second), digest(&first));
    let mut third = runner_of("b");
    third.run();
    assert_ne!(digest(&third), digest(&first), "other sources are another program");
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns the blocks of a language in the document.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts: Vec<&str> = DOCUMENT.split(fence.as_str()).skip(1).collect();
    parts.iter().map(|part| part.split("```").next().unwrap()).collect()
}

/// Runs a script in a work tree with the program in PATH; returns its exit status and stderr.
fn shell(script: &str, tree: &Path, environment: &[(&str, &str)]) -> (i32, String) {
    let bin = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(PROGRAM, bin.path().join("holdfast")).unwrap();
    let mut command = Command::new("sh");
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    command.args(["-ec", script]).current_dir(tree).env_clear();
    command.env("PATH", path).env("HOME", bin.path()).stdin(Stdio::null());
    let output = command.envs(environment.iter().copied()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_job_for_gitlab_writes_the_reports_that_it_names() {
    let block = blocks("yaml")
        .into_iter()
        .find(|block| block.starts_with("# .gitlab-ci.yml"));
    let job = &parsed(block.unwrap())["holdfast"];
    let change = holdfast_testkit::Repository::many_files(2).unwrap();
    let tree = change.repository.path();
    let script = job["script"][0].as_str().unwrap();
    let base = ("CI_MERGE_REQUEST_DIFF_BASE_SHA", change.base.as_str());
    let (status, stderr) = shell(script, tree, &[base, ("HOLDFAST_MODEL", "rules")]);
    assert!(status <= 1, "{stderr}");
    for (_, file) in job["artifacts"]["reports"].as_mapping().unwrap() {
        assert!(tree.join(file.as_str().unwrap()).exists(), "{file:?}");
    }
}

#[test]
fn the_commands_for_any_ci_work() {
    let [tree, pull_request] = blocks("sh").try_into().unwrap();
    let change = holdfast_testkit::Repository::many_files(2).unwrap();
    let repository = &change.repository;
    repository
        .git(&["update-ref", "refs/remotes/origin/main", &change.base])
        .unwrap();
    let (status, stderr) = shell(tree, repository.path(), &[]);
    assert!(status <= 1, "{stderr}");
    assert!(repository.path().join("holdfast.sarif").exists());
    let pull = Pull::new(minor(), FakeGithub::USER_TOKEN);
    let address = pull.address();
    let mut environment = vec![("PULL_REQUEST_URL", address.as_str())];
    environment.extend(
        pull.scene
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let (status, stderr) = shell(pull_request, pull.scene.repository.path(), &environment);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(pull.github.reviews(SLUG, 12).len(), 1);
}

#[test]
fn each_hook_runs() {
    let hooks = parsed(HOOKS);
    let repository = many_files(1);
    repository.write(".holdfast.yml", "max_findings: 5\n").unwrap();
    let entry = |id: &str| {
        let hooks = hooks.as_sequence().unwrap();
        let hook = hooks.iter().find(|hook| hook["id"] == id).unwrap();
        hook["entry"].as_str().unwrap().to_owned()
    };
    let (status, stderr) = shell(&entry("holdfast"), repository.path(), &[]);
    assert!(status <= 1 && !stderr.contains("error"), "{stderr}");
    let check = format!("{} .holdfast.yml", entry("holdfast-check"));
    assert_eq!(shell(&check, repository.path(), &[]).0, 0);
    repository.write(".holdfast.yml", "max_findngs: 5\n").unwrap();
    assert_eq!(shell(&check, repository.path(), &[]).0, 2);
}
