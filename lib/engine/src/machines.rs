//! Parsed definitions, so that executions of one definition share one machine in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_asl::{DefinitionErrors, StateMachine};
use sha2::{Digest, Sha256};

/// More definitions than a machine's programs have at once; beyond it, all are parsed anew.
const MOST_KEPT: usize = 64;

/// The definitions parsed of late, by the hash of their text.
#[derive(Default)]
pub(super) struct Machines(Mutex<HashMap<String, Arc<StateMachine>>>);

impl Machines {
    /// Parses a definition, or finds it parsed; and the hash of its text, in hex.
    pub(super) fn parse(&self, text: &str) -> Result<(String, Arc<StateMachine>), DefinitionErrors> {
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        if let Some(machine) = self.kept().get(&sha256) {
            return Ok((sha256, Arc::clone(machine)));
        }
        let machine = Arc::new(StateMachine::parse(text)?);
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(sha256.clone(), Arc::clone(&machine));
        Ok((sha256, machine))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<StateMachine>>> {
        // What is in it is whole, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
