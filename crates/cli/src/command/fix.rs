//! `holdfast fix`: applies a review's suggestions to the work tree, each after an answer on the terminal, or all.

use std::convert::Infallible;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, stdin, stdout};
use std::os::fd::AsFd as _;
use std::path::Path;

use holdfast_core::model::finding::Finding;
use holdfast_core::render::counted;

use crate::cli::FixArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, GREEN, RED, Style};
use crate::output::{self, line, place, plain};
use holdfast_ops::ci;
use holdfast_ops::failure::Failure;
use holdfast_ops::fix::{Fixes, Suggestion, read_fixes};

/// Maximum length of an answer on the terminal, in bytes.
const MAX_ANSWER_BYTES: u64 = 1_000;

/// Runs the command.
///
/// # Errors
/// There is no such run or work tree, a file can't be read, or there is no terminal to answer on.
pub async fn run(args: &FixArgs) -> Result<Exit, Failure> {
    let is_terminal = stdin().is_terminal() && stdout().is_terminal();
    if !args.all && !args.print && !is_terminal {
        return Err(Failure::usage(
            "there is no terminal to answer on: --all applies every suggestion, --print prints them as a patch",
        ));
    }
    let mut fixes = read_fixes(&args.data.place(), args.run.as_deref(), Path::new(".")).await?;
    if args.all || args.print {
        let Ok(()) = fixes.choose(|_, _| Ok::<_, Infallible>(true));
    } else {
        let mut answers = Answers::of(stdin().lock(), Style::of_stdout());
        let chosen = fixes.choose(|fixes, suggestion| answers.wants(fixes, suggestion, &|text| output::print(text)));
        chosen.map_err(|error| {
            Failure::incomplete(format!(
                "the terminal can't be read or written: {error}; nothing was changed: --all applies every suggestion"
            ))
        })?;
    }
    if args.print {
        let (patch, note) = printable(fixes.patch(), &Stdout::of_process())?;
        output::print(&patch).map_err(Failure::incomplete)?;
        for line in note.into_iter().map(str::to_owned).chain(other_lines(&fixes)) {
            output::print_to_stderr(&line);
        }
    } else {
        fixes.apply().await?;
        output::print(&summary(&fixes)).map_err(Failure::incomplete)?;
    }
    let is_applied = |suggestion: &Suggestion| suggestion.edit.is_ok() || suggestion.is_present();
    let is_complete = fixes.suggestions.iter().all(is_applied);
    Ok(if is_complete { Exit::Clean } else { Exit::Found })
}

/// The reader of a printed patch.
enum Stdout {
    /// A terminal acts on control characters.
    Terminal,
    /// The log of a CI system, by its name, or a command in a job: they look the same. A log acts on control characters
    /// and on commands to the runner, and others read it.
    Ci(&'static str),
    /// A file, or a pipe to a command such as `git apply`.
    Exact,
}

impl Stdout {
    fn of_process() -> Self {
        let stdout = stdout();
        let copy = stdout.as_fd().try_clone_to_owned().map(File::from);
        let is_file = copy.and_then(|file| file.metadata()).is_ok_and(|found| found.is_file());
        match ci::system() {
            _ if stdout.is_terminal() => Self::Terminal,
            Some(system) if !is_file => Self::Ci(system),
            _ => Self::Exact,
        }
    }
}

/// Returns a patch as its reader may have it, with a line for the person.
///
/// # Errors
/// It has something that a log must not have.
fn printable(patch: String, stdout: &Stdout) -> Result<(String, Option<&'static str>), Failure> {
    let visible = plain(&patch);
    // A carriage return at the end of a line does nothing.
    let is_exact = visible == patch.replace("\r\n", "\n");
    match stdout {
        Stdout::Terminal if !is_exact => Ok((
            visible,
            Some("the patch is shown without control characters and secrets: > FILE writes it as it is"),
        )),
        Stdout::Ci(system) if !is_exact => Err(Failure::usage(format!(
            "the patch has control characters, a secret or a command to the runner, which the log of {system} must not \
             have: holdfast fix --print > FILE, then git apply FILE"
        ))),
        _ => Ok((patch, None)),
    }
}

/// Reads the answers of a person.
struct Answers<R> {
    input: R,
    style: Style,
    has_quit: bool,
}

impl<R: BufRead> Answers<R> {
    const fn of(input: R, style: Style) -> Self {
        Self {
            input,
            style,
            has_quit: false,
        }
    }

    /// Shows a suggestion, and returns whether the person wants it. The end of the input counts as `q`.
    fn wants(
        &mut self,
        fixes: &Fixes,
        suggestion: &Suggestion,
        show: &dyn Fn(&str) -> io::Result<()>,
    ) -> io::Result<bool> {
        if self.has_quit {
            return Ok(false);
        }
        let patch = fixes.patch_of(suggestion).unwrap_or_default();
        show(&shown(&suggestion.finding, &patch, self.style))?;
        self.answer(show)
    }

    fn answer(&mut self, show: &dyn Fn(&str) -> io::Result<()>) -> io::Result<bool> {
        loop {
            show("Apply? y (yes), n (no), q (no, and none of the others): ")?;
            let mut answer = Vec::new();
            let mut limited = io::Read::take(&mut self.input, MAX_ANSWER_BYTES);
            let length = limited.read_until(b'\n', &mut answer)?;
            match answer.trim_ascii() {
                b"y" | b"Y" | b"yes" => return Ok(true),
                b"n" | b"N" | b"no" => return Ok(false),
                b"q" | b"Q" | b"quit" => self.has_quit = true,
                // The end of the input, or a line of which this is only a part.
                _ => self.has_quit = length == 0 || !answer.ends_with(b"\n"),
            }
            if self.has_quit {
                return Ok(false);
            }
        }
    }
}

/// Returns a suggestion for people: its finding, and its change.
fn shown(finding: &Finding, patch: &str, style: Style) -> String {
    let title = format!("{} {}", place(finding), line(&finding.title));
    let mut out = format!("\n{}\n", style.paint(BOLD, &title));
    // The names of the file are in the title.
    let hunks = patch.find("\n@@").map_or(patch, |start| &patch[start + 1..]);
    for text in plain(hunks).lines() {
        let code = match text.chars().next() {
            Some('+') => GREEN,
            Some('-') => RED,
            _ => "",
        };
        let _infallible = writeln!(out, "  {}", style.paint(code, text));
    }
    out
}

/// Returns a line for each suggestion that isn't applied now.
fn other_lines(fixes: &Fixes) -> Vec<String> {
    let text = |suggestion: &Suggestion| {
        let finding = &suggestion.finding;
        match &suggestion.edit {
            Ok(_) => None,
            Err(_) if suggestion.is_present() => {
                Some(format!("applied already: {}: {}", place(finding), line(&finding.title)))
            }
            Err(reason) => Some(format!("not applied: {}: {reason}", place(finding))),
        }
    };
    fixes.suggestions.iter().filter_map(text).collect()
}

fn summary(fixes: &Fixes) -> String {
    if fixes.suggestions.is_empty() {
        return format!("Run {} has no suggestions\n", fixes.run);
    }
    let mut out = String::new();
    let applied: Vec<&Suggestion> = fixes.suggestions.iter().filter(|found| found.edit.is_ok()).collect();
    for suggestion in &applied {
        let finding = &suggestion.finding;
        let _infallible = writeln!(out, "applied: {}: {}", place(finding), line(&finding.title));
    }
    for other in other_lines(fixes) {
        let _infallible = writeln!(out, "{other}");
    }
    let present = fixes.suggestions.iter().filter(|found| found.is_present()).count();
    let total = counted(fixes.suggestions.len(), "suggestion");
    let _infallible = match (applied.len(), present) {
        (applied, 0) => writeln!(out, "{applied} of {total} applied"),
        (0, present) if present == fixes.suggestions.len() => {
            writeln!(out, "{present} of {total} applied already: nothing to do")
        }
        (applied, present) => writeln!(out, "{applied} of {total} applied, {present} applied already"),
    };
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::cell::RefCell;

    use super::*;

    fn answered(input: &str) -> (Vec<bool>, usize) {
        let prompts = RefCell::new(0);
        let mut answers = Answers::of(input.as_bytes(), Style::PLAIN);
        let mut given = Vec::new();
        while given.len() < 3 && !answers.has_quit {
            let show = |_: &str| {
                *prompts.borrow_mut() += 1;
                Ok(())
            };
            given.push(answers.answer(&show).unwrap());
        }
        (given, prompts.into_inner())
    }

    #[test]
    fn only_a_clear_answer_counts() {
        assert_eq!(answered("y\nn\nyes\n"), (vec![true, false, true], 3));
        assert_eq!(answered("maybe\n\ny\nq\n"), (vec![true, false], 4));
        assert_eq!(answered("y"), (vec![true, false], 2));
        assert_eq!(answered(""), (vec![false], 1));
        let long = "y".repeat(1_001) + "\nn\n";
        assert!(!answered(&long).0.contains(&true), "a part of a long line is no answer");
    }

    #[test]
    fn only_an_exact_reader_gets_control_characters_and_commands() {
        for (patch, is_plain) in [
            ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", true),
            ("@@ -1 +1 @@\n-a\r\n+b\r\n", true),
            ("@@ -1 +1 @@\n-a\n+\u{1b}[2Jb\n", false),
            ("@@ -1 +1 @@\n-a\n+##[add-path]/tmp\n", false),
            ("@@ -1 +1 @@\n-a\n+b\u{202e}\n", false),
            ("@@ -1 +1 @@\n-a\rb\n+c\n", false),
        ] {
            let exact = printable(patch.to_owned(), &Stdout::Exact).unwrap();
            assert_eq!(exact, (patch.to_owned(), None));
            let (shown, note) = printable(patch.to_owned(), &Stdout::Terminal).unwrap();
            assert_eq!((shown == patch, note.is_none()), (is_plain, is_plain), "{patch:?}");
            let logged = printable(patch.to_owned(), &Stdout::Ci("CI")).map_err(|error| error.to_string());
            match logged {
                Ok((logged, _)) => assert!(is_plain && logged == patch, "{patch:?}"),
                Err(error) => assert!(!is_plain && error.contains("> FILE"), "{error}"),
            }
        }
    }
}
