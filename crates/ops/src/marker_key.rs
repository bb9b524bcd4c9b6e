//! The key that signs hidden markers, on one machine: a setting, or a file of the data directory that is created once.

use std::path::Path;

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::settings::Settings;
use holdfast_storage::file;

use crate::failure::Failure;
use crate::machine::random_key;

const FILE: &str = "marker.key";

/// Returns the deployment's key.
///
/// # Errors
/// The file can't be read or created, or doesn't hold a key.
pub fn marker_key(data: &Path, settings: &Settings) -> Result<MarkerKey, Failure> {
    if let Some(key) = &settings.marker_key {
        return Ok(key.clone());
    }
    let file = data.join(FILE);
    let text = file::read_or_create(&file, random_key)
        .map_err(|error| Failure::usage(format!("{error}. Or choose another directory with --data")))?;
    MarkerKey::new(text.into()).map_err(|problem| {
        Failure::usage(format!(
            "{} {problem}. Restore the file, or delete it for a new key: comments signed with the old one are then not recognised",
            file.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::fs;

    use holdfast_core::model::change::Target;
    use holdfast_core::model::marker::MarkerKind;
    use holdfast_core::model::repository_name::RepositoryName;
    use holdfast_core::model::sha::CommitSha;

    use super::*;

    fn line(key: &MarkerKey) -> String {
        let head = CommitSha::parse(&"a".repeat(40)).unwrap();
        let target = Target::PullRequest {
            repository: RepositoryName::new("o", "r").unwrap(),
            number: 1,
            head,
            repository_id: None,
            pinned: None,
        };
        key.line(MarkerKind::Review, &target, "run")
    }

    #[test]
    fn the_key_is_created_once_and_a_setting_wins() {
        let data = tempfile::tempdir().unwrap();
        let nothing = Settings::read(&|_| None).unwrap();
        let made = line(&marker_key(data.path(), &nothing).unwrap());
        assert_eq!(line(&marker_key(data.path(), &nothing).unwrap()), made);
        let set = Settings::read(&|name| (name == "HOLDFAST_MARKER_KEY").then(|| "0123456789abcdef".to_owned()));
        assert_ne!(line(&marker_key(data.path(), &set.unwrap()).unwrap()), made);
        fs::write(data.path().join(FILE), "short").unwrap();
        let message = marker_key(data.path(), &nothing).unwrap_err().message;
        let file = data.path().join(FILE);
        let expected = format!("{} is shorter than 16 bytes: ", file.display());
        assert!(
            message.starts_with(&expected) && message.contains("delete it"),
            "{message}"
        );
    }
}
