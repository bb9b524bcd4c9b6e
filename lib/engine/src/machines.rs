//! A cache of parsed definitions: executions of one definition share one machine in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_asl::{DefinitionErrors, StateMachine};
use sha2::{Digest, Sha256};

/// Maximum number of cached definitions. When it is reached, the cache is cleared.
const MAX_STORED_DEFINITIONS: usize = 64;

/// The purpose of parsing a definition.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
enum Purpose {
    /// To start an execution.
    NewExecution,
    /// To resume a stored execution, whose definition may have problems that a new one may not have.
    StoredExecution,
}

/// Parsed definitions, by the hash of their text.
#[derive(Default)]
pub(super) struct Machines(Mutex<HashMap<(String, Purpose), Arc<StateMachine>>>);

impl Machines {
    /// Parses the definition of a new execution, or finds it in the cache. Also returns the SHA-256 of its text, in
    /// hex.
    pub(super) fn parse(&self, text: &str) -> Result<(String, Arc<StateMachine>), DefinitionErrors> {
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        let found = self.kept().get(&(sha256.clone(), Purpose::NewExecution)).cloned();
        let machine = match found {
            Some(machine) => machine,
            None => self.keep(&sha256, Purpose::NewExecution, StateMachine::parse(text)?),
        };
        Ok((sha256, machine))
    }

    /// Parses the definition of a stored execution, or finds it in the cache.
    pub(super) fn parse_stored(&self, text: &str) -> Result<Arc<StateMachine>, DefinitionErrors> {
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        for purpose in [Purpose::NewExecution, Purpose::StoredExecution] {
            let found = self.kept().get(&(sha256.clone(), purpose)).cloned();
            if let Some(machine) = found {
                return Ok(machine);
            }
        }
        Ok(self.keep(&sha256, Purpose::StoredExecution, StateMachine::parse_stored(text)?))
    }

    fn keep(&self, sha256: &str, purpose: Purpose, machine: StateMachine) -> Arc<StateMachine> {
        let machine = Arc::new(machine);
        let mut kept = self.kept();
        if kept.len() >= MAX_STORED_DEFINITIONS {
            kept.clear();
        }
        kept.insert((sha256.to_owned(), purpose), Arc::clone(&machine));
        machine
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Purpose), Arc<StateMachine>>> {
        // A panic elsewhere leaves the map consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
