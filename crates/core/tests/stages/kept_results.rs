//! An accepted result is stored under the unit's first question. A finished unit is not paid for again, whichever
//! attempt gave the answer and whatever the pull request's title is now. Without an accepted answer, or for another
//! question, the model is called.

use holdfast_core::model::plan::{ContextPack, Scope};
use holdfast_core::model::run::OLDEST_PAYLOAD_VERSION;
use holdfast_core::port::{StoreArtifact, StoreError};
use holdfast_core::stage::{UnitDocument, find_whole_change, read_unit, write_artifact};

use super::*;

const OTHER_PATCH: &str = "@@ -1,1 +1,2 @@\n one\n+three";
const WALKTHROUGH: &str = r#"{"summary":"Adds lines.","findings":[]}"#;

/// Returns the next run, with the artifacts that the last one stored.
fn next(before: &World, world: World) -> World {
    let kept = before.store.all().clone();
    let kept = kept.into_iter().filter(|(key, _)| key.starts_with("cache/"));
    *world.store.all() = kept.collect();
    world
}

fn one_file(patch: &str, answers: Vec<Result<&'static str, ModelError>>) -> World {
    world(vec![file("src/a.rs", Some(patch))], "openai/m", "openai/l", answers)
}

/// Reviews the first unit.
fn review(world: &World) -> Value {
    assert_eq!(world.prepare(), 1);
    world.walk_unit("u0001", Tier::Light)
}

#[test]
fn the_next_run_reuses_the_accepted_result_of_any_attempt() {
    for (answers, attempts) in [
        (vec![Ok(VALID)], 1),
        (vec![Ok("Let me think."), Ok(GOOD)], 2),
        (vec![Ok("no"), Ok("nor now"), Ok("never"), Ok(GOOD)], 4),
        // Accepted without the findings that stayed invalid.
        (vec![Ok(GOOD_AND_BAD), Ok(ONLY_BAD), Ok("no"), Ok("never")], 4),
    ] {
        let first = one_file(PATCH, answers);
        let result = review(&first);
        assert_eq!(
            (&result["status"], &result["attempts"]),
            (&json!("reviewed"), &json!(attempts))
        );
        let (_, before) = first.finish(json!([result]));

        let mut second = next(&first, one_file(PATCH, vec![]));
        second.change().title = "Another title".to_owned();
        second.change().description = "And why".to_owned();
        let result = review(&second);
        assert_eq!(result["status"], "reviewed", "{result}");
        let (_, after) = second.finish(json!([result]));
        assert!(second.asked().is_empty());
        assert_eq!(after.findings, before.findings);
        assert_eq!((after.usage.model_calls, after.usage.cache_hits), (0, 1));
    }
}

#[test]
fn the_next_run_calls_the_model_again_without_an_accepted_result() {
    let first = one_file(PATCH, vec![Ok("no"), Ok("nor now"), Ok("never"), Ok("not ever")]);
    assert_eq!(review(&first)["status"], "unreviewed");
    let second = next(&first, one_file(PATCH, vec![Ok(VALID)]));
    assert_eq!(review(&second)["status"], "reviewed");
    assert_eq!(second.asked().len(), 1);
}

#[test]
fn a_changed_question_calls_the_model() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 8] = [
        ("repository", |world| {
            if let Target::PullRequest { repository, .. } = &mut world.run.target {
                *repository = RepositoryName::new("o", "other").unwrap();
            }
        }),
        ("model", |world| world.run.model_light = "openai/other".parse().unwrap()),
        ("hunks", |world| {
            world.change().files = vec![file("src/a.rs", Some(OTHER_PATCH))]
        }),
        ("place", |world| {
            let moved = PATCH.replace("-1,1 +1,2", "-4,1 +4,2");
            world.change().files = vec![file("src/a.rs", Some(&moved))];
        }),
        ("path", |world| {
            world.change().files = vec![file("src/b.rs", Some(PATCH))]
        }),
        ("previous path", |world| {
            world.change().files[0].previous_path = Some("src/old.rs".to_owned());
        }),
        ("instructions", |world| {
            world.set_policy("instructions:\n  - path: src/**\n    text: Prices are in cents.\n");
        }),
        ("tier", |world| {
            world.set_policy("tiers:\n  - path: src/**\n    tier: strong\n")
        }),
    ];
    let first = one_file(PATCH, vec![Ok(VALID)]);
    review(&first);
    for (what, change) in cases {
        let mut second = next(&first, one_file(PATCH, vec![Ok(VALID)]));
        change(&mut second);
        review(&second);
        assert_eq!(second.asked().len(), 1, "{what}");
    }
}

#[test]
fn changed_ambient_text_calls_no_model() {
    let mut world = one_file(PATCH, vec![Ok(VALID)]);
    world.change().title = "Pay twice".to_owned();
    world.change().description = format!("Because of #7.\n\n{}", "x".repeat(10_000));
    review(&world);
    let (_, prompt) = world.asked().remove(0);
    let text = &prompt.turns[0].text;
    assert!(
        text.contains("Change: Pay twice\nDescription: Because of #7. xxx"),
        "{text}"
    );
    assert!(text.len() < 3_000, "the description is bounded: {}", text.len());

    let document = block_on(read_unit(&run_name("r"), "u0001", &world.store)).unwrap();
    let changed = |change: fn(&mut UnitDocument)| {
        let mut other = document.clone();
        change(&mut other);
        other.question() != document.question()
    };
    let scope = |signature: &str| Scope {
        kind: "function".to_owned(),
        name: "f".to_owned(),
        start_line: 1,
        end_line: 9,
        signature: signature.to_owned(),
    };
    assert!(!changed(|unit| unit.ambient.title = "Other".to_owned()));
    assert!(!changed(|unit| unit.ambient.description = "Other".to_owned()));
    assert!(!changed(|unit| unit.context.imports = vec!["use a;".to_owned()]));
    assert!(!changed(|unit| unit.unit = "u0009".to_owned()));
    let with = |scope: Scope| UnitDocument {
        context: ContextPack {
            scopes: vec![scope],
            ..ContextPack::default()
        },
        ..document.clone()
    };
    assert_ne!(with(scope("fn f()")).question(), document.question());
    assert_ne!(with(scope("fn f()")).question(), with(scope("fn f(x: u8)")).question());
    let moved = Scope {
        end_line: 12,
        ..scope("fn f()")
    };
    assert_eq!(with(scope("fn f()")).question(), with(moved).question(), "by content");
}

#[test]
fn the_walkthrough_is_kept_and_its_prompt_recorded() {
    let two = |answers| {
        let files = vec![file("src/a.rs", Some(PATCH)), file("src/b.rs", Some(OTHER_PATCH))];
        world(files, "openai/m", "openai/m", answers)
    };
    let finish = |world: &World| {
        assert_eq!(world.prepare(), 2);
        let results = ["u0001", "u0002"].map(|unit| world.walk_unit(unit, Tier::Light));
        world.finish(json!(results)).1
    };
    let first = two(vec![Ok(VALID), Ok(VALID), Ok(WALKTHROUGH)]);
    let before = finish(&first);
    assert!(before.summary.starts_with("Adds lines."), "{}", before.summary);
    let asked: Prompt = block_on(read_artifact(&first.store, &key::summary_prompt(&run_name("r")))).unwrap();
    assert_eq!(asked, first.asked().pop().unwrap().1);

    let mut second = next(&first, two(vec![]));
    second.change().title = "Another title".to_owned();
    if let Target::PullRequest { number, .. } = &mut second.run.target {
        *number = 2;
    }
    let after = finish(&second);
    assert!(second.asked().is_empty(), "a duplicated pull request costs nothing");
    assert_eq!(after.summary, before.summary);
    assert_eq!((after.usage.model_calls, after.usage.cache_hits), (0, 3));

    // An answer that could not be read is not stored.
    let third = two(vec![Ok(VALID), Ok(VALID), Ok("no")]);
    finish(&third);
    let fourth = next(&third, two(vec![Ok(WALKTHROUGH)]));
    assert!(finish(&fourth).summary.starts_with("Adds lines."));
}

/// A store that accepts all keys except one.
struct Refusing<'a> {
    store: &'a MemoryArtifacts,
    refused: String,
}

#[async_trait]
impl StoreArtifact for Refusing<'_> {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match key == self.refused {
            true => Err(StoreError {
                key: key.to_owned(),
                detail: "away".to_owned(),
            }),
            false => self.store.put(key, bytes).await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key).await
    }
}

#[test]
fn a_store_that_fails_is_tried_again_and_never_replaces_the_walkthrough() {
    let files = vec![file("src/a.rs", Some(PATCH)), file("src/b.rs", Some(OTHER_PATCH))];
    let answers = vec![Ok(VALID), Ok(VALID), Ok(WALKTHROUGH), Ok(WALKTHROUGH)];
    let world = world(files, "openai/m", "openai/m", answers);
    assert_eq!(world.prepare(), 2);
    let results = ["u0001", "u0002"].map(|unit| world.walk_unit(unit, Tier::Light));
    world.finish(json!(results));
    let answer_key = key::summary_answer(&run_name("r"));
    world.store.all().remove(&answer_key);
    world.store.all().retain(|key, _| !key.starts_with("cache/"));
    let refusing = Refusing {
        store: &world.store,
        refused: answer_key,
    };
    let input = summarize_review::Input {
        run: run_name("r"),
        waiting: Waiting::default(),
    };
    let failed = block_on(summarize_review::summarize_review(
        &input,
        &world.model,
        &ApprovalSettings::default(),
        &refusing,
    ))
    .unwrap_err();
    assert_eq!(failed.name, ErrorName::ArtifactUnavailable);
}

#[test]
fn a_run_of_version_1_continues_with_its_own_artifacts() {
    let mut world = one_file(PATCH, vec![Ok("no"), Ok(GOOD)]);
    world.run.version = OLDEST_PAYLOAD_VERSION;
    world.change().description = "Why".to_owned();
    world.set_policy("instructions:\n  - path: src/**\n    text: Prices are in cents.\n");
    assert_eq!(world.prepare(), 1);
    let document = block_on(read_unit(&run_name("r"), "u0001", &world.store)).unwrap();
    // The artifacts of version 1: the whole change in one artifact, a context pack and no document.
    let change = block_on(find_whole_change(&run_name("r"), &world.store))
        .unwrap()
        .unwrap();
    block_on(async {
        write_artifact(&world.store, &key::change(&run_name("r")), &change)
            .await
            .unwrap();
        write_artifact(&world.store, &key::context(&run_name("r"), "u0001"), &document.context)
            .await
            .unwrap();
    });
    let is_new = |key: &String| key.ends_with("/unit.json") || key.contains("/patches/");
    world.store.all().retain(|key, _| !is_new(key));
    let read = block_on(read_unit(&run_name("r"), "u0001", &world.store)).unwrap();
    assert_eq!(
        read,
        UnitDocument {
            tier_reason: String::new(),
            ..document
        }
    );
    let result = world.walk_unit("u0001", Tier::Light);
    let (_, report) = world.finish(json!([result]));
    assert_eq!(report.findings.len(), 1);
    let text = &world.asked()[0].1.turns[0].text;
    assert!(!text.contains("Description:"), "it asks as it asked before: {text}");
    // If GatherContext runs again, it writes the document in this version's form.
    let input = gather_context::Input { run: run_name("r") };
    let output = block_on(gather_context::gather_context(
        &input,
        &world.read,
        &NoSyntax,
        &world.store,
        &Duration::MAX,
    ))
    .unwrap();
    assert_eq!(output.packs, 1);
}
