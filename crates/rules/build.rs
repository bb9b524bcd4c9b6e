//! Embeds the rules: each file under `rules/`, sorted, without what only its tests and its readers need.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The fields that the program doesn't read.
const UNREAD: [&str; 3] = ["source:", "valid:", "invalid:"];

/// The folders with rules for the feature `all-languages`.
const MORE_FOLDERS: [&str; 6] = ["cpp", "csharp", "kotlin", "php", "ruby", "sql"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("rules");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut folders = entries(&root)?;
    folders.retain(|folder| folder.is_dir());
    let mut ids = BTreeSet::new();
    let has_all = env::var_os("CARGO_FEATURE_ALL_LANGUAGES").is_some();
    let mut code = "/// The files of each folder: their names and their texts.\n".to_owned();
    code.push_str("pub(super) static FOLDERS: &[(&str, &[(&str, &str)])] = &[\n");
    for folder in folders {
        let name = file_name(&folder);
        let is_read = has_all || !MORE_FOLDERS.contains(&name.as_str());
        code.write_fmt(format_args!("    ({name:?}, &[\n"))
            .map_err(io::Error::other)?;
        for file in entries(&folder)? {
            let name = file_name(&file);
            let Some(id) = name.strip_suffix(".yml") else {
                continue;
            };
            ids.insert(id.to_owned());
            if is_read {
                let text = stripped(&fs::read_to_string(&file)?);
                code.write_fmt(format_args!("        ({name:?}, {text:?}),\n"))
                    .map_err(io::Error::other)?;
            }
        }
        code.push_str("    ]),\n");
    }
    code.push_str("];\n\n/// The ids of all rules, also of those that this build doesn't read.\n");
    code.write_fmt(format_args!(
        "static IDS: &[&str] = &{:?};\n",
        ids.iter().collect::<Vec<_>>()
    ))
    .map_err(io::Error::other)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("folders.rs");
    fs::write(out, code)
}

/// Returns the entries of a folder, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns a rule's text without comments and the fields in [`UNREAD`]. A field begins at the start of a line, and its
/// value doesn't.
fn stripped(text: &str) -> String {
    let mut kept = String::new();
    let mut keeps = true;
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) || line.starts_with("---") {
            keeps = !UNREAD.iter().any(|field| line.starts_with(field));
        }
        if keeps && !line.starts_with('#') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
