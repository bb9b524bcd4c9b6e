//! A recorded run: its histories and all its artifacts, read once and checked. Damage is reported before anything runs.

use std::path::Path;

use holdfast_core::evidence::Evidence;
use holdfast_core::identity::settings_digest;
use holdfast_core::model::approval::Approval;
use holdfast_core::model::change::Change;
use holdfast_core::model::key;
use holdfast_core::model::noise::NoiseFacts;
use holdfast_core::model::plan::{ContextPack, Plan, UnitItem};
use holdfast_core::model::policy::Policy;
use holdfast_core::model::report::Report;
use holdfast_core::model::run::{Aggregate, Announcement, Prompt, RecordedAnswer, Run, Verdict};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreArtifact;
use holdfast_core::stage::{PatchChunk, PullState, Reconciliation, StoredChange, UnitDocument, find_whole_change};
use holdfast_core::team_rules::TeamRules;
use holdfast_stores::files::FilesStoreArtifact;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::lost_artifacts::check_artifacts;
use crate::machine;
use holdfast_engine::Archive;

use super::history::Histories;
use super::memory::MemoryStore;

/// Maximum number of times that a run requests approval.
const MAX_ROUNDS: u32 = 2;

/// A recorded run.
pub struct Recording {
    /// Its input.
    pub run: Run,
    /// Its states and those of its units.
    pub histories: Histories,
    /// Its artifacts.
    pub store: MemoryStore,
    /// The change, when it was read.
    pub change: Option<Change>,
    /// Number of chunks that hold its patches; 0 in version 1.
    pub chunks: usize,
    /// The plan, when there was one.
    pub plan: Option<Plan>,
    /// The report, when there was one.
    pub report: Option<Report>,
    /// The announcement on the pull request.
    announcement: Option<Announcement>,
}

impl Recording {
    /// Reads a run of a data directory.
    ///
    /// # Errors
    /// The run can't be read, or an artifact is damaged.
    pub async fn read(data: &Path, name: &RunName) -> Result<Self, Failure> {
        let archive = Archive::open(data).map_err(Failure::of_engine)?;
        let mut histories = Histories::read(&archive, name).map_err(Failure::incomplete)?;
        let run = Run::deserialize(&histories.row.input).map_err(|error| {
            Failure::incomplete(format!("this version cannot read the input of run {name}: {error}"))
        })?;
        let reading = Reading {
            from: machine::artifacts(data),
            store: MemoryStore::default(),
        };
        let (history, place) = (archive.history(histories.row.id), data.display().to_string());
        let history = history.map_err(Failure::incomplete)?;
        check_artifacts(name, &history, &place, &reading.from).await?;
        reading.take::<Run>(&key::run(name)).await?;
        reading.take::<Policy>(&key::policy(name)).await?;
        reading.take::<NoiseFacts>(&key::noise(name)).await?;
        reading.take::<TeamRules>(&key::team_rules(name)).await?;
        reading.take::<Evidence>(&key::evidence(name)).await?;
        reading.take::<Vec<UnitItem>>(&key::items(name)).await?;
        reading.take::<Aggregate>(&key::aggregate(name)).await?;
        reading.take::<PullState>(&key::pull_state(name)).await?;
        reading.take::<Reconciliation>(&key::reconciled(name)).await?;
        reading.take::<Prompt>(&key::summary_prompt(name)).await?;
        reading.take::<RecordedAnswer>(&key::summary_answer(name)).await?;
        for round in 1..=MAX_ROUNDS {
            reading.take::<Approval>(&key::approval(name, round)).await?;
        }
        let stored: Option<StoredChange> = reading.take(&key::change(name)).await?;
        let chunks = stored.map_or(0, |change| change.stored_chunks());
        for chunk in 0..chunks {
            reading.take::<PatchChunk>(&key::patches(name, chunk)).await?;
        }
        let change = find_whole_change(name, &reading.store)
            .await
            .map_err(Failure::incomplete)?;
        let report = reading.take(&key::report(name)).await?;
        let announcement = reading.take(&key::announcement(name)).await?;
        let plan: Option<Plan> = reading.take(&key::plan(name)).await?;
        for unit in plan.iter().flat_map(|plan| &plan.units) {
            reading.take::<UnitDocument>(&key::unit(name, &unit.id)).await?;
            reading.take::<ContextPack>(&key::context(name, &unit.id)).await?;
            reading.take_attempts(name, &unit.id).await?;
        }
        if let Some(settings) = reading.store.bytes(&key::policy(name)) {
            pin(&mut histories.row.input, &settings);
            if let Some(mut recorded) = reading.store.document::<Value>(&key::run(name))? {
                pin(&mut recorded, &settings);
                reading.store.insert(&key::run(name), recorded.to_string().into_bytes());
            }
        }
        Ok(Self {
            run,
            histories,
            store: reading.store,
            change,
            chunks,
            plan,
            report,
            announcement,
        })
    }

    /// Returns the run's name.
    pub fn name(&self) -> &RunName {
        &self.histories.run
    }

    /// Returns a unit's recorded context, from its document or from version 1's context pack.
    ///
    /// # Errors
    /// The artifact is damaged.
    pub fn context(&self, unit: &str) -> Result<Option<ContextPack>, Failure> {
        let document: Option<UnitDocument> = self.store.document(&key::unit(self.name(), unit))?;
        match document {
            Some(document) => Ok(Some(document.context)),
            None => self.store.document(&key::context(self.name(), unit)),
        }
    }

    /// Returns the id of the run's check, if the run created one.
    pub fn announced_check(&self) -> Option<u64> {
        self.announcement.as_ref().and_then(|announced| announced.check_run)
    }
}

/// Pins the run to the recorded settings. A run pins the settings' text, but only their values are recorded, so a
/// replay pins those.
fn pin(run: &mut Value, settings: &[u8]) {
    if let Some(pinned) = run.pointer_mut("/target/pinned/settings") {
        *pinned = settings_digest(Some(settings)).into();
    }
}

struct Reading {
    from: FilesStoreArtifact,
    store: MemoryStore,
}

impl Reading {
    async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(bytes) = self.from.get(key).await.map_err(Failure::incomplete)? else {
            return Ok(None);
        };
        self.store.insert(key, bytes);
        self.store.document(key)
    }

    async fn take_attempts(&self, run: &RunName, unit: &str) -> Result<(), Failure> {
        for attempt in 1.. {
            let asked = self.take::<Prompt>(&key::prompt(run, unit, attempt)).await?;
            let answered = self.take::<RecordedAnswer>(&key::answer(run, unit, attempt)).await?;
            if asked.is_none() && answered.is_none() {
                break;
            }
            self.take::<Verdict>(&key::verdict(run, unit, attempt)).await?;
        }
        Ok(())
    }
}

/// Returns the message of a function's failure, from the cause that the engine stores.
pub fn failure_message(cause: Option<&str>) -> String {
    let parsed: Option<Value> = cause.and_then(|cause| serde_json::from_str(cause).ok());
    let message = parsed.and_then(|value| value.get("errorMessage")?.as_str().map(str::to_owned));
    message.or_else(|| cause.map(str::to_owned)).unwrap_or_default()
}
