//! A review whose model calls are batch calls: with both providers, and killed in the middle.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use holdfast_core::port::KeepRows;
use holdfast_stores::sqlite::SqliteKeepRows;
use holdfast_testkit::model_server::Wire;
use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::json;

use crate::support::Scene;

const FILES: usize = 3;

/// A change of some files, the first of the strong tier.
fn change() -> Repository {
    let repository = Repository::new().unwrap();
    let write = |factor: u32| {
        for file in 0..FILES {
            let text = format!("pub fn function_{file}(x: u64) -> u64 {{\n    x * {factor}\n}}\n");
            repository.write(&format!("src/file_{file}.rs"), text).unwrap();
        }
    };
    write(2);
    let tiers = "tiers: [{ path: src/file_0.rs, tier: strong }, { path: src, tier: light }]";
    repository.write(".holdfast.yml", tiers).unwrap();
    repository.commit("base").unwrap();
    repository.branch("topic").unwrap();
    write(3);
    repository.commit("change").unwrap();
    repository
}

/// Returns the number of batches that the data directory knows.
fn stored(scene: &Scene) -> usize {
    let data = scene.data.path().join("data");
    if !data.join("tables.sqlite").exists() {
        return 0;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let read = async {
        let rows = SqliteKeepRows::open(data).await.unwrap();
        rows.list("batch/", 100).await.unwrap().len()
    };
    runtime.block_on(read)
}

#[test]
fn a_killed_review_pays_for_each_batch_once_and_half() {
    let server = ModelServer::start(Script::findings(Vec::new())).unwrap();
    let prices = "openai/test-model=1000/1000,anthropic/light-model=1000/1000";
    let scene = Scene::with_model(change(), server)
        .set("HOLDFAST_MODEL_LIGHT", "anthropic/light-model")
        .set("ANTHROPIC_API_KEY", "test-key")
        .set("HOLDFAST_MODEL_PRICES", prices)
        .set("HOLDFAST_MODEL_BATCH", "all");
    let mut review = scene.spawn_review();
    let give_up = Instant::now() + Duration::from_secs(60);
    while stored(&scene) < FILES {
        assert!(Instant::now() < give_up, "no batch for each file");
        std::thread::sleep(Duration::from_millis(100));
    }
    review.kill().unwrap();
    review.wait().unwrap();
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (0, &json!("reviewed")), "{document:#}");
    let (batches, calls) = (scene.server().batches(), scene.server().journal().calls());
    let names: BTreeSet<_> = batches.iter().map(|batch| batch.custom_id.as_str()).collect();
    // One for each file, and one for the walkthrough.
    assert_eq!((batches.len(), names.len(), calls.len()), (FILES + 1, FILES + 1, 0));
    let of_openai = batches.iter().filter(|batch| batch.wire == Wire::Openai);
    assert_eq!(of_openai.count(), 1, "the file of the strong tier");
    let usage = &document["usage"];
    let tokens = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    let full = tokens as f64 / 1_000.0;
    let cost = usage["cost_usd"].as_f64().unwrap();
    assert!((cost - full / 2.0).abs() < 0.001, "{cost} of {full}");
    assert_eq!(usage["model_calls"], FILES + 1);
}
