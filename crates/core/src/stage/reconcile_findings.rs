//! ReconcileFindings: gives each finding its identity on the pull request. It compares them with the ledger of the
//! earlier runs, with what people did in the findings' threads, and with the lines' way from the ledger's head to this
//! one. It writes nothing to the ledger: PublishReview does, once the review is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::artifact::find_artifact;
use crate::diff::{Hunk, parse_patch};
use crate::ledger::{
    Entry, EntryState, FindingId, HeadLines, Ledger, LineMaps, Reconciled, ReviewedUnit, RunFacts, Sighting, reconcile,
};
use crate::model::change::{Change, FileStatus};
use crate::model::error_name::ErrorName;
use crate::model::finding::{Finding, Side, Tracked, TrackedState};
use crate::model::key;
use crate::model::plan::Plan;
use crate::model::report::{EarlierFinding, EarlierState};
use crate::model::run::{Aggregate, Run};
use crate::model::run_name::RunName;
use crate::port::{Deadline, KeepRows, ReadChange, ReadPermission, ReadThreads, StoreArtifact};
use crate::pull_ledger;
use crate::rule::redact_hunks;

use super::finding_threads::{self, Thread};
use super::line_maps::read_line_maps;
use super::stored_change::missing_change;
use super::{StageError, find_change_of, read_artifact, write_artifact};

/// The version of the stored reconciliation.
const RECONCILIATION_VERSION: u32 = 1;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// Whether the threads are not read, because they couldn't be read for too long. None in a workflow of an earlier
    /// version, which doesn't call again without them.
    #[serde(default)]
    pub without_threads: Option<bool>,
}

/// Counts for people who look at the execution.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Findings that no earlier run published.
    pub new: u64,
    /// Findings that earlier runs published, and that are still there.
    pub open: u64,
    /// Findings that this head fixes.
    pub fixed: u64,
    /// Findings whose thread a person resolved.
    pub closed: u64,
    /// Findings that a person decided against.
    pub dismissed: u64,
    /// The key of the [`Reconciliation`]; none in a run that publishes nothing.
    pub reconciled: Option<String>,
}

/// The findings' places in the ledger, and the next ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The version of its form.
    pub version: u32,
    /// The place of each finding in [`Aggregate::findings`], in their order.
    pub found: Vec<Tracked>,
    /// Findings of earlier runs that this run did not report.
    pub earlier: Vec<EarlierFinding>,
    /// Published comments that show another state from now on.
    pub revisions: Vec<Revision>,
    /// The next ledger.
    pub ledger: Ledger,
}

/// The state of a pull request before a run's findings. It is stored, so that a repeated call and a replay compare with
/// the same state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PullState {
    /// The ledger, with the published findings that it lacked.
    ledger: Ledger,
    /// The threads of findings.
    threads: BTreeMap<FindingId, Thread>,
    /// Whether the threads couldn't be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    without_threads: bool,
    /// The way of the lines from the ledger's head to this run's head.
    maps: LineMaps,
}

impl PullState {
    /// Returns the number of findings that people dismissed since the ledger of this state was stored.
    pub fn new_dismissals(&self, next: &Ledger) -> usize {
        let dismissed = |ledger: &Ledger| -> BTreeSet<FindingId> {
            let entries = ledger.entries.iter();
            let dismissed = entries.filter(|entry| matches!(entry.state, EntryState::Dismissed(_)));
            dismissed.map(|entry| entry.id.clone()).collect()
        };
        dismissed(next).difference(&dismissed(&self.ledger)).count()
    }
}

/// A published comment whose finding is fixed or silenced, is there again, or has a higher severity now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The finding.
    pub id: FindingId,
    /// GitHub's id of the comment.
    pub comment: u64,
    /// Its GraphQL node id.
    pub node: String,
    /// Whether the finding is fixed. If it is neither fixed nor silenced, it is open again.
    pub is_fixed: bool,
    /// Whether a comment in the code silences it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_silenced: bool,
    /// Whether only its severity is raised: the comment changes once that is published.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_raised: bool,
}

/// Compares the findings with the ledger, and stores their places in `reconciled.json`.
///
/// # Errors
/// An artifact is missing or has another shape; GitHub limits requests or doesn't answer; the table or the store fails.
/// `GithubThreadsUnavailable` if only the threads can't be read: then the workflow calls again without them.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn reconcile_findings(
    input: &Input,
    read: &dyn ReadChange,
    threads: &dyn ReadThreads,
    permission: &dyn ReadPermission,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
    deadline: &dyn Deadline,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    if !run.publish || run.target.pull_request().is_none() {
        return Ok(Output::default());
    }
    let aggregate: Aggregate = read_artifact(store, &key::aggregate(&input.run)).await?;
    let plan: Plan = read_artifact(store, &key::plan(&input.run)).await?;
    let state = match find_artifact::<PullState>(store, &key::pull_state(&input.run)).await? {
        Some(state) => state,
        None => {
            let state = Reader {
                run: &run,
                read,
                threads,
                permission,
                deadline,
            };
            let state = state.read_state(input.without_threads, rows, store).await?;
            write_artifact(store, &key::pull_state(&input.run), &state).await?;
            state
        }
    };
    let PullState {
        ledger,
        threads,
        without_threads,
        maps,
    } = state;
    let silenced = aggregate.silencing.silenced.iter().map(|silenced| &silenced.finding);
    let wanted: BTreeSet<&str> = (aggregate.findings.iter().chain(silenced.clone()))
        .map(|finding| finding.path.as_str())
        .chain(ledger.entries.iter().map(|entry| maps.path(&entry.anchor.path)))
        .collect();
    let change = find_change_of(&input.run, &wanted, store)
        .await?
        .ok_or_else(|| missing_change(&input.run))?;
    let hunks = hunks_of(&change, &wanted);
    let sight = |finding: &Finding| {
        let hunks = hunks.get(finding.path.as_str()).map_or(&[][..], Vec::as_slice);
        Sighting::new(finding.clone(), &HeadLines::of_hunks(hunks))
    };
    let found: Vec<Sighting> = aggregate.findings.iter().map(sight).collect();
    let silenced: Vec<Sighting> = silenced.map(sight).collect();
    let units = reviewed_units(&plan, &aggregate, &hunks);
    // Nobody reads a deleted file.
    let in_diff: BTreeSet<&str> = (change.files.iter())
        .filter(|file| file.status != FileStatus::Deleted)
        .map(|file| file.path.as_str())
        .collect();
    let left_the_diff: BTreeSet<String> = ledger
        .entries
        .iter()
        .map(|entry| entry.anchor.path.as_str())
        .filter(|path| !in_diff.contains(maps.path(path)))
        .map(str::to_owned)
        .collect();
    let reconciled = reconcile(
        &ledger,
        &RunFacts {
            run: &input.run,
            head: &change.head,
            base: &change.base,
            found: &found,
            silenced: &silenced,
            units: &units,
            tools: run
                .evidence
                .as_ref()
                .map_or(plan.tools.as_slice(), |evidence| evidence.tools.as_slice()),
            left_the_diff: &left_the_diff,
            maps: &maps,
            threads: &threads
                .iter()
                .map(|(id, thread)| (id.clone(), thread.facts.clone()))
                .collect(),
        },
    );
    let counts = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let key = key::reconciled(&input.run);
    let output = Output {
        new: counts(reconciled.new.len()),
        open: counts(reconciled.open.len()),
        fixed: counts(reconciled.fixed.len()),
        closed: counts(reconciled.closed.len()),
        dismissed: counts(reconciled.dismissed.len()),
        reconciled: Some(key.clone()),
    };
    // The links to the comments are in the threads.
    let page = change.url.as_deref().filter(|_| without_threads);
    write_artifact(store, &key, &store_form(reconciled, &found, &threads, page)).await?;
    Ok(output)
}

/// The readers of a pull request's state.
struct Reader<'a> {
    run: &'a Run,
    read: &'a dyn ReadChange,
    threads: &'a dyn ReadThreads,
    permission: &'a dyn ReadPermission,
    deadline: &'a dyn Deadline,
}

impl Reader<'_> {
    async fn read_state(
        &self,
        without_threads: Option<bool>,
        rows: &dyn KeepRows,
        store: &dyn StoreArtifact,
    ) -> Result<PullState, StageError> {
        let target = &self.run.target;
        let threads = match without_threads {
            Some(true) => {
                tracing::warn!("the review threads can't be read: what people did in them counts in the next review");
                Vec::new()
            }
            Some(false) => finding_threads::read(target, self.threads).await?,
            None => finding_threads::read(target, self.threads)
                .await
                .map_err(|error| StageError::new(ErrorName::GithubUnavailable, error.message))?,
        };
        let mut ledger = pull_ledger::read(rows, store, target).await?;
        finding_threads::adopt(&mut ledger, &threads);
        let threads = finding_threads::decisions(target, &ledger, &threads, self.permission).await?;
        let paths: BTreeSet<&str> = ledger.entries.iter().map(|entry| entry.anchor.path.as_str()).collect();
        let change = find_change_of(&self.run.run, &paths, store)
            .await?
            .ok_or_else(|| missing_change(&self.run.run))?;
        let hunks = hunks_of(&change, &paths);
        let maps = read_line_maps(&ledger, &change, target, &hunks, self.read, self.deadline).await?;
        Ok(PullState {
            ledger,
            threads,
            without_threads: without_threads == Some(true),
            maps,
        })
    }
}

/// Returns the redacted hunks of these files.
fn hunks_of<'a>(change: &'a Change, wanted: &BTreeSet<&str>) -> BTreeMap<&'a str, Vec<Hunk>> {
    let files = change.files.iter().filter(|file| wanted.contains(file.path.as_str()));
    files
        .filter_map(|file| {
            let hunks = parse_patch(file.patch.as_deref()?).ok()?;
            Some((file.path.as_str(), redact_hunks(&file.path, &hunks)))
        })
        .collect()
}

/// Returns the units of these files with their lines and readers.
fn reviewed_units(plan: &Plan, aggregate: &Aggregate, hunks: &BTreeMap<&str, Vec<Hunk>>) -> Vec<ReviewedUnit> {
    let units = plan.units.iter();
    let with_lines = units.filter_map(|unit| {
        let of_file = hunks.get(unit.path.as_str())?;
        let own = unit.hunks.iter().filter_map(|index| of_file.get(*index));
        let ranges = own.flat_map(|hunk| {
            [Side::Left, Side::Right]
                .into_iter()
                .filter_map(|side| hunk.range(side).map(|(first, last)| (side, first, last)))
        });
        Some(ReviewedUnit {
            path: unit.path.clone(),
            lines: ranges.collect(),
            readers: aggregate.readers.get(&unit.id).copied().unwrap_or_default(),
        })
    });
    with_lines.collect()
}

/// Returns the form that later stages read. Without threads, `page` is the pull request's, and comments are linked by
/// their ids.
fn store_form(
    reconciled: Reconciled,
    found: &[Sighting],
    threads: &BTreeMap<FindingId, Thread>,
    page: Option<&str>,
) -> Reconciliation {
    let entries: BTreeMap<&FindingId, &Entry> = (reconciled.ledger.entries.iter())
        .map(|entry| (&entry.id, entry))
        .collect();
    let url = |id: &FindingId| match page {
        Some(page) => Some(format!("{page}#discussion_r{}", entries.get(id)?.comment?)),
        None => threads.get(id).map(|thread| thread.url.clone()),
    };
    let earlier = |id: &FindingId, state| {
        entries.get(id).map(|entry| EarlierFinding {
            id: id.clone(),
            path: entry.anchor.path.clone(),
            side: entry.anchor.side,
            line: entry.anchor.line,
            severity: entry.severity,
            title: entry.title.clone(),
            body: match url(id) {
                None => entry.shown_body(),
                Some(_) => String::new(),
            },
            state,
            gated: false,
            url: url(id),
        })
    };
    let mut places: Vec<Option<Tracked>> = vec![None; found.len()];
    let mut place = |index: Option<usize>, id: &FindingId, state| {
        if let Some(slot) = index.and_then(|index| places.get_mut(index)) {
            *slot = Some(Tracked {
                id: id.clone(),
                state,
                url: url(id),
                published: None,
            });
        }
    };
    let mut not_reported = Vec::new();
    let mut reopened: BTreeSet<&FindingId> = BTreeSet::new();
    for placed in &reconciled.new {
        place(placed.found, &placed.id, TrackedState::New);
    }
    for open in &reconciled.open {
        let state = if open.is_reopened {
            TrackedState::Reopened
        } else {
            TrackedState::Open
        };
        place(open.found, &open.id, state);
        if open.found.is_none() {
            not_reported.extend(earlier(&open.id, EarlierState::Open));
        }
        if open.is_reopened {
            reopened.insert(&open.id);
        }
    }
    for placed in &reconciled.closed {
        place(placed.found, &placed.id, TrackedState::Closed);
    }
    for placed in &reconciled.dismissed {
        place(placed.found, &placed.id, TrackedState::Dismissed);
    }
    for id in &reconciled.fixed {
        not_reported.extend(earlier(id, EarlierState::Fixed));
    }
    for id in &reconciled.silenced {
        not_reported.extend(earlier(id, EarlierState::Silenced));
    }
    let raised: BTreeSet<&FindingId> = (reconciled.open.iter())
        .filter_map(|open| {
            let severity = found.get(open.found?)?.finding.severity;
            (severity > entries.get(&open.id)?.severity).then_some(&open.id)
        })
        .collect();
    // Also what an earlier run didn't come to show, or showed and didn't store.
    let revisions = reconciled.ledger.entries.iter().filter_map(|entry| {
        let thread = threads.get(&entry.id)?;
        let is_fixed = matches!(entry.state, EntryState::Fixed { .. });
        let is_silenced = matches!(entry.state, EntryState::Silenced { .. });
        let is_outdated = match entry.state {
            EntryState::Fixed { .. } => !thread.is_shown_fixed,
            EntryState::Silenced { .. } => !thread.is_shown_silenced,
            EntryState::Open => thread.is_shown_fixed || thread.is_shown_silenced || reopened.contains(&entry.id),
            EntryState::Closed | EntryState::Dismissed(_) | EntryState::Outdated => false,
        };
        let is_raised = !is_outdated && raised.contains(&entry.id);
        (is_outdated || is_raised).then(|| Revision {
            id: entry.id.clone(),
            comment: thread.comment,
            node: thread.node.clone(),
            is_fixed,
            is_silenced,
            is_raised,
        })
    });
    Reconciliation {
        version: RECONCILIATION_VERSION,
        revisions: revisions.collect(),
        // Each finding of a run is in exactly one list.
        found: places.into_iter().flatten().collect(),
        earlier: not_reported,
        ledger: reconciled.ledger,
    }
}
