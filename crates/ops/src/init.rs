//! Proposes the settings of a repository, and writes them where there are none.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use holdfast_core::model::policy::POLICY_PATH;
use holdfast_core::policy_file::OTHER_POLICY_NAME;
use holdfast_core::starter::starter_policy;
use holdfast_git::tracked_names;
use holdfast_rules::language_name;

use crate::failure::Failure;

/// The proposed settings of a repository.
pub struct Proposal {
    /// The place of the file, at the root of the work tree.
    pub place: PathBuf,
    /// Its text.
    pub text: String,
}

/// Makes a proposal from the names of the files that git tracks in the work tree around `folder`.
///
/// # Errors
/// The folder is in no work tree, or git's index can't be read.
pub async fn propose(folder: &Path) -> Result<Proposal, Failure> {
    let (root, names) = tracked_names(folder.to_path_buf()).await.map_err(Failure::usage)?;
    Ok(Proposal {
        place: root.join(POLICY_PATH),
        text: starter_policy(&names, language_name),
    })
}

impl Proposal {
    /// Writes the file. Never overwrites one, and follows no link.
    ///
    /// # Errors
    /// There is such a file, also under the name `.holdfast.yaml`, or it can't be written.
    pub fn write(&self) -> Result<(), Failure> {
        let place = self.place.display();
        let other = self.place.with_file_name(OTHER_POLICY_NAME);
        if other.symlink_metadata().is_ok() {
            return Err(Failure::usage(format!(
                "{} is not read under this name: rename it to {POLICY_PATH}, or move it away",
                other.display()
            )));
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.place)
            .map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => Failure::usage(format!(
                    "{place} exists and is not overwritten: holdfast init --print shows a new proposal"
                )),
                _ => unwritten(&self.place, &error),
            })?;
        let written = file.write_all(self.text.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // A part of the settings would be other settings.
            let _stays_if_it_must = fs::remove_file(&self.place);
            unwritten(&self.place, &error)
        })
    }
}

fn unwritten(place: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "{} cannot be written: {error}; make the folder writable, or use holdfast init --print",
        place.display()
    ))
}

#[cfg(test)]
mod tests {
    use holdfast_core::starter::OTHER_LANGUAGES;

    use super::*;

    #[test]
    fn a_language_that_the_rules_of_some_builds_read_has_one_name() {
        for (ending, language) in OTHER_LANGUAGES {
            let name = language_name(&format!("a.{ending}"));
            assert!(name.is_none_or(|name| name == *language), "{language}");
        }
    }
}
