//! The search for secrets on a labelled set: found secrets, false alarms, remainders after redaction, and the time that
//! hostile lines take. This command prints the figures: `cargo test -p holdfast-core --test secrets -- --nocapture`.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "the figures are printed")]

mod gitleaks;
mod sample;
mod ways_out;

use holdfast_core::diff::parse_patch;
use holdfast_core::model::finding::{Finding, Severity};
use holdfast_core::rule::{redact, redact_hunks, secret_findings};
use sample::{Sample, samples};

/// Returns a patch that adds these lines.
fn patch(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    format!("@@ -0,0 +1,{} @@\n+{}", lines.len(), lines.join("\n+"))
}

fn findings(path: &str, text: &str) -> Vec<Finding> {
    secret_findings(path, &parse_patch(&patch(text)).unwrap())
}

/// Returns the number of found samples of a group, the number of all, and the wrong ones: missed secrets or false
/// alarms.
fn count(all: &[Sample], group: &str, is_found: &dyn Fn(&Sample) -> bool) -> (usize, usize, Vec<String>) {
    let samples: Vec<&Sample> = all.iter().filter(|sample| sample.group == group).collect();
    let found = samples.iter().filter(|sample| is_found(sample)).count();
    let odd = samples
        .iter()
        .filter(|sample| is_found(sample) != sample.secret.is_some());
    (
        found,
        samples.len(),
        odd.map(|sample| format!("{}: {}", sample.path, sample.text)).collect(),
    )
}

#[test]
fn nine_of_ten_secrets_are_found_at_two_false_alarms_of_a_hundred() {
    let all = samples();
    let is_found = |sample: &Sample| !findings(&sample.path, &sample.text).is_empty();
    let (mut found, mut secrets) = (0, 0);
    for group in ["vendor", "assigned", "block"] {
        let (of_group, total, missed) = count(&all, group, &is_found);
        println!("{group}: {of_group} of {total} found");
        missed.iter().for_each(|line| println!("  missed  {line}"));
        assert!(of_group * 10 >= total * 9, "{group}: {missed:#?}");
        (found, secrets) = (found + of_group, secrets + total);
    }
    let (alarms, total, lines) = count(&all, "look-alike", &is_found);
    println!("all: {found} of {secrets} found; false alarms: {alarms} of {total}");
    lines.iter().for_each(|line| println!("  false alarm  {line}"));
    assert!(secrets >= 200 && total >= 200, "{secrets} {total}");
    assert!(found * 10 >= secrets * 9);
    assert!(alarms * 50 <= total, "{lines:#?}");
}

#[test]
fn redaction_leaves_no_part_of_a_secret_and_keeps_the_lines() {
    for sample in samples() {
        let hunks = parse_patch(&patch(&sample.text)).unwrap();
        let clean = redact_hunks(&sample.path, &hunks);
        let text: Vec<&str> = clean[0].lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(text.len(), sample.text.split('\n').count());
        let found = !findings(&sample.path, &sample.text).is_empty();
        if let Some(secret) = sample.secret.filter(|_| found) {
            assert!(!text.join("\n").contains(&secret), "{} {text:?}", sample.text);
        }
    }
}

#[test]
fn the_kind_of_a_secret_and_its_path_decide_its_severity() {
    let token = ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat();
    let guess = format!("password = \"{}\"", ["k3Zx9", "QmW2pLs7v"].concat());
    let address = format!(
        "url = \"postgres://app:{}@db.internal/app\"",
        ["k3Zx9", "QmW2pLs7v"].concat()
    );
    for (path, text, severity) in [
        ("src/a.rs", &token, Severity::Critical),
        ("tests/a.rs", &token, Severity::High),
        ("docs/a.md", &token, Severity::High),
        ("src/a.rs", &guess, Severity::Medium),
        ("examples/a.rs", &guess, Severity::Low),
        ("src/a.py", &address, Severity::High),
        ("src/a_test.py", &address, Severity::Medium),
    ] {
        let found = findings(path, text);
        assert_eq!(
            found.iter().map(|finding| finding.severity).collect::<Vec<_>>(),
            [severity],
            "{path} {text}"
        );
    }
}

#[test]
fn invisible_characters_hide_no_secret() {
    let token = ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat();
    for hidden in [
        '\u{200b}',
        '\u{200d}',
        '\u{2060}',
        '\u{202e}',
        '\u{2066}',
        '\u{feff}',
        '\u{ad}',
        '\u{e0041}',
        '\u{0}',
        '\u{7f}',
    ] {
        for at in [3, 4, 12, token.len() - 1] {
            let split = format!("x = '{}{hidden}{}'", &token[..at], &token[at..]);
            assert_eq!(findings("src/a.rs", &split).len(), 1, "{hidden:?} at {at}");
            assert_eq!(
                redact(&split).text,
                "x = '[[SECRET_1:github-token]]'",
                "{hidden:?} at {at}"
            );
        }
    }
}

#[test]
fn a_key_is_one_finding_wherever_its_beginning_is() {
    let body = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"].concat();
    let dashes = "-".repeat(5);
    let (begin, end) = (
        format!("{dashes}BEGIN PRIVATE KEY{dashes}"),
        format!("{dashes}END PRIVATE KEY{dashes}"),
    );
    for (patch, line) in [
        (format!("@@ -0,0 +1,4 @@\n+{begin}\n+{body}\n+{body}\n+{end}"), 1),
        (format!("@@ -1,2 +1,4 @@\n {begin}\n+{body}\n+{body}\n {end}"), 2),
        (format!("@@ -1,3 +1,3 @@\n {begin}\n-{body}\n+{body}\n {end}"), 2),
        (format!("@@ -8,1 +8,3 @@\n+{body}\n+{body}\n {end}"), 8),
    ] {
        let found = secret_findings("key.pem", &parse_patch(&patch).unwrap());
        assert_eq!(
            found.iter().map(|finding| finding.line).collect::<Vec<_>>(),
            [line],
            "{patch}"
        );
    }
    let one_line = format!("\"key\": \"{begin}\\n{body}\\n{end}\"");
    let two = format!("@@ -0,0 +1,2 @@\n+{one_line}\n+{one_line}");
    assert_eq!(secret_findings("a.json", &parse_patch(&two).unwrap()).len(), 2);
    let removed = format!("@@ -1,3 +0,0 @@\n-{begin}\n-{body}\n-{end}");
    assert_eq!(secret_findings("key.pem", &parse_patch(&removed).unwrap()), []);
}

/// Checks that time grows with the length of a line: a MiB of letters, a hundred thousand names, repeated keywords.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test measures time"
)]
fn hostile_lines_are_searched_in_bounded_time() {
    let value = ["k3Zx9", "QmW2pLs7v"].concat();
    let begin = format!("{0}BEGIN PRIVATE KEY{0}", "-".repeat(5));
    for (what, line) in [
        ("letters", "a".repeat(1 << 20)),
        ("names", "pass".repeat(1 << 18)),
        ("assignments", format!("a_token=\"{value}\"; ").repeat(100_000)),
        ("open assignments", "token=".repeat(170_000)),
        ("nested assignments", "token:'token:\"".repeat(75_000)),
        ("blank assignments", "password ".repeat(116_000)),
        ("addresses", "a://b:".repeat(170_000)),
        ("tokens that fail", "sk-".repeat(350_000)),
        ("tokens with dashes", "-eyJ-eyJa.eyJa.".repeat(70_000)),
        ("keys", begin.repeat(35_000)),
        ("options", "curl -u a:".repeat(100_000)),
        ("invisible", "\u{200b}a".repeat(260_000)),
        ("backslashes", "token=\\\\\\\"".repeat(100_000)),
    ] {
        let began = std::time::Instant::now();
        let found = findings("src/a.rs", &line).len();
        let took = began.elapsed();
        println!("{what}: {} bytes, {found} found, {} ms", line.len(), took.as_millis());
        assert!(took.as_secs() < 60, "{what}: {took:?}");
    }
    let many = format!("{begin}\n").repeat(30_000) + &"QWxhZGRpbjpvcGVuIHNlc2FtZQ\n".repeat(30_000);
    redact(&many);
}
