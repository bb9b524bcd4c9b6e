//! Many reviews wait for a person while the server is killed: all keep waiting, nothing runs meanwhile, each is decided
//! and published once. For more reviews:
//! `HOLDFAST_WAITING=1000 cargo test -p holdfast-cli --test scenario waiting -- --nocapture`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use holdfast_testkit::{PullRequest, Script};
use serde_json::Value;

use crate::pull_request::SLUG;
use crate::serve::Served;

/// The first pull request's number.
const FIRST: u64 = 1_000;
/// Time limit of a wait during which nothing changes.
const STUCK: Duration = Duration::from_secs(120);
/// The duration for which the idle server is observed.
const IDLE: Duration = Duration::from_secs(3);

fn count() -> u64 {
    std::env::var("HOLDFAST_WAITING").map_or(12, |text| text.parse().unwrap())
}

/// Returns the process's CPU time, in hundredths of a second.
fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Counts the runs by status.
fn standing(served: &Served) -> BTreeMap<String, usize> {
    let output = served.pull.scene.run(&["runs", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut standing = BTreeMap::new();
    for run in document["runs"].as_array().unwrap() {
        *standing.entry(run["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    standing
}

/// Waits until all have a status. Progress restarts the time limit, so no speed is asserted.
fn until_all(served: &Served, all: usize, status: &str) {
    let (mut before, mut moved) = (BTreeMap::new(), Instant::now());
    loop {
        let now = standing(served);
        if now.get(status) == Some(&all) {
            return;
        }
        if now != before {
            (before, moved) = (now, Instant::now());
        }
        assert!(moved.elapsed() < STUCK, "not all are {status}: {before:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what waiting costs is measured, not asserted")]
fn reviews_that_wait_survive_kills_and_are_published_once() {
    let mut served = Served::start(Script::finding_each_file());
    let count = count();
    let base = served.pull.base.clone();
    let mut runs = Vec::new();
    for number in FIRST..FIRST + count {
        let repository = &served.pull.scene.repository;
        repository.write("number.txt", format!("{number}\n")).unwrap();
        let head = repository.commit(&format!("Set the number to {number}")).unwrap();
        let pull = PullRequest::from_git(repository.path(), &base, &head, SLUG, number).unwrap();
        served.pull.github.add(pull);
        let (status, receipt) = served.opened_number(number);
        assert_eq!(status, 202, "{receipt}");
        runs.push((number, receipt["run"].as_str().unwrap().to_owned()));
    }
    let all = usize::try_from(count).unwrap();
    until_all(&served, all, "awaiting_approval");
    served.kill_and_start();
    std::thread::sleep(Duration::from_secs(1));
    let (process, began) = (served.process(), Instant::now());
    let before = cpu_ticks(process);
    std::thread::sleep(IDLE);
    let ticks = cpu_ticks(process) - before;
    println!(
        "{count} reviews wait: {:.2} % of one CPU",
        ticks as f64 / began.elapsed().as_secs_f64()
    );
    let waiting = standing(&served).get("awaiting_approval").copied();
    assert_eq!(waiting, Some(all), "none is lost by the kill");
    let session = served.sign_in_with_key();
    for (_, run) in &runs {
        assert_eq!(served.decide(run, &session, "approve"), 200, "{run}");
    }
    until_all(&served, all, "published");
    for (number, run) in &runs {
        assert_eq!(served.pull.github.reviews(SLUG, *number).len(), 1, "{run}");
    }
}
