//! The time that `holdfast serve` needs to answer GitHub's deliveries under load: each starts a review of another pull
//! request on a fake GitHub, with rules only. Prints a table.
//!
//! ```text
//! cargo build --release --bin holdfast
//! cargo run --release -p holdfast-testkit --example webhooks -- target/release/holdfast
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables, and progress")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::github::ChangedFile;
use holdfast_testkit::{FakeGithub, PullRequest};
use reqwest::Client;

type Outcome<T> = Result<T, Box<dyn Error>>;

const SLUG: &str = "octo/demo";
/// Deliveries a second, and their number.
const LOADS: [(u32, u32); 4] = [(1, 20), (50, 500), (200, 1_000), (500, 1_000)];
/// The longest time in which the reviews of a load end.
const MAX_REST: Duration = Duration::from_secs(300);

/// A running server, which is killed when this value is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has no data that anybody needs.
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One delivery's answer.
struct Answered {
    status: u16,
    took: Duration,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let program = std::env::args().nth(1).ok_or("the program's path is missing")?;
    println!("| deliveries a second | sent | accepted | p50 | p99 | slowest | until all reviews ended | memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (rate, count) in LOADS {
        eprintln!("{count} deliveries, {rate} a second");
        println!("{}", load(Path::new(&program), rate, count).await?);
    }
    Ok(())
}

/// Sends deliveries at a fixed rate, whether or not the earlier ones are answered. Returns a row of the table.
async fn load(program: &Path, rate: u32, count: u32) -> Outcome<String> {
    let github = FakeGithub::start()?;
    for number in 1..=u64::from(count) {
        let patch = format!("@@ -1,1 +1,2 @@\n fn f() {{}}\n+fn g{number}() {{}}\n");
        let file = ChangedFile::modified("src/a.rs", patch);
        github.add(PullRequest::by_hand(SLUG, number, vec![file]));
    }
    let folder = tempfile::tempdir()?;
    let server = start(program, &github, folder.path())?;
    let client = Client::builder().build()?;
    let begun = Instant::now();
    let mut sent = Vec::new();
    for number in 1..=count {
        let due = Duration::from_secs(1) * (number - 1) / rate;
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        let body = github
            .pull_request_event(SLUG, number.into(), "opened")?
            .to_string()
            .into_bytes();
        let request = client
            .post(format!("{}webhooks/github", server.address))
            .header("x-github-event", "pull_request")
            .header("x-github-delivery", format!("delivery-{number}"))
            .header(
                "x-hub-signature-256",
                FakeGithub::signature(FakeGithub::WEBHOOK_SECRET, &body),
            )
            .body(body);
        sent.push(tokio::spawn(async move {
            let at = Instant::now();
            let status = request.send().await.map_or(0, |response| response.status().as_u16());
            Answered {
                status,
                took: at.elapsed(),
            }
        }));
    }
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await?);
    }
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let mut times: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_millis()
    };
    let (ended, memory) = rest(&github, &server, accepted, begun).await;
    Ok(format!(
        "| {rate} | {count} | {accepted} | {} ms | {} ms | {} ms | {ended} | {memory} MB |",
        at(50),
        at(99),
        at(100)
    ))
}

/// Waits until the checks of all accepted reviews are complete. Returns the time since the first delivery, and the
/// server's memory.
async fn rest(github: &FakeGithub, server: &Server, accepted: usize, begun: Instant) -> (String, u64) {
    let given_up = Instant::now() + MAX_REST;
    loop {
        let checks = github.check_runs(SLUG);
        let completed = checks.iter().filter(|check| check["status"] == "completed").count();
        let is_over = Instant::now() > given_up;
        if completed >= accepted || is_over {
            let text = match is_over {
                true => format!("{completed} after {} s", begun.elapsed().as_secs()),
                false => format!("{:.1} s", begun.elapsed().as_secs_f64()),
            };
            return (text, memory_mb(server.child.id()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Returns the most memory that a process has had, in MB.
fn memory_mb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.unwrap_or(0) / 1_000
}

fn start(program: &Path, github: &FakeGithub, folder: &Path) -> Outcome<Server> {
    let mut child = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.join("data"))
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOLDFAST_MODEL", "rules")
        .env("HOLDFAST_METRICS_LISTEN", "off")
        .env("HOLDFAST_GITHUB_URL", github.url())
        .env("GITHUB_TOKEN", FakeGithub::INSTALLATION_TOKEN)
        .env("HOLDFAST_GITHUB_WRITES_PER_MINUTE", "6000")
        .env("HOLDFAST_WEBHOOK_SECRET", FakeGithub::WEBHOOK_SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no output")?).lines();
    let address = loop {
        let line = lines.next().ok_or("the server has ended")??;
        if let Some(rest) = line.split("serving ").nth(1) {
            break rest.split(' ').next().unwrap_or_default().to_owned();
        }
        eprintln!("{line}");
    };
    // It must not wait for a reader of its log.
    std::thread::spawn(move || lines.for_each(drop));
    Ok(Server { child, address })
}
