//! Answers of real models: which are accepted, and with which words the others go back to the model.
#![expect(clippy::unwrap_used, reason = "a failed read fails the test")]

use serde_json::{Value, json};

use super::*;
use crate::diff::parse_patch;
use crate::model::finding::{Finding, Side};

/// Base lines 1 to 4 and 20; head lines 1 to 5, 21 and 22.
const PATCH: &str = "@@ -1,4 +1,5 @@\n fn a() {\n-    check(u);\n+    let x  = 1;\r\n+    let y = x;\n     done(y)\n }\n@@ -20,2 +21,2 @@\n end\n-old tail\n+more";
/// `é` composed; the answer may decompose it.
const PATH: &str = "src/é.rs";

fn check_text(text: &str, stop: Stop) -> Verdict {
    let hunks = parse_patch(PATCH).unwrap();
    let answer = RecordedAnswer {
        text: text.to_owned(),
        stop,
        model: "m".to_owned(),
        input_tokens: 0,
        output_tokens: 7,
        cost_nano_usd: None,
        cached: false,
        fallback: None,
        observed: None,
    };
    let shown = Shown {
        path: PATH,
        previous_path: Some("src/e.rs"),
        hunks: &hunks,
    };
    check_answer(&answer, &shown)
}

/// Returns a finding on head line 2, with these keys replaced.
fn finding(change: &Value) -> Value {
    let mut raw = json!({ "path": PATH, "line": 2, "severity": "high", "category": "security", "title": "T", "body": "B",
        "quote": "let x = 1;" });
    raw.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    raw
}

fn answer(findings: &[Value]) -> String {
    json!({ "summary": "s", "findings": findings }).to_string()
}

fn accept(change: &Value) -> Finding {
    let verdict = check_text(&answer(&[finding(change)]), Stop::Complete);
    assert!(verdict.valid, "{change}: {:?}", verdict.problems);
    verdict.accepted.into_iter().next().unwrap()
}

fn refuse(change: &Value) -> String {
    let verdict = check_text(&answer(&[finding(change)]), Stop::Complete);
    assert!(!verdict.valid && verdict.accepted.is_empty(), "{change}: {verdict:?}");
    verdict.problems.join("\n")
}

/// Checks every wrapping of an answer: each is accepted at once, with its one finding.
#[test]
fn an_answer_is_found_in_any_surrounding_text() {
    let good = answer(&[finding(&json!({}))]);
    let list = json!([finding(&json!({}))]);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&good).unwrap()).unwrap();
    let twice = json!(good).to_string();
    let cases = [
        good.clone(),
        format!("\u{feff}\n{pretty}\n"),
        format!("```json\n{good}\n```"),
        format!("Here it is:\n```json\n{pretty}\n```\nDone."),
        format!("~~~\n{good}\n~~~"),
        // thoughts
        format!("<think>\nLook at {{ and }}.\n</think>\n\n{good}"),
        format!(
            "<think>\nLook at {{ and }}, [ and ], \" and '.\n{{\"summary\":\"draft\",\"findings\":[]}}\n</think>{good}"
        ),
        format!("Look at {{ and }}.\n</think>\n{good}"),
        format!("<THINK>a</THINK><think>b</think>\n```json\n{good}\n```"),
        format!("◁think▷ {{\"findings\": ◁/think▷{good}"),
        format!("[THINK] {{}} [/THINK] {good}"),
        // a sentence around it
        format!("Here is the review:\n{good}"),
        format!("{good}\n\nLet me know!"),
        format!("I read `fn a() {{ … }}` and the list [1], - [ ] todo.\n\n{good}\n\nUse {{x}} as before."),
        format!("{good}\n{good}"),
        // wrappers
        list.to_string(),
        format!("```json\n{list}\n```"),
        format!("The findings: {list}"),
        json!([serde_json::from_str::<Value>(&good).unwrap()]).to_string(),
        json!({ "review": serde_json::from_str::<Value>(&good).unwrap() }).to_string(),
        format!(
            "<tool_call>{}</tool_call>",
            json!({ "name": "answer", "arguments": good })
        ),
        json!({ "tool_calls": [{ "function": { "name": "answer", "arguments": good } }] }).to_string(),
        twice,
        // unambiguous deviations from JSON and from the schema
        good.replace("}]}", "},]}"),
        good.replace("}]}", "}, // the only one\n ] /* all */ ,\n}"),
        good.replace("\"T\"", "\"T, ]\""),
        good.replace("\"B\"", "\"first\n\tsecond // no comment, }\""),
        good.replace("\"summary\":\"s\",", ""),
        good.replace("\"s\"", "null"),
        good.replace("\"s\"", "[\"s\", \"t\"]"),
        good.replace("\"s\"", &json!("x".repeat(9_000)).to_string()),
        good.replace("\"s\"", "\"s\", \"score\": 7, \"notes\": {\"findings\": 1}"),
        good.replace(
            "\"s\"",
            r#""lone \ud83d and \udc00\ud83d, a pair \ud83d\ude00, no escape \\ud83d""#,
        ),
        json!({ "summary": "s", "findings": finding(&json!({})) }).to_string(),
    ];
    for text in &cases {
        let verdict = check_text(text, Stop::Complete);
        assert!(verdict.valid, "{text}: {:?}", verdict.problems);
        assert_eq!(verdict.accepted.len(), 1, "{text}");
    }
    let summary = |text: &str| check_text(text, Stop::Complete).summary;
    assert_eq!(
        summary(r#"{"summary":"a \ud83d b \ud83d\ude00 c \\ud83d","findings":[]}"#),
        "a \u{fffd} b \u{1f600} c \\ud83d"
    );
    let raw_line = good.replace("\"B\"", "\"first\nsecond // no comment\"");
    assert_eq!(
        check_text(&raw_line, Stop::Complete).accepted[0].body,
        "first\nsecond // no comment"
    );
    // The blanks after a whole object, up to the limit.
    assert!(check_text(&format!("{good}\n\n\n\n"), Stop::OutputLimit).valid);
    for text in ["[]", "```json\n[]\n```", "<think>x</think>[]", "{\"findings\":[]}"] {
        let verdict = check_text(text, Stop::Complete);
        assert!(
            verdict.valid && verdict.accepted.is_empty(),
            "{text}: {:?}",
            verdict.problems
        );
    }
}

#[test]
fn an_ambiguous_or_incomplete_answer_is_returned_to_the_model() {
    let one = answer(&[finding(&json!({}))]);
    let other = answer(&[]);
    let cut = &one[..one.len() - 2];
    for (text, problem) in [
        (String::new(), "empty"),
        (" \n".to_owned(), "empty"),
        (
            "Looks fine to me.".to_owned(),
            "not one JSON object: expected value at line 1 column 1",
        ),
        (cut.to_owned(), "EOF while parsing"),
        (format!("```json\n{cut}"), "EOF while parsing"),
        (format!("{one}\n{other}"), "2 different JSON objects"),
        (
            format!("```\n{one}\n```\nor\n```\n{other}\n```"),
            "2 different JSON objects",
        ),
        (json!([one, other]).to_string(), "2 different JSON objects"),
        (format!("{other}\nBetter:\n{cut}"), "a second one that is not whole"),
        (format!("{{\"draft\": {other}, \"final\": {cut}"), "EOF while parsing"),
        (format!("<think>{one}"), "ends inside the thoughts"),
        (format!("<think>a</think><think>{one}"), "ends inside the thoughts"),
        (format!("<think>{one}</think>"), "not one JSON object"),
        (one.replace("\"T\"", "\"T\",\"title\":\"U\""), "\"title\" appears twice"),
        (one.replace("}]}", "}],\"findings\":[]}"), "\"findings\" appears twice"),
        (one.replace("\"T\"", "'T'"), "not one JSON object"),
        (one.replace("\"B\"", "\"B"), "not one JSON object"),
        (one.replace("}]}", "}],,}"), "not one JSON object"),
        ("nothing: []".to_owned(), "an array where one object"),
        ("[1]".to_owned(), "an array where one object"),
        ("null".to_owned(), "null where one object"),
        ("{\"summary\":\"fine\"}".to_owned(), "findings: missing"),
        ("{} and more".to_owned(), "findings: missing"),
        ("{}\n{}".to_owned(), "several values"),
        ("{\"findings\":null}".to_owned(), "findings: null where"),
        ("{\"findings\":[1,\"x\"]}".to_owned(), "findings[0]: a number where"),
        ("{\"a\":".repeat(100_000), "recursion limit"),
        ("[".repeat(100_000), "recursion limit"),
        (
            format!("{{\"findings\":[],\"x\":{}", "[".repeat(100_000)),
            "recursion limit",
        ),
    ] {
        let verdict = check_text(&text, Stop::Complete);
        let start: String = text.chars().take(200).collect();
        assert!(!verdict.valid && verdict.accepted.is_empty(), "{start}");
        assert!(
            verdict.problems.iter().any(|refusal| refusal.contains(problem)),
            "{start}: {:?}",
            verdict.problems
        );
    }
    let cut_off = check_text(cut, Stop::OutputLimit).problems;
    assert!(
        cut_off[0].contains("cut off at the output limit after 7 tokens"),
        "{cut_off:?}"
    );
    assert!(!check_text(&one, Stop::Refusal).valid);
}

#[test]
fn hostile_answers_take_no_time_and_are_not_quoted() {
    for text in [
        "{\"a\":".repeat(100_000),
        "{\"".repeat(250_000),
        "[{".repeat(250_000),
        "{}".repeat(250_000),
        "</think>{}".repeat(50_000),
        "{\"findings\":[]}".repeat(100_000),
        format!("[{}", "{\"path\":\"a\",\"title\":\"b\"},".repeat(20_000)),
        "{\"a\":1,}".repeat(75_000),
        format!("{{\"findings\":[],\"summary\":\"{}", "\\ud83d".repeat(75_000)),
    ] {
        let verdict = check_text(&text, Stop::Complete);
        let start: String = text.chars().take(20).collect();
        assert!(!verdict.valid || verdict.accepted.is_empty(), "{start}");
        assert!(
            verdict.problems.iter().all(|problem| problem.len() < 400),
            "{:?}",
            verdict.problems
        );
    }
}

#[test]
fn a_path_is_recognised_as_models_echo_it() {
    for path in [
        PATH,
        "src/e\u{301}.rs",
        "b/src/é.rs",
        "a/src/é.rs",
        "./src/é.rs",
        "/src/é.rs",
        "./b/src/é.rs",
        "src\\é.rs",
        "`src/é.rs`",
        "+++ b/src/e\u{301}.rs",
        "src/e.rs",
        " src/é.rs\n",
    ] {
        assert_eq!(accept(&json!({ "path": path })).path, PATH, "{path}");
    }
    assert_eq!(accept(&json!({ "path": null })).path, PATH);
    for path in [
        "",
        "é.rs",
        "src/É.rs",
        "src/é.rs/",
        "b/b/src/é.rs",
        "../src/é.rs",
        "lib/src/é.rs",
        "src/é.rs.bak",
    ] {
        let problem = refuse(&json!({ "path": path }));
        assert!(
            problem.contains("findings[0].path: is not a file that you were shown; you were shown \"src/é.rs\""),
            "{path}: {problem}"
        );
    }
}

#[test]
fn numbers_and_words_are_read_in_every_clear_form() {
    let read = accept(
        &json!({ "line": "2", "start_line": 2.0, "confidence": "0.9", "severity": "High ", "category": "Security",
        "side": "right", "why": { "a": 1 } }),
    );
    assert_eq!(
        (read.start_line, read.line, read.side, read.confidence),
        (2, 2, Side::Right, 0.9)
    );
    let bare = accept(&json!({ "side": null, "start_line": null, "suggestion": null, "confidence": null }));
    assert_eq!(
        (bare.start_line, bare.line, bare.confidence, bare.suggestion),
        (2, 2, 0.5, None)
    );
    for (change, problem) in [
        (
            json!({ "line": "two" }),
            "findings[0].line: a text of 3 characters where the schema has \"integer\"",
        ),
        (json!({ "line": 2.5 }), "findings[0].line: a number where"),
        (json!({ "line": "1e99" }), "findings[0].line: a text"),
        (
            json!({ "confidence": 85 }),
            "findings[0].confidence: 85 is too large, at most 1",
        ),
        (
            json!({ "severity": "grave" }),
            "findings[0].severity: not one of [\"critical\"",
        ),
        (json!({ "severity": null }), "findings[0].severity: "),
        (
            json!({ "body": "x".repeat(9_000) }),
            "findings[0].body: 9,000 characters, at most 8,000",
        ),
        (
            json!({ "title": "y".repeat(301) }),
            "findings[0].title: 301 characters, at most 300",
        ),
        (json!({ "body": "  " }), "findings[0].body: blank"),
        (json!({ "quote": " " }), "findings[0].quote: blank"),
    ] {
        let refusal = refuse(&change);
        assert!(refusal.starts_with(problem) && refusal.len() < 300, "{refusal}");
    }
}

/// Each row: the stated place, and the found place.
#[test]
fn the_quote_finds_its_line() {
    use Side::{Left, Right};
    for (change, place) in [
        (json!({}), (Right, 2, 2)),
        (
            json!({ "start_line": 1, "line": 3, "quote": "fn a() {\n    let x = 1;" }),
            (Right, 1, 3),
        ),
        (json!({ "start_line": 3, "line": 1, "quote": "let y" }), (Right, 1, 3)),
        (json!({ "side": "LEFT", "line": 1, "quote": "fn a() {" }), (Left, 1, 1)),
        // a wrong line, a unique quote
        (json!({ "line": 99_999 }), (Right, 2, 2)),
        (json!({ "line": 1 }), (Right, 2, 2)),
        (json!({ "line": null }), (Right, 2, 2)),
        (json!({ "line": 0 }), (Right, 2, 2)),
        (json!({ "line": 5, "quote": "more" }), (Right, 22, 22)),
        (json!({ "start_line": 2, "line": 21, "quote": "end" }), (Right, 21, 21)),
        (
            json!({ "start_line": 4, "line": 5, "quote": "let y = x;" }),
            (Right, 2, 3),
        ),
        (json!({ "line": 21, "quote": "let x = 1;\nlet y = x;" }), (Right, 2, 3)),
        (json!({ "line": 4, "quote": "x = 1;\n\n    let y" }), (Right, 2, 3)),
        // the marks of the shown diff, another quotation
        (json!({ "quote": "2 +    let x  = 1;" }), (Right, 2, 2)),
        (json!({ "quote": "+    let x  = 1;" }), (Right, 2, 2)),
        (json!({ "quote": "`let x = 1;`" }), (Right, 2, 2)),
        // the removed side
        (json!({ "line": 2, "quote": "check(u)" }), (Left, 2, 2)),
        (json!({ "line": 3, "quote": "    check(u);" }), (Left, 2, 2)),
        (
            json!({ "side": "LEFT", "line": 2, "quote": "2 -    check(u);" }),
            (Left, 2, 2),
        ),
        (json!({ "line": 21, "quote": "old tail" }), (Left, 21, 21)),
        (
            json!({ "side": "LEFT", "line": 2, "quote": "let y = x;" }),
            (Right, 3, 3),
        ),
    ] {
        let found = accept(&change);
        assert_eq!((found.side, found.start_line, found.line), place, "{change}");
    }
    for (change, problem) in [
        (
            json!({ "quote": "let z = 1;" }),
            "findings[0].quote: is not in the diff, and line 2 of side RIGHT has another text",
        ),
        (
            json!({ "line": 99, "quote": "nowhere" }),
            "line 99 is not inside one hunk; on side RIGHT the hunks hold lines 1-5, 21-22",
        ),
        (
            json!({ "line": 5, "quote": "let" }),
            "findings[0].line: the quote is not there, but on the lines 2, 3 of side RIGHT",
        ),
        (
            json!({ "line": 5, "quote": "y" }),
            "findings[0].quote: is not in the diff",
        ),
    ] {
        let refusal = refuse(&change);
        assert!(refusal.contains(problem), "{change}: {refusal}");
        assert!(
            !refusal.contains("nowhere") && !refusal.contains("let"),
            "neither the answer nor the diff is quoted: {refusal}"
        );
    }
}

#[test]
fn a_suggestion_moves_with_one_line_only() {
    let suggests = |mut change: Value| {
        change["suggestion"] = "    let x = 2;".into();
        accept(&change).suggestion.is_some()
    };
    assert!(suggests(json!({})));
    assert!(suggests(json!({ "line": 4 })));
    assert!(!suggests(json!({ "start_line": 4, "line": 5, "quote": "let y = x;" })));
    assert!(!suggests(json!({ "quote": "check(u)" })));
}

#[test]
fn the_same_remark_twice_is_one() {
    let again = finding(&json!({ "title": "t", "line": 3 }));
    let verdict = check_text(&answer(&[finding(&json!({})), again]), Stop::Complete);
    assert!(verdict.valid, "{:?}", verdict.problems);
    assert_eq!(verdict.accepted.len(), 1);
    let other = finding(&json!({ "title": "U", "body": "C" }));
    assert_eq!(
        check_text(&answer(&[finding(&json!({})), other]), Stop::Complete)
            .accepted
            .len(),
        2
    );
}

#[test]
fn the_walkthrough_is_read_in_the_same_ways() {
    let read = |text: &str| {
        read_summary(&RecordedAnswer {
            text: text.to_owned(),
            stop: Stop::Complete,
            model: "m".to_owned(),
            input_tokens: 0,
            output_tokens: 0,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: None,
        })
    };
    for text in [
        "{\"summary\":\"s\"}",
        "<think>{}</think>Here: {\"summary\":\"s\",\"findings\":[]}",
        "```\n{\"summary\":\"s\",}\n```",
    ] {
        assert_eq!(read(text).as_deref(), Ok("s"), "{text}");
    }
    for text in [
        "s",
        "{\"summary\":\" \"}",
        "{\"summary\":\"s\"}{\"summary\":\"t\"}",
        "[]",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
