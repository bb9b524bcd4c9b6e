//! Reads `.gitattributes` of the base: linguist's attributes, and `filter=lfs`. As in git, the last matching line wins,
//! and a file in a nearer folder wins over one above it. The text is bounded, and a glob matches in linear time.

use std::collections::HashMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::noise::Marks;

/// The name of the file.
pub const ATTRIBUTES_NAME: &str = ".gitattributes";
/// The largest file that is read, in bytes.
pub const MAX_ATTRIBUTES_BYTES: usize = 256 * 1024;
/// The longest line that is read, in bytes, as in git.
const MAX_LINE_BYTES: usize = 2_048;
/// Maximum number of lines with an attribute of interest, in all files together.
const MAX_LINES: usize = 1_000;

/// What a line does to one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assignment {
    Generated(Option<bool>),
    Vendored(Option<bool>),
    Documentation(Option<bool>),
    Lfs(bool),
}

/// The lines of one file.
struct FileLines {
    /// The folder with a slash at its end; empty at the root.
    folder: String,
    globs: GlobSet,
    /// The assignments of each glob.
    assignments: Vec<Vec<Assignment>>,
}

/// The attributes of a commit, as far as they were read.
#[derive(Default)]
pub struct Attributes {
    files: Vec<FileLines>,
    macros: HashMap<String, Vec<Assignment>>,
    lines: usize,
    /// Whether a limit left lines out.
    pub is_cut: bool,
}

impl Attributes {
    /// Adds the file of a folder (`""` is the root). Folders are added from the root downwards.
    pub fn add(&mut self, folder: &str, text: &[u8]) {
        self.is_cut |= text.len() > MAX_ATTRIBUTES_BYTES;
        let text = String::from_utf8_lossy(text.get(..MAX_ATTRIBUTES_BYTES).unwrap_or(text));
        let mut globs = GlobSetBuilder::new();
        let mut assignments = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') || line.len() > MAX_LINE_BYTES {
                continue;
            }
            let Some((pattern, words)) = pattern_and_words(line) else {
                continue;
            };
            if let Some(name) = pattern.strip_prefix("[attr]") {
                // As in git, only the root defines macros.
                if folder.is_empty() && self.macros.len() < MAX_LINES {
                    let known = self.assignments(words);
                    self.macros.insert(name.to_owned(), known);
                }
                continue;
            }
            let known = self.assignments(words);
            if known.is_empty() {
                continue;
            }
            if self.lines == MAX_LINES {
                self.is_cut = true;
                break;
            }
            let glob = glob_of(&pattern).and_then(|glob| {
                let mut glob = GlobBuilder::new(&glob);
                glob.literal_separator(true).backslash_escape(true).build().ok()
            });
            if let Some(glob) = glob {
                self.lines += 1;
                globs.add(glob);
                assignments.push(known);
            }
        }
        if let Ok(globs) = globs.build()
            && !assignments.is_empty()
        {
            self.files.push(FileLines {
                folder: match folder {
                    "" => String::new(),
                    folder => format!("{folder}/"),
                },
                globs,
                assignments,
            });
        }
    }

    /// Returns the marks of a path.
    pub fn of(&self, path: &str) -> Marks {
        let mut marks = Marks::default();
        for file in &self.files {
            let Some(rest) = path.strip_prefix(file.folder.as_str()) else {
                continue;
            };
            for line in file.globs.matches(rest) {
                for assignment in file.assignments.get(line).into_iter().flatten() {
                    match *assignment {
                        Assignment::Generated(value) => marks.generated = value,
                        Assignment::Vendored(value) => marks.vendored = value,
                        Assignment::Documentation(value) => marks.documentation = value,
                        Assignment::Lfs(value) => marks.lfs = value,
                    }
                }
            }
        }
        marks
    }

    fn assignments(&self, words: &str) -> Vec<Assignment> {
        let mut found = Vec::new();
        for word in words.split_ascii_whitespace() {
            if let Some(of_macro) = self.macros.get(word) {
                found.extend(of_macro);
                continue;
            }
            let (name, value) = match (word.strip_prefix('-'), word.strip_prefix('!'), word.split_once('=')) {
                (Some(name), ..) => (name, Some("false")),
                (_, Some(name), _) => (name, None),
                (.., Some((name, value))) => (name, Some(value)),
                _ => (word, Some("true")),
            };
            // As in linguist, every other value counts as true.
            let truth = value.map(|value| value != "false");
            found.extend(match name {
                "linguist-generated" => Some(Assignment::Generated(truth)),
                "linguist-vendored" => Some(Assignment::Vendored(truth)),
                "linguist-documentation" => Some(Assignment::Documentation(truth)),
                "filter" => Some(Assignment::Lfs(value == Some("lfs"))),
                _ => None,
            });
        }
        found
    }
}

/// Splits a line into its pattern, which may be quoted, and its attributes.
fn pattern_and_words(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (pattern, words) = line.split_once([' ', '\t'])?;
        return Some((pattern.to_owned(), words));
    };
    let mut pattern = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, char)) = chars.next() {
        match char {
            '"' => return Some((pattern, quoted.get(index + 1..)?)),
            '\\' => match chars.next()?.1 {
                char @ ('"' | '\\') => pattern.push(char),
                // A byte in octal, or a control character.
                _ => return None,
            },
            char => pattern.push(char),
        }
    }
    None
}

/// Returns the glob for paths below the file's folder; `None` for a pattern that matches no file.
fn glob_of(pattern: &str) -> Option<String> {
    // As in git, there is no negation, and a pattern of a folder doesn't match the files in it.
    if pattern.starts_with('!') || pattern.ends_with('/') || pattern.contains("[:") {
        return None;
    }
    let mut glob = String::new();
    let (anchored, pattern) = match pattern.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (pattern.contains('/'), pattern),
    };
    if !anchored {
        glob.push_str("**/");
    }
    for char in pattern.chars() {
        // Braces have no special meaning in git.
        if matches!(char, '{' | '}') {
            glob.push('\\');
        }
        glob.push(char);
    }
    Some(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(files: &[(&str, &str)], path: &str) -> Option<bool> {
        let mut attributes = Attributes::default();
        for (folder, text) in files {
            attributes.add(folder, text.as_bytes());
        }
        attributes.of(path).generated
    }

    #[test]
    fn a_pattern_matches_as_in_git() {
        for (pattern, path, matches) in [
            ("*.js", "a/b/c.js", true),
            ("*.js", "c.jsx", false),
            ("c.js", "a/c.js", true),
            ("/c.js", "a/c.js", false),
            ("/c.js", "c.js", true),
            ("a/*.js", "a/c.js", true),
            ("a/*.js", "a/b/c.js", false),
            ("a/*.js", "x/a/c.js", false),
            ("a/**", "a/b/c.js", true),
            ("**/a/c.js", "x/y/a/c.js", true),
            ("**/a/c.js", "a/c.js", true),
            ("a/**/c.js", "a/c.js", true),
            ("a/**/c.js", "a/x/y/c.js", true),
            ("a/", "a/c.js", false),
            ("a", "a/c.js", false),
            ("!c.js", "c.js", false),
            ("\"a b.js\"", "a b.js", true),
            ("a?c.js", "abc.js", true),
            ("[a-c].js", "b.js", true),
            ("[!a-c].js", "b.js", false),
            ("{a,b}.js", "a.js", false),
            ("{a,b}.js", "{a,b}.js", true),
            ("*", "a/b", true),
        ] {
            let text = format!("{pattern} linguist-generated");
            let expected = matches.then_some(true);
            assert_eq!(generated(&[("", &text)], path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_line_and_the_nearest_folder_win() {
        for (files, expected) in [
            (&[("", "*.js linguist-generated")][..], Some(true)),
            (&[("", "*.js linguist-generated=true")], Some(true)),
            (&[("", "*.js linguist-generated=false")], Some(false)),
            (&[("", "*.js -linguist-generated")], Some(false)),
            (
                &[("", "*.js linguist-generated\n*.js -linguist-generated")],
                Some(false),
            ),
            (&[("", "*.js -linguist-generated\na/** linguist-generated")], Some(true)),
            (&[("", "*.js linguist-generated\n*.js !linguist-generated")], None),
            (
                &[("", "*.js linguist-generated"), ("a", "c.js -linguist-generated")],
                Some(false),
            ),
            (
                &[("", "*.js linguist-generated"), ("a", "*.js !linguist-generated")],
                None,
            ),
            (
                &[("", "*.js linguist-generated"), ("b", "*.js -linguist-generated")],
                Some(true),
            ),
            (&[("a", "/c.js linguist-generated")], Some(true)),
            (&[("a", "/a/c.js linguist-generated")], None),
            (&[("", "# *.js linguist-generated\n*.js text eol=lf")], None),
            (&[("", "[attr]ours linguist-generated -diff\n*.js ours")], Some(true)),
            (&[("a", "[attr]ours linguist-generated\n*.js ours")], None),
            (&[("", "\u{feff}*.js linguist-generated\r\n")], Some(true)),
            (&[("", "linguist-generated")], None),
        ] {
            assert_eq!(generated(files, "a/c.js"), expected, "{files:?}");
        }
    }

    #[test]
    fn the_other_attributes_are_read_apart() {
        let mut attributes = Attributes::default();
        attributes.add(
            "",
            b"*.bin filter=lfs diff=lfs -text\nlib/* linguist-vendored\ndocs/* linguist-documentation=1",
        );
        assert!(attributes.of("a.bin").lfs);
        assert_eq!(attributes.of("lib/a.c").vendored, Some(true));
        assert_eq!(attributes.of("docs/a.html").documentation, Some(true));
        assert_eq!(attributes.of("a.c"), Marks::default());
    }

    #[test]
    fn hostile_texts_are_bounded() {
        let mut attributes = Attributes::default();
        attributes.add(
            "",
            "*a*a*a*a*a*a*a*a*a*a*b linguist-generated\n".repeat(3_000).as_bytes(),
        );
        assert!(attributes.is_cut);
        assert_eq!(attributes.of(&"a".repeat(4_000)).generated, None);
        let mut large = Attributes::default();
        large.add("", &vec![b'x'; MAX_ATTRIBUTES_BYTES + 1]);
        large.add(
            "",
            b"\xff\xfe \"\\ [ [attr] [a linguist-generated\n[a linguist-generated",
        );
        assert!(large.is_cut);
        assert_eq!(large.of("a"), Marks::default());
    }
}
