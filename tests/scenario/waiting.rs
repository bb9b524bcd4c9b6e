//! Many reviews wait for a person while the server is killed: all wait on, nothing runs meanwhile, each is decided and
//! published once. More of them: `HOLDFAST_WAITING=1000 cargo test -p holdfast-local --test scenario waiting -- --nocapture`.

use std::time::{Duration, Instant};

use holdfast_testkit::{PullRequest, Script};
use serde_json::Value;

use crate::pull_request::SLUG;
use crate::serve::Served;

/// The first pull request's number.
const FIRST: u64 = 1_000;
/// How long the idle server is looked at.
const IDLE: Duration = Duration::from_secs(3);

fn count() -> u64 {
    std::env::var("HOLDFAST_WAITING").map_or(12, |text| text.parse().unwrap())
}

/// Time on CPUs, in hundredths of a second.
fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn standing(served: &Served, status: &str) -> usize {
    let output = served.pull.scene.run(&["runs", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    runs.iter().filter(|run| run["status"] == status).count()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(600);
    while !holds() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what waiting costs is measured, not asserted")]
fn killed_while_many_wait_each_is_decided_and_published_once() {
    let mut served = Served::start(Script::finding_each_file());
    let count = count();
    let repository = served.pull.scene.repository.path().to_owned();
    let (base, head) = (served.pull.base.clone(), served.pull.head.clone());
    let mut runs = Vec::new();
    for number in FIRST..FIRST + count {
        let pull = PullRequest::from_git(&repository, &base, &head, SLUG, number).unwrap();
        served.pull.github.add(pull);
        let (status, receipt) = served.opened_number(number);
        assert_eq!(status, 202, "{receipt}");
        runs.push((number, receipt["run"].as_str().unwrap().to_owned()));
    }
    let all = usize::try_from(count).unwrap();
    until("all wait", || standing(&served, "awaiting_approval") == all);
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
    assert_eq!(standing(&served, "awaiting_approval"), all, "none is lost by the kill");
    let session = served.sign_in_with_key();
    for (_, run) in &runs {
        assert_eq!(served.decide(run, &session, "approve"), 200, "{run}");
    }
    until("all are published", || standing(&served, "published") == all);
    for (number, run) in &runs {
        assert_eq!(served.pull.github.reviews(SLUG, *number).len(), 1, "{run}");
    }
}
