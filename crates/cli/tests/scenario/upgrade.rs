//! Data directories of version 0.1 with a run stopped in each state: the current program finishes each run, or replays
//! it.
//!
//! `tests/fixtures/data/v0.1.tar.gz` was recorded with the program of version 0.1:
//!
//! ```text
//! HOLDFAST_RECORD_DATA=1 HOLDFAST_OTHER_BINARY=/path/to/holdfast-0.1 \
//!     cargo test -p holdfast-cli --test scenario upgrade -- --nocapture
//! ```
//!
//! A group is one data directory, as SQL text and artifacts, and what the runs in it had written to GitHub. The test
//! writes that to a fake GitHub again, moves all times to now (an execution lives 14 days at most), and starts
//! the program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdfast_testkit::github::Entry;
use holdfast_testkit::model_server::{Answer, Finding, ModelRequest, answer_text};
use holdfast_testkit::{FakeGithub, Fault, Matcher, ModelServer, PullRequest, Repository, Script};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{holdfast_of, other_binary};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/data/v0.1.tar.gz");
const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");
/// The fixture's key, which signs its markers.
const MARKER_KEY: &str = "made-for-the-fixture-and-used-nowhere-else";
const NUMBER: u64 = 1;
/// Time limit of a wait during which nothing changes.
const STUCK: Duration = Duration::from_secs(90);
/// Maximum number of attempts to catch a stage that ends within milliseconds.
const TRIES: usize = 40;
/// A delay that is longer than any test.
const FOR_GOOD_MS: u64 = 86_400_000;
/// A wait of an hour is over after this time, and a wait of two days isn't.
const AWAY_MS: i64 = 2 * 3_600_000;
const DATABASES: [&str; 2] = ["engine", "tables"];

/// A run of the fixture: its repository is `octo/NAME`.
struct Case {
    name: &'static str,
    /// The state that it was stopped in; empty if it had ended.
    state: &'static str,
    /// The request to GitHub without an answer that holds it there. Without one the model holds it, or nothing does.
    held: Option<(&'static str, &'static str)>,
    /// The status that it has in the end.
    ends: &'static str,
    /// The reviews that are then on the pull request.
    reviews: usize,
}

const fn case(
    name: &'static str,
    state: &'static str,
    held: Option<(&'static str, &'static str)>,
    ends: &'static str,
    reviews: usize,
) -> Case {
    Case {
        name,
        state,
        held,
        ends,
        reviews,
    }
}

/// The runs that are stopped together, in one data directory.
const TOGETHER: [Case; 17] = [
    case("check", "OpenReview", Some(("POST", "check-runs")), "published", 1),
    case(
        "announce",
        "OpenReview",
        Some(("POST", "issues/*/comments")),
        "published",
        1,
    ),
    case("gather", "GatherContext", Some(("GET", "git/blobs/*")), "published", 1),
    case("review", "ReviewUnit", None, "published", 1),
    case("half", "ReviewUnit", None, "published", 1),
    case("correct", "ReviewUnit", None, "published", 1),
    case("budget", "WaitForModelBudget", None, "published", 1),
    case("summarize", "SummarizeReview", None, "published", 1),
    case("approve", "RequestApproval", None, "published", 1),
    case(
        "draft",
        "PublishReview",
        Some(("POST", "pulls/*/reviews")),
        "published",
        1,
    ),
    case(
        "submit",
        "PublishReview",
        Some(("POST", "pulls/*/reviews/*/events")),
        "published",
        1,
    ),
    case(
        "close",
        "PublishReview",
        Some(("PATCH", "check-runs/*")),
        "published",
        1,
    ),
    case(
        "withdraw",
        "WithdrawAnnouncement",
        Some(("DELETE", "issues/comments/*")),
        "failed",
        0,
    ),
    case("published", "", None, "published", 1),
    case("failed", "", None, "failed", 0),
    case("superseded", "", None, "superseded", 1),
    case("partial", "", None, "partial", 1),
];

/// Stages that take milliseconds: one data directory each, killed at the moment when the state is entered.
const ALONE: [Case; 4] = [
    case("plan", "PlanReview", None, "published", 1),
    case("validate", "ValidateFindings", None, "published", 1),
    case("aggregate", "AggregateFindings", None, "published", 1),
    case(
        "discard",
        "DiscardReview",
        Some(("DELETE", "issues/comments/*")),
        "rejected",
        0,
    ),
];

/// The fixture's data of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stopped {
    name: String,
    run: String,
    /// States that the run and its units were in.
    states: Vec<String>,
    status: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Group {
    recorded_ms: i64,
    runs: Vec<Stopped>,
}

fn cases() -> impl Iterator<Item = &'static Case> {
    TOGETHER.iter().chain(&ALONE)
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// GitHub, a model and a data directory.
struct World {
    github: FakeGithub,
    model: ModelServer,
    repository: Repository,
    folder: tempfile::TempDir,
}

impl World {
    fn new(script: Script) -> Self {
        let repository = Repository::new().unwrap();
        repository.write("README.md", "A demo.\n").unwrap();
        repository.commit("Begin").unwrap();
        Self {
            github: FakeGithub::start().unwrap(),
            model: ModelServer::start(script).unwrap(),
            repository,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Creates the pull request of a case: two files named after it. A later head has one more line.
    fn pull(&self, name: &str, is_later: bool) -> PullRequest {
        let git = |arguments: &[&str]| self.repository.git(arguments).unwrap();
        git(&["checkout", "--quiet", "-B", name, "main"]);
        for number in 0..2 {
            let text = format!("pub fn {name}_{number}(x: u64) -> u64 {{\n    x * {number}\n}}\n");
            self.repository.write(&format!("src/{name}_{number}.rs"), text).unwrap();
        }
        if is_later {
            self.repository
                .write(&format!("src/{name}_later.rs"), "pub fn later() {}\n")
                .unwrap();
        }
        git(&["add", "--all"]);
        // The same commit whichever pull requests there were before.
        let mut command = Command::new("git");
        command
            .args(["commit", "--quiet", "--message", &format!("Change {name}")])
            .current_dir(self.repository.path())
            .env("GIT_AUTHOR_DATE", "1767225600 +0000")
            .env("GIT_COMMITTER_DATE", "1767225600 +0000");
        assert!(command.status().unwrap().success());
        let at = |revision: &str| git(&["rev-parse", revision]).trim().to_owned();
        PullRequest::from_git(self.repository.path(), &at("main"), &at("HEAD"), &slug(name), NUMBER).unwrap()
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = holdfast_of(program, arguments);
        command
            .arg("--data")
            .arg(self.data())
            .env("HOLDFAST_GITHUB_URL", self.github.url())
            .env("GITHUB_TOKEN", FakeGithub::INSTALLATION_TOKEN)
            .env("HOLDFAST_GITHUB_WRITES_PER_MINUTE", "6000")
            .env("HOLDFAST_MODEL", "openai/test-model")
            .env("HOLDFAST_MODEL_URL", self.model.url())
            .env("OPENAI_API_KEY", "test-key")
            .env("HOLDFAST_MARKER_KEY", MARKER_KEY)
            .env("HOLDFAST_APPROVERS", "ada=ada@example.org")
            .env("HOLDFAST_WEBHOOK_SECRET", FakeGithub::WEBHOOK_SECRET);
        command
    }

    /// Starts `holdfast serve`; returns it and its address.
    fn serve(&self, program: &Path) -> (Child, String) {
        let log = std::fs::File::create(self.folder.path().join("serve.log")).unwrap();
        let mut command = self.command(program, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let began = Instant::now();
        loop {
            let text = self.log();
            if let Some(rest) = text.lines().find_map(|line| line.split("serving ").nth(1)) {
                return (child, rest.split(' ').next().unwrap().to_owned());
            }
            assert!(child.try_wait().unwrap().is_none() && began.elapsed() < STUCK, "{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    /// Returns the status of each run, by its name.
    fn statuses(&self, program: &Path) -> BTreeMap<String, String> {
        let output = self.command(program, &["runs", "--format", "json"]).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let text = |run: &Value, name: &str| run[name].as_str().unwrap().to_owned();
        let runs = document["runs"].as_array().unwrap();
        runs.iter().map(|run| (text(run, "run"), text(run, "status"))).collect()
    }

    /// Delivers a pull request's event; returns the run that it starts.
    fn deliver(&self, address: &str, name: &str, action: &str) -> String {
        let event = self
            .github
            .pull_request_event(&slug(name), NUMBER, action)
            .unwrap()
            .to_string();
        let request = reqwest::blocking::Client::new()
            .post(format!("{address}webhooks/github"))
            .header("x-github-event", "pull_request")
            .header("x-github-delivery", "1")
            .header(
                "x-hub-signature-256",
                FakeGithub::signature(FakeGithub::WEBHOOK_SECRET, event.as_bytes()),
            );
        let receipt: Value = request.body(event).send().unwrap().json().unwrap();
        receipt["run"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {receipt}"))
            .to_owned()
    }

    /// Waits until `is_reached`. Any progress restarts the time limit.
    fn wait<T: PartialEq + std::fmt::Debug>(&self, mut look: impl FnMut() -> T, is_reached: impl Fn(&T) -> bool) -> T {
        let (mut before, mut moved) = (look(), Instant::now());
        loop {
            let now = look();
            if is_reached(&now) {
                return now;
            }
            if now != before {
                (before, moved) = (now, Instant::now());
            }
            assert!(moved.elapsed() < STUCK, "{before:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn slug(name: &str) -> String {
    format!("octo/{name}")
}

/// Returns the case whose files a request to the model shows.
fn shown_case(request: &ModelRequest) -> Option<&'static str> {
    cases()
        .map(|case| case.name)
        .find(|name| request.text.contains(&format!("src/{name}_")))
}

/// Returns a finding on the first added line of the first file: a person has to decide on a high one.
fn finding(request: &ModelRequest, name: &str) -> Answer {
    let Some(path) = request.prompt.paths().into_iter().next() else {
        return Answer::text("{\"summary\": \"Two files are added.\"}");
    };
    let severity = match name {
        "approve" | "discard" => "high",
        _ => "low",
    };
    let found = Finding::first_added_line_of(path).severity(severity);
    Answer::text(answer_text(&[found], &request.prompt))
}

/// Returns the model's script for the recording of the fixture: some answers never come, so that runs stay in their
/// state.
fn holding() -> Script {
    Script::new(|_, request| {
        let name = shown_case(request).unwrap_or_default();
        let is_unit = !request.prompt.paths().is_empty();
        let is_second = request.prompt.paths().iter().any(|path| path.ends_with("_1.rs"));
        let never = || Answer::text("").after(Duration::from_millis(FOR_GOOD_MS));
        match name {
            "review" if is_unit => never(),
            "half" if is_second => never(),
            "correct" if is_unit && request.attempt > 0 => never(),
            "correct" if is_unit => Answer::text("I found nothing worth a word."),
            "partial" if is_second => Answer::text("I found nothing worth a word."),
            "superseded" if is_unit && !request.text.contains("_later") => never(),
            "summarize" if !is_unit => never(),
            "budget" if is_unit => {
                let mut answer = Answer::failure(429, "Slow down.");
                if let holdfast_testkit::model_server::Outcome::Failure(failure) = &mut answer.outcome {
                    failure.retry_after_s = Some(3_600);
                }
                answer
            }
            _ => finding(request, name),
        }
    })
}

fn answering() -> Script {
    Script::new(|_, request| finding(request, shown_case(request).unwrap_or_default()))
}

/// Returns the states of a run and its open units, from its events.
fn states(data: &Path, run: &str) -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open_with_flags(data.join("engine.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut read = connection.prepare(
        "SELECT e.id, j.events FROM journal j JOIN executions e ON e.id = j.execution
         WHERE e.status = 'RUNNING' AND (e.name = ?1 OR e.map_run IN (SELECT m.id FROM map_runs m
             JOIN executions p ON p.id = m.parent WHERE p.name = ?1)) ORDER BY j.id",
    )?;
    let mut open: BTreeMap<i64, Option<String>> = BTreeMap::new();
    let rows = read.query_map([run], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (execution, events) = row?;
        for line in events.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let name = || event["details"]["name"].as_str().unwrap_or_default().to_owned();
            match event["type"].as_str().unwrap_or_default() {
                "StateEntered" => drop(open.insert(execution, Some(name()))),
                "StateExited" => drop(open.insert(execution, None)),
                _ => {}
            }
        }
    }
    Ok(open.into_values().flatten().collect())
}

/// Plans the request to GitHub that holds a case.
fn hold(world: &World, case: &Case) {
    let path = |rest: &str| format!("/repos/{}/{rest}", slug(case.name));
    if matches!(case.name, "failed" | "withdraw") {
        let refused = Matcher::new("POST", &path("pulls/*/reviews")).always();
        world.github.fail_next(refused, Fault::status(422));
    }
    if let Some((method, rest)) = case.held {
        let delay = Fault::Delay { delay_ms: FOR_GOOD_MS };
        world
            .github
            .fail_next(Matcher::new(method, &path(rest)).always(), delay);
    }
}

/// Records the runs that are stopped together.
fn record_together(program: &Path, to: &Path) {
    let world = World::new(holding());
    let (mut child, address) = world.serve(program);
    let mut runs: BTreeMap<&str, String> = BTreeMap::new();
    for case in &TOGETHER {
        world.github.add(world.pull(case.name, false));
        hold(&world, case);
        runs.insert(case.name, world.deliver(&address, case.name, "opened"));
    }
    let data = world.data();
    let look = || -> BTreeMap<&str, Vec<String>> {
        runs.iter()
            .map(|(name, run)| (*name, states(&data, run).unwrap_or_default()))
            .collect()
    };
    world.wait(look, |now| now["superseded"].iter().any(|state| state == "ReviewUnit"));
    world.github.push(world.pull("superseded", true)).unwrap();
    world.deliver(&address, "superseded", "synchronize");
    world.wait(look, |now| {
        TOGETHER.iter().all(|case| match case.state {
            "" => now[case.name].is_empty(),
            state => now[case.name].iter().any(|name| name == state),
        })
    });
    // A second attempt, and the requests without an answer, are in flight.
    std::thread::sleep(Duration::from_secs(3));
    child.kill().unwrap();
    child.wait().unwrap();
    let attempt = format!("artifacts/runs/{}/units", runs["correct"]);
    let units = std::fs::read_dir(data.join(attempt)).unwrap();
    assert!(
        units.flatten().any(|unit| unit.path().join("attempt-2").exists()),
        "no second attempt"
    );
    write_group(&world, program, to, runs.into_iter().collect());
}

/// Records a case whose state ends within milliseconds.
fn record_alone(case: &'static Case, program: &Path, to: &Path) {
    for _ in 0..TRIES {
        let world = World::new(holding());
        world.github.add(world.pull(case.name, false));
        hold(&world, case);
        let (mut child, address) = world.serve(program);
        let run = world.deliver(&address, case.name, "opened");
        let data = world.data();
        if case.name == "discard" {
            let waiting = |now: &Vec<String>| now.iter().any(|state| state == "RequestApproval");
            world.wait(|| states(&data, &run).unwrap_or_default(), waiting);
            // The mail is written before the run waits.
            std::thread::sleep(Duration::from_secs(1));
            child.kill().unwrap();
            child.wait().unwrap();
            let mut reject = world
                .command(program, &["reject", &run, "--reason", "Not now"])
                .spawn()
                .unwrap();
            let is_met = |now: &Vec<String>| now.iter().any(|state| state == case.state);
            world.wait(|| states(&data, &run).unwrap_or_default(), is_met);
            std::thread::sleep(Duration::from_secs(1));
            reject.kill().unwrap();
            reject.wait().unwrap();
            return write_group(&world, program, to, vec![(case.name, run)]);
        }
        let published = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
        let began = Instant::now();
        let mut is_met = false;
        while !is_met && began.elapsed() < STUCK {
            let now = states(&data, &run).unwrap_or_default();
            is_met = now.iter().any(|state| state == case.state);
            if !is_met && !world.github.journal().matching(&published).is_empty() {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if states(&data, &run)
            .unwrap_or_default()
            .iter()
            .any(|state| state == case.state)
        {
            return write_group(&world, program, to, vec![(case.name, run)]);
        }
    }
    panic!("{} was never met in {}", case.name, case.state);
}

/// Writes a data directory as text, with the writes to GitHub.
#[expect(clippy::print_stdout, reason = "what was recorded")]
fn write_group(world: &World, program: &Path, to: &Path, runs: Vec<(&str, String)>) {
    let data = world.data();
    let statuses = world.statuses(program);
    let stopped = |(name, run): (&str, String)| Stopped {
        name: name.to_owned(),
        states: states(&data, &run).unwrap(),
        status: statuses[&run].clone(),
        run,
    };
    let group = Group {
        recorded_ms: now_ms(),
        runs: runs.into_iter().map(stopped).collect(),
    };
    println!("{group:#?}");
    std::fs::create_dir_all(to).unwrap();
    std::fs::write(to.join("group.json"), serde_json::to_string_pretty(&group).unwrap()).unwrap();
    let writes: Vec<Value> = world
        .github
        .journal()
        .writes()
        .iter()
        .map(|entry| {
            let answer: Value =
                serde_json::from_slice(&world.github.journal().answer(entry.sequence).body).unwrap_or_default();
            json!({ "entry": entry, "id": answer["id"] })
        })
        .collect();
    std::fs::write(to.join("github.json"), serde_json::to_string_pretty(&writes).unwrap()).unwrap();
    for name in DATABASES {
        let connection = Connection::open(data.join(format!("{name}.sqlite"))).unwrap();
        std::fs::write(to.join(format!("{name}.sql")), dump(&connection).unwrap()).unwrap();
    }
    let copied = Command::new("cp")
        .arg("-r")
        .arg(data.join("artifacts"))
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
}

/// Returns a database as SQL.
fn dump(connection: &Connection) -> rusqlite::Result<String> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let mut sql = format!("PRAGMA user_version = {version};\nPRAGMA application_id = {application};\n");
    let mut schema =
        connection.prepare("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")?;
    let objects: Vec<(String, String, String)> = schema
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (name, kind, text) in &objects {
        let _infallible = writeln!(sql, "{text};");
        if kind != "table" {
            continue;
        }
        let mut rows = connection.prepare(&format!("SELECT * FROM {name}"))?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values: Vec<String> = (0..columns)
                .map(|at| row.get_ref(at).map(literal))
                .collect::<Result<_, _>>()?;
            let _infallible = writeln!(sql, "INSERT INTO {name} VALUES ({});", values.join(", "));
        }
    }
    Ok(sql)
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text).replace('\'', "''")),
        ValueRef::Blob(bytes) => format!(
            "x'{}'",
            bytes
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
        ),
    }
}

/// Moves each time in a text, in milliseconds or seconds since 1970. Times are numbers from an hour before `around_ms`
/// to 30 days after it.
fn with_times_moved(text: &str, around_ms: i64, passed_ms: i64) -> String {
    const HOUR_MS: i64 = 3_600_000;
    let window = around_ms - HOUR_MS..around_ms + 30 * 24 * HOUR_MS;
    let mut moved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|sign: char| sign.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let end = digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len());
        let (number, after) = digits.split_at(end);
        moved.push_str(before);
        // A part of a word, such as a digest, isn't a time.
        let is_word =
            |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_' || sign == '.');
        let is_alone = !is_word(before.chars().next_back()) && !is_word(after.chars().next());
        match (number.len(), number.parse::<i64>()) {
            (13, Ok(time)) if is_alone && window.contains(&time) => moved.push_str(&(time + passed_ms).to_string()),
            (10, Ok(time)) if is_alone && window.contains(&(time * 1_000)) => {
                moved.push_str(&(time + passed_ms / 1_000).to_string());
            }
            _ => moved.push_str(number),
        }
        rest = after;
    }
    moved + rest
}

fn write_database(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; BEGIN; {sql} COMMIT;"
        ))
        .unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Moves all times of an unused data directory two hours back, as if nothing had run since.
fn wait_two_hours(data: &Path) {
    for name in DATABASES {
        let path = data.join(format!("{name}.sqlite"));
        let sql = dump(&Connection::open(&path).unwrap()).unwrap();
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(data.join(format!("{name}.sqlite{end}"))));
        }
        write_database(&path, &with_times_moved(&sql, now_ms(), -AWAY_MS));
    }
}

/// Creates the data directory of a group, and the state of GitHub after its runs.
fn restore(from: &Path, world: &World) -> Group {
    let read = |name: &str| std::fs::read_to_string(from.join(name)).unwrap();
    let group: Group = serde_json::from_str(&read("group.json")).unwrap();
    let data = world.data();
    std::fs::create_dir(&data).unwrap();
    let passed_ms = now_ms() - group.recorded_ms;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&data, private).unwrap();
    for name in DATABASES {
        let sql = with_times_moved(&read(&format!("{name}.sql")), group.recorded_ms, passed_ms);
        write_database(&data.join(format!("{name}.sqlite")), &sql);
    }
    copy_with_times_moved(
        &from.join("artifacts"),
        &data.join("artifacts"),
        group.recorded_ms,
        passed_ms,
    );
    for stopped in &group.runs {
        world.github.add(world.pull(&stopped.name, false));
        if stopped.name == "superseded" {
            world.github.push(world.pull(&stopped.name, true)).unwrap();
        }
    }
    let client = reqwest::blocking::Client::builder()
        .user_agent("recorded")
        .build()
        .unwrap();
    let writes: Vec<Value> = serde_json::from_str(&read("github.json")).unwrap();
    for write in &writes {
        let entry: Entry = serde_json::from_value(write["entry"].clone()).unwrap();
        let method = entry.method.parse().unwrap();
        let request = client
            .request(method, format!("{}{}", world.github.url(), entry.path))
            .bearer_auth(FakeGithub::INSTALLATION_TOKEN);
        let request = match &entry.body {
            Value::Null => request,
            body => request.json(body),
        };
        let answer: Value = request.send().unwrap().json().unwrap_or_default();
        assert_eq!(answer["id"], write["id"], "{} {}: {answer}", entry.method, entry.path);
    }
    group
}

fn copy_with_times_moved(from: &Path, to: &Path, recorded_ms: i64, passed_ms: i64) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_with_times_moved(&path, &to, recorded_ms, passed_ms);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(to, with_times_moved(&text, recorded_ms, passed_ms)).unwrap();
        }
    }
}

#[test]
fn runs_of_version_0_1_in_each_state_finish_or_replay() {
    if std::env::var_os("HOLDFAST_RECORD_DATA").is_some() {
        let program =
            other_binary().unwrap_or_else(|| panic!("HOLDFAST_OTHER_BINARY names the program of version 0.1"));
        let folder = tempfile::tempdir().unwrap();
        record_together(&program, &folder.path().join("together"));
        for case in &ALONE {
            record_alone(case, &program, &folder.path().join(case.name));
        }
        std::fs::create_dir_all(Path::new(FIXTURE).parent().unwrap()).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "-czf", FIXTURE, "-C"])
            .arg(folder.path())
            .arg(".");
        assert!(tar.status().unwrap().success());
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked = Command::new("tar")
        .args(["-xzf", FIXTURE, "-C"])
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(unpacked.success(), "{FIXTURE}");
    let mut seen: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let world = World::new(answering());
        let group = restore(&entry.unwrap().path(), &world);
        end_and_check(&world, &group);
        seen.extend(group.runs.into_iter().map(|stopped| stopped.name));
    }
    seen.sort();
    let mut expected: Vec<&str> = cases().map(|case| case.name).collect();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

fn is_over(status: &str) -> bool {
    !matches!(status, "running" | "awaiting_approval")
}

/// Lets the current program finish every run of a group, and checks each outcome.
fn end_and_check(world: &World, group: &Group) {
    let program = Path::new(PROGRAM);
    // Ended runs are listed and replayed unchanged, before anything else happens.
    for stopped in group.runs.iter().filter(|stopped| stopped.states.is_empty()) {
        assert_eq!(
            world.statuses(program)[&stopped.run],
            stopped.status,
            "{}",
            stopped.name
        );
        let output = world
            .command(program, &["replay", &stopped.run, "--format", "json"])
            .output()
            .unwrap();
        let document: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        // A superseded run has no outcome to compare.
        let statuses: &[i32] = if stopped.status == "superseded" { &[3] } else { &[0, 1] };
        assert_eq!(document["run"], stopped.run.as_str());
        assert!(
            statuses.contains(&output.status.code().unwrap()),
            "{}: {output:?}",
            stopped.name
        );
    }
    let wanted = |name: &str| cases().find(|case| case.name == name).unwrap();
    let is_asked = |run: &str| {
        let mut asked = group
            .runs
            .iter()
            .filter(|stopped| wanted(&stopped.name).state == "RequestApproval");
        asked.any(|stopped| stopped.run == run)
    };
    let is_limited = |run: &str| {
        let mut limited = group
            .runs
            .iter()
            .filter(|stopped| wanted(&stopped.name).state == "WaitForModelBudget");
        limited.any(|stopped| stopped.run == run)
    };
    let serve_until = |is_reached: &dyn Fn(&BTreeMap<String, String>) -> bool| {
        let (mut child, _) = world.serve(program);
        let reached = world.wait(|| world.statuses(program), is_reached);
        child.kill().unwrap();
        child.wait().unwrap();
        reached
    };
    let waiting = serve_until(&|now| {
        now.iter().all(|(run, status)| match (is_asked(run), is_limited(run)) {
            (true, _) => status == "awaiting_approval",
            (_, true) => status == "running",
            _ => is_over(status),
        })
    });
    wait_two_hours(&world.data());
    for run in waiting.keys().filter(|run| is_asked(run)) {
        let output = world.command(program, &["approve", run]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let ended = serve_until(&|now| now.values().all(|status| is_over(status)));
    for stopped in &group.runs {
        let case = wanted(&stopped.name);
        let show = world.command(program, &["show", &stopped.run]).output().unwrap();
        let show = String::from_utf8_lossy(&show.stdout);
        assert_eq!(
            ended[&stopped.run],
            case.ends,
            "{}\n{show}\n{}",
            stopped.name,
            world.log()
        );
        let slug = slug(case.name);
        let reviews = world.github.reviews(&slug, NUMBER);
        let submitted = reviews.iter().filter(|review| review["state"] == "COMMENTED").count();
        assert_eq!(
            (reviews.len(), submitted),
            (case.reviews, case.reviews),
            "{}: {reviews:#?}",
            case.name
        );
        let checks = world.github.check_runs(&slug);
        assert!(
            !checks.is_empty() && checks.iter().all(|check| check["status"] == "completed"),
            "{}: {checks:#?}",
            case.name
        );
    }
}
