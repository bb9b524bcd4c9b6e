//! The rules of this program: parsed and compiled once for each language, at its first file.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;

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

/// Returns whether the rules for a language are compiled.
pub(crate) fn is_compiled(language: Language) -> bool {
    COMPILED.get(language as usize).is_some_and(|cell| cell.get().is_some())
}

/// Returns the definitions in the folders that have rules for a language: its own, and for C++ that of C.
fn definitions(language: Language) -> Vec<Definition> {
    let mut definitions = Vec::new();
    for (folder, compressed) in FOLDERS {
        if *folder == language.folder() || (*folder == "c" && language == Language::Cpp) {
            let mut files = String::new();
            // A test reads each folder.
            let _read = DeflateDecoder::new(*compressed).read_to_string(&mut files);
            let mut parts = files.split_terminator('\0');
            while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
                definitions.extend(file::read(&format!("{folder}/{name}"), text).0);
            }
        }
    }
    definitions
}

/// Returns the ids of all rules, sorted, also of those that other builds have.
pub const fn rule_ids() -> &'static [&'static str] {
    IDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_with_names_in_other_tools_exists() {
        let codes = include_str!("../../../core/src/silence/codes.txt");
        let unknown: Vec<&str> = (codes.lines())
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|id| !rule_ids().contains(id))
            .collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }
}
