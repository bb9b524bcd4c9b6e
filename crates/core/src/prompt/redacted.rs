//! The only way out for prompts: it redacts the secrets in every text of a prompt.

use crate::model::run::Prompt;
use crate::rule::redacted;

/// Redacts the secrets in every text of a prompt. Every prompt is made through this function.
pub(super) fn without_secrets(mut prompt: Prompt) -> Prompt {
    prompt.system = redacted(&prompt.system);
    for turn in &mut prompt.turns {
        turn.text = redacted(&turn.text);
    }
    prompt
}

/// Returns a path as a prompt shows it. The model must name the file in this form.
pub fn shown_path(path: &str) -> String {
    redacted(path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a patch that cannot be read fails the test")]
    use serde_json::json;

    use crate::diff::parse_patch;
    use crate::model::finding::Finding;
    use crate::model::plan::{ContextPack, Scope};
    use crate::model::run::{FileSummary, Prompt};
    use crate::prompt::{Described, UnitPrompt, correction_prompt, summary_prompt, unit_prompt};
    use crate::rule::redact_hunks;

    /// Returns a token built from pieces, so that no scanner reports this file.
    fn secret() -> String {
        ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
    }

    fn assert_clean(prompt: &Prompt, secret: &str) {
        let text = serde_json::to_string(prompt).unwrap();
        for start in 0..secret.len() - 16 {
            assert!(!text.contains(&secret[start..start + 16]), "{text}");
        }
        assert!(text.contains("[[SECRET_"), "{text}");
    }

    fn finding(secret: &str) -> Finding {
        serde_json::from_value(json!({
            "path": format!("src/{secret}.rs"), "side": "RIGHT", "start_line": 1, "line": 1, "severity": "high",
            "category": "security", "title": format!("{} {secret}", "x".repeat(180)), "body": secret, "suggestion": secret,
            "confidence": 1.0, "source": "model",
        }))
        .unwrap()
    }

    #[test]
    fn no_prompt_shows_a_secret_of_any_field() {
        let secret = secret();
        let patch = format!("@@ -1,3 +1,3 @@ fn a() {{ let t = {secret};\n {secret}\n-{secret} old\n+{secret} new\n x");
        let path = format!("src/{secret}.rs");
        let hunks = redact_hunks(&path, &parse_patch(&patch).unwrap());
        let scope = Scope {
            kind: "function".to_owned(),
            name: secret.clone(),
            start_line: 1,
            end_line: 3,
            signature: format!("fn f(a: &str = \"{secret}\")"),
        };
        let context = ContextPack {
            scopes: vec![scope],
            imports: vec![format!("use {secret};")],
            ..ContextPack::default()
        };
        // A title that is cut in the middle of the secret.
        let title = format!("{} {secret}", "x".repeat(280));
        let unit = unit_prompt(&UnitPrompt {
            title: &title,
            description: &format!("{} {secret}", "d".repeat(1_990)),
            description_tokens: 500,
            path: &path,
            previous_path: Some(&format!("old/{secret}.rs")),
            hunks: &hunks,
            context: &context,
            instructions: &[format!("never log {secret}")],
            dependencies: &[],
        });
        assert_clean(&unit, &secret);
        let answer = format!("{}{secret}", "y ".repeat(9_990));
        assert_clean(
            &correction_prompt(&unit, &answer, &[format!("the quote {secret:?} is not there")], 5_000),
            &secret,
        );
        let about = Described {
            title: &title,
            description: &secret,
            description_tokens: 500,
        };
        let summary = FileSummary {
            path: path.clone(),
            text: format!("{} {secret}", "z".repeat(280)),
        };
        assert_clean(&summary_prompt(about, &[summary], &[finding(&secret)], 24_000), &secret);
    }

    #[test]
    fn a_whole_private_key_stays_out_of_a_prompt() {
        let body = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"].concat();
        let dashes = "-".repeat(5);
        let begin = format!("{dashes}BEGIN PRIVATE KEY{dashes}");
        let end = format!("{dashes}END PRIVATE KEY{dashes}");
        for lines in [
            vec![begin.clone(), body.clone(), body.clone(), end.clone()],
            vec![
                format!("# {begin}"),
                format!("# {body}"),
                format!("#   {body}"),
                format!("# {end}"),
            ],
            vec![
                format!("    \"{begin}\\n\" +"),
                format!("    \"{body}\\n\" +"),
                format!("    \"{end}\\n\""),
            ],
            vec![format!("  \"private_key\": \"{begin}\\n{body}\\n{body}\\n{end}\\n\",")],
            vec![format!("KEY={begin}\\n{body}\\n{end}")],
            vec![format!("key: \"{begin}"), format!("  {body}"), format!("  {end}\"")],
            // Cut by the diff: without its beginning, without both ends.
            vec![body.clone(), body.clone(), end],
            vec![body.clone(), body.clone()],
        ] {
            let patch = format!("@@ -0,0 +1,{} @@ {body}\n+{}", lines.len(), lines.join("\n+"));
            let hunks = redact_hunks("src/key.txt", &parse_patch(&patch).unwrap());
            let prompt = unit_prompt(&UnitPrompt {
                title: "Add a key",
                description: &lines.join("\n"),
                description_tokens: 500,
                path: "src/key.txt",
                previous_path: None,
                hunks: &hunks,
                context: &ContextPack::default(),
                instructions: &[],
                dependencies: &[],
            });
            assert_clean(&prompt, &body);
            assert_eq!(hunks[0].lines.len(), lines.len(), "lines hold");
        }
    }
}
