//! Runs the workflow on LocalStack's interpreter and on ours, with the same functions, and checks that both enter the
//! same states. `cargo xtask two-engines` runs it: it needs a Python environment of its own.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "the table is for the person at the terminal")]

mod engine;
mod environment;
mod scenario;

use std::collections::BTreeSet;
use std::time::Instant;

use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::stage::state;
use holdfast_ops::workflow;
use holdfast_testkit::{Fault, Matcher, PullRequest, Repository};
use serde_json::{Value, json};

use engine::{Engine, Path};
use environment::{BUCKET, Environment};
use scenario::{Decision, Scenario};

const NUMBER: u64 = 12;
/// The time for a person's decision in the hasty workflow, in seconds; the real workflow waits for two days.
const HASTY_S: u64 = 2;

/// An engine's state machines: the definition as it is, and one with little time for people.
struct Machines {
    engine: usize,
    patient: String,
    hasty: String,
}

struct Changes {
    code: (Repository, String, String),
    noise: (Repository, String, String),
}

#[test]
fn both_engines_take_the_same_path() {
    let environment = Environment::start();
    let machines = [0, 1].map(|engine| machines(&environment, engine));
    let changes = changes();
    let mut differences = Vec::new();
    println!(
        "{:<20} {:<10} {:>6} {:>6}  {:>10} {:>10}",
        "scenario", "status", "states", "units'", "LocalStack", "holdfast"
    );
    let (mut total, began) = ((0, 0), Instant::now());
    let scenarios = scenario::all();
    for scenario in &scenarios {
        let [theirs, ours] = [0, 1].map(|engine| play(&environment, &machines[engine], &changes, scenario));
        let (states, of_units) = ours.0.states();
        total = (total.0 + states, total.1 + of_units);
        println!(
            "{:<20} {:<10} {states:>6} {of_units:>6}  {:>8.1} s {:>8.1} s",
            scenario.name, ours.0.status, theirs.1, ours.1
        );
        if theirs.0 != ours.0 {
            let difference = format!(
                "{}\n  LocalStack {}  holdfast {}",
                scenario.name,
                theirs.0.description(),
                ours.0.description()
            );
            differences.push(difference);
        }
        if let Some(missing) = missed(scenario, &ours.0) {
            differences.push(format!(
                "{}: {missing}\n  holdfast {}",
                scenario.name,
                ours.0.description()
            ));
        }
    }
    println!(
        "{} scenarios, {} states of reviews and {} of units in each engine, {:.0} s",
        scenarios.len(),
        total.0,
        total.1,
        began.elapsed().as_secs_f64()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Returns the difference between a path and its scenario's expectations, if any.
fn missed(scenario: &Scenario, path: &Path) -> Option<String> {
    let steps: BTreeSet<&str> = path
        .units
        .values()
        .flatten()
        .chain(&path.steps)
        .map(String::as_str)
        .collect();
    let missed: Vec<&str> = scenario
        .through
        .iter()
        .copied()
        .filter(|step| !steps.contains(step))
        .collect();
    if path.status != scenario.status {
        return Some(format!("ends {}, not {}", path.status, scenario.status));
    }
    (!missed.is_empty()).then(|| format!("does not go through {}", missed.join(", ")))
}

fn machines(environment: &Environment, engine: usize) -> Machines {
    let definition = workflow::definition();
    // LocalStack's parser refuses a result writer with `Arguments`; without one, the results are the map's own output.
    let definition = if engine == 0 {
        without_writer(definition)
    } else {
        definition.to_owned()
    };
    let hasty = definition.replace("\"TimeoutSeconds\": 172800", &format!("\"TimeoutSeconds\": {HASTY_S}"));
    let hasty = hasty.replace("\"TimeoutSeconds\":172800", &format!("\"TimeoutSeconds\":{HASTY_S}"));
    assert_ne!(hasty, definition, "people have two days");
    let on = &environment.engines[engine];
    Machines {
        engine,
        patient: on.create("review", &definition),
        hasty: on.create("hasty", &hasty),
    }
}

fn without_writer(definition: &str) -> String {
    let mut definition: Value = serde_json::from_str(definition).unwrap();
    let map = definition["States"][state::REVIEW_EACH_UNIT].as_object_mut().unwrap();
    map.remove("ResultWriter").unwrap();
    definition.to_string()
}

fn changes() -> Changes {
    let code = Repository::many_files(3).unwrap();
    let noise = Repository::new().unwrap();
    let lock = |version: u32| {
        noise
            .write("package-lock.json", format!("{{ \"lockfileVersion\": {version} }}\n"))
            .unwrap();
        noise.commit(&format!("Lock {version}")).unwrap()
    };
    let (base, head) = (lock(2), lock(3));
    Changes {
        code: (code.repository, code.base, code.head),
        noise: (noise, base, head),
    }
}

/// Plays a scenario on an engine, in a repository of its own, so that engines don't share cached answers. Returns its
/// path and its duration in seconds.
fn play(environment: &Environment, machines: &Machines, changes: &Changes, scenario: &Scenario) -> (Path, f64) {
    let engine: &Engine = &environment.engines[machines.engine];
    let repository = format!("{}-{}", scenario.name, ["theirs", "ours"][machines.engine]);
    let slug = format!("octo/{repository}");
    let (files, base, head) = if scenario.is_noise {
        &changes.noise
    } else {
        &changes.code
    };
    let pull = PullRequest::from_git(files.path(), base, head, &slug, NUMBER).unwrap();
    environment.github.add(pull);
    for trouble in &scenario.troubles {
        let matcher = Matcher::new(trouble.method, &format!("/repos/{slug}{}", trouble.path));
        let matcher = if trouble.is_lasting { matcher.always() } else { matcher };
        let fault = match trouble.status {
            429 => Fault::rate_limited(1),
            status => Fault::status(status),
        };
        environment.github.fail_next(matcher, fault);
    }
    environment.model.set_script((scenario.script)());
    let run = Run {
        version: PAYLOAD_VERSION,
        run: format!("octo-{repository}-{NUMBER}-1").parse().unwrap(),
        bucket: BUCKET.to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", &repository).unwrap(),
            number: NUMBER,
            head: CommitSha::parse(if scenario.is_moved { base } else { head }).unwrap(),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 2,
        // A refusal holds for a model for some seconds.
        model: format!("openai/{repository}").parse().unwrap(),
        model_light: format!("openai/{repository}").parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    };
    let machine = if scenario.is_hasty {
        &machines.hasty
    } else {
        &machines.patient
    };
    let began = Instant::now();
    let execution = engine.start(machine, run.run.as_str(), &json!(run));
    if let Some(decision) = scenario.decision {
        let token = environment.token(run.run.as_str());
        if let Decision::Approve = decision {
            environment.store_approval(run.run.as_str());
        }
        decide(engine, &token, decision);
    }
    (engine.ended(&execution), began.elapsed().as_secs_f64())
}

/// Sends a decision to the workflow, like the approval page.
fn decide(engine: &Engine, token: &str, decision: Decision) {
    match decision {
        Decision::Approve => {
            let output = json!({ "decision": "approved" }).to_string();
            engine.call("SendTaskSuccess", &json!({ "taskToken": token, "output": output }));
        }
        Decision::Reject => {
            let failure = json!({ "taskToken": token, "error": "ApprovalRejected", "cause": "Not now." });
            engine.call("SendTaskFailure", &failure);
        }
    }
}
