//! Explains error names: what happened and what to do. The texts are those of `docs/errors.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use maud::{Markup, html};

/// The page that explains every error name.
const GUIDE: &str = include_str!("../../../../docs/errors.md");

/// The sections of the page, by error name.
static KNOWN: LazyLock<BTreeMap<&'static str, Advice>> = LazyLock::new(|| {
    let sections = GUIDE.split("\n### ").skip(1);
    sections
        .filter_map(section)
        .flat_map(|(names, advice)| names.into_iter().map(move |name| (name, advice.clone())))
        .collect()
});

/// The explanation of an error. Its texts are plain, except for names between backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The event.
    cause: String,
    /// The remedy.
    remedy: String,
}

impl Advice {
    /// Returns the event as HTML.
    pub fn cause(&self) -> Markup {
        with_names(&self.cause)
    }

    /// Returns the remedy as HTML.
    pub fn remedy(&self) -> Markup {
        with_names(&self.remedy)
    }
}

/// Explains an error name of the workflow or the engine; unknown names have an explanation too.
pub fn advice(error: &str) -> Advice {
    let name = match error {
        "States.HeartbeatTimeout" => "States.Timeout",
        name => name,
    };
    KNOWN.get(name).cloned().unwrap_or_else(|| {
        let cause = if error.starts_with("States.") || error.starts_with("Lambda.") {
            "The workflow engine itself stopped the run."
        } else {
            "The run stopped for a reason that has no explanation of its own."
        };
        Advice {
            cause: cause.to_owned(),
            remedy: "Redrive once. If it happens again, report it with the run's name and this message.".to_owned(),
        }
    })
}

/// Reads a section: the names in its title, the lines after `Cause: `, and those after `Remedy: ` up to an empty line.
fn section(text: &'static str) -> Option<(Vec<&'static str>, Advice)> {
    let (title, text) = text.split_once('\n')?;
    let (cause, rest) = text.strip_prefix("Cause: ")?.split_once("\nRemedy: ")?;
    let remedy = rest.split("\n\n").next()?;
    let names = title.split('`').skip(1).step_by(2).collect();
    let advice = Advice {
        cause: sentence(cause),
        remedy: sentence(remedy),
    };
    Some((names, advice))
}

/// Returns a text of several lines as one line that begins with a capital letter.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut characters = line.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// Writes the parts between backticks as code.
fn with_names(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::model::error_name::ErrorName;

    use super::*;

    #[test]
    fn each_error_name_has_its_own_explanation() {
        let mut seen: Vec<String> = Vec::new();
        for name in ErrorName::ALL {
            let Advice { cause, remedy } = advice(name.as_str());
            assert!(KNOWN.contains_key(name.as_str()), "docs/errors.md: {name}");
            for text in [&cause, &remedy] {
                assert!(text.ends_with('.') && !text.contains("]("), "{name}: {text}");
                assert_eq!(text.matches('`').count() % 2, 0, "{name}: {text}");
            }
            assert!(!seen.contains(&cause), "{name}: duplicate");
            seen.push(cause);
        }
        for error in ["States.Timeout", "States.HeartbeatTimeout", "Lambda.Unknown"] {
            assert!(!advice(error).cause.contains("itself"), "{error}");
        }
        for error in ["States.Other", "x", ""] {
            assert!(!advice(error).remedy.is_empty(), "{error}");
        }
    }

    #[test]
    fn names_are_code_and_lines_are_joined() {
        let advice = advice("ModelTimedOut");
        assert!(
            advice.remedy().into_string().contains("<code>tiers</code>"),
            "{advice:?}"
        );
        assert!(advice.cause.starts_with("A model call") && !advice.cause.contains('\n'));
    }
}
