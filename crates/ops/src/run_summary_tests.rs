//! A list of runs reads each run's header and nothing else of it.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::Mutex;

use futures::executor::block_on;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreError;
use serde_json::json;

use super::*;

/// Artifacts of runs of this version; keeps the keys that are read.
struct CountingStore {
    header: Value,
    reads: Mutex<Vec<String>>,
}

#[async_trait]
impl StoreArtifact for CountingStore {
    async fn put(&self, key: &str, _bytes: &[u8]) -> Result<(), StoreError> {
        panic!("a list writes {key}");
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.lock().unwrap().push(key.to_owned());
        // Any other artifact is damaged: reading one fails the list.
        Ok(Some(match key.ends_with("/header.json") {
            true => self.header.to_string().into_bytes(),
            false => b"damaged".to_vec(),
        }))
    }
}

fn execution(name: &str, status: ExecutionStatus) -> ExecutionSummary {
    ExecutionSummary {
        arn: String::new(),
        name: name.to_owned(),
        status,
        input: Value::Null,
        error: None,
        cause: None,
        result: None,
        started: Timestamp(0),
        stopped: status.is_final().then_some(Timestamp(1)),
    }
}

#[test]
fn a_list_of_runs_reads_headers_only() {
    let report = json!({
        "status": "published", "gate": { "decision": "publish", "worst": null }, "findings": 3,
        "usage": { "model_calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 1 },
    });
    for (status, header, expected) in [
        (
            ExecutionStatus::Succeeded,
            json!({ "title": "t", "files": 3000, "report": report }),
            RunStatus::Published,
        ),
        (
            ExecutionStatus::Running,
            json!({ "title": "t", "files": 3000 }),
            RunStatus::Running,
        ),
    ] {
        let store = CountingStore {
            header,
            reads: Mutex::default(),
        };
        let names: Vec<RunName> = (0..20)
            .map(|number| format!("run-{number:02}").parse().unwrap())
            .collect();
        for name in &names {
            let summary = block_on(summarize(
                name.clone(),
                execution(name.as_str(), status),
                false,
                false,
                &store,
            ))
            .unwrap();
            assert_eq!((summary.status, summary.header.files), (expected, 3000));
        }
        let headers: Vec<String> = names.iter().map(key::header).collect();
        assert_eq!(*store.reads.lock().unwrap(), headers);
    }
}
