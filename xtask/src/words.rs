//! `cargo xtask words`: counts the words that make this project's prose hard to read, per 10,000 words of comments and
//! documents, for each crate or folder and in total. `cargo xtask tidy` fails if a total exceeds its limit.

use std::collections::BTreeMap;
use std::path::Path;

/// A group of words that is counted.
struct Habit {
    /// The name of its column in the table.
    name: &'static str,
    /// The words that count, in lower case.
    words: &'static [&'static str],
    /// The word that must follow, after one blank.
    then: Option<&'static str>,
    /// The highest permitted count per 10,000 words, over everything.
    limit: f64,
}

/// The counted groups of words. Lower a limit when the count falls; never raise one.
const HABITS: &[Habit] = &[
    habit("say", &["say", "says", "said"], None, 7.0),
    habit("tell", &["tell", "tells", "told"], None, 7.6),
    habit("ask", &["ask", "asks", "asked"], None, 6.0),
    habit("stand", &["stand", "stands", "stood"], None, 0.6),
    habit("go on", &["go", "goes", "going", "went"], Some("on"), 0.6),
    habit("anew", &["anew"], None, 0.4),
    habit("for ever", &["for"], Some("ever"), 0.2),
    habit("alone", &["alone"], None, 0.8),
];
/// The words that a comment shouldn't open with.
const OPENERS: &[&str] = &["Who", "What", "Whether", "How", "Which"];
/// The highest permitted number of comments that open with one of these words.
const OPENERS_LIMIT: f64 = 60.0;

const fn habit(name: &'static str, words: &'static [&'static str], then: Option<&'static str>, limit: f64) -> Habit {
    Habit {
        name,
        words,
        then,
        limit,
    }
}

/// The counts of some texts.
#[derive(Clone, Default)]
pub struct Counts {
    words: usize,
    habits: [usize; HABITS.len()],
    openers: usize,
}

impl Counts {
    /// Counts the comments of a Rust file that have a line of their own.
    pub fn add_source(&mut self, text: &str) {
        let mut is_inside = false;
        for line in text.lines() {
            let comment = comment_of(line);
            if let Some(comment) = comment {
                self.add_line(comment);
                let opener = comment.split(|sign: char| !is_word(sign)).next().unwrap_or_default();
                self.openers += usize::from(!is_inside && OPENERS.contains(&opener));
            }
            is_inside = comment.is_some();
        }
    }

    /// Counts a Markdown document.
    pub fn add_document(&mut self, text: &str) {
        text.lines().for_each(|line| self.add_line(line));
    }

    /// Returns a line for each count that exceeds its limit.
    pub fn check(&self) -> Vec<String> {
        let habits = HABITS.iter().zip(self.habits);
        let habits = habits.map(|(habit, count)| (habit.name, count, habit.limit));
        let openers = (
            "comments that open with Who, What, Whether, How or Which",
            self.openers,
            OPENERS_LIMIT,
        );
        habits
            .chain([openers])
            .filter(|(_, count, limit)| self.rate(*count) > *limit)
            .map(|(name, count, limit)| {
                format!(
                    "{name}: {:.1} per 10,000 words of comments and documents, {limit} are permitted: cargo xtask words shows where",
                    self.rate(count)
                )
            })
            .collect()
    }

    fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.openers += other.openers;
        for (sum, count) in self.habits.iter_mut().zip(other.habits) {
            *sum += count;
        }
    }

    fn add_line(&mut self, line: &str) {
        let is_counted = |sign: char| sign.is_ascii_alphabetic() || sign == '\'';
        self.words += line
            .split(|sign| !is_counted(sign))
            .filter(|word| !word.is_empty())
            .count();
        let line = line.to_lowercase();
        let mut rest = line.as_str();
        while let Some(start) = rest.find(is_word) {
            rest = &rest[start..];
            let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let next = after.strip_prefix(' ').unwrap_or_default();
            let next = next.split(|sign| !is_word(sign)).next();
            for (count, habit) in self.habits.iter_mut().zip(HABITS) {
                let is_followed = habit.then.is_none() || habit.then == next;
                *count += usize::from(habit.words.contains(&word) && is_followed);
            }
            rest = after;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
    fn rate(&self, count: usize) -> f64 {
        count as f64 * 10_000.0 / self.words.max(1) as f64
    }

    fn row(&self, folder: &str) -> String {
        let rates = self.habits.iter().chain([&self.openers]);
        let rates: String = rates.map(|count| format!("{:>9.1}", self.rate(*count))).collect();
        format!("{folder:<24}{:>8}{rates}\n", self.words)
    }
}

/// Returns a table of all folders and their total.
///
/// # Errors
/// A file can't be read.
pub fn table(root: &Path) -> Result<String, String> {
    let mut folders: BTreeMap<String, Counts> = BTreeMap::new();
    let mut total = Counts::default();
    for (path, counts) in crate::tidy::counted_files(root)? {
        total.add(&counts);
        folders.entry(folder_of(&path)).or_default().add(&counts);
    }
    let names = HABITS.iter().map(|habit| habit.name).chain(["opens"]);
    let names: String = names.map(|name| format!("{name:>9}")).collect();
    let limits = HABITS.iter().map(|habit| habit.limit).chain([OPENERS_LIMIT]);
    let limits: String = limits.map(|limit| format!("{limit:>9}")).collect();
    let rows: String = folders.iter().map(|(folder, counts)| counts.row(folder)).collect();
    let heading = format!(
        "{:<24}{:>8}{names}\n{:<24}{:>8}{limits}\n",
        "per 10,000 words", "words", "at most", ""
    );
    Ok(heading + &rows + &total.row("total"))
}

/// Returns the sum of all files.
pub fn total(files: &[(String, Counts)]) -> Counts {
    let mut total = Counts::default();
    files.iter().for_each(|(_, counts)| total.add(counts));
    total
}

/// Returns the text of the comments in a Rust file.
pub fn comments(text: &str) -> String {
    text.lines().filter_map(comment_of).collect::<Vec<_>>().join("\n")
}

/// Returns the folder of a file: `crates/core`, `docs`, or `.` for files at the root.
fn folder_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [group @ ("crates" | "lib"), folder, _, ..] => format!("{group}/{folder}"),
        [folder, _, ..] => (*folder).to_owned(),
        _ => ".".to_owned(),
    }
}

/// Returns the text of a comment that has the line for itself.
fn comment_of(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    let text = text.strip_prefix(['/', '!']).unwrap_or(text);
    Some(text.strip_prefix(' ').unwrap_or(text))
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(source: &str) -> (usize, Vec<usize>, usize) {
        let mut counts = Counts::default();
        counts.add_source(source);
        (counts.words, counts.habits.to_vec(), counts.openers)
    }

    #[test]
    fn comments_are_counted_word_by_word() {
        for (source, words, habits, openers) in [
            ("let said = \"said\"; // said", 0, [0; 8], 0),
            ("/// He said: it stands, for ever.", 6, [1, 0, 0, 1, 0, 0, 1, 0], 0),
            (
                "    // It goes on; going  on, ask_all, Alone",
                8,
                [0, 0, 0, 0, 1, 0, 0, 1],
                0,
            ),
            (
                "//! What is told\n//! What is asked\nfn a() {}\n// Whether",
                7,
                [0, 1, 1, 0, 0, 0, 0, 0],
                2,
            ),
        ] {
            assert_eq!(count(source), (words, habits.to_vec(), openers), "{source}");
        }
    }

    #[test]
    fn a_count_above_its_limit_is_a_problem() {
        let mut counts = Counts::default();
        counts.add_document(&"plain words ".repeat(5_000));
        assert_eq!(counts.check(), Vec::<String>::new());
        counts.add_document(&"anew ".repeat(100));
        let problems = counts.check();
        assert!(problems.len() == 1 && problems[0].starts_with("anew: "), "{problems:?}");
    }

    #[test]
    fn files_are_counted_by_crate_or_folder() {
        for (path, folder) in [
            ("crates/core/src/lib.rs", "crates/core"),
            ("docs/adr/0001.md", "docs"),
            ("README.md", "."),
        ] {
            assert_eq!(folder_of(path), folder);
        }
    }
}
