//! The faults of a patch, each with its remedy.

use super::patch_text::MAX_PATCH_BYTES;

/// A fault of a patch.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "it is empty: git diff HEAD prints the changes of tracked files (git add --intent-to-add adds new ones to it)"
    )]
    Empty,
    #[error("it has more than {} MiB: divide it", MAX_PATCH_BYTES / (1024 * 1024))]
    TooLarge,
    #[error("it has no changed file, in the form that git diff prints: git diff HEAD")]
    NoFile,
    #[error("it has escapes for colours, which are no part of the change: git diff --no-color HEAD")]
    Colours,
    #[error("it is the combined diff of a merge: git diff HEAD compares with one side")]
    Combined,
    /// `--no-prefix`, or the setting `diff.noprefix`.
    #[error("its paths have no first folder such as a/ and b/: git -c diff.noprefix=false diff HEAD")]
    NoPrefix,
    #[error("{0} has no first folder such as a/ or b/: git -c diff.noprefix=false diff HEAD")]
    NoFolder(String),
    #[error("the quoted path cannot be read: {REMADE}")]
    Quotes,
    #[error("{0} is too long or too deep: leave its file out")]
    LongPath(String),
    #[error("{0} is not a path of a repository: leave its file out")]
    Outside(String),
    #[error("the file's name cannot be read: {REMADE}")]
    NoName,
    #[error("the mode is not one of a file or a link: leave its file out")]
    Mode,
    #[error("it changes a binary file, which is not read from a patch: leave that file out")]
    Binary,
    #[error("the hunk's header cannot be read: {REMADE}")]
    HunkHeader,
    #[error("the last hunk is cut off: {REMADE}")]
    CutOff,
    #[error("the line does not fit the counts of the hunk's header: {REMADE}")]
    Counts,
    #[error("a line begins with none of '+', '-', ' ' and '\\': {REMADE}")]
    Mark,
}

/// The remedy for a damaged patch.
const REMADE: &str = "make it again with git diff HEAD";

/// A fault, with its line in the patch, from 1.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub(super) struct FaultyLine {
    pub line: usize,
    #[source]
    pub fault: Fault,
}
