//! The key that signs hidden markers, on one machine: a setting, or a file of the data directory that is created once.
//! Where a secret of the settings is stable, the file's content is derived from it, so that a job on a new disk
//! recognises the comments of earlier jobs.

use std::fs;
use std::path::Path;

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::settings::{GithubAppKey, Settings};
use holdfast_storage::file;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::ci;
use crate::failure::Failure;
use crate::machine::random_key;

const FILE: &str = "marker.key";
/// Separates the key from other uses of the secret.
const PURPOSE: &str = "holdfast marker key 1";
/// Minimum length of a secret that a key is derived from, in bytes. Markers are public: a short secret could be guessed
/// from them.
const MIN_SECRET_BYTES: usize = 20;

/// The origin of a data directory's marker key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The setting, or a file that an earlier command has written.
    Kept,
    /// Derived from the secret in this variable.
    Derived(&'static str),
    /// Random: no other data directory has it.
    Random,
}

/// Returns the origin of the key that [`marker_key`] returns.
pub fn key_origin(data: &Path, settings: &Settings) -> KeyOrigin {
    if settings.marker_key.is_some() || data.join(FILE).exists() {
        return KeyOrigin::Kept;
    }
    match stable_secret(settings) {
        Some((name, _)) => KeyOrigin::Derived(name),
        None => KeyOrigin::Random,
    }
}

/// Returns the deployment's key.
///
/// # Errors
/// The file can't be read or created, or doesn't hold a key.
pub fn marker_key(data: &Path, settings: &Settings) -> Result<MarkerKey, Failure> {
    read_key(data, settings, ci::system().is_some())
}

/// `is_job`: a job in CI derives the key each time and stores none, because others may read the CI system's cache.
/// Elsewhere a directory keeps its key, whatever the settings are later.
fn read_key(data: &Path, settings: &Settings, is_job: bool) -> Result<MarkerKey, Failure> {
    if let Some(key) = &settings.marker_key {
        return Ok(key.clone());
    }
    let file = data.join(FILE);
    if is_job && !file.exists() {
        let derived = derived_key(settings).map(|key| MarkerKey::new(key.into()));
        if let Some(Ok(key)) = derived {
            return Ok(key);
        }
    }
    let text = file::read_or_create(&file, || derived_key(settings).unwrap_or_else(random_key))
        .map_err(|error| Failure::usage(format!("{error}. Or choose another directory with --data")))?;
    MarkerKey::new(text.into()).map_err(|problem| {
        Failure::usage(format!(
            "{} {problem}. Restore the file, or delete it for a new key: comments signed with the old one are then not recognised",
            file.display()
        ))
    })
}

fn derived_key(settings: &Settings) -> Option<String> {
    let (name, secret) = stable_secret(settings)?;
    let text = format!("{PURPOSE}\n{name}\n{}", secret.expose_secret().trim());
    Some(hex::encode(Sha256::digest(text.as_bytes())))
}

/// Returns a secret that is the same in each job, with its variable: the App's key. A workflow's `GITHUB_TOKEN` is
/// another one in each job, and a model's key is known to its server, which could then sign markers.
fn stable_secret(settings: &Settings) -> Option<(&'static str, SecretString)> {
    let key = match &settings.github_app.as_ref()?.key {
        GithubAppKey::Text(key) => key.clone(),
        GithubAppKey::File(path) => SecretString::from(fs::read_to_string(path).ok()?),
    };
    (key.expose_secret().trim().len() >= MIN_SECRET_BYTES).then_some(("HOLDFAST_GITHUB_APP_KEY", key))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
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
        let made = line(&read_key(data.path(), &nothing, false).unwrap());
        assert_eq!(line(&read_key(data.path(), &nothing, false).unwrap()), made);
        let set = Settings::read(&|name| (name == "HOLDFAST_MARKER_KEY").then(|| "0123456789abcdef".to_owned()));
        assert_ne!(line(&read_key(data.path(), &set.unwrap(), false).unwrap()), made);
        fs::write(data.path().join(FILE), "short").unwrap();
        let message = read_key(data.path(), &nothing, false).unwrap_err().message;
        let file = data.path().join(FILE);
        let expected = format!("{} is shorter than 16 bytes: ", file.display());
        assert!(
            message.starts_with(&expected) && message.contains("delete it"),
            "{message}"
        );
    }

    #[test]
    fn a_stable_secret_gives_each_new_directory_the_same_key() {
        let read = |pairs: &'static [(&'static str, &'static str)]| {
            let lookup = |name: &str| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Settings::read(&lookup).unwrap()
        };
        let keys = |settings: &Settings| {
            let [one, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
            let origin = key_origin(one.path(), settings);
            let lines = [one.path(), other.path()].map(|data| line(&read_key(data, settings, false).unwrap()));
            (origin, lines[0] == lines[1])
        };
        let short = read(&[("HOLDFAST_GITHUB_APP_ID", "1"), ("HOLDFAST_GITHUB_APP_KEY", "short")]);
        let long = read(&[
            ("HOLDFAST_GITHUB_APP_ID", "1"),
            ("HOLDFAST_GITHUB_APP_KEY", "a-key-of-an-app-with-many-signs"),
        ]);
        let model = read(&[("OPENAI_API_KEY", "a-key-of-a-provider-with-many-signs")]);
        assert_eq!(
            keys(&short),
            (KeyOrigin::Random, false),
            "a short secret can be guessed"
        );
        assert_eq!(keys(&model), (KeyOrigin::Random, false), "the model's server has it");
        assert_eq!(keys(&long), (KeyOrigin::Derived("HOLDFAST_GITHUB_APP_KEY"), true));
        let job = tempfile::tempdir().unwrap();
        let derived = line(&read_key(job.path(), &long, true).unwrap());
        assert!(!job.path().join(FILE).exists(), "others may read a job's cache");
        assert_eq!(derived, line(&read_key(job.path(), &long, false).unwrap()));
        // A directory keeps its key, whatever the settings are later.
        let data = tempfile::tempdir().unwrap();
        let made = line(&read_key(data.path(), &short, false).unwrap());
        assert_eq!(key_origin(data.path(), &long), KeyOrigin::Kept);
        assert_eq!(line(&read_key(data.path(), &long, false).unwrap()), made);
    }
}
