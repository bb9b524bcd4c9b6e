//! The name of a run. The same target and settings give the same name, so that a killed review is found again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::change::Target;
use super::model_id::ModelId;
use super::run::GateMode;

/// Maximum length of a name, in bytes: that of an execution's name.
const MAX_BYTES: usize = 80;

/// The name of a run, which is also its execution's name and a part of the keys of its artifacts and rows.
///
/// Every name that an engine has accepted since version 0.1 is one, except `.` and `..`, which no key can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunName(String);

/// A text that names no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a run: expected 1 to {MAX_BYTES} letters, digits, `-`, `_` and `.`; `holdfast runs` lists \
     the names"
)]
pub struct InvalidRunName(String);

impl RunName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of an execution in a list. An execution that a person started under a name that no run can have
    /// is left out with a warning, so that the list doesn't fail.
    pub fn of_listed(name: &str) -> Option<Self> {
        let read = name.parse();
        if let Err(error) = &read {
            tracing::warn!(%error, "an execution is left out");
        }
        read.ok()
    }

    /// Returns the name of an attempt at a review. Attempts count from 1.
    ///
    /// # Errors
    ///
    /// The stem isn't a derived one, and the name is invalid or too long.
    pub fn of_attempt(stem: &str, attempt: u32) -> Result<Self, InvalidRunName> {
        format!("{stem}-{attempt}").try_into()
    }

    /// Returns the name of the next attempt at the same review; none if this one has no number.
    pub fn next_attempt(&self) -> Option<Self> {
        let (stem, attempt) = self.0.rsplit_once('-')?;
        let attempt: u32 = attempt.parse().ok()?;
        Self::of_attempt(stem, attempt.checked_add(1)?).ok()
    }

    /// Returns the stem of the name: everything but the attempt.
    pub fn stem(&self) -> &str {
        stem_of(&self.0)
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Compares a name with a text.
impl PartialEq<str> for RunName {
    fn eq(&self, text: &str) -> bool {
        self.0 == text
    }
}

/// Compares a name with a text.
impl PartialEq<&str> for RunName {
    fn eq(&self, text: &&str) -> bool {
        self.0 == *text
    }
}

impl FromStr for RunName {
    type Err = InvalidRunName;

    fn from_str(text: &str) -> Result<Self, InvalidRunName> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for RunName {
    type Error = InvalidRunName;

    fn try_from(text: String) -> Result<Self, InvalidRunName> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_plain);
        match is_name && !matches!(text.as_str(), "." | "..") {
            true => Ok(Self(text)),
            // The text may be anybody's, of any length.
            false => Err(InvalidRunName(text.chars().take(MAX_BYTES).collect())),
        }
    }
}

impl From<RunName> for String {
    fn from(name: RunName) -> Self {
        name.0
    }
}

/// Version of the derivation. It isn't the payload's version, so that runs of earlier payload versions are found again.
const NAME_VERSION: u32 = 1;

/// Returns the beginning of a run's name: everything but the attempt.
///
/// `{repository}-{pull request}-{head, 12 digits}-{identity, 8 digits}`; at most 70 characters of `[A-Za-z0-9_-]`. The
/// last part is a digest of everything else that decides the outcome: the repository (by its id), the merge base, the
/// settings of the base, the limits by path, the models, and whether it publishes.
pub fn stem(target: &Target, model: &ModelId, model_light: &ModelId, publish: bool) -> String {
    assemble(target, &place(target), model, model_light, publish)
}

/// Returns everything of a target, except its head, that decides the outcome.
fn place(target: &Target) -> String {
    match target {
        Target::WorkTree { path, base, only, .. } => {
            let limits: String = only.iter().map(|limit| format!("\n{limit}")).collect();
            format!("{path}\n{base}{limits}")
        }
        Target::PullRequest {
            pinned: Some(pinned), ..
        } => format!("{}\n{}\n{}", target.place(), pinned.merge_base, pinned.settings),
        Target::PullRequest { pinned: None, .. } => named(target),
    }
}

/// Returns [`stem`] for a review with this effect of the gate, and with the evidence of this digest.
pub fn stem_of_review(
    target: &Target,
    (model, model_light): (&ModelId, &ModelId),
    publish: bool,
    gate: GateMode,
    evidence: Option<&str>,
) -> String {
    let effect = match gate {
        GateMode::Wait => "",
        GateMode::Off => "\nwithout gate",
        GateMode::Withhold => "\nwithholding",
    };
    let evidence = evidence.map_or_else(String::new, |digest| format!("\nevidence {digest}"));
    assemble(
        target,
        &(place(target) + effect + &evidence),
        model,
        model_light,
        publish,
    )
}

/// Returns the stem of version 0.1: without merge base and settings. Its runs may still be in flight.
pub fn stem_without_base(target: &Target, model: &ModelId, model_light: &ModelId, publish: bool) -> String {
    assemble(target, &named(target), model, model_light, publish)
}

fn named(target: &Target) -> String {
    let number = target.pull_request().unwrap_or_default();
    format!("{}#{number}", target.repository())
}

fn assemble(target: &Target, place: &str, model: &ModelId, model_light: &ModelId, publish: bool) -> String {
    let repository: String = target
        .repository()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .take(32)
        .collect();
    let settings = format!("{NAME_VERSION}\n{place}\n{model}\n{model_light}\n{publish}");
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

/// Returns the stem of an execution's name: everything but the attempt.
pub fn stem_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(stem, _)| stem)
}

/// Returns whether two stems are of the same review. The repository's name doesn't count, because a rename changes it.
pub fn is_same_review(one: &str, other: &str) -> bool {
    let identity = |stem: &'_ str| -> Option<[String; 3]> {
        let mut parts = stem.rsplitn(4, '-').map(str::to_owned);
        Some([parts.next()?, parts.next()?, parts.next()?])
    };
    one == other || identity(one).is_some_and(|found| Some(found) == identity(other))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use serde_json::json;

    use super::*;
    use crate::model::repository_id::RepositoryId;
    use crate::model::repository_name::RepositoryName;
    use crate::model::sha::CommitSha;

    const RULES: ModelId = ModelId::Rules;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let longest = "r".repeat(80);
        let too_long = "r".repeat(81);
        for (text, is_name) in [
            ("octo-demo-12-aaaaaaaaaaaa-5adbc82b-1", true),
            ("octo_demo.rs-tree-1", true),
            ("r", true),
            ("..r", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a b", false),
            ("a#1", false),
            ("r\u{e4}", false),
            ("r\n", false),
        ] {
            let read = serde_json::from_value::<RunName>(json!(text)).ok();
            assert_eq!(read.is_some(), is_name, "{text}");
            if let Some(name) = read {
                assert_eq!(serde_json::to_value(&name).unwrap(), text);
                assert_eq!(name.to_string(), text);
            }
        }
        let refused = too_long.repeat(9).parse::<RunName>().unwrap_err().to_string();
        assert!(refused.len() < 240, "{refused}");
    }

    fn id(text: &str) -> ModelId {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_derived_and_fit() {
        let head = CommitSha::parse(&"a".repeat(40)).unwrap();
        let target = Target::PullRequest {
            repository: RepositoryName::new(&"o".repeat(80), "r").unwrap(),
            number: u64::MAX,
            head,
            repository_id: None,
            pinned: None,
        };
        let name = stem(&target, &RULES, &RULES, false);
        assert!(name.len() <= 76, "{name}");
        let thousandth = RunName::of_attempt(&name, 1_000).unwrap();
        assert_eq!(thousandth.stem(), name);
        assert_eq!(name, stem(&target, &RULES, &RULES, false));
        assert_ne!(name, stem(&target, &RULES, &RULES, true));
        let of_gate = |gate| stem_of_review(&target, (&RULES, &RULES), true, gate, None);
        assert_eq!(of_gate(GateMode::Wait), stem(&target, &RULES, &RULES, true));
        assert_ne!(of_gate(GateMode::Off), of_gate(GateMode::Wait));
        assert_ne!(of_gate(GateMode::Withhold), of_gate(GateMode::Wait));
    }

    fn pull(name: &str, id: Option<u64>, merge_base: &str, settings: &str) -> Target {
        Target::PullRequest {
            repository: RepositoryName::new("octo", name).unwrap(),
            number: 12,
            head: CommitSha::parse(&"a".repeat(40)).unwrap(),
            repository_id: id.map(RepositoryId::new),
            pinned: Some(crate::model::change::Pinned {
                merge_base: CommitSha::parse(&merge_base.repeat(40)).unwrap(),
                settings: settings.to_owned(),
            }),
        }
    }

    #[test]
    fn everything_that_decides_the_outcome_is_in_the_name() {
        let one = pull("demo", Some(7), "b", "none");
        let name = |target: &Target| stem(target, &RULES, &RULES, true);
        for other in [
            name(&pull("demo", Some(8), "b", "none")),
            name(&pull("demo", Some(7), "c", "none")),
            name(&pull("demo", Some(7), "b", "0123")),
            stem(&one, &id("openai/x"), &RULES, true),
            stem(&one, &RULES, &id("openai/x"), true),
            stem(&one, &RULES, &RULES, false),
        ] {
            assert_ne!(name(&one), other);
            assert!(!is_same_review(&name(&one), &other), "{other}");
        }
        let renamed = name(&pull("renamed-demo", Some(7), "b", "none"));
        assert_ne!(name(&one), renamed, "a name stays readable");
        assert!(is_same_review(&name(&one), &renamed), "{renamed}");
        let without = stem_without_base(&one, &RULES, &RULES, true);
        assert_eq!(
            without.as_str(),
            "octo-demo-12-aaaaaaaaaaaa-5adbc82b",
            "as version 0.1 named it"
        );
    }
}
