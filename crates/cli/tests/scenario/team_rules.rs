//! A team's own rules and its settings for rules: from the base only, in reviews of both kinds, in replays, and checked.

use std::fs;

use holdfast_testkit::{FakeGithub, PullRequest, Repository};

use crate::support::{Scene, holdfast};

const RULE: &str = "id: no-print\nlanguage: Python\nseverity: high\ncategory: maintainability\ntitle: print in the program\n\
                    body: Use the logger.\nrule: {pattern: print($$$A)}\nfix: log($$$A)\nvalid: [log(1)]\ninvalid: [print(1)]\n";

fn write(repository: &Repository, path: &str, text: &str) {
    repository.write(path, text).unwrap();
}

#[test]
fn the_rules_of_the_base_report_with_the_team_s_severities_and_a_replay_has_them() {
    let repository = Repository::new().unwrap();
    write(&repository, "src/a.py", "x = 1\n");
    write(&repository, ".holdfast-rules/no-print.yml", RULE);
    write(
        &repository,
        ".holdfast.yml",
        "rules: {assert-on-tuple: off, no-print: medium}\n",
    );
    let base = repository.commit("Begin").unwrap();
    write(&repository, "src/a.py", "x = 1\nprint(x)\nassert (x, 'no')\nlog(x)\n");
    // It counts once it is on the base.
    write(&repository, ".holdfast-rules/new.yml", &RULE.replace("print", "log"));
    let head = repository.commit("Change").unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(repository.path(), &base, &head, "octo/demo", 1).unwrap());
    let scene = Scene::new(repository)
        .set("HOLDFAST_GITHUB_URL", &github.url())
        .set("GITHUB_TOKEN", FakeGithub::USER_TOKEN);
    for target in [scene.path().to_owned(), github.pull_request_url("octo/demo", 1)] {
        let output = scene.run(&["review", &target, "--format", "json"]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{document:#}");
        assert_eq!(findings[0]["source"], "rule:no-print");
        assert_eq!(findings[0]["severity"], "medium");
        assert_eq!(findings[0]["suggestion"], "log(x)");
        let replayed = scene.run(&["replay", document["run"].as_str().unwrap()]);
        let printed = String::from_utf8_lossy(&replayed.stdout);
        assert_eq!(replayed.status.code(), Some(0), "{printed}");
    }
}

#[test]
fn check_reads_the_rules_beside_the_settings_and_runs_their_cases() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join(".holdfast.yml");
    let rules = folder.path().join(".holdfast-rules");
    fs::create_dir(&rules).unwrap();
    let check = || {
        let output = holdfast(&["check", settings.to_str().unwrap()]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        (output.status.code(), printed)
    };
    for (levels, rule, part) in [
        ("rules: {no-print: off}\n", RULE.to_owned(), "no problem"),
        (
            "rules: {no-prin: off}\n",
            RULE.to_owned(),
            "rules.no-prin: there is no such rule; did you mean no-print?",
        ),
        ("rules: {no-print: hihg}\n", RULE.to_owned(), "did you mean high?"),
        (
            "",
            RULE.replace("log(1)", "print(2)"),
            "no-print.yml: rule no-print: valid: 1 finding instead of 0",
        ),
        ("", RULE.replace("pattern", "patern"), "unknown field `patern`"),
    ] {
        fs::write(&settings, levels).unwrap();
        fs::write(rules.join("no-print.yml"), rule).unwrap();
        let (code, printed) = check();
        assert!(printed.contains(part), "{part}: {printed}");
        assert_eq!(code, Some(if part == "no problem" { 0 } else { 2 }), "{printed}");
    }
    fs::remove_file(&settings).unwrap();
    fs::write(rules.join("no-print.yml"), RULE).unwrap();
    let (code, printed) = check();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.ends_with(".holdfast-rules: 1 rule, no problem\n"), "{printed}");
    let output = holdfast(&["check", rules.to_str().unwrap()]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), printed);
}
