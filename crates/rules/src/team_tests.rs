//! A team's rules are checked, compiled and run beside the others; the examples of the documents are right.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use holdfast_core::team_rules::RuleFile;

use super::*;

fn rules(files: &[(&str, &str)]) -> TeamRules {
    let file = |(path, text): &(&str, &str)| RuleFile {
        path: format!(".holdfast-rules/{path}"),
        text: (*text).to_owned(),
    };
    TeamRules::new(files.iter().map(file).collect()).unwrap()
}

const GOOD: &str = "id: no-print\nlanguage: Python\nseverity: medium\ncategory: maintainability\ntitle: t\nbody: b\nrule: \
                    {pattern: print($$$)}\nvalid: [log(1)]\ninvalid: [print(1)]\n";

#[tokio::test]
async fn a_team_s_rule_reports_beside_the_others() {
    let syntax = TreeSitterSyntax::new()
        .with_team_rules(&rules(&[("a.yml", GOOD)]))
        .await
        .unwrap();
    assert!(syntax.rule_ids().contains(&"no-print".to_owned()));
    let answer = syntax.view("a.py", "assert (x, 'no')\nprint(1)\n", &[1, 2]).await;
    let found: Vec<String> = answer
        .view
        .unwrap()
        .findings
        .into_iter()
        .map(|found| found.rule)
        .collect();
    assert!(
        found.contains(&"assert-on-tuple".to_owned()) && found.contains(&"no-print".to_owned()),
        "{found:?}"
    );
    assert_eq!(syntax.view("a.go", "package m\n", &[1]).await.limit, None);
}

#[test]
fn wrong_team_rules_are_refused() {
    let built_in = GOOD.replace("no-print", "assert-on-tuple");
    let secret = GOOD.replace("no-print", "github-token");
    let unknown = format!("{GOOD}fix: log($B)\n");
    let many_arguments = GOOD.replace("print($$$)", "print($$$A)") + "fix: log($$$A)\n";
    assert_eq!(
        check_team_rules(&rules(&[("a.yml", &many_arguments)])).1,
        Vec::<String>::new()
    );
    let many = GOOD.replace("no-print", "n") + "---\n";
    let many: String = (0..201).map(|n| many.replace("id: n", &format!("id: n{n}"))).collect();
    let huge = GOOD.replace("{pattern: print($$$)}", "{kind: call, regex: '(\\pL{50}){90}'}");
    let cycle = GOOD.replace(
        "{pattern: print($$$)}",
        "{matches: x}\nutils: {x: {any: [{matches: x}]}}",
    );
    // As deep as a file may be: the parser of rules recurses.
    let nested = |depth: usize| {
        GOOD.replace(
            "{pattern: print($$$)}",
            &format!("{}{{kind: call}}{}", "{has: ".repeat(depth), "}".repeat(depth)),
        )
    };
    let (deep, too_deep) = (nested(60), nested(70));
    let wrong_case = GOOD.replace("log(1)", "print(2)");
    for (files, excerpt) in [
        (
            vec![("a.yml", built_in.as_str())],
            "a.yml: rule assert-on-tuple: id: is the id of a rule of Holdfast",
        ),
        (
            vec![("a.yml", GOOD), ("b.yml", GOOD)],
            "b.yml: rule no-print: id: is the id of a rule in .holdfast-rules/a.yml",
        ),
        (
            vec![("a.yml", &secret)],
            "rule github-token: id: is the id of a rule of Holdfast",
        ),
        (
            vec![("a.yml", &unknown)],
            "rule no-print: fix: the rule has no $B: name a metavariable of its pattern",
        ),
        (vec![("a.yml", &many)], "at most 200 rules"),
        (vec![("a.yml", &huge)], "regex: is too large"),
        (vec![("a.yml", &cycle)], "cyclic"),
        (vec![("a.yml", &deep)], "invalid: 0 findings"),
        (vec![("a.yml", &too_deep)], "depth"),
        (vec![("a.yml", &wrong_case)], "valid: 1 finding instead of 0 in Python"),
        (vec![("a.yml", "id: [")], ".holdfast-rules/a.yml: "),
    ] {
        let (_, problems) = check_team_rules(&rules(&files));
        assert!(
            problems.iter().any(|problem| problem.contains(excerpt)),
            "{excerpt}: {problems:?}"
        );
    }
    assert_eq!(
        check_team_rules(&rules(&[("a.yml", GOOD)])),
        (vec!["no-print".to_owned()], Vec::new())
    );
}

#[test]
fn the_examples_of_the_documents_are_right() {
    let guide = include_str!("../../../docs/rules.md");
    let blocks = guide
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let examples: Vec<&str> = blocks.filter(|block| block.contains("\nrule:")).collect();
    assert_eq!(examples.len(), 10);
    for (number, example) in examples.iter().enumerate() {
        let (ids, problems) = check_team_rules(&rules(&[(&format!("{number}.yml"), example)]));
        assert!(problems.is_empty() && ids.len() == 1, "{example}: {problems:?}");
        assert!(
            example.contains("\nvalid:") && example.contains("\ninvalid:"),
            "{example}"
        );
    }
}
