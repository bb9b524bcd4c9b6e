//! A run's name: the same target and settings give the same name, so that a review that was killed is found again.

use sha2::{Digest, Sha256};

use super::change::Target;
use super::run::PAYLOAD_VERSION;

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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;
    use crate::model::sha::CommitSha;

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
}
