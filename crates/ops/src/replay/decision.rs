//! Stores a recorded approval as a row of the replay, because publication requires a stored decision.

use holdfast_core::approval::{self, newest_question, stored_content};
use holdfast_core::model::approval::{Approval, Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::key;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::KeepRows;
use serde_json::Value;

use super::memory::MemoryStore;
use crate::failure::Failure;

/// Stores the recorded approval of a run for the replay's report.
///
/// # Errors
///
/// The replay has no report or no question; its rows can't be written.
pub async fn store(
    rows: &dyn KeepRows,
    store: &MemoryStore,
    run: &RunName,
    round: u32,
    token: &str,
) -> Result<(), Failure> {
    let newest = newest_question(rows, run).await.map_err(Failure::incomplete)?;
    let approval = match newest.filter(|question| question.approval.round == round) {
        Some(question) => question.approval,
        // The state that requests approval wasn't run again: its artifact comes from the recording.
        None => {
            let Some(mut approval) = store.document::<Approval>(&key::approval(run, round))? else {
                return Ok(());
            };
            let report: Value = store.document(&key::report(run))?.unwrap_or_default();
            approval.content = stored_content(&report);
            approval::ask(rows, &approval, token)
                .await
                .map_err(Failure::incomplete)?;
            approval
        }
    };
    for number in 1..=approval.needed {
        let by = Person {
            name: format!("recorded-{number}"),
            known_by: KnownBy::Github,
            address: None,
        };
        let ballot = Ballot {
            verdict: Verdict::Approved,
            reason: None,
            content: approval.content.clone(),
            dropped: Vec::new(),
            edited: std::collections::BTreeMap::new(),
        };
        let decided = approval::decide(rows, run, round, &by, &ballot, approval.asked_ms).await;
        decided.map_err(Failure::incomplete)?;
    }
    Ok(())
}
