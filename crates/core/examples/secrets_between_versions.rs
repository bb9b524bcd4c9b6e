//! Searches for secrets in the lines that one version of a folder adds to another, and prints each finding and their
//! number, to measure false alarms on ordinary changes. `--pairs FOLDER` compares consecutive versions `NAME-VERSION`
//! in a folder, such as cargo's `~/.cargo/registry/src/INDEX`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example that reads folders and prints; nothing of it is in the crate"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use holdfast_core::diff::{DiffLine, Hunk, LineKind};
use holdfast_core::rule::secret_findings;

/// Maximum size of a file; larger ones are not read.
const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Default)]
struct Figures {
    pairs: usize,
    lines: usize,
    by_severity: BTreeMap<&'static str, usize>,
}

fn main() -> io::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let mut figures = Figures::default();
    match arguments.as_slice() {
        [flag, folder] if flag.as_os_str() == "--pairs" => {
            for (old, new) in pairs(folder)? {
                compare(&old, &new, &mut figures)?;
            }
        }
        [old, new] => compare(old, new, &mut figures)?,
        _ => {
            return Err(io::Error::other(
                "usage: secrets_between_versions OLD NEW | --pairs FOLDER",
            ));
        }
    }
    println!(
        "{} pairs, {} added lines, findings: {:?}",
        figures.pairs, figures.lines, figures.by_severity
    );
    Ok(())
}

/// Returns each pair of consecutive versions of the same name.
fn pairs(folder: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    let stem = |name: &str| {
        name.match_indices('-')
            .find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
            .map(|(at, _)| name[..at].to_owned())
    };
    let neighbours = names
        .windows(2)
        .filter(|pair| stem(&pair[0]).is_some() && stem(&pair[0]) == stem(&pair[1]));
    Ok(neighbours
        .map(|pair| (folder.join(&pair[0]), folder.join(&pair[1])))
        .collect())
}

fn compare(old: &Path, new: &Path, figures: &mut Figures) -> io::Result<()> {
    figures.pairs += 1;
    let mut files = Vec::new();
    walk(new, &mut files)?;
    for file in files {
        let Ok(relative) = file.strip_prefix(new) else { continue };
        let Some(text) = read(&file) else { continue };
        let before = read(&old.join(relative)).unwrap_or_default();
        let known: HashSet<&str> = before.lines().collect();
        let hunks = added(&text, &known);
        figures.lines += hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>();
        for finding in secret_findings(&relative.to_string_lossy(), &hunks) {
            *figures.by_severity.entry(finding.severity.as_str()).or_default() += 1;
            let line = text
                .lines()
                .nth(finding.line.saturating_sub(1) as usize)
                .unwrap_or_default();
            let shown: String = line.trim().chars().take(140).collect();
            println!(
                "{} {} {}:{} {shown}",
                finding.severity,
                finding.source,
                file.display(),
                finding.line
            );
        }
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if kind.is_file() && entry.metadata()?.len() <= MAX_FILE_BYTES {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn read(file: &Path) -> Option<String> {
    String::from_utf8(fs::read(file).ok()?)
        .ok()
        .filter(|text| !text.contains('\0'))
}

/// Returns the lines that the old version doesn't have, as one hunk for each group of consecutive lines.
fn added(text: &str, known: &HashSet<&str>) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut is_open = false;
    for (line, number) in text.lines().zip(1_u32..) {
        let is_new = !known.contains(line);
        if is_new && !is_open {
            hunks.push(Hunk {
                old_start: 0,
                old_lines: 0,
                new_start: number,
                new_lines: 0,
                section: String::new(),
                lines: Vec::new(),
            });
        }
        is_open = is_new;
        if let Some(hunk) = hunks.last_mut().filter(|_| is_new) {
            hunk.new_lines += 1;
            hunk.lines.push(DiffLine {
                kind: LineKind::Added,
                old: None,
                new: Some(number),
                text: line.to_owned(),
                is_unended: false,
            });
        }
    }
    hunks
}
