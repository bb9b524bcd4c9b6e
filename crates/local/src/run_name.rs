//! A run's name: the same target and settings give the same name, so that a review that was killed is found again.

use holdfast_core::model::change::Target;
use holdfast_core::model::run::PAYLOAD_VERSION;
use sha2::{Digest, Sha256};

/// What a run's name begins with: everything but the attempt.
///
/// `{repository}-{pull request}-{head, 12 digits}-{settings, 8 digits}`; at most 70 characters of `[A-Za-z0-9_-]`.
pub fn stem(target: &Target, model: &str, model_light: &str, publish: bool) -> String {
    let repository: String = target
        .repository()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .take(32)
        .collect();
    let place = match target {
        Target::WorkTree { path, base, .. } => format!("{path}\n{base}"),
        Target::PullRequest {
            owner,
            repository,
            number,
            ..
        } => format!("{owner}/{repository}#{number}"),
    };
    let settings = format!("{PAYLOAD_VERSION}\n{place}\n{model}\n{model_light}\n{publish}");
    let digest = hex::encode(Sha256::digest(settings.as_bytes()));
    let number = target
        .pull_request()
        .map_or_else(|| "tree".to_owned(), |number| number.to_string());
    format!(
        "{}-{number}-{}-{}",
        repository.trim_matches('-'),
        target.head().short(),
        &digest[..8]
    )
}

/// The stem of a run's name: all but the attempt.
pub fn stem_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(stem, _)| stem)
}

/// Which run a command means: the open one of that stem, or the next attempt.
pub fn choose<'a>(stem: &str, existing: impl IntoIterator<Item = (&'a str, bool)>) -> Choice {
    let mut last: Option<(u32, &str)> = None;
    for (name, is_open) in existing {
        let Some(attempt) = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-')?.parse::<u32>().ok())
        else {
            continue;
        };
        if is_open {
            return Choice::Resume(name.to_owned());
        }
        last = last.max(Some((attempt, name)));
    }
    let attempt = last.map_or(0, |(attempt, _)| attempt);
    Choice::Start {
        name: format!("{stem}-{}", attempt + 1),
        previous: last.map(|(_, name)| name.to_owned()),
    }
}

/// Which run a command means.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// One that is still open goes on.
    Resume(String),
    /// A new one begins.
    Start {
        /// Its name.
        name: String,
        /// The attempt before it, which has ended.
        previous: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use holdfast_core::model::sha::CommitSha;

    use super::*;

    #[test]
    fn names_are_derived_and_fit() {
        let head = CommitSha::parse(&"a".repeat(40)).unwrap();
        let target = Target::PullRequest {
            owner: "o".repeat(80),
            repository: "r".to_owned(),
            number: u64::MAX,
            head,
        };
        let name = stem(&target, "rules", "rules", false);
        assert!(name.len() <= 76, "{name}");
        assert_eq!(name, stem(&target, "rules", "rules", false));
        assert_ne!(name, stem(&target, "rules", "rules", true));
    }

    #[test]
    fn an_open_run_goes_on_and_a_finished_one_is_tried_anew() {
        let start = |name: &str, previous: Option<&str>| Choice::Start {
            name: name.to_owned(),
            previous: previous.map(str::to_owned),
        };
        assert_eq!(choose("a-1", [("b-1-9", true)]), start("a-1-1", None));
        assert_eq!(
            choose("a-1", [("a-1-9", false), ("a-1-10", false)]),
            start("a-1-11", Some("a-1-10"))
        );
        assert_eq!(
            choose("a-1", [("a-1-2", true), ("a-1-1", false)]),
            Choice::Resume("a-1-2".to_owned())
        );
    }
}
