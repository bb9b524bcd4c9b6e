//! A replay's reading port: it returns the recorded change, and reads files from the work tree's objects where those
//! still exist, otherwise from the recording. It never calls GitHub.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::evidence::{Evidence, ToolRequest, ToolRuns};
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::key;
use holdfast_core::model::policy::POLICY_PATH;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadChange, ReadError, RootEntry, RootKind};
use holdfast_core::team_rules::{RULES_FOLDER, RuleFile, TeamRules};
use holdfast_git::GitReadChange;

use super::recording::Recording;
use super::replay_notes::ReplayNotes;

/// Reads from a recording.
pub struct RecordedRead {
    recording: Arc<Recording>,
    git: GitReadChange,
    notes: Arc<ReplayNotes>,
}

impl RecordedRead {
    /// Creates a port on a recording.
    /// Snapshots of uncommitted work are in `data`, the recording's data directory.
    pub fn new(recording: Arc<Recording>, data: &Path, notes: Arc<ReplayNotes>) -> Self {
        Self {
            recording,
            git: GitReadChange::with_snapshots(data.to_owned()),
            notes,
        }
    }

    fn evidence(&self) -> Evidence {
        let recorded = self.recording.store.bytes(&key::evidence(self.recording.name()));
        let evidence = recorded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        evidence.unwrap_or_default()
    }

    /// Returns the team's rules that the run used.
    fn rules(&self) -> Result<TeamRules, ReadError> {
        let Some(bytes) = self.recording.store.bytes(&key::team_rules(self.recording.name())) else {
            return Ok(TeamRules::default());
        };
        let read = serde_json::from_slice(&bytes);
        read.map_err(|error| ReadError::Repository(format!("the recorded team-rules.json is damaged: {error}")))
    }

    /// Returns a file's recorded content. The settings are recorded in JSON, which is valid YAML. Of other files the
    /// recording holds only the context that was gathered from them; `functions` restores that.
    fn recorded(&self, path: &str, why: String) -> Result<Option<Vec<u8>>, ReadError> {
        if path != POLICY_PATH {
            self.notes
                .leave_unread(path, format!("{why}; its recorded context is used"));
            return Ok(None);
        }
        let policy = self.recording.store.bytes(&key::policy(self.recording.name()));
        let policy = policy
            .ok_or_else(|| ReadError::Repository(format!("{path} cannot be read and was not recorded: {why}")))?;
        self.notes
            .leave_unread(path, format!("{why}; the recorded settings are used"));
        Ok(Some(policy))
    }
}

#[async_trait]
impl ReadChange for RecordedRead {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        let change = self.recording.change.clone();
        change.ok_or_else(|| ReadError::Repository("the run recorded no change".to_owned()))
    }

    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        if path.starts_with(RULES_FOLDER) {
            let file = self.rules()?.files.into_iter().find(|file| file.path == path);
            return Ok(file.map(|file| file.text.into_bytes()));
        }
        if matches!(target, Target::PullRequest { .. }) {
            return self.recorded(path, "a replay does not call GitHub".to_owned());
        }
        match self.git.read_file(target, path, at).await {
            Ok(found) => Ok(found),
            Err(error) => self.recorded(path, error.to_string()),
        }
    }

    async fn code_scanning(&self, _target: &Target, _head: &CommitSha) -> Result<Evidence, ReadError> {
        let evidence = self.evidence();
        match evidence.missing {
            Some(missing) => Err(ReadError::Forbidden(missing)),
            None => Ok(evidence),
        }
    }

    async fn artifacts(&self, _target: &Target, _head: &CommitSha, _names: &[String]) -> Result<ToolRuns, ReadError> {
        Ok(self.evidence().artifacts.unwrap_or_default())
    }

    async fn run_tools(&self, _target: &Target, _request: &ToolRequest) -> Result<ToolRuns, ReadError> {
        Ok(self.evidence().ran.unwrap_or_default())
    }

    async fn read_folder(
        &self,
        _target: &Target,
        name: &str,
        _at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let is_rules = name == RULES_FOLDER;
        let files = if is_rules { self.rules()?.files } else { Vec::new() };
        let entry = |file: RuleFile| {
            Some(RootEntry {
                name: file.path.rsplit('/').next()?.to_owned(),
                kind: RootKind::File,
                bytes: u64::try_from(file.text.len()).ok(),
            })
        };
        Ok(Some(files.into_iter().filter_map(entry).collect()))
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        Ok(target.head().clone())
    }
}
