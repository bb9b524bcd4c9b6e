//! Functions that answer at once and measure the engine's time from an answer to the next invocation.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_engine::{
    Engine, EngineOptions, FunctionFailure, Functions, Invocation, ObjectFailure, Objects, Recovered,
};
use serde_json::Value;

/// The functions.
#[derive(Default)]
pub struct World {
    answered: Mutex<HashMap<String, Instant>>,
    latencies: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Functions for World {
    async fn invoke(&self, _function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let now = Instant::now();
        if invocation.token.is_none() {
            let before = self.answered.lock().unwrap().remove(&invocation.execution);
            self.latencies.lock().unwrap().extend(before.map(|before| now - before));
            self.answered
                .lock()
                .unwrap()
                .insert(invocation.execution, Instant::now());
        }
        Ok(payload)
    }
}

#[async_trait]
impl Objects for World {
    async fn get(&self, _bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        Err(ObjectFailure {
            message: format!("{key} is not there"),
        })
    }

    async fn put(&self, _bucket: &str, key: &str, _bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        Err(ObjectFailure {
            message: format!("{key} cannot be kept"),
        })
    }
}

impl World {
    /// Returns p50 and p99 of the latencies since the last call, in ms.
    pub fn percentiles_ms(&self) -> (f64, f64) {
        let mut all = std::mem::take(&mut *self.latencies.lock().unwrap());
        all.sort();
        let at = |share: f64| {
            let index = (all.len() as f64 * share) as usize;
            all.get(index.min(all.len().saturating_sub(1)))
                .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        (at(0.5), at(0.99))
    }
}

/// Opens an engine on a directory.
pub async fn open(directory: &Path) -> (Engine, Recovered, Arc<World>) {
    let world = Arc::new(World::default());
    let options = EngineOptions::new(directory, Arc::clone(&world) as Arc<_>, Arc::clone(&world) as Arc<_>).unwrap();
    let (engine, recovered) = Engine::open(options).await.unwrap();
    (engine, recovered, world)
}
