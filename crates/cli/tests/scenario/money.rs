//! Limits of money: what a review leaves out, what it says, and what operators hear.

use std::collections::BTreeSet;

use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::Value;

use crate::support::Scene;

const FILES: usize = 6;

/// A change of several files, with a repository's settings in its base.
fn change(policy: &str) -> Repository {
    let repository = Repository::new().unwrap();
    let write = |factor: u32| {
        for file in 0..FILES {
            let text = format!("pub fn function_{file}(x: u64) -> u64 {{\n    x * {factor}\n}}\n");
            repository.write(&format!("src/file_{file}.rs"), text).unwrap();
        }
    };
    write(2);
    repository.write(".holdfast.yml", policy).unwrap();
    repository.commit("base").unwrap();
    repository.branch("topic").unwrap();
    write(3);
    repository.commit("change").unwrap();
    repository
}

fn scene(policy: &str) -> Scene {
    let server = ModelServer::start(Script::findings(Vec::new())).unwrap();
    Scene::with_model(change(policy), server)
        .set("HOLDFAST_MODEL_PRICES", "openai/test-model=1000/1000")
        .set("HOLDFAST_MODEL_OUTPUT_TOKENS", "256")
        .set("HOLDFAST_MAX_CONCURRENCY", "1")
        .set("HOLDFAST_APPROVERS", "ada=ada@example.org")
}

fn files(document: &Value, outcome: &str) -> Vec<Value> {
    let all = document["coverage"].as_array().unwrap().iter();
    all.filter(|file| file["outcome"] == outcome && file["path"] != ".holdfast.yml")
        .cloned()
        .collect()
}

/// Returns the subjects of the mails to operators.
fn subjects(scene: &Scene) -> BTreeSet<String> {
    let outbox = scene.data.path().join("data/outbox");
    let mails = std::fs::read_dir(outbox).into_iter().flatten();
    let texts = mails.map(|mail| std::fs::read_to_string(mail.unwrap().path()).unwrap());
    let subject = |text: String| {
        text.lines()
            .find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned))
    };
    texts.filter_map(subject).collect()
}

#[test]
fn a_review_stops_at_the_limit_of_the_settings_or_of_the_repository_and_says_what_is_missing() {
    let (_, whole) = scene("").review();
    let cost = whole["usage"]["cost_usd"].as_f64().unwrap();
    assert!(cost > 0.0 && files(&whole, "reviewed").len() == FILES, "{whole:#}");
    let limit = format!("{:.2}", cost * 0.7);
    for (policy, setting, name) in [
        (String::new(), Some(limit.as_str()), "HOLDFAST_SPEND_PER_RUN"),
        (
            format!("spend: {{ per_run: {limit} }}"),
            None,
            "spend.per_run in .holdfast.yml",
        ),
        // The repository can't raise the deployment's limit.
        (
            "spend: { per_run: 999999 }".to_owned(),
            Some(limit.as_str()),
            "HOLDFAST_SPEND_PER_RUN",
        ),
    ] {
        let mut scene = scene(&policy);
        if let Some(limit) = setting {
            scene = scene.set("HOLDFAST_SPEND_PER_RUN", limit);
        }
        let (exit, document) = scene.review();
        assert_eq!(
            (exit, &document["status"]),
            (3, &Value::from("partial")),
            "{document:#}"
        );
        let (read, left) = (files(&document, "reviewed"), files(&document, "unreviewed"));
        assert!(
            !read.is_empty() && !left.is_empty() && read.len() + left.len() == FILES,
            "{document:#}"
        );
        for file in &left {
            let reason = file["reason"].as_str().unwrap();
            assert_eq!(file["failure"], "SpendLimitReached", "{file:#}");
            assert!(reason.contains(name) && reason.contains("could cost"), "{reason}");
        }
        let spent = document["usage"]["cost_usd"].as_f64().unwrap();
        assert!(spent <= limit.parse::<f64>().unwrap(), "{spent} of {limit}");
        let subjects = subjects(&scene);
        assert!(
            subjects.contains(&format!("Holdfast: the limit {name} is reached")),
            "{subjects:?}"
        );
        assert!(
            subjects.iter().any(|subject| subject.contains("% of the limit")),
            "{subjects:?}"
        );
        let before = subjects.len();
        // The same review again hears nothing new, and pays nothing.
        scene.review();
        assert_eq!(self::subjects(&scene).len(), before);
    }
}
