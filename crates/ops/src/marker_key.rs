//! The key that hidden markers are signed with, on one machine: a setting, else a file of the data directory, made once.

use std::path::Path;

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::settings::Settings;

use crate::failure::Failure;
use crate::secret_file;

const FILE: &str = "marker.key";

/// The deployment's key. Errors: the file cannot be read or made, or holds no key.
pub fn marker_key(data: &Path, settings: &Settings) -> Result<MarkerKey, Failure> {
    if let Some(key) = &settings.marker_key {
        return Ok(key.clone());
    }
    let file = data.join(FILE);
    let fail = |what: &str, why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{} {what}: {why}. Mend it, or choose another directory with --data",
            file.display()
        ))
    };
    let text =
        secret_file::read_or_make(&file, secret_file::random_key).map_err(|error| fail("cannot be used", &error))?;
    MarkerKey::new(text.trim().to_owned().into()).map_err(|problem| fail("holds no key, as it", &problem))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::fs;

    use holdfast_core::model::change::Target;
    use holdfast_core::model::marker::MarkerKind;
    use holdfast_core::model::sha::CommitSha;

    use super::*;

    fn line(key: &MarkerKey) -> String {
        let head = CommitSha::parse(&"a".repeat(40)).unwrap();
        let target = Target::PullRequest {
            owner: "o".to_owned(),
            repository: "r".to_owned(),
            number: 1,
            head,
            repository_id: None,
            pinned: None,
        };
        key.line(MarkerKind::Review, &target, "run")
    }

    #[test]
    fn it_is_made_once_and_a_setting_counts_first() {
        let data = tempfile::tempdir().unwrap();
        let nothing = Settings::read(&|_| None).unwrap();
        let made = line(&marker_key(data.path(), &nothing).unwrap());
        assert_eq!(line(&marker_key(data.path(), &nothing).unwrap()), made);
        let set = Settings::read(&|name| (name == "HOLDFAST_MARKER_KEY").then(|| "0123456789abcdef".to_owned()));
        assert_ne!(line(&marker_key(data.path(), &set.unwrap()).unwrap()), made);
        fs::write(data.path().join(FILE), "short").unwrap();
        let told = marker_key(data.path(), &nothing).unwrap_err().message;
        assert!(told.contains(FILE) && told.contains("16 characters"), "{told}");
    }
}
