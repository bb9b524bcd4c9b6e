//! Names hidden secrets for people: `(hidden: GitHub token)` instead of the placeholder `[[SECRET_1:github-token]]`.

use std::sync::LazyLock;

use holdfast_core::rule::secret_kinds;
use regex::{Captures, Regex};

/// `None` only if the pattern doesn't compile; a test checks that it does.
static PLACEHOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[\[SECRET_[0-9]{1,7}:(?P<rule>[a-z0-9-]{1,60})\]\]").ok());

/// Returns the text with each placeholder of a known rule replaced by its kind.
pub fn hide(text: &str) -> String {
    let Some(placeholder) = PLACEHOLDER.as_ref() else {
        return text.to_owned();
    };
    placeholder
        .replace_all(text, |found: &Captures<'_>| {
            // A rule may have several kinds; the shortest name fits all of them.
            let kinds = secret_kinds().iter().filter(|kind| kind.rule == &found["rule"]);
            let kind = kinds.min_by_key(|kind| kind.title.len());
            kind.map_or_else(
                || found[0].to_owned(),
                |kind| format!("(hidden: {})", without_article(kind.title)),
            )
        })
        .into_owned()
}

fn without_article(title: &str) -> &str {
    let rest = ["an ", "a ", "the "]
        .iter()
        .find_map(|article| title.strip_prefix(article));
    rest.unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_becomes_its_kind() {
        for (raw, text) in [
            ("x = [[SECRET_1:github-token]];", "x = (hidden: GitHub token);"),
            ("[[SECRET_12:private-key]]", "(hidden: private key)"),
            (
                "[[SECRET_1:unknown-rule]] [[SECRET_x:github-token]]",
                "[[SECRET_1:unknown-rule]] [[SECRET_x:github-token]]",
            ),
        ] {
            assert_eq!(hide(raw), text);
        }
    }

    #[test]
    fn every_kind_has_a_placeholder_that_is_recognised() {
        for kind in secret_kinds() {
            let shown = hide(&format!("[[SECRET_1:{}]]", kind.rule));
            assert!(
                shown.starts_with("(hidden: ") && !shown.contains("(hidden: a "),
                "{shown}"
            );
        }
    }
}
