//! Hidden lines by which Holdfast finds its own reviews and comments. They are signed: a line that was copied from
//! another pull request, or invented, is ignored.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::change::Target;

/// The beginning of a marker's line.
const OPENING: &str = "<!-- holdfast:";

/// The kind of text that has a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerKind {
    /// A review.
    Review,
    /// The state of a run that is not published, at the top of the summary comment.
    Announcement,
    /// The summary of the last published run, in the same comment.
    Summary,
    /// An inline comment with one finding.
    Finding,
    /// A comment of version 0.1 with the reason why a review could not be completed: only deleted.
    Notice,
    /// The comment that answers a command.
    Answer,
}

impl MarkerKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Announcement => "announcement",
            Self::Summary => "summary",
            Self::Finding => "finding",
            Self::Notice => "notice",
            Self::Answer => "answer",
        }
    }

    /// Returns the name of the field in a marker of this kind: the run that wrote it, the command's comment, or the
    /// finding.
    const fn names(self) -> &'static str {
        match self {
            Self::Review | Self::Announcement | Self::Summary | Self::Notice => "run",
            Self::Answer => "comment",
            Self::Finding => "id",
        }
    }
}

/// Returns whether a text has a line that looks like a marker, whatever its signature. Holdfast's own comments have
/// one. A text with one never counts as a person's command.
pub fn holds_marker(text: &str) -> bool {
    text.lines().any(|line| line.trim().starts_with(OPENING))
}

/// The key that markers are signed with: a secret of the deployment. It does not print.
#[derive(Clone, Debug)]
pub struct MarkerKey(SecretString);

/// A secret that is too short to be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is shorter than {} bytes: give a long random text", MarkerKey::MIN_BYTES)]
pub struct KeyTooShort;

impl MarkerKey {
    /// Minimum length of a key.
    pub const MIN_BYTES: usize = 16;

    /// Returns a key.
    ///
    /// # Errors
    ///
    /// The secret is too short.
    pub fn new(secret: SecretString) -> Result<Self, KeyTooShort> {
        if secret.expose_secret().len() < Self::MIN_BYTES {
            return Err(KeyTooShort);
        }
        Ok(Self(secret))
    }

    /// Returns the marker's hidden line, to be put on a line of its own. `of` is the run's name; for an answer, the id
    /// of the command's comment.
    pub fn line(&self, kind: MarkerKind, target: &Target, of: &str) -> String {
        let signature = hex::encode(self.sign(kind, &target.place(), of).finalize().into_bytes());
        format!("{OPENING}{} {}={of} sig={signature} -->", kind.name(), kind.names())
    }

    /// Finds a marker of this kind in a text. Returns the run, or the command's comment, that it names, if its
    /// signature is valid for this pull request. The last one counts, because Holdfast writes it below all other text.
    pub fn find(&self, kind: MarkerKind, target: &Target, text: &str) -> Option<String> {
        text.lines().rev().find_map(|line| {
            let inner = line.trim().strip_prefix(OPENING)?.strip_suffix(" -->")?;
            let (of, signature) = inner
                .strip_prefix(kind.name())?
                .strip_prefix(' ')?
                .strip_prefix(kind.names())?
                .strip_prefix('=')?
                .split_once(" sig=")?;
            let signature = hex::decode(signature).ok()?;
            // The comparison takes constant time. Version 0.1 signed the repository's name.
            let places = [target.place(), target.named_place()];
            let is_ours = |place: &String| self.sign(kind, place, of).verify_slice(&signature).is_ok();
            places.iter().any(is_ours).then(|| of.to_owned())
        })
    }

    fn sign(&self, kind: MarkerKind, place: &str, of: &str) -> Hmac<Sha256> {
        let (repository, number) = place.split_once('#').unwrap_or((place, "0"));
        let signed = format!("{}\n{repository}\n{number}\n{of}", kind.name());
        // HMAC takes keys of any length: the default is never reached.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes())
            .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(signed.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;
    use crate::model::repository_id::RepositoryId;
    use crate::model::repository_name::RepositoryName;
    use crate::model::sha::CommitSha;

    fn target(repository: &str, number: u64) -> Target {
        Target::PullRequest {
            repository: RepositoryName::new("octo", repository).unwrap(),
            number,
            head: CommitSha::parse(&"a".repeat(40)).unwrap(),
            repository_id: None,
            pinned: None,
        }
    }

    fn with_id(target: &Target, id: u64) -> Target {
        let mut with = target.clone();
        if let Target::PullRequest { repository_id, .. } = &mut with {
            *repository_id = Some(RepositoryId::new(id));
        }
        with
    }

    #[test]
    fn a_marker_counts_only_with_a_valid_signature() {
        let key = MarkerKey::new("0123456789abcdef".into()).unwrap();
        let other = MarkerKey::new("fedcba9876543210".into()).unwrap();
        let here = target("demo", 12);
        let line = key.line(MarkerKind::Review, &here, "run-1");
        let body = format!("text\n{line}\r\nmore");
        assert_eq!(key.find(MarkerKind::Review, &here, &body).as_deref(), Some("run-1"));
        for (key, kind, target, body) in [
            (&other, MarkerKind::Review, &here, body.clone()),
            (&key, MarkerKind::Notice, &here, body.clone()),
            (&key, MarkerKind::Review, &target("demo", 13), body.clone()),
            (&key, MarkerKind::Review, &target("other", 12), body.clone()),
            (&key, MarkerKind::Review, &here, body.replace("run-1", "run-2")),
            (&key, MarkerKind::Review, &here, body.replace("sig=", "sig=00")),
            (&key, MarkerKind::Review, &here, "<!-- holdfast:review -->".to_owned()),
        ] {
            assert_eq!(key.find(kind, target, &body), None, "{kind:?} {body}");
        }
        let answer = key.line(MarkerKind::Answer, &here, "run-1");
        assert!(
            answer.starts_with("<!-- holdfast:answer comment=run-1 sig="),
            "{answer}"
        );
        assert_eq!(key.find(MarkerKind::Answer, &here, &answer).as_deref(), Some("run-1"));
        let disguised = answer.replace("answer comment", "review run");
        assert_eq!(key.find(MarkerKind::Review, &here, &disguised), None, "{disguised}");
        let known = with_id(&here, 7);
        assert_eq!(
            key.find(MarkerKind::Review, &known, &body).as_deref(),
            Some("run-1"),
            "version 0.1 signed the name"
        );
        let line = key.line(MarkerKind::Review, &known, "run-1");
        let renamed = with_id(&target("renamed", 12), 7);
        assert_eq!(key.find(MarkerKind::Review, &renamed, &line).as_deref(), Some("run-1"));
        let reused = with_id(&here, 8);
        assert_eq!(
            key.find(MarkerKind::Review, &reused, &line),
            None,
            "another repository of that name"
        );
        assert!(MarkerKey::new("short".into()).is_err());
        assert!(!format!("{key:?}").contains("0123"), "a key does not print");
    }

    #[test]
    fn each_kind_has_its_own_signature_and_fields() {
        let key = MarkerKey::new("0123456789abcdef".into()).unwrap();
        let here = target("demo", 12);
        // The subject of a finding is its id, and its entry in base64.
        let finding = format!("{}.eyJh+/==", "7".repeat(32));
        let kinds = [
            (MarkerKind::Review, "review run=", "run-1"),
            (MarkerKind::Announcement, "announcement run=", "run-1"),
            (MarkerKind::Summary, "summary run=", "run-1"),
            (MarkerKind::Finding, "finding id=", finding.as_str()),
            (MarkerKind::Notice, "notice run=", "run-1"),
            (MarkerKind::Answer, "answer comment=", "run-1"),
        ];
        for (kind, fields, subject) in kinds {
            let line = key.line(kind, &here, subject);
            assert!(
                line.starts_with(&format!("<!-- holdfast:{fields}{subject} sig=")),
                "{line}"
            );
            for (other, of, _) in kinds {
                let expected = (other == kind).then_some(subject);
                assert_eq!(
                    key.find(other, &here, &line).as_deref(),
                    expected,
                    "{other:?} in {line}"
                );
                let disguised = line.replace(fields, of);
                assert_eq!(
                    key.find(other, &here, &disguised).as_deref(),
                    expected,
                    "{other:?} in {disguised}"
                );
            }
        }
    }
}
