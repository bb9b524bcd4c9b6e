//! Runs a recorded run again with this program's workflow and stages: answers come from the recording, nothing is
//! written outside, waits pass at once. `recording` reads the run; `functions`, `read`, `threads`, `model` and `writes`
//! are the stages' ports; `compare` compares the outcomes.

mod artifacts;
mod clock;
pub mod compare;
mod cutoff;
mod decision;
mod functions;
mod history;
mod memory;
mod model;
mod read;
mod recording;
mod replay_notes;
mod snapshot;
pub mod text;
mod threads;
mod writes;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_asl::{StateMachine, TaskFailure};
use holdfast_core::claim;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::KeepRows;
use holdfast_core::stage::request_approval::ApprovalSettings;
use holdfast_rules::TreeSitterSyntax;
use holdfast_stores::sqlite::SqliteKeepRows;
use serde::Serialize;

use crate::evaluator;
use crate::failure::Failure;
use crate::functions::StageFunctions;
use crate::workflow;
use holdfast_engine::{Archive, Engine, EngineOptions, Outcome};

use clock::ReplayClock;
use compare::Differences;
use cutoff::Cutoff;
use functions::ReplayFunctions;
use history::{End, Histories, TIMED_OUT};
use memory::MemoryStore;
use model::RecordedModel;
use read::RecordedRead;
use recording::Recording;
use replay_notes::ReplayNotes;
pub use replay_notes::{GivenAgain, MissingAnswer, NotRead, Write};
use snapshot::Snapshot;
use threads::{NoPermission, NoThreads};
use writes::{OneRun, RecordedWrites, SilentPeople};

/// Maximum number of steps of 5 ms until the workflow notices that an approval question has timed out.
const MAX_STEPS: u32 = 2_000;

/// The result of a replay. Its JSON is version 1: fields may be added, none removed.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// The version of the JSON: 1.
    pub version: u32,
    /// The run.
    pub run: RunName,
    /// The first state that this program's code ran; `None` for a replay from the start.
    pub from: Option<String>,
    /// Whether no prompt, decision or result differs.
    pub same: bool,
    /// Whether every answer that the replay needed is recorded.
    pub complete: bool,
    /// Whether the run was started with another definition than this program's.
    pub other_workflow: bool,
    /// The differences.
    #[serde(flatten)]
    pub differences: Differences,
    /// Files that couldn't be read again: their recorded content is used.
    pub not_read: Vec<NotRead>,
    /// Recorded errors of outside services that were returned again.
    pub given_again: Vec<GivenAgain>,
    /// Places where a model would be called.
    pub missing_answers: Vec<MissingAnswer>,
    /// Writes that would be made to the pull request, in order.
    pub writes: Vec<Write>,
}

/// Replays a run. Reads the data directory and never writes to it; an engine may run on it meanwhile.
///
/// # Errors
/// There is no such state, or the run never reached it; the recording can't be read; the scratch directory is unusable.
pub async fn replay(data: &Path, name: &RunName, from: Option<&str>) -> Result<Replayed, Failure> {
    let definition = workflow::definition();
    let machine = StateMachine::parse_stored(definition).map_err(Failure::incomplete)?;
    if let Some(state) = from {
        check_state(&machine, state)?;
    }
    let recording = Arc::new(Recording::read(data, name).await?);
    let cutoff = match from {
        None => Cutoff::default(),
        Some(state) => Cutoff::before(state, &recording.histories).ok_or_else(|| {
            Failure::usage(format!(
                "run {name} never reached {state}; it visited {}",
                recording.histories.states().join(", ")
            ))
        })?,
    };
    let (notes, store) = (Arc::new(ReplayNotes::default()), Arc::new(MemoryStore::default()));
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::incomplete(format!(
            "a scratch directory cannot be created: {error}. Set TMPDIR to a directory with free space"
        ))
    })?;
    run_again(&recording, data, cutoff, definition, scratch.path(), (&notes, &store)).await?;

    let archive = Archive::open(scratch.path()).map_err(Failure::incomplete)?;
    let histories = Histories::read(&archive, name).map_err(Failure::incomplete)?;
    let recorded = Snapshot::of(&recording.histories, &recording.store)?;
    let mut replayed = Snapshot::of(&histories, &store)?;
    if recording.histories.is_without_ledger() {
        replayed.forget_ledger();
    }
    let differences = compare::compare(&recorded, &replayed);
    let same = differences.is_empty();
    Ok(Replayed {
        version: 1,
        run: name.clone(),
        from: from.map(str::to_owned),
        same,
        complete: notes.missing().is_empty(),
        other_workflow: histories.row.definition_sha256 != recording.histories.row.definition_sha256,
        differences,
        not_read: notes.not_read(),
        given_again: notes.given_again(),
        missing_answers: notes.missing(),
        writes: notes.writes(),
    })
}

fn check_state(machine: &StateMachine, state: &str) -> Result<(), Failure> {
    let names: Vec<String> = machine.states().into_iter().map(|summary| summary.name).collect();
    if names.iter().any(|name| name == state) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--from {state:?} is not a state of the workflow; its states are {}",
        names.join(", ")
    )))
}

/// Runs the run again on a scratch directory, to its end or to an approval question without a recorded decision.
async fn run_again(
    recording: &Arc<Recording>,
    data: &Path,
    cutoff: Cutoff,
    definition: &str,
    scratch: &Path,
    (notes, store): (&Arc<ReplayNotes>, &Arc<MemoryStore>),
) -> Result<(), Failure> {
    let rows = SqliteKeepRows::open(scratch).await.map_err(Failure::incomplete)?;
    let (run, name) = (&recording.run, recording.name());
    let read = RecordedRead::new(Arc::clone(recording), data, Arc::clone(notes));
    if run.publish && cutoff.is_beyond_opening() {
        let taken = claim::take(&rows, &read, &run.target, name).await;
        taken.map_err(Failure::incomplete)?;
    }
    let stages = StageFunctions {
        read: Arc::new(read),
        threads: Arc::new(NoThreads),
        permission: Arc::new(NoPermission),
        publish: Arc::new(RecordedWrites::new(recording.announced_check(), Arc::clone(notes))),
        model: Arc::new(RecordedModel::of_walkthrough(Arc::clone(recording), Arc::clone(notes))),
        syntax: Arc::new(TreeSitterSyntax::new()),
        notify: Arc::new(SilentPeople),
        rows: Arc::new(rows.clone()),
        runs: Arc::new(OneRun),
        store: Arc::clone(store) as _,
        approval_settings: Arc::new(ApprovalSettings {
            may_sign_in: recording.histories.waits_as_a_whole(),
            ..ApprovalSettings::default()
        }),
        // A replay calls no service: only recorded failures of GitHub have waits.
        github_patience: Duration::ZERO,
        retries: Arc::default(),
    };
    let functions = ReplayFunctions::new(
        Arc::clone(recording),
        cutoff,
        stages,
        Arc::clone(store),
        Arc::clone(notes),
    );
    let clock = Arc::new(ReplayClock::new(recording.histories.row.started));
    let mut options =
        EngineOptions::new(scratch, Arc::new(functions), Arc::clone(store) as _).map_err(Failure::incomplete)?;
    options.evaluator = evaluator::find();
    options.clock = Arc::clone(&clock) as _;
    let (engine, _recovered) = Engine::open(options).await.map_err(Failure::incomplete)?;
    let input = recording.histories.row.input.clone();
    let followed = match engine.start(name.as_str(), definition, input).await {
        Ok(_started) => follow(&engine, recording, &clock, (&rows, store)).await,
        Err(error) => Err(Failure::incomplete(error)),
    };
    engine.shutdown().await;
    followed
}

/// Delivers each approval question's recorded decision at once, until the run ends or a question has none.
async fn follow(
    engine: &Engine,
    recording: &Recording,
    clock: &ReplayClock,
    kept: (&dyn KeepRows, &Arc<MemoryStore>),
) -> Result<(), Failure> {
    let name = recording.name();
    let mut answered = Vec::new();
    let mut steps = 0;
    loop {
        let pending = match engine.wait(name.as_str()).await.map_err(Failure::incomplete)? {
            Outcome::Finished { .. } => return Ok(()),
            Outcome::WaitingForToken { pending, .. } => pending,
        };
        let Some(question) = pending.into_iter().next() else {
            return Ok(());
        };
        if answered.contains(&question.token) {
            // The clock has passed its time; the engine notices that in a moment.
            steps += 1;
            if steps > MAX_STEPS {
                return Err(Failure::incomplete(format!(
                    "the replay of {name} is stuck in {}",
                    question.state
                )));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let visit = recording.histories.visit(None, &question.state, answered.len());
        match visit.map(|visit| &visit.end) {
            None | Some(End::Open) => return Ok(()),
            Some(End::Succeeded(output)) => {
                let round = u32::try_from(answered.len() + 1).unwrap_or(u32::MAX);
                decision::store(kept.0, kept.1, name, round, &question.token).await?;
                engine.send_task_success(&question.token, output.clone()).await
            }
            Some(End::Failed { error, .. }) if error == TIMED_OUT => {
                clock.let_pass();
                Ok(())
            }
            Some(End::Failed { error, cause }) => {
                let failure = TaskFailure {
                    error: error.clone(),
                    cause: cause.clone(),
                };
                engine.send_task_failure(&question.token, failure).await
            }
        }
        .map_err(Failure::incomplete)?;
        answered.push(question.token);
    }
}
