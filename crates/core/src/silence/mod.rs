//! Silencing: comments in the code that silence a rule's finding, with Holdfast's word or with another tool's.
//!
//! A comment is about the finding on its own line, or, alone on its line, about the one on the next line. Pure, and
//! linear in the length of the lines. A comment that a pull request adds counts only if everybody who may have written
//! it may write to the repository: otherwise a stranger could silence what the review is for.

mod comment;
mod cover;
mod directive;
mod note;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use note::notes;

use crate::diff::{DiffLine, Hunk, LineKind};
use crate::model::change::{Change, Target};
use crate::model::finding::{Finding, Side};
use crate::model::policy::PolicyGlobs;
use crate::model::silencing::{RefusalCause, RefusedComment, SilencedFinding, Silencing, WritePermissions};
use crate::rule::redacted;
use comment::Style;
use cover::{covers, is_about_hidden_text, is_secret};
use directive::{Directive, directives};

/// Words without which a line silences nothing, in lower case.
const WORDS: [&str; 9] = [
    "holdfast:",
    "noqa",
    "nosec",
    "nosemgrep",
    "gitleaks:allow",
    "eslint-disable-",
    "nolint",
    "shellcheck",
    "zizmor:",
];

/// The comments of a change that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// All: who reviews a work tree decides about its code, and so do people with write permission.
    All,
    /// Those that the base has already. The others don't count, for this reason.
    OfBase(RefusalCause),
}

impl Trust {
    /// Returns which comments of a change count. `permissions` are those of its author, if they were read.
    pub fn of(target: &Target, change: &Change, permissions: Option<&WritePermissions>) -> Self {
        match (target, permissions) {
            (Target::WorkTree { .. }, _) => Self::All,
            (Target::PullRequest { .. }, _) if !change.is_branch_here => Self::OfBase(RefusalCause::Fork),
            (Target::PullRequest { .. }, Some(permissions)) if permissions.author_may_write => Self::All,
            (Target::PullRequest { .. }, _) => Self::OfBase(RefusalCause::Author),
        }
    }
}

/// Returns whether the author's permission decides about a comment of a change: it adds one that silences rules, and
/// whoever pushed it may write to the repository.
pub fn needs_permission(target: &Target, change: &Change) -> bool {
    target.pull_request().is_some()
        && change.is_branch_here
        && change.files.iter().any(|file| {
            let lines = file.patch.as_deref().unwrap_or_default().lines();
            let mut added = lines.filter_map(|line| line.strip_prefix('+'));
            added.any(has_word)
        })
}

/// Returns whether a line may have a word that silences rules.
fn has_word(line: &str) -> bool {
    // Most lines have none of these letters next to each other.
    if line.len() < 4 {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// A silencing word at its place.
#[derive(Clone, Debug)]
struct Placed {
    directive: Directive,
    /// Whether nothing else is on its line.
    is_alone: bool,
    /// Whether the base has the comment already.
    is_in_base: bool,
}

/// The silencing comments in some hunks of a file.
#[derive(Debug)]
pub struct Silencer<'a> {
    path: &'a str,
    trust: Trust,
    is_gated: bool,
    by_line: BTreeMap<u32, Vec<Placed>>,
    without_rule: u32,
}

impl<'a> Silencer<'a> {
    /// Reads the comments in these hunks of a file. The base has a comment if its line is unchanged, or if the same hunk
    /// removes the same comment: each removed one counts once.
    pub fn new(path: &'a str, hunks: &[Hunk], trust: Trust, globs: &PolicyGlobs) -> Self {
        let style = Style::of(path);
        let mut silencer = Self {
            path,
            trust,
            is_gated: globs.gate.is_match(path),
            by_line: BTreeMap::new(),
            without_rule: 0,
        };
        for hunk in hunks {
            let is_removed = |line: &&DiffLine| line.kind == LineKind::Removed && has_word(&line.text);
            let removed = hunk.lines.iter().filter(is_removed);
            let removed = removed.flat_map(|line| style.comments(&line.text));
            let mut removed_texts: HashMap<&str, u32> = HashMap::new();
            for comment in removed {
                *removed_texts.entry(comment.text.trim()).or_default() += 1;
            }
            for line in hunk.lines.iter().filter(|line| line.kind != LineKind::Removed) {
                let Some(number) = line.new.filter(|_| has_word(&line.text)) else {
                    continue;
                };
                for comment in style.comments(&line.text) {
                    let found = directives(&comment);
                    if found.is_empty() {
                        continue;
                    }
                    let is_in_base = line.kind == LineKind::Context
                        || removed_texts.get_mut(comment.text.trim()).is_some_and(|left| {
                            let is_left = *left > 0;
                            *left = left.saturating_sub(1);
                            is_left
                        });
                    for directive in found {
                        silencer.without_rule += u32::from(directive.lacks_rules() && !is_in_base);
                        silencer.by_line.entry(number).or_default().push(Placed {
                            directive,
                            is_alone: comment.is_alone,
                            is_in_base,
                        });
                    }
                }
            }
        }
        silencer
    }

    /// Returns the findings that no comment silences, and notes the others.
    pub fn apply(&self, findings: Vec<Finding>, silencing: &mut Silencing) -> Vec<Finding> {
        if self.by_line.is_empty() {
            return findings;
        }
        let mut left = Vec::with_capacity(findings.len());
        for finding in findings {
            match self.silence(&finding, &mut silencing.refused) {
                Some((line, directive)) => silencing.silenced.push(SilencedFinding {
                    finding,
                    word: directive.word.as_str().to_owned(),
                    comment_line: line,
                    reason: directive.reason.as_deref().map(redacted),
                    lacks_reason: directive.lacks_reason(),
                }),
                None => left.push(finding),
            }
        }
        left
    }

    /// Returns the file.
    pub const fn path(&self) -> &str {
        self.path
    }

    /// Returns the number of added comments that name no rule, and have to.
    pub const fn without_rule(&self) -> u32 {
        self.without_rule
    }

    /// Returns the comment that silences a finding, with its line. Notes the comments that would and don't count, if
    /// none counts.
    fn silence(&self, finding: &Finding, refused: &mut Vec<RefusedComment>) -> Option<(u32, &Directive)> {
        if finding.side != Side::Right || finding.path != self.path {
            return None;
        }
        let mut not_counted = Vec::new();
        for (line, placed) in self.near(finding) {
            if !covers(&placed.directive, finding) {
                continue;
            }
            match self.refusal(placed, finding) {
                None => return Some((line, &placed.directive)),
                Some(cause) => not_counted.push(RefusedComment {
                    path: self.path.to_owned(),
                    line,
                    cause,
                }),
            }
        }
        refused.extend(not_counted);
        None
    }

    /// Returns the words that are about the lines of a finding: its first and its last one, and the one above.
    fn near(&self, finding: &Finding) -> impl Iterator<Item = (u32, &Placed)> {
        let (first, last) = (finding.start_line, finding.line);
        let own = [Some(first), (last != first).then_some(last)].into_iter().flatten();
        let own = own.map(|line| (line, true));
        let above = first.checked_sub(1).map(|line| (line, false));
        own.chain(above).flat_map(move |(line, is_own)| {
            let placed = self.by_line.get(&line).map(Vec::as_slice).unwrap_or_default();
            let is_about = move |placed: &&Placed| match is_own {
                true => placed.directive.word.is_of_own_line(),
                false => placed.directive.word.is_of_next_line(placed.is_alone),
            };
            placed.iter().filter(is_about).map(move |placed| (line, placed))
        })
    }

    fn refusal(&self, placed: &Placed, finding: &Finding) -> Option<RefusalCause> {
        if is_about_hidden_text(finding) {
            return Some(RefusalCause::HiddenText);
        }
        if self.is_gated && is_secret(finding) {
            return Some(RefusalCause::GatedSecret);
        }
        match self.trust {
            Trust::OfBase(cause) if !placed.is_in_base => Some(cause),
            Trust::All | Trust::OfBase(_) => None,
        }
    }
}
