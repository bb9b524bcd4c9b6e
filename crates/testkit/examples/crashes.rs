//! The model calls that crashes cost: a published review is killed again and again, each time with calls in flight, and
//! started again with the same command. Prints a table, and fails if a bound of the design doesn't hold.
//!
//! ```text
//! cargo build --release --bin holdfast
//! cargo run --release -p holdfast-testkit --example crashes -- target/release/holdfast [KILLS…]
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table, and progress")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::model_server::Call;
use holdfast_testkit::{FakeGithub, Finding, ModelServer, PullRequest, Repository, Script};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

const SLUG: &str = "octo/demo";
const NUMBER: u64 = 12;
const UNITS: usize = 40;
/// The most calls in flight.
const AT_ONCE: usize = 8;
/// The time that the model takes for an answer.
const ANSWER_MS: u64 = 500;
/// Numbers of kills of one review, unless others are given.
const KILLS: [usize; 4] = [0, 1, 3, 5];
/// The longest time of a review with all its starts.
const LONGEST: Duration = Duration::from_secs(300);

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().ok_or("the program's path is missing")?;
    let given: Vec<usize> = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    println!(
        "| kills | units | seconds | model calls | beyond one a unit and the walkthrough | in flight at a kill | allowed | files lost | reviews published |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for kills in if given.is_empty() { KILLS.to_vec() } else { given } {
        eprintln!("{kills} kills");
        println!("{}", review(Path::new(&program), kills)?);
    }
    Ok(())
}

/// Reviews a pull request with this number of kills. Returns a row of the table.
fn review(program: &Path, kills: usize) -> Outcome<String> {
    let change = Repository::many_files(UNITS)?;
    let github = FakeGithub::start()?;
    github.add(PullRequest::from_git(
        change.repository.path(),
        &change.base,
        &change.head,
        SLUG,
        NUMBER,
    )?);
    let finding = Finding::first_added_line().severity("medium");
    let model = ModelServer::start(Script::findings(vec![finding]).delayed(ANSWER_MS))?;
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let start = || start(program, &github, &model, folder.path());
    let begun = Instant::now();
    let mut killed_in_flight = 0;
    for kill in 1..=kills {
        let mut child = start()?;
        // Kills are spread evenly over the answers. Half of an answer's time later, the next calls are in flight.
        let due = UNITS * kill / (kills + 1);
        until(begun, || answered(&model).len() >= due)?;
        until(begun, || in_flight(&model) > 0)?;
        std::thread::sleep(Duration::from_millis(ANSWER_MS / 2));
        killed_in_flight += in_flight(&model);
        child.kill()?;
        child.wait()?;
    }
    let status = ended(start()?, begun)?;
    let took = begun.elapsed().as_secs_f64();
    let calls = model.journal().calls();
    let beyond = calls.len().saturating_sub(UNITS + 1);
    let lost = UNITS - reviewed(&report)?;
    let published = github.reviews(SLUG, NUMBER).len();
    let allowed = kills * AT_ONCE;
    if !status.success() || beyond > killed_in_flight || killed_in_flight > allowed || lost > 0 || published != 1 {
        let text =
            format!("{status}, {beyond} calls too many, {killed_in_flight} killed, {lost} lost, {published} reviews");
        return Err(text.into());
    }
    Ok(format!(
        "| {kills} | {UNITS} | {took:.1} | {} | {beyond} | {killed_in_flight} | {allowed} | {lost} | {published} |",
        calls.len()
    ))
}

/// Returns the number of answers to each file.
fn answered(model: &ModelServer) -> BTreeMap<String, usize> {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let calls = model.journal().calls();
    for call in calls.iter().filter(|call| call.status == Some(200)) {
        // The walkthrough's call shows no file's lines.
        if let [path] = call.paths.as_slice() {
            *answers.entry(path.clone()).or_default() += 1;
        }
    }
    answers
}

fn in_flight(model: &ModelServer) -> usize {
    let is_open = |call: &&Call| call.ended_at_ms.is_none();
    model.journal().calls().iter().filter(is_open).count()
}

fn until(begun: Instant, is_reached: impl Fn() -> bool) -> Outcome<()> {
    while !is_reached() {
        if begun.elapsed() > LONGEST {
            return Err("the review doesn't come to the next kill".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn ended(mut child: Child, begun: Instant) -> Outcome<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > LONGEST {
            child.kill()?;
            return Err("the review doesn't end".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the number of files that a report names as reviewed.
fn reviewed(report: &Path) -> Outcome<usize> {
    let report: Value = serde_json::from_slice(&std::fs::read(report)?)?;
    let coverage = report["coverage"].as_array().ok_or("no coverage")?;
    let reviewed = coverage.iter().filter(|entry| entry["outcome"] == "reviewed");
    Ok(reviewed.count())
}

fn start(program: &Path, github: &FakeGithub, model: &ModelServer, folder: &Path) -> Outcome<Child> {
    let child = Command::new(program)
        .args(["review", &github.pull_request_url(SLUG, NUMBER), "--publish", "--quiet"])
        .args(["--output", "json=report.json"])
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOLDFAST_DATA", folder.join("data"))
        .env("HOLDFAST_MODEL", "openai/test-model")
        .env("HOLDFAST_MODEL_URL", model.url())
        .env("HOLDFAST_MAX_CONCURRENCY", AT_ONCE.to_string())
        .env("HOLDFAST_GITHUB_URL", github.url())
        .env("GITHUB_TOKEN", FakeGithub::INSTALLATION_TOKEN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}
