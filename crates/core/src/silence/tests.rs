//! Tables: which comments silence which findings, and whose comments count.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use super::*;
use crate::diff::parse_patch;
use crate::model::finding::{Category, Severity};
use crate::model::finding_source::FindingSource;
use crate::model::policy::Policy;
use crate::rule::secret_kinds;

fn finding(path: &str, (start_line, line): (u32, u32), source: &str, category: Category) -> Finding {
    serde_json::from_value(serde_json::json!({
        "path": path, "side": "RIGHT", "start_line": start_line, "line": line, "severity": Severity::High,
        "category": category, "title": "T", "body": "B", "suggestion": null, "confidence": 0.9, "source": source,
    }))
    .unwrap()
}

fn policy() -> Policy {
    Policy::parse("gate: {paths: [{path: 'pay/**', severity: low}]}").unwrap()
}

/// Applies the comments of a patch to one finding.
fn apply(path: &str, patch: &str, trust: Trust, finding: &Finding) -> (bool, Silencing) {
    let hunks = parse_patch(patch).unwrap();
    let policy = policy();
    let silencer = Silencer::new(path, &hunks, trust, policy.globs().unwrap());
    let mut silencing = Silencing {
        without_rule: silencer.without_rule(),
        ..Silencing::default()
    };
    let left = silencer.apply(vec![finding.clone()], &mut silencing);
    (left.is_empty(), silencing)
}

/// Returns whether a comment behind the code of line 2 silences a source's finding there.
fn silences(path: &str, comment: &str, source: &str) -> bool {
    let patch = format!("@@ -1,1 +1,3 @@\n a\n+code() {comment}\n+b\n");
    let finding = finding(path, (2, 2), source, Category::Security);
    apply(path, &patch, Trust::All, &finding).0
}

#[test]
fn a_word_is_about_its_own_rules() {
    let secret = format!("rule:{}", secret_kinds()[0].rule);
    let secret = secret.as_str();
    for (path, comment, source, expected) in [
        (
            "a.py",
            "# holdfast: ignore[shell-command] why",
            "rule:shell-command",
            true,
        ),
        (
            "a.py",
            "# holdfast: ignore[other, shell-command]",
            "rule:shell-command",
            true,
        ),
        ("a.py", "# holdfast: ignore[other]", "rule:shell-command", false),
        ("a.py", "# holdfast: ignore", "rule:shell-command", false),
        ("a.py", "# holdfast: ignore[ruff/S608]", "tool:ruff/S608", true),
        ("a.py", "# holdfast: ignore[S608]", "tool:ruff/S608", false),
        ("a.py", "# holdfast: ignore[ruff]", "tool:ruff/S608", false),
        ("a.py", "# holdfast: ignore[model]", "model", false),
        (
            "a.py",
            "'# holdfast: ignore[shell-command]'",
            "rule:shell-command",
            false,
        ),
        ("a.rs", "# holdfast: ignore[shell-command]", "rule:shell-command", false),
        ("a.rs", "// holdfast: ignore[shell-command]", "rule:shell-command", true),
        ("a.py", "# noqa", "tool:ruff/S608", true),
        ("a.py", "# noqa: S608", "tool:ruff/S608", true),
        ("a.py", "# noqa: S602", "tool:ruff/S608", false),
        ("a.py", "# noqa: E501", "tool:Flake8/E501", true),
        ("a.py", "# noqa", "rule:shell-command", true),
        ("a.py", "# noqa: E501, S602", "rule:shell-command", true),
        ("a.py", "# noqa: E501", "rule:shell-command", false),
        ("a.py", "# noqa", secret, false),
        ("a.sh", "# noqa", "rule:shell-command", false),
        ("a.py", "# noqa", "tool:bandit/B602", false),
        ("a.py", "# nosec", "tool:bandit/B602", true),
        ("a.py", "# nosec B602", "tool:bandit/B602", true),
        ("a.py", "# nosec B101", "tool:bandit/B602", false),
        ("a.py", "# nosec", "rule:shell-command", true),
        ("a.py", "# nosec B602", "rule:shell-command", true),
        ("a.py", "# nosec B324", "rule:shell-command", false),
        ("a.go", "// #nosec G204", "rule:shell-command", true),
        (
            "a.ts",
            "// eslint-disable-line no-eval -- ours",
            "rule:dynamic-code",
            true,
        ),
        (
            "a.ts",
            "// eslint-disable-line security/detect-child-process",
            "rule:shell-command",
            true,
        ),
        ("a.ts", "// eslint-disable-line no-eval", "rule:shell-command", false),
        ("a.ts", "// eslint-disable-line", "rule:shell-command", true),
        (
            "a.c",
            "// NOLINT(bugprone-sizeof-expression)",
            "rule:sizeof-pointer",
            true,
        ),
        (
            "ci.yml",
            "# zizmor: ignore[dangerous-triggers] reads no code",
            "rule:dangerous-trigger",
            true,
        ),
        ("a.py", "# nosec", secret, false),
        ("a.go", "// #nosec G204", "tool:gosec/G204", true),
        ("a.go", "// #nosec", "rule:shell-command", true),
        ("a.js", "// nosec", "rule:shell-command", false),
        ("a.js", "// nosemgrep", "rule:dynamic-code", true),
        ("a.js", "// nosemgrep: js.eval", "rule:dynamic-code", false),
        ("a.js", "// nosemgrep: eval", "tool:Semgrep OSS/js.audit.eval", true),
        ("a.js", "// nosemgrep: val", "tool:Semgrep OSS/js.audit.eval", false),
        ("a.py", "# gitleaks:allow", secret, true),
        ("a.py", "# gitleaks:allow", "tool:gitleaks/github-pat", true),
        ("a.py", "# gitleaks:allow", "rule:shell-command", false),
        ("a.js", "// eslint-disable-line no-eval", "tool:ESLint/no-eval", true),
        ("a.js", "// eslint-disable-line", "tool:ESLint/no-eval", true),
        (
            "a.js",
            "// eslint-disable-next-line no-eval",
            "tool:ESLint/no-eval",
            false,
        ),
        ("a.cc", "// NOLINT(cert-*)", "tool:clang-tidy/cert-err58-cpp", true),
        ("a.cc", "// NOLINT", "tool:clang-tidy/cert-err58-cpp", true),
        ("a.cc", "// NOLINT(google-*)", "tool:clang-tidy/cert-err58-cpp", false),
        ("a.sh", "# shellcheck disable=SC2086", "tool:shellcheck/SC2086", false),
        (
            "a.yml",
            "# zizmor: ignore[unpinned-uses]",
            "tool:zizmor/unpinned-uses",
            true,
        ),
        (
            "a.yml",
            "# zizmor: ignore[unpinned-uses]",
            "tool:zizmor/template-injection",
            false,
        ),
        ("pay/a.py", "# gitleaks:allow", secret, false),
        ("pay/a.py", "# gitleaks:allow", "tool:gitleaks/github-pat", false),
        ("pay/a.py", "# noqa", "tool:ruff/S105", false),
        ("pay/a.py", "# nosec", "rule:shell-command", true),
        ("a.py", "# holdfast: ignore[trojan-source]", "rule:trojan-source", false),
        ("a.py", "# nosec", "tool:bandit/B613", false),
    ] {
        assert_eq!(silences(path, comment, source), expected, "{path}: {comment}: {source}");
    }
    assert!(FindingSource::from(secret.to_owned()).is_rule());
}

#[test]
fn a_comment_is_about_its_line_or_the_next_one() {
    let code = |lines: &[&str]| {
        let added: String = lines.iter().map(|line| format!("+{line}\n")).collect();
        format!("@@ -0,0 +1,{} @@\n{added}", lines.len())
    };
    let ignore = "# holdfast: ignore[shell-command] known";
    let beside = format!("f()  {ignore}");
    for (lines, range, expected) in [
        (vec![&*beside, "b", "c"], (1, 1), true),
        (vec![&*beside, "b", "c"], (1, 3), true),
        (vec!["a", "b", &*beside], (1, 3), true),
        (vec!["a", &*beside, "c"], (1, 3), false),
        (vec![ignore, "b", "c"], (2, 2), true),
        (vec![ignore, "b", "c"], (2, 3), true),
        (vec![ignore, "b", "c"], (3, 3), false),
        (vec![&*beside, "b", "c"], (2, 2), false),
        (vec!["a", "b", ignore], (2, 2), false),
        (vec!["# noqa", "b", "c"], (2, 2), false),
    ] {
        let finding = finding("a.py", range, "rule:shell-command", Category::Security);
        let (silenced, silencing) = apply("a.py", &code(&lines), Trust::All, &finding);
        assert_eq!(silenced, expected, "{lines:?} {range:?}");
        if let [one] = silencing.silenced.as_slice() {
            assert_eq!(
                (one.word.as_str(), one.reason.as_deref()),
                ("holdfast: ignore", Some("known"))
            );
        }
    }
    for (path, comment, source) in [
        ("a.js", "// eslint-disable-next-line no-eval", "tool:ESLint/no-eval"),
        ("a.cc", "int x; // NOLINTNEXTLINE", "tool:clang-tidy/x"),
        ("a.sh", "# shellcheck disable=SC2086,SC2046", "tool:ShellCheck/SC2086"),
        ("a.go", "// #nosec", "tool:gosec/G204"),
    ] {
        let finding = finding(path, (2, 2), source, Category::Security);
        assert!(apply(path, &code(&[comment, "b"]), Trust::All, &finding).0, "{comment}");
    }
}

#[test]
fn a_strangers_comment_counts_only_if_the_base_has_it() {
    let ignore = "# holdfast: ignore[shell-command]";
    for (name, patch, expected) in [
        ("added", format!("@@ -1,1 +1,2 @@\n a\n+f() {ignore}\n"), false),
        (
            "unchanged above",
            format!("@@ -1,2 +1,2 @@\n {ignore}\n-f()\n+f(x)\n"),
            true,
        ),
        (
            "added above",
            format!("@@ -1,1 +1,2 @@\n+{ignore}\n-f()\n+f(x)\n"),
            false,
        ),
        (
            "moved with its line",
            format!("@@ -1,2 +1,2 @@\n a\n-f() {ignore}\n+f(x) {ignore}\n"),
            true,
        ),
        (
            "another reason",
            format!("@@ -1,2 +1,2 @@\n a\n-f() {ignore}\n+f(x) {ignore} fine\n"),
            false,
        ),
        (
            "another rule",
            format!("@@ -1,2 +1,2 @@\n a\n-f() # holdfast: ignore[other]\n+f(x) {ignore}\n"),
            false,
        ),
        (
            "in another hunk",
            format!("@@ -1,2 +1,2 @@\n a\n-b\n+f(x) {ignore}\n@@ -9,2 +9,1 @@\n c\n-f() {ignore}\n"),
            false,
        ),
    ] {
        let finding = finding("a.py", (2, 2), "rule:shell-command", Category::Security);
        for cause in [RefusalCause::Author, RefusalCause::Fork] {
            let (silenced, silencing) = apply("a.py", &patch, Trust::OfBase(cause), &finding);
            assert_eq!(silenced, expected, "{name}");
            let causes: Vec<RefusalCause> = silencing.refused.iter().map(|refused| refused.cause).collect();
            assert_eq!(causes, if expected { vec![] } else { vec![cause] }, "{name}");
        }
        assert!(apply("a.py", &patch, Trust::All, &finding).0, "{name}");
    }
    // A removed comment counts for one added line.
    let patch = format!("@@ -1,2 +1,3 @@\n a\n-f() {ignore}\n+f(x) {ignore}\n+f(y) {ignore}\n");
    let results = [2, 3].map(|line| {
        let finding = finding("a.py", (line, line), "rule:shell-command", Category::Security);
        apply("a.py", &patch, Trust::OfBase(RefusalCause::Author), &finding).0
    });
    assert_eq!(results, [true, false]);
}

fn change(is_branch_here: bool, patch: &str) -> Change {
    serde_json::from_value(serde_json::json!({
        "base": "a".repeat(40), "head": "b".repeat(40), "title": "", "description": "", "author": "ada", "files_total": 1,
        "is_branch_here": is_branch_here,
        "files": [{ "path": "a.py", "previous_path": null, "status": "modified", "kind": "text", "additions": 1, "deletions": 0,
                    "patch": patch, "omitted": null }],
    }))
    .unwrap()
}

#[test]
fn everybody_who_may_have_written_a_comment_must_have_write_permission() {
    let head = "b".repeat(40);
    let pull: Target = serde_json::from_value(serde_json::json!({
        "kind": "pull_request", "owner": "octo", "repository": "demo", "number": 1, "head": head,
    }))
    .unwrap();
    let tree: Target = serde_json::from_value(serde_json::json!({
        "kind": "work_tree", "path": "/w", "base": "a".repeat(40), "head": head,
    }))
    .unwrap();
    let may = |author_may_write| Some(WritePermissions { author_may_write });
    for (target, is_branch_here, permissions, expected) in [
        (&tree, false, None, Trust::All),
        (&pull, true, may(true), Trust::All),
        (&pull, true, may(false), Trust::OfBase(RefusalCause::Author)),
        (&pull, true, None, Trust::OfBase(RefusalCause::Author)),
        (&pull, false, may(true), Trust::OfBase(RefusalCause::Fork)),
        (&pull, false, None, Trust::OfBase(RefusalCause::Fork)),
    ] {
        assert_eq!(
            Trust::of(target, &change(is_branch_here, ""), permissions.as_ref()),
            expected
        );
    }
    let (with, without) = ("@@ -1 +1,2 @@\n a\n+f() # NOQA\n", "@@ -1 +1,2 @@\n a # noqa\n+f()\n");
    for (target, is_branch_here, patch, expected) in [
        (&pull, true, with, true),
        (&pull, true, without, false),
        (&pull, false, with, false),
        (&tree, false, with, false),
    ] {
        assert_eq!(
            needs_permission(target, &change(is_branch_here, patch)),
            expected,
            "{patch}"
        );
    }
}

#[test]
fn notes_count_what_is_silenced_and_what_is_not() {
    let patch = "@@ -1,1 +1,7 @@\n a\n+f() # holdfast: ignore[shell-command]\n+f() # holdfast: ignore[shell-command] known\n+f() # noqa\n+f() # holdfast: ignore\n+f() # gitleaks:allow\n+f() # gitleaks:allow\n";
    let hunks = parse_patch(patch).unwrap();
    let policy = policy();
    let notes_of = |path: &str, trust: Trust| {
        let silencer = Silencer::new(path, &hunks, trust, policy.globs().unwrap());
        let mut silencing = Silencing {
            without_rule: silencer.without_rule(),
            ..Silencing::default()
        };
        let at = |line, source| finding(path, (line, line), source, Category::Security);
        let found = vec![
            at(2, "rule:shell-command"),
            at(3, "rule:shell-command"),
            at(4, "tool:ruff/S608"),
            at(5, "rule:shell-command"),
            at(6, "tool:gitleaks/a"),
            at(6, "tool:gitleaks/b"),
            at(7, "tool:gitleaks/a"),
        ];
        silencer.apply(found, &mut silencing);
        silencing.settle();
        notes(&silencing)
    };
    let without_rule =
        "1 comment `holdfast: ignore` silences nothing, because it names no rule: write holdfast: ignore[RULE] REASON";
    assert_eq!(
        notes_of("a.py", Trust::All),
        [
            "6 findings are silenced by comments in the code: gitleaks/a (2), gitleaks/b (1), ruff/S608 (1), shell-command (2, 1 without a reason)",
            without_rule,
        ]
    );
    assert_eq!(
        notes_of("pay/a.py", Trust::OfBase(RefusalCause::Author)),
        [
            "3 comments that silence a rule don't count: their author can't write to this repository",
            "2 comments that silence a rule don't count: a secret in a file under gate.paths in .holdfast.yml can't be silenced",
            without_rule,
        ]
    );
    assert_eq!(notes(&Silencing::default()), Vec::<String>::new());
}
