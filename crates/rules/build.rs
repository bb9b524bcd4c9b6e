//! Embeds the rules: each file under `rules/`, sorted, without what only its tests and its readers need. A folder is one
//! compressed stream of names and texts, each with a zero byte at its end.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::DeflateEncoder;

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
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut code =
        "/// The files of each folder, compressed.\npub(super) static FOLDERS: &[(&str, &[u8])] = &[\n".to_owned();
    for folder in folders {
        let name = file_name(&folder);
        let is_read = has_all || !MORE_FOLDERS.contains(&name.as_str());
        let mut stream = DeflateEncoder::new(Vec::new(), Compression::best());
        for file in entries(&folder)? {
            let file_name = file_name(&file);
            let Some(id) = file_name.strip_suffix(".yml") else {
                continue;
            };
            ids.insert(id.to_owned());
            let text = stripped(&fs::read_to_string(&file)?);
            stream.write_all(format!("{file_name}\0{text}\0").as_bytes())?;
        }
        if is_read {
            let file = out.join(format!("{name}.deflate"));
            fs::write(&file, stream.finish()?)?;
            code.write_fmt(format_args!("    ({name:?}, include_bytes!({file:?})),\n"))
                .map_err(io::Error::other)?;
        }
    }
    code.push_str("];\n\n/// The ids of all rules, also of those that this build doesn't read.\n");
    code.write_fmt(format_args!(
        "static IDS: &[&str] = &{:?};\n",
        ids.iter().collect::<Vec<_>>()
    ))
    .map_err(io::Error::other)?;
    fs::write(out.join("folders.rs"), code)
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
