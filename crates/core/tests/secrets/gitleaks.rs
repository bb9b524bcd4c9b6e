//! Compares the search for secrets with gitleaks, on the same labelled set. The program comes from PyPI with the other
//! tools of the tests.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test starts a program and writes the files that it reads"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::findings;
use crate::sample::{Sample, samples};

/// Returns the path of gitleaks: the tests' own, or the one that `HOLDFAST_GITLEAKS` names.
fn program() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("tools/python/bin/gitleaks");
    let program = std::env::var_os("HOLDFAST_GITLEAKS").map_or(tools, PathBuf::from);
    assert!(
        program.exists(),
        "{} is missing, the program that the search for secrets is held against; install it: cargo xtask tools",
        program.display()
    );
    program
}

/// Runs gitleaks on the samples; returns the indexes of those that it reports.
fn reported(samples: &[Sample]) -> BTreeSet<usize> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gitleaks");
    drop(fs::remove_dir_all(&folder));
    for (number, sample) in samples.iter().enumerate() {
        let file = folder.join("set").join(number.to_string()).join(&sample.path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("{}\n", sample.text)).unwrap();
    }
    let report = folder.join("report.json");
    let mut gitleaks = Command::new(program());
    gitleaks.args([
        "dir",
        "--no-banner",
        "--exit-code",
        "0",
        "--log-level",
        "error",
        "--report-format",
        "json",
    ]);
    let ran = gitleaks
        .arg("--report-path")
        .arg(&report)
        .arg(folder.join("set"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let report: Vec<Value> = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let set = folder.join("set");
    let files = report.iter().filter_map(|found| found["File"].as_str());
    files
        .filter_map(|file| {
            Path::new(file)
                .strip_prefix(&set)
                .ok()?
                .components()
                .next()?
                .as_os_str()
                .to_str()?
                .parse()
                .ok()
        })
        .collect()
}

#[test]
fn more_secrets_are_found_than_by_gitleaks_without_more_false_alarms() {
    let samples = samples();
    let theirs = reported(&samples);
    let ours: BTreeSet<usize> = (0..samples.len())
        .filter(|number| !findings(&samples[*number].path, &samples[*number].text).is_empty())
        .collect();
    let count =
        |found: &BTreeSet<usize>, group: &str| found.iter().filter(|number| samples[**number].group == group).count();
    let mut sums = [0, 0];
    for group in ["vendor", "assigned", "block", "look-alike"] {
        let total = samples.iter().filter(|sample| sample.group == group).count();
        let (we, they) = (count(&ours, group), count(&theirs, group));
        println!("{group}: of {total} we report {we}, gitleaks {they}");
        if group != "look-alike" {
            sums = [sums[0] + we, sums[1] + they];
        }
    }
    for number in theirs
        .difference(&ours)
        .filter(|number| samples[**number].secret.is_some())
    {
        println!("  only gitleaks  {}: {}", samples[*number].path, samples[*number].text);
    }
    assert!(!theirs.is_empty(), "gitleaks reports nothing at all");
    assert!(sums[0] >= sums[1], "{sums:?}");
    assert!(count(&ours, "look-alike") <= count(&theirs, "look-alike"));
}
