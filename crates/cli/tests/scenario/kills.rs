//! The real program, killed at random moments over many reviews of pull requests: nothing is lost, posted twice, paid
//! twice or left behind. The seed is printed; `HOLDFAST_SEED` repeats it. The default is a few kills. For more:
//! `HOLDFAST_KILLS=200 cargo test --release -p holdfast-cli --test scenario kills -- --nocapture`.
//!
//! With `HOLDFAST_OTHER_BINARY=/path/to/an/older/holdfast` each review begins with that program, is killed, and is
//! taken over by `serve` of this one, which is killed too.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdfast_testkit::{FakeGithub, Finding, ModelServer, PullRequest, Repository, Script};
use serde_json::Value;

use crate::support::{Scene, other_binary};

const SLUG: &str = "octo/demo";
const FILES: usize = 6;
/// Concurrent units: the maximum number of calls in flight when the process dies.
const AT_ONCE: usize = 3;
/// The approximate duration of a review without kills; kills happen within it.
const REVIEW_MS: u64 = 1_200;
/// Maximum number of kills of one review, so that many reviews are killed in all their states.
const KILLS_OF_ONE_REVIEW: usize = 5;
const KILLS_IN_TESTS: usize = 12;
/// Time limit for a review that was taken over.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// A small generator of pseudo-random numbers (SplitMix64): enough to spread kills, and the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % most
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed, to repeat a run, and what was seen")]
fn every_review_survives_repeated_kills_and_ends_once() {
    let wanted = number("HOLDFAST_KILLS").map_or(KILLS_IN_TESTS, |kills| usize::try_from(kills).unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("HOLDFAST_SEED").unwrap_or(now.as_secs());
    println!("kill suite: seed {seed}");
    let mut random = Random(seed);
    let (mut kills, mut reviews, mut asked_again) = (0, 0, 0);
    while kills < wanted {
        let (killed, again) = review(&mut random, wanted - kills);
        kills += killed;
        asked_again += again;
        reviews += 1;
    }
    println!(
        "kill suite: {kills} kills over {reviews} reviews: 0 lost, 0 doubled, 0 left behind; {asked_again} calls that were \
         under way were made again"
    );
}

/// Runs one review and kills it until it ends. Returns the number of kills and of repeated calls.
fn review(random: &mut Random, kills_most: usize) -> (usize, usize) {
    let change = Repository::many_files(FILES).unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap());
    let script = Script::findings(vec![Finding::first_added_line().severity("medium")]).delayed(40);
    let scene = Scene::with_model(change.repository, ModelServer::start(script).unwrap())
        .set("HOLDFAST_GITHUB_URL", &github.url())
        .set("GITHUB_TOKEN", FakeGithub::INSTALLATION_TOKEN)
        .set("HOLDFAST_MAX_CONCURRENCY", &AT_ONCE.to_string());
    let address = github.pull_request_url(SLUG, 12);
    if let Some(other) = other_binary() {
        let kills = take_over(random, &scene, &other, &address, kills_most);
        return check(&scene, &github, kills);
    }
    let mut kills = 0;
    loop {
        let mut command = scene.command(&["review", &address, "--publish"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let is_spared = kills >= kills_most.min(KILLS_OF_ONE_REVIEW);
        let lives = if is_spared {
            Duration::MAX
        } else {
            Duration::from_millis(random.below(REVIEW_MS))
        };
        match ends_within(&mut child, lives) {
            Some(exit) => {
                assert_eq!(exit, Some(0), "after {kills} kills");
                break;
            }
            None => kills += 1,
        }
    }
    check(&scene, &github, kills)
}

/// Runs one review that the other program starts and this one finishes; both are killed. Returns the number of kills.
fn take_over(random: &mut Random, scene: &Scene, other: &Path, address: &str, kills_most: usize) -> usize {
    let kills_most = kills_most.clamp(1, KILLS_OF_ONE_REVIEW);
    let kills_of_other = 1 + usize::try_from(random.below(kills_most as u64)).unwrap();
    for killed in 0..kills_of_other {
        let mut command = scene.command_of(other, &["review", address, "--publish"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if let Some(exit) = ends_within(&mut child, Duration::from_millis(random.below(REVIEW_MS))) {
            assert_eq!(exit, Some(0), "after {killed} kills");
            return killed;
        }
    }
    for _ in kills_of_other..kills_most {
        let mut child = serve(scene);
        let ended = ends_within(&mut child, Duration::from_millis(random.below(REVIEW_MS)));
        assert_eq!(ended, None, "serve ends only when it is killed");
    }
    // Killed before the other program had stored anything: there is nothing to take over.
    if run_statuses(scene).is_empty() {
        let output = scene.run(&["review", address, "--publish"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        return kills_most;
    }
    let mut child = serve(scene);
    let began = Instant::now();
    while run_statuses(scene) != ["published"] {
        assert!(began.elapsed() < TAKEN_OVER, "{:?}", run_statuses(scene));
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    kills_most
}

fn serve(scene: &Scene) -> Child {
    let mut command = scene.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("HOLDFAST_WEBHOOK_SECRET", FakeGithub::WEBHOOK_SECRET);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Returns the status of each run; none where nothing was stored yet.
fn run_statuses(scene: &Scene) -> Vec<String> {
    let output = scene.run(&["runs", "--format", "json"]);
    let Ok(runs) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Vec::new();
    };
    let runs = runs["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| run["status"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the exit status, or `None` if it was killed.
fn ends_within(child: &mut Child, lives: Duration) -> Option<Option<i32>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code());
        }
        if began.elapsed() >= lives {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn check(scene: &Scene, github: &FakeGithub, kills: usize) -> (usize, usize) {
    let runs: Value = serde_json::from_slice(&scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    assert_eq!(
        runs["runs"].as_array().unwrap().len(),
        1,
        "one run, taken up again: {runs:#}"
    );
    assert_eq!(runs["runs"][0]["status"], "published");
    let reviews = github.reviews(SLUG, 12);
    assert_eq!(reviews.len(), 1, "{reviews:#?}");
    assert_eq!(reviews[0]["state"], "COMMENTED");
    assert_eq!(github.review_comments(SLUG, 12).len(), FILES);
    let comments = github.issue_comments(SLUG, 12);
    assert_eq!(comments.len(), 1, "the summary alone: {comments:#?}");
    assert!(comments[0]["body"].as_str().unwrap().contains("## Holdfast: "));
    let checks = github.check_runs(SLUG);
    assert_eq!(
        (checks.len(), &checks[0]["status"]),
        (1, &"completed".into()),
        "{checks:#?}"
    );
    let mut answered: BTreeMap<String, usize> = BTreeMap::new();
    for call in scene.server().journal().calls() {
        if call.status == Some(200) && call.paths.len() == 1 {
            *answered.entry(call.paths[0].clone()).or_default() += 1;
        }
    }
    assert_eq!(answered.len(), FILES, "every file was read");
    let again = answered.values().sum::<usize>() - FILES;
    assert!(
        again <= kills * AT_ONCE,
        "{again} calls were paid twice over {kills} kills: {answered:?}"
    );
    (kills, again)
}
