//! Runs the fuzz targets' bodies on their seeds, unchanged and mutated, with the project's own toolchain. A longer
//! search is in `fuzz`.

mod bodies;
mod harmless;

use proptest::prelude::*;
use serde_json::json;

/// A target: its name, its body, and each seed with the expected result: whether the body accepts it.
type Target = (&'static str, fn(&[u8]) -> bool, &'static [(&'static [u8], bool)]);

macro_rules! seed {
    ($path:literal, $is_taken:literal) => {
        (
            include_bytes!(concat!("../../../../fuzz/seeds/", $path)).as_slice(),
            $is_taken,
        )
    };
}

const TARGETS: [Target; 8] = [
    (
        "patch",
        bodies::patch,
        &[
            seed!("patch/two_hunks", true),
            seed!("patch/submodule", true),
            seed!("patch/last_line", false),
        ],
    ),
    (
        "anchors",
        bodies::anchors,
        &[seed!("anchors/range", true), seed!("anchors/deleted", true)],
    ),
    (
        "sanitise",
        bodies::sanitise,
        &[
            seed!("sanitise/everything", true),
            seed!("sanitise/links", true),
            seed!("sanitise/escapes", true),
        ],
    ),
    (
        "render",
        bodies::render,
        &[
            seed!("render/attack", true),
            seed!("render/fences", false),
            seed!("render/paths", true),
        ],
    ),
    (
        "webhook",
        bodies::webhook,
        &[
            seed!("webhook/opened", true),
            seed!("webhook/command", true),
            seed!("webhook/installation", true),
        ],
    ),
    (
        "answer",
        bodies::answer,
        &[
            seed!("answer/two_findings", true),
            seed!("answer/thoughts", true),
            seed!("answer/list", true),
            seed!("answer/two_answers", false),
            seed!("answer/wrong_shape", false),
        ],
    ),
    (
        "secrets",
        bodies::secrets,
        &[
            seed!("secrets/assignments", true),
            seed!("secrets/addresses", true),
            seed!("secrets/key", true),
            seed!("secrets/look_alikes", false),
        ],
    ),
    (
        "configuration",
        bodies::configuration,
        &[seed!("configuration/all", true), seed!("configuration/wrong", false)],
    ),
];

#[test]
fn each_seed_has_its_expected_result() {
    for (name, body, seeds) in TARGETS {
        for (index, (seed, is_taken)) in seeds.iter().enumerate() {
            assert_eq!(body(seed), *is_taken, "{name}: seed {index}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Mutates a seed of a target: replaces a piece of it by another, and cuts the end in some cases.
    #[test]
    fn mutated_seeds_are_handled(
        target in 0_usize..8, seed in any::<prop::sample::Index>(), from in any::<prop::sample::Index>(), gone in 0_usize..12,
        put in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..8),
            "[@+ \\-`<>\\[\\]{}\":,0-9a-z\n]{0,8}".prop_map(String::into_bytes),
            "&#(x[0-9a-f]{1,5}|[0-9]{1,5});".prop_map(String::into_bytes),
        ],
        end in any::<prop::sample::Index>(), is_cut in any::<bool>(),
    ) {
        let (_, body, seeds) = TARGETS[target];
        let mut data = seed.get(seeds).0.to_vec();
        let at = from.index(data.len());
        data.splice(at..(at + gone).min(data.len()), put);
        if is_cut && !data.is_empty() {
            data.truncate(end.index(data.len()));
        }
        body(&data);
    }

    #[test]
    fn any_text_is_handled_as_a_models_answer(text in "(\u{feff}|```(json)?\n|<think>\n?)?[\\PC\n]{0,200}(\n```|</think>)?") {
        bodies::answer(text.as_bytes());
    }

    /// Passes findings of the right shape at any place; `answer` checks that only those inside the hunks are accepted.
    #[test]
    fn findings_outside_the_hunks_are_never_accepted(
        findings in prop::collection::vec(
            ("src/[ab].rs", 0_u32..14, prop::option::of(0_u32..14), prop::sample::select(&["LEFT", "RIGHT"][..]), "one|two|zwei|drei|four|gone|x"),
            0..8,
        ),
    ) {
        let findings: Vec<_> = findings
            .iter()
            .enumerate()
            .map(|(index, (path, line, start_line, side, quote))| {
                let mut finding = json!({
                    "path": path, "line": line, "side": side, "quote": quote, "severity": "low",
                    "category": "correctness", "title": format!("Title {index}"), "body": format!("Body {index}"),
                });
                if let Some(start_line) = start_line {
                    finding["start_line"] = json!(start_line);
                }
                finding
            })
            .collect();
        bodies::answer(json!({ "summary": "s", "findings": findings }).to_string().as_bytes());
    }

    /// Renders a report whose texts are composed of dangerous pieces.
    #[test]
    fn any_report_is_rendered_harmless(
        texts in prop::collection::vec(prop::collection::vec(dangerous(), 0..9), 1..9),
    ) {
        let texts: Vec<String> = texts.iter().map(|parts| parts.concat()).collect();
        bodies::render(texts.join("\0").as_bytes());
    }

    #[test]
    fn any_text_is_sanitised(parts in prop::collection::vec(dangerous(), 0..14)) {
        bodies::sanitise(parts.concat().as_bytes());
    }
}

/// Returns a piece of text that has an effect in Markdown, on GitHub, for a bot or for a runner, or one that separates
/// such pieces.
fn dangerous() -> impl Strategy<Value = String> {
    const TOKENS: &[&str] = &[
        "\n",
        "\n\n",
        " ",
        "  ",
        "    ",
        "\t",
        "\r\n",
        "\r",
        "a",
        "word",
        "0",
        "1",
        "~~~",
        "```",
        "````",
        "`",
        "``",
        "~",
        "```suggestion\n",
        "~~~suggestion\n",
        "```mermaid\n",
        "```math\n",
        "```geojson\n",
        "```rust\n",
        "<!--",
        "-->",
        "<",
        ">",
        "<img src=x>",
        "<b>",
        "</details>",
        "<details>",
        "<summary>",
        "<sub>",
        "</sub>",
        "<https://evil.example>",
        "https://evil.example/x",
        "http://",
        "://",
        ":",
        "//evil.example",
        "www.evil.example",
        "ftp://evil.example",
        "mailto:a@evil.example",
        "a@evil.example",
        "https://github.com/o/r/",
        "https://github.com/o/r/blob/x",
        "https://github.com/o/r/issues/1",
        "https://github.com/o/r/../../x",
        "https://github.com/o/r/blob/%2e%2e/x",
        "https://github.com/o/r@evil.example/",
        "https://user@github.com/o/r/blob/x",
        "![",
        "[",
        "]",
        "](",
        "](https://evil.example)",
        ")",
        "(",
        "[a]: https://evil.example\n",
        "[^1]",
        "[^1]: ",
        "[!NOTE]",
        "[ ] ",
        "[x] ",
        "@octocat",
        "@",
        "&#64;",
        "&commat;",
        "octocat",
        "@org/team",
        "#1",
        "#",
        "&#35;1",
        "GH-1",
        "GH",
        "-1",
        "o/r#2",
        "0123abcdef0",
        "user@0123abcdef0",
        "Fixes #1",
        "Fixes",
        "closes ",
        "resolve: ",
        "fixes GH-2",
        "Fixes **#1**",
        "*",
        "**",
        "***",
        "_",
        "__",
        "|",
        "|-|",
        "|a|b|\n|-|-|\n",
        "---",
        "===",
        "\n===\n",
        "\n---\n",
        ":-",
        "# ",
        "## ",
        "## Coverage\n",
        "- ",
        "+ ",
        "* ",
        "1. ",
        "1) ",
        "9. ",
        "> ",
        ">",
        "$",
        "$$",
        "$`",
        "`$",
        "\\",
        "\\`",
        "\\[",
        "/merge",
        "/approve\n",
        "\n/merge\n",
        "::error::x",
        "\n::set-output name=a::b\n",
        "##[error]x",
        "##[",
        "\u{200b}",
        "\u{202e}",
        "\u{2066}",
        "\u{feff}",
        "\u{ad}",
        "\u{7}",
        "\u{1b}[31m",
        "\u{85}",
        "\u{2028}",
        "\u{a0}",
        "\u{3000}",
        "é",
        "日本",
        "&",
        "&lt;",
        "&amp;",
        "&#96;",
        "{",
        "}",
        "=",
        "zwei",
        "one",
        "    x();\n",
        "ZWEI",
        "{{",
        "}}",
        "ui://",
        "javascript:alert(1)",
        "HTTPS://EVIL.EXAMPLE",
        "hTtP://e.example",
    ];
    prop_oneof![
        8 => prop::sample::select(TOKENS).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9@#:/.<>!_*`~-]{1,6}",
        1 => any::<char>().prop_map(String::from),
    ]
}
