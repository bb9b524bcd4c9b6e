//! Notes for the operator after the engine has opened a data directory.

use holdfast_core::render::counted;
use holdfast_engine::Recovered;

/// Returns one line for each thing that the engine found; `quiet` leaves out those that need no action.
pub fn recovery_notes(recovered: &Recovered, quiet: bool) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, why) in &recovered.unreadable {
        notes.push(format!("run {name} cannot resume with this version: {why}"));
    }
    if let Some(behind_ms) = recovered.clock_set_back_ms {
        notes.push(format!(
            "the clock was set back by {} s: open runs keep their own time, so none waits longer; new runs follow the clock",
            behind_ms / 1_000
        ));
    }
    if recovered.outside_scope > 0 && !quiet {
        notes.push(format!(
            "other open runs in the data directory stay as they are ({}): holdfast runs lists them, holdfast cancel RUN ends one",
            counted(recovered.outside_scope, "execution")
        ));
    }
    if recovered.executions > 0 && !quiet {
        notes.push(format!(
            "recovered {}: {} resumed from {}, {} waiting for a time or an answer",
            counted(recovered.executions, "open execution"),
            recovered.executions - recovered.waiting,
            counted(recovered.events, "event"),
            recovered.waiting
        ));
    }
    notes
}
