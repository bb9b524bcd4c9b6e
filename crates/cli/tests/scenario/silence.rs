//! Comments in the code that silence findings: in a work tree, and in pull requests of authors with and without write
//! permission.

use std::fs;

use holdfast_testkit::{FakeGithub, Matcher, PullRequest, Repository};
use serde_json::{Value, json};

use crate::pull_request::SLUG;
use crate::replay::Recorded;
use crate::support::Scene;

const BEGIN: &str = "import os\n";
const OPEN: &str = "import os\n\n\ndef build(target):\n    os.system(f\"make {target}\")\n";
const SILENCED: &str = "import os\n\n\ndef build(target):\n    # holdfast: ignore[shell-command] one of three\n    os.system(f\"make {target}\")\n";

fn begin() -> (Repository, String) {
    let repository = Repository::new().unwrap();
    repository.write("app.py", BEGIN).unwrap();
    let base = repository.commit("Begin").unwrap();
    (repository, base)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns the lines of the findings in a list of a report, each through the field that has the finding.
fn lines(list: &Value, of: fn(&Value) -> &Value) -> Vec<u64> {
    let found = list.as_array().into_iter().flatten();
    found.map(|entry| of(entry)["line"].as_u64().unwrap()).collect()
}

#[test]
fn in_a_work_tree_every_comment_counts_and_every_output_counts_them() {
    let (repository, base) = begin();
    let code = "import os


def build(target, name):
    os.system(f\"make {target}\")  # holdfast: ignore[shell-command] one of three
    # holdfast: ignore[shell-command]
    os.system(\"ls \" + name)
    os.system(\"rm \" + name)  # noqa: E501
    os.system(\"cp \" + name)  # holdfast: ignore
    note = \"# holdfast: ignore[shell-command]\"
";
    repository.write("app.py", code).unwrap();
    repository.commit("Build").unwrap();
    let scene = Scene::new(repository);
    let sarif = scene.data.path().join("out.sarif");
    let output = format!("sarif={}", sarif.display());
    let arguments = [
        "review",
        scene.path(),
        "--base",
        &base,
        "--committed",
        "--format",
        "json",
        "--output",
        &output,
    ];
    let review = scene.run(&arguments);
    let report: Value = serde_json::from_slice(&review.stdout).unwrap();
    assert_eq!(lines(&report["findings"], |finding| finding), [8, 9], "{report:#}");
    assert_eq!(
        lines(&report["silenced"], |silenced| &silenced["finding"]),
        [5, 7],
        "{report:#}"
    );
    let [first, second] = [&report["silenced"][0], &report["silenced"][1]];
    assert_eq!(
        (
            &first["word"],
            &first["comment_line"],
            &first["reason"],
            &first["lacks_reason"]
        ),
        (
            &json!("holdfast: ignore"),
            &json!(5),
            &json!("one of three"),
            &Value::Null
        )
    );
    assert_eq!(
        (&second["comment_line"], &second["lacks_reason"]),
        (&json!(6), &json!(true))
    );
    let counted = "2 findings are silenced by comments in the code: shell-command (2, 1 without a reason)";
    let notes = report["notes"].to_string();
    assert!(notes.contains(counted), "{notes}");
    assert!(
        notes.contains("1 comment `holdfast: ignore` silences nothing, because it names no rule"),
        "{notes}"
    );

    let log: Value = serde_json::from_slice(&fs::read(sarif).unwrap()).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let suppressions: Vec<&Value> = results.iter().map(|result| &result["suppressions"]).collect();
    let in_source = json!([{ "kind": "inSource", "justification": "one of three" }]);
    assert_eq!(
        suppressions,
        [&Value::Null, &Value::Null, &in_source, &json!([{ "kind": "inSource" }])]
    );

    let shown = scene.run(&["show", report["run"].as_str().unwrap()]);
    let shown = text(&shown.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let listed = "Silenced app.py line 5 rule:shell-command by holdfast: ignore: one of three app.py line 7 \
                  rule:shell-command by holdfast: ignore: no reason";
    assert!(shown.contains(listed), "{shown}");
}

/// A pull request whose changed file is `app.py`.
struct Pull {
    scene: Scene,
    github: FakeGithub,
    base: String,
}

impl Pull {
    /// Creates a pull request by an author with this role, from the repository itself or from a fork.
    fn new(code: &str, role: &str, fork: Option<&str>) -> Self {
        let (repository, base) = begin();
        repository.write("app.py", code).unwrap();
        let head = repository.commit("Build").unwrap();
        let github = FakeGithub::start().unwrap();
        let mut pull = PullRequest::from_git(repository.path(), &base, &head, SLUG, 12).unwrap();
        pull.fork = fork.map(str::to_owned);
        let author = pull.author.clone();
        github.add(pull);
        github.set_permission(SLUG, &author, role);
        let scene = Scene::new(repository)
            .set("HOLDFAST_GITHUB_URL", &github.url())
            .set("GITHUB_TOKEN", FakeGithub::USER_TOKEN)
            .set("HOLDFAST_GITHUB_WRITES_PER_MINUTE", "6000");
        Self { scene, github, base }
    }

    fn push(&self, code: &str) {
        let repository = &self.scene.repository;
        repository.write("app.py", code).unwrap();
        let head = repository.commit("Build").unwrap();
        let pull = PullRequest::from_git(repository.path(), &self.base, &head, SLUG, 12).unwrap();
        self.github.push(pull).unwrap();
    }

    fn publish(&self) -> Value {
        let address = self.github.pull_request_url(SLUG, 12);
        let arguments = ["review", &address, "--publish", "--gate", "off", "--format", "json"];
        let output = self.scene.run(&arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    fn summary(&self) -> String {
        let comments = self.github.issue_comments(SLUG, 12);
        comments[0]["body"].as_str().unwrap().to_owned()
    }

    /// Returns the number of requests for the author's permission.
    fn permission_reads(&self) -> usize {
        let matcher = Matcher::new("GET", "/repos/*/*/collaborators/*/permission");
        self.github.journal().matching(&matcher).len()
    }
}

#[test]
fn in_a_pull_request_an_added_comment_counts_if_everybody_who_may_have_written_it_may_write() {
    for (role, fork, note) in [
        ("write", None, None),
        (
            "read",
            None,
            Some("1 comment that silences a rule doesn't count: its author can't write to this repository"),
        ),
        (
            "write",
            Some("octo-author/demo"),
            Some("1 comment that silences a rule doesn't count: it comes from a fork"),
        ),
    ] {
        let pull = Pull::new(SILENCED, role, fork);
        let report = pull.publish();
        assert_eq!(report["status"], "published", "{report:#}");
        let silenced = lines(&report["silenced"], |silenced| &silenced["finding"]);
        let found = lines(&report["findings"], |finding| finding);
        let plain = pull.summary().replace(['\\', '\u{200b}'], "");
        match note {
            None => {
                assert_eq!((silenced, found), (vec![6], vec![]), "{report:#}");
                assert!(
                    plain.contains("1 finding is silenced by comments in the code: shell-command (1)"),
                    "{plain}"
                );
            }
            Some(note) => {
                assert_eq!((silenced, found), (vec![], vec![6]), "{report:#}");
                assert!(plain.contains(note), "{plain}");
            }
        }
        assert_eq!(pull.permission_reads(), usize::from(fork.is_none()), "{role}, {fork:?}");
        let (exit, replayed) = Recorded::of(pull.scene, &report["run"]).replay(&[]);
        assert_eq!((exit, &replayed["same"]), (0, &json!(true)), "{replayed:#}");
    }
}

#[test]
fn a_finding_that_was_open_is_shown_as_silenced_and_open_again_without_the_comment() {
    let pull = Pull::new(OPEN, "write", None);
    let report = pull.publish();
    assert_eq!(lines(&report["findings"], |finding| finding), [5], "{report:#}");
    assert_eq!(pull.permission_reads(), 0, "no comment silences anything");
    pull.push(SILENCED);
    let report = pull.publish();
    assert_eq!(report["earlier"][0]["state"], "silenced", "{report:#}");
    assert!(
        pull.summary().starts_with("## Holdfast: no new findings, 1 silenced"),
        "{}",
        pull.summary()
    );
    let comment = || {
        pull.github.review_comments(SLUG, 12)[0]["body"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        comment().starts_with("**Silenced** by a comment in the code, in "),
        "{}",
        comment()
    );
    pull.push(OPEN);
    let report = pull.publish();
    assert_eq!(report["findings"][0]["tracked"]["state"], "reopened", "{report:#}");
    assert!(!comment().contains("Silenced"), "{}", comment());
    assert_eq!(pull.github.review_comments(SLUG, 12).len(), 1);
}
