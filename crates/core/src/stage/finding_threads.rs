//! The threads of a pull request's findings: reads them, adds published findings that the ledger lacks, and finds what
//! people decided in them.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::ledger::{Dismissal, DismissalReason, EntryState, FindingId, Ledger, ThreadFacts};
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::port::{FindingThread, ReadError, ReadPermission, ReadThreads};

use super::{AT_ONCE, StageError};

/// Maximum number of people whose permission is read for one review.
const MAX_PEOPLE: usize = 50;
/// The command that dismisses a finding, at the beginning of a reply in its thread.
const DISMISS: [&str; 2] = ["/holdfast", "dismiss"];

/// The thread of a finding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Thread {
    /// GitHub's id of the comment.
    pub(super) comment: u64,
    /// Its GraphQL node id.
    pub(super) node: String,
    /// Its page.
    pub(super) url: String,
    /// Whether the comment shows the finding as fixed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_shown_fixed: bool,
    /// Whether the comment shows the finding as silenced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_shown_silenced: bool,
    /// What people did with it.
    pub(super) facts: ThreadFacts,
}

/// Reads the threads. A refusal never fails a review: people's decisions are unknown then, and the ledger counts as it
/// is. The workflow waits for the end of a limit.
pub(super) async fn read(target: &Target, threads: &dyn ReadThreads) -> Result<Vec<FindingThread>, StageError> {
    match threads.threads(target).await {
        Ok(found) => Ok(found),
        Err(error @ ReadError::RateLimited { .. }) => Err(error.into()),
        Err(error @ ReadError::Unavailable(_)) => {
            let name = ErrorName::GithubThreadsUnavailable;
            Err(StageError::new(name, error.to_string()))
        }
        Err(error) => {
            tracing::warn!(%error, "the review threads can't be read: people's decisions in them are unknown");
            Ok(Vec::new())
        }
    }
}

/// Adds published findings that the ledger lacks: it was lost, or a run ended after it had published. Each entry also
/// gets its thread.
pub(super) fn adopt(ledger: &mut Ledger, threads: &[FindingThread]) {
    let is_lost = ledger.entries.is_empty() && ledger.head.is_none();
    let mut known: BTreeMap<FindingId, usize> = (ledger.entries.iter().enumerate())
        .map(|(index, entry)| (entry.id.clone(), index))
        .collect();
    let mut heads = BTreeSet::new();
    for thread in threads {
        let index = match known.get(&thread.finding.id) {
            Some(index) => *index,
            None => {
                let Some((head, entry)) = thread.finding.published() else {
                    continue;
                };
                heads.insert(head);
                ledger.entries.push(entry);
                known.insert(thread.finding.id.clone(), ledger.entries.len() - 1);
                ledger.entries.len() - 1
            }
        };
        if let Some(entry) = ledger.entries.get_mut(index) {
            entry.thread = Some(thread.node.clone());
            entry.comment = Some(thread.comment);
            if is_lost && thread.is_minimized && entry.state == EntryState::Open {
                // Holdfast folds a comment only once its finding is fixed or silenced.
                entry.state = EntryState::Outdated;
            }
        }
    }
    // With lines of several heads, findings are found by their text.
    heads.extend(ledger.head.take());
    if heads.len() == 1 {
        ledger.head = heads.into_iter().next();
    }
}

/// Returns what people did in the threads. A dismissal counts only by a person who may write.
pub(super) async fn decisions(
    target: &Target,
    ledger: &Ledger,
    threads: &[FindingThread],
    permission: &dyn ReadPermission,
) -> Result<BTreeMap<FindingId, Thread>, StageError> {
    let dismissed: BTreeSet<&FindingId> = (ledger.entries.iter())
        .filter(|entry| matches!(entry.state, EntryState::Dismissed(_)))
        .map(|entry| &entry.id)
        .collect();
    let undecided = || threads.iter().filter(|thread| !dismissed.contains(&thread.finding.id));
    let logins: BTreeSet<&str> = undecided().flat_map(requests).map(|(login, _)| login).collect();
    let mut writers: BTreeSet<&str> = BTreeSet::new();
    if let Some(repository) = target.repository_name() {
        let reads: Vec<_> = logins
            .into_iter()
            .take(MAX_PEOPLE)
            .map(|login| async move { (login, permission.permission(repository, login).await) })
            .collect();
        let mut reads = futures::stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some((login, found)) = reads.next().await {
            match found {
                Ok(permission) if permission.may_write() => {
                    writers.insert(login);
                }
                Ok(_) => {}
                Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "a permission can't be read: the person's dismissal doesn't count")
                }
            }
        }
    }
    let mut known: BTreeMap<FindingId, Thread> = BTreeMap::new();
    for thread in threads {
        let dismissal = requests(thread).find(|(login, _)| writers.contains(login));
        let Thread { facts, .. } = known.entry(thread.finding.id.clone()).or_insert_with(|| Thread {
            comment: thread.comment,
            node: thread.comment_node.clone(),
            url: thread.url.clone(),
            is_shown_fixed: thread.is_shown_fixed(),
            is_shown_silenced: thread.is_shown_silenced(),
            facts: ThreadFacts::default(),
        });
        facts.resolved |= thread.is_resolved;
        facts.outdated |= thread.is_outdated;
        if let Some((login, reason)) = dismissal
            && facts.dismissal.is_none()
        {
            facts.dismissal = Some(Dismissal {
                by: login.to_owned(),
                reason,
            });
        }
    }
    Ok(known)
}

/// Returns the requests to dismiss a thread's finding, each with its person.
fn requests(thread: &FindingThread) -> impl Iterator<Item = (&str, DismissalReason)> {
    let commands = thread.replies.iter().filter_map(|reply| {
        let mut words = reply.body.lines().next()?.split_whitespace();
        let is_command = DISMISS
            .iter()
            .all(|part| words.next().is_some_and(|word| word.eq_ignore_ascii_case(part)));
        let words = words.collect::<Vec<_>>().join(" ");
        is_command.then_some((reply.author.as_deref()?, DismissalReason::Command { words }))
    });
    let reactions = thread.thumbs_down.iter();
    commands.chain(reactions.map(|login| (login.as_str(), DismissalReason::Reaction)))
}
