//! Hostile sources that are meant to block the reader: each is read or abandoned, and the process continues.
#![expect(clippy::unwrap_used, reason = "a file that is not read fails the test")]

use std::time::{Duration, Instant};

use holdfast_core::port::{SourceSyntax, SyntaxLimit};

use super::deadline::TimeLimit;
use super::language::Language;
use super::rule::{RuleSet, read, rules};
use super::{TreeSitterSyntax, read_syntax};

/// Far above a file's time limit on the slowest machine, and far below a hang.
const WATCHDOG: Duration = Duration::from_secs(120);
/// Time limit of a costly rule in a test.
const COSTLY_TIME: Duration = Duration::from_millis(500);

fn hostile() -> Vec<(&'static str, String)> {
    let wide = |count: usize, part: &str| vec![part; count].join("+");
    vec![
        ("a.java", format!("class A{{int x={};}}", wide(24_000, "a"))),
        ("a.java", format!("class A{{String x={};}}", wide(20_000, "\"a\""))),
        (
            "a.java",
            format!("class A{{boolean x={};}}", vec!["a==\"b\""; 8_000].join("==")),
        ),
        ("a.js", format!("x={}", wide(24_000, "a"))),
        ("a.js", format!("x={}", vec!["NaN"; 12_000].join("=="))),
        ("a.js", format!("a{}", ".b()".repeat(12_000))),
        ("a.js", "if(a)b;else ".repeat(4_000)),
        ("a.js", "a=>".repeat(16_000)),
        ("a.js", "!".repeat(48_000)),
        ("a.ts", format!("x={}", wide(24_000, "a"))),
        ("a.ts", "a<".repeat(24_000)),
        ("a.tsx", "<a>".repeat(16_000)),
        ("a.py", format!("x={}", wide(24_000, "a"))),
        ("a.py", format!("x={}", vec!["a"; 8_000].join(" is "))),
        ("a.py", format!("a{}", ".b()".repeat(12_000))),
        ("a.py", format!("f({})", "a=lambda:".repeat(6_000))),
        ("a.py", "if a:\n x\nel".repeat(4_000)),
        ("a.go", format!("package m\nvar x = {}", wide(24_000, "a"))),
        (
            "a.go",
            format!("package m\nfunc f() {{{}", "for {defer a();".repeat(400)),
        ),
        ("a.rs", format!("const X: u8 = {};", wide(24_000, "a"))),
        ("a.rs", "&".repeat(48_000)),
        ("a.java", format!("class A{{int x={};}}", wide(500_000, "a"))),
        ("a.py", format!("x={}", wide(500_000, "a"))),
        ("a.js", "\u{0}".repeat(1_000_000)),
        ("a.rs", "r#\"".repeat(300_000)),
        ("a.py", "'''".repeat(340_000)),
        ("a.go", "`".repeat(1_000_000)),
        ("a.js", "`${".repeat(400)),
        ("a.java", "{".repeat(100_000)),
        ("a.sh", "$(".repeat(400)),
        ("a.sh", "a|".repeat(48_000)),
        ("a.sh", "\"${a:-".repeat(400)),
        ("a.c", format!("int x={};", wide(24_000, "a"))),
        ("a.c", "*".repeat(48_000)),
        ("a.c", "#if A\n".repeat(16_000)),
        ("a.cpp", "a<".repeat(24_000)),
        ("a.cs", format!("class A{{int x={};}}", wide(24_000, "a"))),
        ("a.kt", format!("val x = {}", wide(24_000, "a"))),
        ("a.php", format!("<?php $x={};", vec!["$a"; 24_000].join("."))),
        ("a.rb", format!("x={}", wide(24_000, "a"))),
        ("a.sql", format!("SELECT {}", wide(24_000, "a"))),
        ("a.tf", format!("a = {}", wide(24_000, "a"))),
        ("Dockerfile", format!("RUN {}", "a && ".repeat(48_000))),
        (".github/workflows/a.yml", "- ".repeat(48_000)),
        (
            ".github/workflows/a.yml",
            (0..600).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        ),
        (
            "a.py",
            (0..600).map(|n| format!("{}if 'a':\n", " ".repeat(n))).collect(),
        ),
        ("a.rb", "f(<<A)\n#{".repeat(300)),
        (".github/workflows/a.yml", "a: &a [*a, *a]\n".repeat(16_000)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_sources_are_given_up_or_read_and_never_hold_the_runtime() {
    for (path, text) in hostile() {
        let began = Instant::now();
        let lines: Vec<u32> = (1..=1_000).collect();
        let answer = TreeSitterSyntax::new().view(path, &text, &lines).await;
        let begin: String = text.chars().take(40).collect();
        assert!(began.elapsed() < WATCHDOG, "{path}: {begin}: {:?}", began.elapsed());
        assert!(
            answer.view.is_some() || answer.limit.is_some(),
            "{path}: {begin}: a missing view has a reason"
        );
    }
}

#[test]
fn a_deadline_that_is_over_gives_no_view_and_its_reason() {
    for (path, text) in hostile() {
        let language = Language::of_path(path).unwrap();
        let (view, limit) = read_syntax(
            language,
            &text,
            &[1],
            (rules(language), None),
            TimeLimit::after(Duration::ZERO),
        );
        let small = text.len() < 200;
        assert!(view.is_none() || small, "{path}");
        assert!(limit.is_some() || small, "{path}");
    }
}

#[tokio::test]
async fn each_limit_is_named() {
    let syntax = TreeSitterSyntax::new();
    for (path, text, limit) in [
        ("a.rs", "x".repeat(2 * 1024 * 1024), Some(SyntaxLimit::TooLarge)),
        ("a.js", "[".repeat(100_000), Some(SyntaxLimit::TooDeep)),
        ("a.js", "[".repeat(400), None),
        ("a.rs", "fn broken( {{{ \u{0}".to_owned(), None),
        ("a.unknown", "x".to_owned(), None),
    ] {
        let answer = syntax.view(path, &text, &[1]).await;
        assert_eq!(answer.limit, limit, "{path}");
        assert_eq!(answer.view.is_some(), limit.is_none() && path != "a.unknown", "{path}");
    }
    assert_eq!(SyntaxLimit::TooSlow.to_string(), "no syntax: too slow");
}

#[test]
fn findings_over_the_limit_are_noted() {
    for (count, limit) in [(1_000, None), (1_001, Some(SyntaxLimit::TooManyMatches))] {
        let text = "assert (True, 'x')\n".repeat(count);
        let (view, found) = read_syntax(
            Language::of_path("a.py").unwrap(),
            &text,
            &[1],
            (rules(Language::Python), None),
            TimeLimit::after(WATCHDOG),
        );
        assert_eq!((view.unwrap().findings.len(), found), (1_000, limit), "{count}");
    }
}

#[test]
fn a_rule_finds_what_lies_in_deep_code() {
    let sum = vec!["\"a\""; 300].join("+");
    let text = format!("class A {{ boolean f(String s) {{ return s == \"x\"; }} String t = {sum}; }}\n");
    // This tests the rule, not the speed of a busy machine.
    let language = Language::of_path("a.java").unwrap();
    let (view, _) = read_syntax(
        language,
        &text,
        &[1],
        (rules(language), None),
        TimeLimit::after(WATCHDOG),
    );
    let findings = view.unwrap().findings;
    assert!(
        findings.iter().any(|found| found.rule == "string-identity"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn many_changed_lines_in_many_scopes_are_read_in_time() {
    // 40,000 functions, each with a changed line.
    let text = "fn f() {\n}\n".repeat(40_000);
    let lines: Vec<u32> = (1..=80_000).collect();
    let answer = TreeSitterSyntax::new().view("a.rs", &text, &lines).await;
    match answer.view {
        Some(view) => assert_eq!(view.scopes.len(), 1_000),
        None => assert_eq!(answer.limit, Some(SyntaxLimit::TooSlow)),
    }
}

/// Rules that cost as much as rules can, each with a text that makes it dear.
fn costly() -> Vec<(&'static str, String)> {
    let wide = "f(a)\n".repeat(100_000);
    let deep = format!("{}a{}", "(".repeat(499), ")".repeat(499));
    let chain = format!("a{}", ".b()".repeat(6_000));
    vec![
        (
            "{kind: identifier, inside: {kind: module, stopBy: end, has: {regex: zzz, stopBy: end}}}",
            wide.clone(),
        ),
        (
            "{kind: expression_statement, precedes: {regex: zzz, stopBy: end}}",
            wide.clone(),
        ),
        (
            "{kind: expression_statement, nthChild: {position: 3n+1, reverse: true}}",
            wide.clone(),
        ),
        ("{regex: '(a|b|\\(|\\)|f|\\n)*zzz'}", wide.clone()),
        (
            "{pattern: 'f($$$A, $B, $$$C, $B, x)'}",
            format!("f({})", "a,".repeat(50_000)),
        ),
        (
            "{pattern: 'f($$$A, g($$$B, $$$C, x), $$$D, x)'}",
            format!("f({}x)", "g(a,b,c),".repeat(20_000)),
        ),
        (
            "{range: {start: {line: 0, column: 900}, end: {line: 0, column: 901}}}",
            "a+".repeat(20_000) + "a",
        ),
        ("{has: {kind: string, stopBy: {kind: string}}}", deep.clone()),
        (
            "{has: {kind: string, stopBy: end}, inside: {kind: string, stopBy: end}}",
            chain.clone(),
        ),
        ("{pattern: $A == $A}", format!("({chain}) == ({chain})")),
        // Utility rules call each other through other nodes, so that no check of cycles finds it.
        (
            "{matches: x}\nutils: {x: {has: {matches: y}}, y: {inside: {matches: x}}}",
            wide.clone(),
        ),
        (
            "{matches: x}\nutils: {x: {any: [{has: {matches: x, stopBy: end}}, {inside: {matches: x, stopBy: end}}]}}",
            deep,
        ),
    ]
}

#[test]
fn costly_rules_end_within_their_budget() {
    for (rule, text) in costly() {
        let head = "id: a\nlanguage: Python\nseverity: low\ncategory: correctness\ntitle: t\nbody: b\nrule: ";
        let (definitions, faults) = read("a.yml", &format!("{head}{rule}"));
        assert!(faults.is_empty(), "{faults:?}");
        let (set, faults) = RuleSet::compile(Language::Python, &definitions);
        assert!(faults.is_empty(), "{faults:?}");
        let began = Instant::now();
        let read = move || {
            read_syntax(
                Language::Python,
                &text,
                &[1],
                (&set, None),
                TimeLimit::after(COSTLY_TIME),
            )
        };
        // A thread of its own has the stack of the pool's threads.
        let (view, found) = std::thread::spawn(read).join().unwrap();
        let ended = view.is_some() || found.is_some();
        assert!(
            ended && began.elapsed() < WATCHDOG,
            "{rule}: {found:?} {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_slow_rule_of_a_team_costs_no_finding_of_holdfast() {
    let rule = "id: a\nlanguage: Python\nseverity: low\ncategory: correctness\ntitle: t\nbody: b\n\
                rule: {kind: identifier, inside: {kind: module, stopBy: end, has: {regex: '^never$', stopBy: end}}}";
    let (definitions, _) = read("a.yml", rule);
    let (team, faults) = RuleSet::compile(Language::Python, &definitions);
    assert!(faults.is_empty(), "{faults:?}");
    let text = format!("assert (True, 'x')\n{}", "f(g(h(a)))\n".repeat(1_000));
    let deadline = TimeLimit::after(WATCHDOG);
    let own = rules(Language::Python);
    let (view, limit) = read_syntax(Language::Python, &text, &[1], (own, Some(&team)), deadline);
    let findings = view.unwrap().findings;
    assert!(
        findings.iter().any(|finding| finding.rule == "assert-on-tuple"),
        "{}",
        findings.len()
    );
    assert_eq!(limit, Some(SyntaxLimit::TeamRulesTooSlow));
}

#[test]
fn findings_after_the_end_of_the_budget_are_not_believed() {
    // `not` is true where the tree answers nothing.
    let rule = "id: a\nlanguage: Python\nseverity: low\ncategory: correctness\ntitle: t\nbody: b\nrule: {kind: identifier, \
                inside: {kind: module, stopBy: end, not: {has: {regex: '^last$', stopBy: end}}}}";
    let (definitions, _) = read("a.yml", rule);
    let (set, faults) = RuleSet::compile(Language::Python, &definitions);
    assert!(faults.is_empty(), "{faults:?}");
    let text = format!("{}last\n", "a\n".repeat(100_000));
    let (view, limit) = read_syntax(Language::Python, &text, &[1], (&set, None), TimeLimit::after(WATCHDOG));
    assert_eq!(view.unwrap().findings, []);
    assert_eq!(limit, Some(SyntaxLimit::TooManySteps));
}
