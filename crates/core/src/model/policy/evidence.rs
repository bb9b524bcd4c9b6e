//! The reports of the team's own tools that a review reads.

use serde::{Deserialize, Serialize};

use super::check::Part;
use crate::model::installed_tool::InstalledTool;

/// Maximum number of names of artifacts.
const MAX_ARTIFACTS: usize = 10;
/// Maximum length of a name, in characters.
const MAX_NAME_CHARS: usize = 100;

/// The sources of reports by the team's own tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EvidencePolicy {
    /// Read the open alerts of GitHub's code scanning for the reviewed head of a pull request. Needs the permission
    /// "Code scanning alerts: read".
    pub code_scanning: bool,
    /// Read the SARIF files in the artifacts with these names, at most 10, of workflow runs on the reviewed head of a pull
    /// request. Needs the permission "Actions: read".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        test,
        schemars(
            length(max = 10),
            inner(length(max = 100), regex(pattern = "^[A-Za-z0-9._+,()-]+( +[A-Za-z0-9._+,()-]+)*$"))
        )
    )]
    pub artifacts: Vec<String>,
    /// Run these tools on the changed files, where they are installed beside `holdfast review` or `holdfast serve`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<InstalledTool>,
}

impl EvidencePolicy {
    /// Returns whether it names no source.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the names that no artifact may have here, by their path in the file.
    pub(super) fn wrong_values(&self) -> Vec<(Vec<Part>, String)> {
        let way = [Part::Key("evidence"), Part::Key("artifacts")];
        let names = self.artifacts.iter().enumerate();
        let mut wrong: Vec<(Vec<Part>, String)> = names
            .filter(|(_, name)| !is_artifact(name))
            .map(|(index, name)| {
                let name: String = name.chars().take(MAX_NAME_CHARS).collect();
                let what = format!(
                    "{name:?} is not the name of an artifact: write 1 to {MAX_NAME_CHARS} letters, digits, spaces \
                     between them and . _ + , ( ) -"
                );
                (way.into_iter().chain([Part::Item(index)]).collect(), what)
            })
            .collect();
        let number = self.artifacts.len();
        if number > MAX_ARTIFACTS {
            wrong.push((
                way.to_vec(),
                format!("{number} names, and at most {MAX_ARTIFACTS} are read"),
            ));
        }
        wrong
    }
}

/// Returns whether a name is one for an artifact: plain text, which GitHub allows too.
fn is_artifact(name: &str) -> bool {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || " ._+,()-".contains(char);
    let is_short = !name.is_empty() && name.len() <= MAX_NAME_CHARS;
    is_short && name.trim_matches(' ') == name && name.chars().all(is_plain)
}
