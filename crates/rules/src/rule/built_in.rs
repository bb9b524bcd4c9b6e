//! The rules of this program: parsed and compiled once for each language, at its first file.

use std::sync::OnceLock;

use super::super::language::Language;
use super::file::{self, Definition};
use super::matcher::RuleSet;

include!(concat!(env!("OUT_DIR"), "/folders.rs"));

static COMPILED: [OnceLock<RuleSet>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];

/// Returns the rules for a language. The tests prove that each of them is right.
pub(crate) fn rules(language: Language) -> &'static RuleSet {
    static NONE: OnceLock<RuleSet> = OnceLock::new();
    let compile = || RuleSet::compile(language, &definitions(language)).0;
    match COMPILED.get(language as usize) {
        Some(cell) => cell.get_or_init(compile),
        None => NONE.get_or_init(RuleSet::default),
    }
}

/// Returns the definitions in the folders that have rules for a language: its own, and for C++ that of C.
fn definitions(language: Language) -> Vec<Definition> {
    let mut definitions = Vec::new();
    for (folder, files) in FOLDERS {
        if *folder == language.folder() || (*folder == "c" && language == Language::Cpp) {
            for (name, text) in *files {
                definitions.extend(file::read(&format!("{folder}/{name}"), text).0);
            }
        }
    }
    definitions
}

/// Returns the ids of all rules, sorted. Each file has the name of its rule.
pub fn rule_ids() -> Vec<&'static str> {
    let files = FOLDERS.iter().flat_map(|(_, files)| files.iter());
    let mut ids: Vec<&str> = files.filter_map(|(name, _)| name.strip_suffix(".yml")).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
